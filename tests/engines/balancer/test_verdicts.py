import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.balancer.node.health import Result, Verdict, in_service, judged, warming, weight

PASS, FAIL = Result(True, "", 200), Result(False, "code", 500)


def after(results, *, healthy=3, unhealthy=2):
    verdict = Verdict()
    for result in results:
        verdict = judged(verdict, result, healthy_threshold=healthy, unhealthy_threshold=unhealthy)
    return verdict


@pytest.mark.parametrize(
    ("results", "state"),
    [
        ([], "initial"), ([PASS], "healthy"), ([FAIL], "initial"), ([FAIL, PASS], "healthy"), ([FAIL] * 2, "unhealthy"),
        ([PASS, FAIL], "healthy"), ([PASS, FAIL, FAIL], "unhealthy"), ([PASS, FAIL, PASS, FAIL], "healthy"),
        ([PASS, FAIL, FAIL, PASS, PASS], "unhealthy"), ([PASS, FAIL, FAIL, PASS, PASS, PASS], "healthy"),
        ([FAIL, FAIL, PASS, PASS, FAIL, PASS, PASS], "unhealthy"),
    ],
)  # fmt: skip
def test_thresholds_count_in_a_row_and_a_new_server_needs_one_pass(results, state):
    assert after(results).state == state


def test_a_verdict_remembers_why_the_last_check_was_not_passed():
    assert (after([FAIL, FAIL]).fault, after([FAIL, FAIL]).code) == ("code", 500)


@given(st.dictionaries(st.text(), st.sampled_from(["initial", "healthy", "unhealthy"])), st.integers(1, 4))
def test_nobody_unhealthy_serves_while_enough_are_healthy_and_somebody_always_does(states, minimum):
    serving = in_service({name: Verdict(state) for name, state in states.items()}, minimum_healthy=minimum)
    healthy = {name for name, state in states.items() if state == "healthy"}
    assert healthy <= serving
    if len(healthy) >= minimum:
        assert serving == healthy
    if "unhealthy" in states.values():
        assert serving


def test_a_slow_start_needs_somebody_who_is_over_his_own():
    cold, hot = Verdict("healthy", warm_since=100.0), Verdict("healthy")
    assert warming({"new": Verdict()}, "new", slow_start_s=30, now=110.0) is None
    assert warming({"new": Verdict(), "cold": cold}, "new", slow_start_s=30, now=110.0) is None
    assert warming({"new": Verdict(), "hot": hot}, "new", slow_start_s=30, now=110.0) == 110.0
    assert warming({"new": Verdict(), "hot": hot}, "new", slow_start_s=0, now=110.0) is None


@pytest.mark.parametrize(("now", "share"), [(100.0, 1), (115.0, 50), (130.0, 100), (1000.0, 100)])
def test_a_share_grows_in_a_line(now, share):
    assert weight(Verdict("healthy", warm_since=100.0), slow_start_s=30, now=now) == share
