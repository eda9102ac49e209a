"""Nested stacks that are laid out before they are made: by whom they are made, and what becomes of the others."""

from collections.abc import Iterator

from aftershock.aws.call import Call

from .events import stack_status
from .records import CHANGE_SETS, STACKS, Plan, Resource, Stack

LAID_OUT = "REVIEW_IN_PROGRESS"


def of(stack: Stack, resource: Resource) -> tuple[str, str] | None:
    """The stack that is laid out for a resource, if the resource is what it was to be then, and its change set."""
    found = stack.current.nested.get(resource.logical_id)
    if found is None or found.properties != resource.properties:
        return None
    return found.stack_id, found.change_set_id


def release(call: Call, plan: Plan) -> None:
    """Nobody is going to make this plan's nested stacks: those that were only laid out are gone, and what is nested in
    them.  Any number of times."""
    for stack in _laid_out(call, plan):
        stack_status(call, stack, "DELETE_COMPLETE", deleted_at=call.now)


def _laid_out(call: Call, plan: Plan) -> Iterator[Stack]:
    for one in plan.nested.values():
        stack, change_set = STACKS.get(call.tx, one.stack_id), CHANGE_SETS.get(call.tx, one.change_set_id)
        if stack is None or stack.status != LAID_OUT:
            continue
        if change_set is not None:
            yield from _laid_out(call, change_set.plan)
            CHANGE_SETS.forget(call.tx, change_set.id)
        yield stack
