"""Change sets: what an update would do, kept until it is wanted."""

import uuid
from functools import partial
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation.events import USER, masked, stack_status
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import (
    CHANGE_SETS,
    STACKS,
    ChangeSet,
    Plan,
    Reserved,
    Resource,
    Stack,
    stack_named,
)
from aftershock.services.cloudformation.reservations import LAID_OUT, release
from aftershock.services.cloudformation.rules import errors, watching
from aftershock.services.cloudformation.scopes import asking, doing
from aftershock.services.cloudformation.types.cloudformation import asked_of

from .change_views import view, without_values
from .changes import KNOWN_AFTER_APPLY, Change
from .found import check_name, new_stack_id, paged, plan_of, refuse, require_alive, require_standard
from .importing import existing
from .stacks import begin_update, changes_of, check_policy, new_stack, parameters_view, require_updatable

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
NESTED = "AWS::CloudFormation::Stack"
FROM_ROOT = "Executable from root change set"
REFUSED = (
    "DeploymentMode",
    "DisableValidation",
    "NotificationARNs",
    "ResourceTypes",
    "ResourcesToImport",
)


def create_change_set(outside: Outside, call: Call, params: Params) -> Result:
    refuse(params, *REFUSED)
    require_standard(params)
    kind = params.get("ChangeSetType") or "UPDATE"
    if kind == "IMPORT":
        raise errors.invalid("ChangeSetType IMPORT is not supported in this region.")
    stack = _stack(call, params, kind)
    name = params["ChangeSetName"]
    if any(one.name == name for one in CHANGE_SETS.where(call.tx, "stack", stack.id)):
        raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists for stack {stack.id}")
    creating = stack.status == "REVIEW_IN_PROGRESS"
    plan = plan_of(call, outside, params, stack, None if creating else stack.current)
    empty = ChangeSet(
        id=_new_id(call, name),
        name=name,
        stack_id=stack.id,
        stack_name=stack.name,
        account=call.account,
        type=kind,
        plan=plan,
        description=params.get("Description"),
        status="CREATE_IN_PROGRESS",
        execution="UNAVAILABLE",
        created_at=call.now,
        importing=bool(params.get("ImportExistingResources")),
        nesting=bool(params.get("IncludeNestedStacks")),
        on_failure=params.get("OnStackFailure"),
    )
    made = _filled(call, outside, stack, empty)
    return {"Id": made.id, "StackId": stack.id}


def _new_id(call: Call, name: str) -> str:
    return f"arn:aws:cloudformation:{call.region}:{call.account}:changeSet/{name}/{uuid.uuid4()}"


def _filled(call: Call, outside: Outside, stack: Stack, empty: ChangeSet) -> ChangeSet:
    """The change set with what it would do, stored; before it those of the stacks that are nested in its own."""
    plan = empty.plan
    found = changes_of(call, outside, stack, plan)
    if empty.importing:
        new = [one.logical_id for one in found if one.action == "Add"]
        plan = replace(plan, imports=existing(call, outside, stack, plan, new))
    nested = {one.logical_id: _nested(call, outside, empty, one) for one in found} if empty.nesting else {}
    found = [one for one in found if not (one.open_only and _same(nested.get(one.logical_id)))]
    creating = stack.status == "REVIEW_IN_PROGRESS"
    same = not found and not creating and plan.template == stack.plan.template and plan.values == stack.plan.values
    same = same and (plan.tags, plan.watch) == (stack.plan.tags, stack.plan.watch)
    hide = partial(masked, replace(stack, wanted=plan))
    inner = empty.root is not None
    made = replace(
        empty,
        plan=replace(plan, nested=_reserved(found, nested)),
        status="FAILED" if same else "CREATE_COMPLETE",
        reason=NOTHING if same else FROM_ROOT if inner else None,
        execution="UNAVAILABLE" if same or inner else "AVAILABLE",
        changes=[view(one, plan.imports, hide, _id_of(nested.get(one.logical_id))) for one in found],
    )
    CHANGE_SETS.put(call.tx, made)
    return made


def _reserved(found: list[Change], nested: dict[str, ChangeSet | None]) -> dict[str, Reserved]:
    return {
        one.logical_id: Reserved(stack_id=made.stack_id, change_set_id=made.id, properties=dict(one.after.properties))
        for one in found
        if one.action == "Add" and one.after is not None and (made := nested.get(one.logical_id)) is not None
    }


