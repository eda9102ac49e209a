"""What is done next for a stack: from every state it comes to an end, and in order."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from aftershock.services.cloudformation.rules.stack_plan import Standing, Steps, back, cleaning, forward, removing

NAMES = "abcde"
DONE, BUSY, BAD = "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_FAILED"


@st.composite
def graphs(draw):
    """Each name depends on some before it only: no rings."""
    names = NAMES[: draw(st.integers(1, 5))]
    return {
        name: draw(st.frozensets(st.sampled_from(names[:at]))) if at else frozenset() for at, name in enumerate(names)
    }


@given(graphs())
def test_creation_makes_everything_once_and_nothing_before_what_it_depends_on(graph):
    there: dict[str, Standing] = {}
    for _ in range(2 * len(graph) + 1):
        steps = forward(graph, there)
        if steps.done:
            break
        assert steps.begin or steps.look
        for name in steps.look:
            there[name] = replace(there[name], status=DONE)
        for name in steps.begin:
            assert name not in there
            assert all(there[other].complete for other in graph[name])
            there[name] = Standing(BUSY, current=True, depends=graph[name])
    assert forward(graph, there).done


@given(graphs(), st.data())
def test_after_a_failure_nothing_is_begun(graph, data):
    statuses = {name: data.draw(st.sampled_from([None, DONE, BUSY, BAD])) for name in graph}
    there = {name: Standing(status, current=True) for name, status in statuses.items() if status}
    steps = forward(graph, there)
    if BAD in statuses.values():
        assert steps == Steps(
            cancel=tuple(sorted(name for name, status in statuses.items() if status == BUSY)),
            failed=tuple(sorted(name for name, status in statuses.items() if status == BAD)),
        )
    assert not (steps.done and set(statuses.values()) != {DONE})


@given(graphs(), st.data())
def test_removal_ends_whatever_state_it_begins_in_and_keeps_the_order(graph, data):
    status = st.sampled_from([DONE, BAD, BUSY, "UPDATE_FAILED", "DELETE_FAILED", "DELETE_COMPLETE"])
    stubborn = data.draw(st.sets(st.sampled_from(sorted(graph))))
    there = {name: Standing(data.draw(status), current=False, depends=graph[name]) for name in graph}
    for _ in range(4 * len(graph) + 2):
        steps = removing(there)
        if steps.done or steps.failed:
            break
        assert steps.begin or steps.look
        for name in steps.look:
            there[name] = replace(there[name], status="DELETE_FAILED" if name in stubborn else "DELETE_COMPLETE")
        for name in steps.begin:
            assert all(one.gone for one in there.values() if name in one.depends)
            there[name] = replace(there[name], status="DELETE_IN_PROGRESS", current=True)
    assert steps.done or set(steps.failed) <= stubborn
    assert steps.done or steps.failed


@given(graphs(), st.data())
def test_going_back_ends_and_follows_the_old_order(graph, data):
    there = {
        name: Standing(
            data.draw(st.sampled_from(["UPDATE_COMPLETE", "UPDATE_FAILED", DONE])),
            current=False,
            depends=graph[name],
            changed=data.draw(st.booleans()),
        )
        for name in graph
    }
    for _ in range(3 * len(graph) + 2):
        steps = back(graph, there)
        if steps.done:
            break
        assert steps.begin or steps.look
        for name in steps.look:
            there[name] = replace(there[name], status="UPDATE_COMPLETE", changed=False)
        for name in steps.begin:
            assert all(there[other].complete and not there[other].changed for other in graph[name])
            there[name] = replace(there[name], status="UPDATE_IN_PROGRESS", current=True)
    assert steps.done
    assert all(one.complete for one in there.values())


@given(graphs(), st.data())
def test_the_clean_up_ends_and_leaves_what_is_kept(graph, data):
    kept = data.draw(st.sets(st.sampled_from(sorted(graph))))
    there = {
        name: Standing(
            DONE, current=True, depends=graph[name], leftovers=data.draw(st.integers(0, 2)) if name in kept else 0
        )
        for name in graph
    }
    for _ in range(6 * len(graph) + 2):
        steps = cleaning(kept, there)
        if steps.done:
            break
        for name in steps.look:
            there[name] = replace(there[name], status="DELETE_COMPLETE")
        for name in steps.begin:
            one = there[name]
            there[name] = (
                replace(one, leftovers=one.leftovers - 1) if name in kept else replace(one, status="DELETE_IN_PROGRESS")
            )
    assert steps.done
    assert all((name in kept) == (one.status == DONE) and not one.leftovers for name, one in there.items())
