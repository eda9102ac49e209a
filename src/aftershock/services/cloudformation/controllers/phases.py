"""How one phase of a stack's operation leads to the next: each function is one transaction's worth."""

from typing import Any

from msgspec.structs import replace

from aftershock.services.cloudformation import exports, reservations
from aftershock.services.cloudformation.events import resource_status, stack_status
from aftershock.services.cloudformation.records import EXPORTS, RESOURCES, STACKS, Output, Stack, Taken
from aftershock.services.cloudformation.rules import outputs
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.functions import evaluate

from .making import cancel
from .work import Work


def made(work: Work) -> None:
    """All resources stand: the outputs are told, and the stack is complete, or is cleaned up.

    Raises:
        TemplateError: an output cannot be had, or an export is somebody else's
    """
    stack = work.stack
    reservations.release(work.call, stack.current)
    told = _outputs(work)
    _export(work, told)
    settled: dict[str, Any] = {
        "outputs": told,
        "imports": tuple(sorted(work.imports)),
        "plan": stack.current,
        "wanted": None,
    }
    for one in work.resources.values():
        if one.before is not None:
            RESOURCES.put(work.call.tx, replace(one, before=None))
    status = "CREATE_COMPLETE" if stack.status == "CREATE_IN_PROGRESS" else "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
    stack_status(work.call, stack, status, **settled)


def _outputs(work: Work) -> dict[str, Output]:
    template = work.template(work.stack.current)
    scope = work.scope(work.stack.current)
    # What the resources import counts as well: an export in use is not to be changed.
    for resource in work.active(work.stack.current).values():
        evaluate(dict(resource.properties), scope)
    return {
        name: Output(
            value=outputs.value(name, written, scope),
            description=evaluate(written.get("Description"), scope) if "Description" in written else None,
            export=outputs.export(name, written, scope),
        )
        for name, written in outputs.active(template.outputs, scope).items()
    }


def _export(work: Work, told: dict[str, Output]) -> None:
    stack, tx = work.stack, work.call.tx
    wanted = {one.export: one.value for one in told.values() if one.export is not None}
    for old in EXPORTS.where(tx, "stack", stack.id):
        if wanted.get(old.name) == old.value:
            continue
        if why := exports.held(tx, old.name, updating=old.name in wanted):
            raise TemplateError(why)
        EXPORTS.forget(tx, old.id)
    for name, value in wanted.items():
        taken = EXPORTS.get(tx, f"{stack.account}/{name}")
        if taken is not None and taken.stack_id != stack.id:
            owner = STACKS.get(tx, taken.stack_id)
            raise TemplateError(
                f"Export with name {name} is already exported by stack {owner.name if owner else taken.stack_id}"
            )
        EXPORTS.put(tx, Taken(name=name, account=stack.account, stack_id=stack.id, value=value))


def cleaned(work: Work) -> None:
    stack_status(work.call, work.stack, work.stack.status.removesuffix("_CLEANUP_IN_PROGRESS"))


def broken(work: Work, names: tuple[str, ...], reason: str | None = None) -> None:
    """Something could not be made or changed: those under way are cancelled, and the stack goes back."""
    stack, resources = work.stack, work.resources
    failed = [name for name in names if name in resources]
    for name, one in resources.items():
        if one.turn == stack.turn and one.status.endswith("_IN_PROGRESS"):
            cancel(work, name)
            failed.append(name)
    creating = stack.status == "CREATE_IN_PROGRESS"
    verb = "create" if creating else "update"
    why = reason or f"The following resource(s) failed to {verb}: [{', '.join(sorted(set(failed)))}]."
    why = why if why.endswith(".") else f"{why}."
    if stack.on_failure == "DO_NOTHING":
        stack_status(work.call, stack, f"{verb.upper()}_FAILED", f"{why} ")
    elif not creating:
        _go(work, stack, "UPDATE_ROLLBACK_IN_PROGRESS", f"{why} ")
    elif stack.on_failure == "DELETE":
        _go(work, stack, "DELETE_IN_PROGRESS", f"{why} Delete requested by user.")
    else:
        _go(work, stack, "ROLLBACK_IN_PROGRESS", f"{why} Rollback requested by user.")


def _go(work: Work, stack: Stack, status: str, reason: str) -> None:
    stack_status(work.call, stack, status, reason, turn=stack.turn + 1)


def taken_back(work: Work) -> None:
    """An update is undone; what it made is still to be removed."""
    for one in work.resources.values():
        if one.before is not None:
            RESOURCES.put(work.call.tx, replace(one, before=None))
    stack = work.stack
    reservations.release(work.call, stack.current)
    stack_status(work.call, stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", wanted=None)


def not_taken_back(work: Work, names: tuple[str, ...]) -> None:
    why = f"The following resource(s) failed to update: [{', '.join(names)}]. "
    stack_status(work.call, work.stack, "UPDATE_ROLLBACK_FAILED", why)


def skip(work: Work) -> None:
    """AWS: ContinueUpdateRollback "sets the status of the specified resources to UPDATE_COMPLETE"."""
    for name in work.stack.retained:
        one = work.resources.get(name)
        if one is not None and one.status == "UPDATE_FAILED":
            resource_status(work.call, work.stack, replace(one, before=None), "UPDATE_COMPLETE", turn=work.stack.turn)


def removed(work: Work) -> None:
    """All resources are gone, or kept on purpose."""
    stack, tx = work.stack, work.call.tx
    reservations.release(work.call, stack.current)
    if stack.status == "ROLLBACK_IN_PROGRESS":
        stack_status(work.call, stack, "ROLLBACK_COMPLETE", outputs={}, imports=())
        return
    for old in EXPORTS.where(tx, "stack", stack.id):
        EXPORTS.forget(tx, old.id)
    stack_status(work.call, stack, "DELETE_COMPLETE", deleted_at=work.call.now, wanted=None, outputs={}, imports=())


def not_removed(work: Work, names: tuple[str, ...]) -> None:
    status = "ROLLBACK_FAILED" if work.stack.status == "ROLLBACK_IN_PROGRESS" else "DELETE_FAILED"
    why = f"The following resource(s) failed to delete: [{', '.join(names)}]. "
    stack_status(work.call, work.stack, status, why)