def _nested(call: Call, outside: Outside, parent: ChangeSet, change: Change) -> ChangeSet | None:
    """What the change does to a nested stack, if that can be told before; one that is new is laid out."""
    known = change.after and change.after.properties
    if change.type != NESTED or change.action == "Remove" or not known or KNOWN_AFTER_APPLY in known.values():
        return None
    adding = change.action == "Add"
    stack = _laid_out(call, outside, parent, change) if adding else STACKS.get(call.tx, change.physical_id or "")
    if stack is None or not stack.exists:
        return None
    plan = plan_of(call, outside, asked_of(known, parent.plan.capabilities), stack, None if adding else stack.current)
    name = f"{parent.name[:80]}-{change.logical_id[:30]}-{call.new_id('c')[-12:]}"
    empty = replace(
        parent,
        id=_new_id(call, name),
        name=name,
        stack_id=stack.id,
        stack_name=stack.name,
        type="CREATE" if adding else "UPDATE",
        on_failure=None if adding else parent.on_failure,
        plan=plan,
        parent=parent.id,
        root=parent.root or parent.id,
    )
    return _filled(call, outside, stack, empty)


def _laid_out(call: Call, outside: Outside, parent: ChangeSet, change: Change) -> Stack:
    """A stack that is nested in the change set's own, and that nothing is made of before that is executed."""
    above = STACKS.get(call.tx, parent.stack_id)
    assert above is not None and change.after is not None
    resource = Resource(
        stack_id=above.id,
        logical_id=change.logical_id,
        type=NESTED,
        status=LAID_OUT,
        token=call.new_id("cfn"),
        since=call.now,
        updated_at=call.now,
    )
    name = doing(above, resource, ask=asking(outside.ask, call), heard=lambda _: {}).name(128)
    stack = replace(
        new_stack(call, new_stack_id(call, name), name, Plan(template=""), LAID_OUT),
        parent=above.id,
        root=above.root or above.id,
        timeout_m=change.after.properties.get("TimeoutInMinutes"),
    )
    return stack_status(call, stack, LAID_OUT, USER)


def _same(made: ChangeSet | None) -> bool:
    return made is not None and made.status == "FAILED"


def _id_of(made: ChangeSet | None) -> str | None:
    return None if made is None else made.id


def _stack(call: Call, params: Params, kind: str) -> Stack:
    name = params["StackName"]
    if kind == "UPDATE":
        stack = require_alive(call, name)
        if stack.status == "REVIEW_IN_PROGRESS":
            raise errors.invalid(f"Stack [{name}] does not exist")
        require_updatable(stack)
        return stack
    found = STACKS.get(call.tx, name) if name.startswith("arn:") else stack_named(call.tx, call.account, name)
    if found is not None and found.status != "REVIEW_IN_PROGRESS":
        raise errors.invalid(
            f"Stack [{name}] already exists and cannot be created again with the changeSet [{params['ChangeSetName']}]."
        )
    if found is not None:
        return found
    check_name(name)
    stack = new_stack(call, new_stack_id(call, name), name, Plan(template=""), "REVIEW_IN_PROGRESS")
    return stack_status(call, stack, "REVIEW_IN_PROGRESS", USER)


def change_set_of(call: Call, params: Params) -> ChangeSet:
    """
    Raises:
        AwsError: ChangeSetNotFound, ValidationError
    """
    name = params["ChangeSetName"]
    if name.startswith("arn:"):
        found = CHANGE_SETS.get(call.tx, name)
    else:
        if not params.get("StackName"):
            raise errors.invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stack = require_alive(call, params["StackName"])
        found = next((one for one in CHANGE_SETS.where(call.tx, "stack", stack.id) if one.name == name), None)
    if found is None or found.account != call.account:
        raise errors.no_change_set(name)
    return found


