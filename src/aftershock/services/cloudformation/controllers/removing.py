"""Removing one resource, and looking whether it is gone."""

from msgspec.structs import replace

from aftershock.services.cloudformation.events import resource_status, tell
from aftershock.services.cloudformation.records import RESOURCES, Old, Resource
from aftershock.services.cloudformation.types import TYPES, FailedError

from .work import Work, kind_of

PATIENCE_S = 1800.0  # nominal; so long something may be held by what is going itself

ASKED = "asked"


def begin(work: Work, logical_id: str, *, wait: bool = False) -> None:
    """Ask that the resource be removed, or keep it if its policy says so.

    With `wait`, only the intention is recorded: something still holds it.
    """
    resource = work.resources[logical_id]
    if resource.physical_id is None or _kept(work, resource):
        skipped = resource.physical_id is not None
        resource_status(
            work.call, work.stack, resource, "DELETE_SKIPPED" if skipped else "DELETE_COMPLETE", turn=work.stack.turn
        )
        return
    told = resource_status(
        work.call,
        work.stack,
        resource,
        "DELETE_IN_PROGRESS",
        turn=work.stack.turn,
        since=work.call.now,
        state={} if wait else {ASKED: True},
    )
    if not wait:
        _delete(work, told)


def _delete(work: Work, resource: Resource) -> None:
    assert resource.physical_id is not None
    kind_of(resource).delete(work.doing(resource), resource.physical_id)


def _kept(work: Work, resource: Resource) -> bool:
    """AWS: Retain keeps it always, RetainExceptOnCreate not when its own creation is rolled back.  What was imported
    was there before."""
    stack = work.stack
    if stack.status == "DELETE_IN_PROGRESS" and resource.logical_id in stack.retained:
        return True
    taken_back = stack.status.startswith("UPDATE_ROLLBACK")
    if resource.status.startswith("IMPORT_") and (taken_back or stack.status == "ROLLBACK_IN_PROGRESS"):
        return True
    undone = stack.status == "ROLLBACK_IN_PROGRESS" or (taken_back and resource.status.startswith("CREATE_"))
    if undone and (stack.retain_except_on_create or resource.deletion_policy == "RetainExceptOnCreate"):
        return False
    return resource.deletion_policy in ("Retain", "RetainExceptOnCreate")


def look(work: Work, logical_id: str) -> str:
    """Whether the resource is gone; asks for it, where it could not be asked before.

    Raises:
        FailedError: it does not go
        AwsError: it cannot go, or not yet
    """
    resource = work.resources[logical_id]
    physical_id = resource.physical_id
    assert physical_id is not None
    if not resource.state.get(ASKED):
        _delete(work, resource)
        resource = replace(resource, state={ASKED: True})
        RESOURCES.put(work.call.tx, resource)
    kind = kind_of(resource)
    if not kind.own and kind.read(work.doing(resource), physical_id) is not None:
        if work.passed(resource, PATIENCE_S):
            raise FailedError(f"Resource {physical_id} did not go")
        return "it is still there"
    resource_status(work.call, work.stack, resource, "DELETE_COMPLETE", state={})
    return "it is gone"


def fail(work: Work, logical_id: str, reason: str) -> None:
    resource = work.resources[logical_id]
    if resource.status != "DELETE_IN_PROGRESS":
        tell(work.call, work.stack, resource, "DELETE_IN_PROGRESS", None)
    resource_status(work.call, work.stack, resource, "DELETE_FAILED", reason, turn=work.stack.turn)


def clear_old(work: Work, logical_id: str) -> str:
    """Remove what the resource has replaced: asks at first, and then looks.

    Raises:
        AwsError: it cannot go, or not yet
    """
    resource = work.resources[logical_id]
    old, *others = resource.replaced
    if resource.replace_policy == "Retain":
        _old_is(work, resource, others, old, "DELETE_SKIPPED")
        return "what it replaced is kept"
    doing = replace(resource, properties=old.properties, physical_id=old.physical_id)
    kind = TYPES[old.type]
    if not old.asked:
        tell(work.call, work.stack, doing, "DELETE_IN_PROGRESS", None, physical_id=old.physical_id)
        kind.delete(work.doing(doing), old.physical_id)
        waiting = replace(resource, replaced=(replace(old, asked=True), *others))
        RESOURCES.put(work.call.tx, waiting)
        return "what it replaced is asked to go"
    if not kind.own and kind.read(work.doing(doing), old.physical_id) is not None:
        return "what it replaced is still there"
    _old_is(work, resource, others, old, "DELETE_COMPLETE")
    return "what it replaced is gone"


def _old_is(work: Work, resource: Resource, others: list[Old], old: Old, status: str) -> None:
    tell(work.call, work.stack, resource, status, None, physical_id=old.physical_id)
    RESOURCES.put(work.call.tx, replace(resource, replaced=tuple(others)))


def fail_old(work: Work, logical_id: str, reason: str) -> None:
    """AWS: what the clean-up cannot delete is left, and is no longer the stack's."""
    resource = work.resources[logical_id]
    old, *others = resource.replaced
    tell(work.call, work.stack, resource, "DELETE_FAILED", reason, physical_id=old.physical_id)
    RESOURCES.put(work.call.tx, replace(resource, replaced=tuple(others)))
