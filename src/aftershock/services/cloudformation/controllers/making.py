"""Making, changing and restoring one resource, and looking whether it stands."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from msgspec.structs import replace

from aftershock.services.cloudformation.events import resource_status, tell
from aftershock.services.cloudformation.records import RESOURCES, Before, Old, Resource
from aftershock.services.cloudformation.rules.checking import evaluated, policy
from aftershock.services.cloudformation.rules.policies import awaited, judged
from aftershock.services.cloudformation.rules.schema import Need, coerced
from aftershock.services.cloudformation.rules.template import Resource as Written
from aftershock.services.cloudformation.scopes import dynamic
from aftershock.services.cloudformation.types import TYPES, FailedError, ResourceType
from aftershock.services.cloudformation.types.model import with_stack_tags

from .work import Work, kind_of

STABILISE_S = 3600.0  # nominal; a resource that does not stand by then never will
CHANGE_S = 12 * 3600.0  # nominal; an update of many instances, each waited for
INITIATED = "Resource creation Initiated"
REPLACES = "Requested update requires the creation of a new physical resource; hence creating one."
GROUP = "AWS::AutoScaling::AutoScalingGroup"


IMPORTS = "Resource import started."


def begin(work: Work, logical_id: str) -> None:
    """Bring one resource to what the stack's current plan says of it, as far as asking for it goes."""
    written = work.active(work.stack.current)[logical_id]
    fresh = _fresh(work, written)
    before = work.resources.get(logical_id)
    if before is None or before.physical_id is None or before.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
        existing = work.stack.current.imports.get(logical_id)
        if existing is None:
            _create(work, fresh, None)
        else:
            _import(work, fresh, existing)
        return
    kind = TYPES[fresh.type]
    needed = kind.need(before.properties, fresh.properties, fresh.update_policy)
    fresh = replace(
        fresh,
        physical_id=before.physical_id,
        status=before.status,
        replaced=before.replaced,
        before=before.before or _kept(before),
    )
    same = before.properties == fresh.properties and before.metadata == fresh.metadata
    if before.status == "CREATE_FAILED":
        _create(work, fresh, before)
    elif same and before.before is None and not kind.generic:
        # Nothing of it changes but what only the stack knows; AWS tells nothing either.
        RESOURCES.put(work.call.tx, replace(fresh, since=before.since, updated_at=before.updated_at, before=None))
    elif needed is Need.REPLACEMENT:
        _check_names(kind, before, fresh)
        _create(work, fresh, before)
    else:
        _change(work, fresh, _seen_to_have(kind, before, fresh.properties), "UPDATE_IN_PROGRESS")