def describe_change_set(outside: Outside, call: Call, params: Params) -> Result:
    found = change_set_of(call, params)
    whole = bool(params.get("IncludePropertyValues"))
    numbered = list(enumerate(found.changes))
    chosen, token = paged(numbered, params, key=lambda one: f"{one[0]:06}")
    return {
        "ChangeSetName": found.name,
        "ChangeSetId": found.id,
        "StackId": found.stack_id,
        "StackName": found.stack_name,
        "Description": found.description,
        "Parameters": parameters_view(found.plan),
        "CreationTime": found.created_at,
        "ExecutionStatus": found.execution,
        "Status": found.status,
        "StatusReason": found.reason,
        "NotificationARNs": [],
        "RollbackConfiguration": watching.view(found.plan.watch),
        "Capabilities": list(found.plan.capabilities) or None,
        "Tags": [{"Key": key, "Value": value} for key, value in found.plan.tags.items()] or None,
        "Changes": [one if whole else without_values(one) for _, one in chosen],
        "NextToken": token,
        "IncludeNestedStacks": found.nesting,
        "ParentChangeSetId": found.parent,
        "RootChangeSetId": found.root,
        "ImportExistingResources": found.importing,
        "OnStackFailure": found.on_failure,
    }


def execute_change_set(outside: Outside, call: Call, params: Params) -> Result:
    found = change_set_of(call, params)
    inner = found.root is not None and bool(call.principal.service)
    if not inner:
        _require_root(found, "executed")
    if found.execution != ("UNAVAILABLE" if inner else "AVAILABLE"):
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{found.id}] cannot be executed in its current execution status of [{found.execution}]",
        )
    stack = STACKS.get(call.tx, found.stack_id)
    assert stack is not None
    if stack.status != "REVIEW_IN_PROGRESS":
        require_updatable(stack)
        check_policy(stack, None, changes_of(call, outside, stack, found.plan))
    if params.get("DisableRollback") and found.on_failure:
        raise errors.invalid("DisableRollback and OnStackFailure cannot be given both.")
    on_failure = found.on_failure or ("DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK")
    begin_update(
        call,
        stack,
        found.plan,
        token=params.get("ClientRequestToken"),
        on_failure=on_failure,
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
    )
    # AWS: the executed one and all others of the stack are deleted, since they no longer describe it.
    for one in CHANGE_SETS.where(call.tx, "stack", stack.id):
        if one.id == found.id:
            CHANGE_SETS.put(call.tx, replace(one, execution="EXECUTE_COMPLETE"))
        else:
            _forget(call, one)
    for one in CHANGE_SETS.where(call.tx, "root", found.id):
        if one.type == "UPDATE":  # a stack that is new executes its own when its parent comes to it
            CHANGE_SETS.put(call.tx, replace(one, execution="EXECUTE_COMPLETE"))
    return {}


def _forget(call: Call, root: ChangeSet) -> None:
    if root.execution != "EXECUTE_COMPLETE":
        for one in (root, *CHANGE_SETS.where(call.tx, "root", root.id)):
            release(call, one.plan)
    for one in (root, *CHANGE_SETS.where(call.tx, "root", root.id)):
        CHANGE_SETS.forget(call.tx, one.id)


def _require_root(found: ChangeSet, what: str) -> None:
    if found.root is not None:
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{found.id}] belongs to a nested stack and cannot be {what} by itself: its root is "
            f"[{found.root}]",
        )


def delete_change_set(outside: Outside, call: Call, params: Params) -> Result:
    try:
        found = change_set_of(call, params)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return {}  # AWS: deleting what is not there succeeds
        raise
    _require_root(found, "deleted")
    _forget(call, found)
    return {}


def list_change_sets(outside: Outside, call: Call, params: Params) -> Result:
    stack = require_alive(call, params["StackName"])
    every = sorted(CHANGE_SETS.where(call.tx, "stack", stack.id), key=lambda one: one.id)
    chosen, token = paged(every, params, key=lambda one: one.id)
    return {"Summaries": [_summary(one) for one in chosen], "NextToken": token}


def _summary(found: ChangeSet) -> dict[str, Any]:
    return {
        "StackId": found.stack_id,
        "StackName": found.stack_name,
        "ChangeSetId": found.id,
        "ChangeSetName": found.name,
        "ExecutionStatus": found.execution,
        "Status": found.status,
        "StatusReason": found.reason,
        "CreationTime": found.created_at,
        "Description": found.description,
        "IncludeNestedStacks": found.nesting,
        "ParentChangeSetId": found.parent,
        "RootChangeSetId": found.root,
        "ImportExistingResources": found.importing,
    }


OPERATIONS = {
    "CreateChangeSet": create_change_set,
    "DeleteChangeSet": delete_change_set,
    "DescribeChangeSet": describe_change_set,
    "ExecuteChangeSet": execute_change_set,
    "ListChangeSets": list_change_sets,
}