def _seen_to_have(kind: ResourceType, failed: Resource, wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a resource is changed from.  Of one whose change of several steps failed between them, to what is wanted
    again now, nothing is known: everything is asked for once more."""
    again = failed.status == "UPDATE_FAILED" and failed.properties == wanted
    return {} if again and kind.advance is not None else failed.properties


def _fresh(work: Work, written: Written) -> Resource:
    """What the template and the scope make of a resource just now."""
    kind = TYPES[written.type]
    scope = work.scope(work.stack.current)
    found = with_stack_tags(kind, evaluated(written, kind, scope, partial(dynamic, work.ask)), work.stack.current.tags)
    properties = coerced(kind.properties, found)
    wrong = kind.check(properties) if kind.check else None
    if wrong:
        raise FailedError(wrong)
    there = work.active(work.stack.current)
    creation = policy(written.creation_policy, scope)
    awaited(creation)
    return Resource(
        stack_id=work.stack.id,
        logical_id=written.id,
        type=written.type,
        status="CREATE_IN_PROGRESS",
        properties=properties,
        metadata=policy(written.metadata, scope),
        depends=tuple(sorted(written.references() & there.keys())),
        deletion_policy=written.deletion_policy or "Delete",
        replace_policy=written.replace_policy or "Delete",
        creation_policy=creation,
        update_policy=policy(written.update_policy, scope),
        turn=work.stack.turn,
        token=f"{work.stack.turn}-{work.call.new_id('cfn')}",
        since=work.call.now,
        updated_at=work.call.now,
    )


def _check_names(kind: ResourceType, before: Resource, after: Resource) -> None:
    name = kind.named
    if name and name in after.properties and after.properties[name] == before.properties.get(name):
        raise FailedError(
            f"CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
            f"{after.properties[name]} and update the stack again."
        )


def _kept(before: Resource) -> Before:
    assert before.physical_id is not None
    return Before(
        physical_id=before.physical_id,
        properties=before.properties,
        metadata=before.metadata,
        depends=before.depends,
        deletion_policy=before.deletion_policy,
        replace_policy=before.replace_policy,
        update_policy=before.update_policy,
    )


def _create(work: Work, fresh: Resource, replaces: Resource | None) -> None:
    """Within one transaction: the resource is asked for, and the stack knows its physical id."""
    verb = "CREATE" if replaces is None else "UPDATE"
    work.forget_signals(fresh.logical_id)
    told = resource_status(work.call, work.stack, fresh, f"{verb}_IN_PROGRESS", None if replaces is None else REPLACES)
    made = kind_of(told).create(work.doing(told))
    physical_id, state = made if isinstance(made, tuple) else (made, {})
    replaced = told.replaced
    if replaces is not None and replaces.physical_id is not None:
        replaced = (
            *replaced,
            Old(physical_id=replaces.physical_id, type=replaces.type, properties=replaces.properties),
        )
    resource_status(
        work.call,
        work.stack,
        told,
        f"{verb}_IN_PROGRESS",
        INITIATED,
        physical_id=physical_id,
        replaced=replaced,
        before=None if told.before is None else replace(told.before, replaced=True),
        state=dict(state),
    )


def _import(work: Work, fresh: Resource, physical_id: str) -> None:
    """It becomes the stack's, and as the template says."""
    told = replace(fresh, physical_id=physical_id, status="IMPORT_IN_PROGRESS")
    kind = kind_of(told)
    if kind.read(work.doing(told), physical_id) is None:
        raise FailedError(f"Resource of type '{told.type}' with identifier '{physical_id}' was not found.")
    named = {kind.identity: physical_id} if kind.identity else {}
    _change(work, told, named, "IMPORT_IN_PROGRESS", IMPORTS)


def _change(work: Work, fresh: Resource, before: Mapping[str, Any], status: str, why: str | None = None) -> None:
    work.forget_signals(fresh.logical_id)
    told = resource_status(work.call, work.stack, fresh, status, why, state={})
    kind = kind_of(told)
    differs = told.properties != before or kind.generic
    if kind.update is None and differs:
        raise FailedError(f"Resource type {kind.name} cannot be updated")
    state = None
    if kind.update is not None and differs:
        assert told.physical_id is not None
        state = kind.update(work.doing(told), told.physical_id, before)
    if state:
        RESOURCES.put(work.call.tx, replace(told, state=dict(state)))


def restore(work: Work, logical_id: str) -> None:
    """Give a resource back what it had before the update that is taken back."""
    resource = work.resources[logical_id]
    before = resource.before
    current = replace(resource, turn=work.stack.turn, since=work.call.now, state={})
    if before is None:  # its change was refused, and so never was
        resource_status(work.call, work.stack, current, "UPDATE_COMPLETE")
        return
    old = replace(
        current,
        physical_id=before.physical_id,
        properties=before.properties,
        metadata=before.metadata,
        depends=before.depends,
        deletion_policy=before.deletion_policy,
        replace_policy=before.replace_policy,
        update_policy=before.update_policy,
        token=f"{work.stack.turn}-{work.call.new_id('cfn')}",
    )
    if not before.replaced:
        _change(work, old, _seen_to_have(kind_of(resource), resource, old.properties), "UPDATE_IN_PROGRESS")
        return
    # What it was replaced by goes in the clean-up; what it replaced was never touched.
    kept = tuple(
        one for one in resource.replaced if (one.physical_id, one.properties) != (before.physical_id, before.properties)
    )
    if resource.physical_id is not None:
        kept += (Old(physical_id=resource.physical_id, type=resource.type, properties=resource.properties),)
    resource_status(work.call, work.stack, replace(old, replaced=kept), "UPDATE_IN_PROGRESS")


def look(work: Work, logical_id: str) -> str:
    """Whether the resource stands; records it if so, and says in a sentence what is missing if not.

    Raises:
        FailedError: it never will
    """
    resource = work.resources[logical_id]
    kind, physical_id = kind_of(resource), resource.physical_id
    assert physical_id is not None
    if resource.state and kind.advance is not None:
        state = dict(kind.advance(work.doing(resource), physical_id))
        if state != resource.state:
            resource = replace(resource, state=state)
            RESOURCES.put(work.call.tx, resource)
        if state:
            return _patient(work, resource, "it is being changed", CHANGE_S)
    seen = kind.read(work.doing(resource), physical_id)
    if seen is None:
        raise FailedError(f"Resource of type '{resource.type}' with identifier '{physical_id}' was not found.")
    if seen.failed:
        raise FailedError(seen.failed)
    if seen.waiting:
        # What has a time limit of its own, as a wait condition and a stack have, is waited for until then.
        limited = not (kind.own or kind.generic)
        return _patient(work, resource, seen.waiting) if limited else seen.waiting
    if missing := _signals_missing(work, resource):
        return missing
    _stands(work, resource)
    return "it stands"


def _signals_missing(work: Work, resource: Resource) -> str | None:
    """Only what is new is waited for: a CreationPolicy says nothing of updates in place."""
    wanted = awaited(resource.creation_policy)
    made_now = resource.before is None or resource.before.replaced
    if wanted is None or wanted.count == 0 or not made_now or work.stack.status.startswith("UPDATE_ROLLBACK"):
        return None
    statuses = work.signals(resource)
    enough, never = judged(wanted, statuses, group=resource.type == GROUP)
    if never:
        raise FailedError(never)
    if enough:
        return None
    if work.passed(resource, wanted.timeout_s):
        missing = wanted.count - len(statuses)
        raise FailedError(f"Failed to receive {missing} resource signal(s) within the specified duration")
    return f"{len(statuses)} of {wanted.count} signals came"


def _patient(work: Work, resource: Resource, waiting: str, limit_s: float = STABILISE_S) -> str:
    if work.passed(resource, limit_s):
        raise FailedError(f"Resource {resource.logical_id} did not stabilize: {waiting}")
    return waiting


def _stands(work: Work, resource: Resource) -> None:
    verb = resource.status.partition("_")[0]
    before = None if work.stack.status.startswith("UPDATE_ROLLBACK") else resource.before
    resource_status(work.call, work.stack, resource, f"{verb}_COMPLETE", before=before, state={})


def fail(work: Work, logical_id: str, reason: str) -> None:
    """Record that a resource cannot be had; called when what was tried has been rolled back."""
    stack, resources = work.stack, work.resources
    resource = resources.get(logical_id)
    new = resource is None
    if resource is None:
        written = work.active(stack.current)[logical_id]
        resource = Resource(
            stack_id=stack.id,
            logical_id=logical_id,
            type=written.type,
            status="CREATE_IN_PROGRESS",
            since=work.call.now,
            updated_at=work.call.now,
            turn=stack.turn,
        )
    begun = not new and resource.turn == stack.turn and resource.status.endswith("_IN_PROGRESS")
    importing = logical_id in stack.current.imports and not resource.status.startswith("UPDATE_")
    creating = resource.physical_id is None or (begun and resource.status == "CREATE_IN_PROGRESS")
    if resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
        resource, creating = replace(resource, physical_id=None), True
    verb = "IMPORT" if importing else "CREATE" if creating else "UPDATE"
    if not begun:
        tell(work.call, stack, resource, f"{verb}_IN_PROGRESS", None)
    resource_status(work.call, stack, replace(resource, turn=stack.turn), f"{verb}_FAILED", reason)


def cancel(work: Work, logical_id: str) -> None:
    resource = work.resources[logical_id]
    verb = resource.status.partition("_")[0]
    what = "creation" if verb == "CREATE" else "update"
    resource_status(work.call, work.stack, resource, f"{verb}_FAILED", f"Resource {what} cancelled")
