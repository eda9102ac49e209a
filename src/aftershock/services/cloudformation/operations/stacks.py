"""Stacks: made, changed, deleted, described."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation import exports, reservations
from aftershock.services.cloudformation.events import STACK_TYPE, USER, stack_status
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import CHANGE_SETS, STACKS, Plan, Stack, resources_of, stack_named
from aftershock.services.cloudformation.rules import errors, watching
from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.parameters import HIDDEN
from aftershock.services.cloudformation.rules.stack_policies import denial
from aftershock.services.cloudformation.scopes import template_of

from . import drifts
from .changes import Change, changes
from .found import check_name, new_stack_id, paged, plan_of, policy_of, refuse, require, require_alive, require_standard

MAX_STACKS = 2000  # AWS: "Stacks: 2000"
UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED"}
)
UNDELETABLE = frozenset(
    {
        "UPDATE_IN_PROGRESS",
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    }
)
_REFUSED = ("NotificationARNs", "ResourceTypes", "DisableValidation")


def new_stack(call: Call, stack_id: str, name: str, plan: Plan, status: str) -> Stack:
    return Stack(
        id=stack_id,
        name=name,
        account=call.account,
        region=call.region,
        plan=plan,
        status=status,
        created_at=call.now,
        began_at=call.now,
    )


def create_stack(outside: Outside, call: Call, params: Params) -> Result:
    refuse(params, *_REFUSED)
    require_standard(params)
    name = params["StackName"]
    check_name(name)
    token = params.get("ClientRequestToken")
    before = stack_named(call.tx, call.account, name)
    if before is not None:
        if token and before.token == token:
            return {"StackId": before.id}
        raise errors.already_exists(name)
    if sum(one.exists for one in STACKS.every(call.tx)) >= MAX_STACKS:
        raise AwsError("LimitExceededException", f"The maximum number of stacks ({MAX_STACKS}) has been reached.")
    stack = new_stack(call, new_stack_id(call, name), name, Plan(template=""), "CREATE_IN_PROGRESS")
    plan = plan_of(call, outside, params, stack, None)
    stack = replace(
        stack,
        plan=plan,
        on_failure=_on_failure(params),
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
        timeout_m=params.get("TimeoutInMinutes"),
        token=token,
        policy=policy_of(call, outside, params, "StackPolicyBody", "StackPolicyURL"),
        protected=bool(params.get("EnableTerminationProtection")),
        turn=1,
    )
    stack_status(call, stack, "CREATE_IN_PROGRESS", USER)
    return {"StackId": stack.id}


def _on_failure(params: Params) -> str:
    """AWS: "You can specify either OnFailure or DisableRollback, but not both"."""
    if params.get("OnFailure") and params.get("DisableRollback") is not None:
        raise errors.invalid("You can specify either OnFailure or DisableRollback, but not both.")
    return params.get("OnFailure") or ("DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK")


def update_stack(outside: Outside, call: Call, params: Params) -> Result:
    refuse(params, *_REFUSED)
    require_standard(params)
    stack = require_alive(call, params["StackName"])
    token = params.get("ClientRequestToken")
    if token and stack.token == token and stack.turn > 1:
        return {"StackId": stack.id}
    require_updatable(stack)
    plan = plan_of(call, outside, params, stack, stack.current)
    found = changes_of(call, outside, stack, plan)
    if not found and _says_the_same(stack, plan):
        raise errors.invalid("No updates are to be performed.")
    during = policy_of(call, outside, params, "StackPolicyDuringUpdateBody", "StackPolicyDuringUpdateURL")
    check_policy(stack, during, found)
    lasting = policy_of(call, outside, params, "StackPolicyBody", "StackPolicyURL")
    begin_update(
        call,
        replace(stack, policy=lasting or stack.policy),
        plan,
        token=token,
        on_failure="DO_NOTHING" if params.get("DisableRollback") else "ROLLBACK",
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")),
    )
    return {"StackId": stack.id}


def require_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise errors.invalid(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def changes_of(call: Call, outside: Outside, stack: Stack, plan: Plan) -> list[Change]:
    try:
        return changes(call, outside, stack, plan, resources_of(call.tx, stack.id))
    except TemplateError as error:
        raise errors.invalid(str(error)) from None


def _says_the_same(stack: Stack, plan: Plan) -> bool:
    if stack.status in ("CREATE_FAILED", "UPDATE_FAILED"):
        return False
    if (plan.tags, plan.watch) != (stack.plan.tags, stack.plan.watch):
        return False
    old, new = template_of(stack.plan), template_of(plan)
    return old.outputs == new.outputs and (plan.values == stack.plan.values or not new.outputs)


def check_policy(stack: Stack, during: str | None, found: list[Change]) -> None:
    policy = during or stack.policy
    denied = [why for one in found if (why := _denial(policy, one))]
    if denied:
        raise errors.invalid("; ".join(denied))


def _denial(policy: str | None, change: Change) -> str | None:
    if change.action == "Add":
        return None
    action = change.action
    if action == "Modify" and change.replacement != "False":
        action = "Replace"
    return denial(policy, action, change.logical_id, change.type)


def begin_update(call: Call, stack: Stack, plan: Plan, *, token: str | None, **more: Any) -> None:
    """AWS tells an update first, and then what it does."""
    status = "CREATE_IN_PROGRESS" if stack.status == "REVIEW_IN_PROGRESS" else "UPDATE_IN_PROGRESS"
    if stack.current.nested != plan.nested:
        reservations.release(call, stack.current)
    updating = status == "UPDATE_IN_PROGRESS"
    stack_status(
        call,
        replace(stack, token=token),
        status,
        USER,
        plan=stack.plan if updating else plan,
        wanted=plan if updating else None,
        began_at=call.now,
        deployed_at=None,
        continued=False,
        updated_at=call.now if updating else None,
        turn=stack.turn + 1,
        retained=(),
        **more,
    )


def delete_stack(outside: Outside, call: Call, params: Params) -> Result:
    require_standard(params)
    if params.get("DeletionMode") == "FORCE_DELETE_STACK":
        raise errors.not_supported("DeletionMode")
    name = params["StackName"]
    stack = STACKS.get(call.tx, name) if name.startswith("arn:") else stack_named(call.tx, call.account, name)
    if stack is None or not stack.exists or stack.status == "DELETE_IN_PROGRESS":
        return {}  # AWS: deleting what is not there succeeds
    if not call.principal.service and (stack.protected or _root_protected(call, stack)):
        raise errors.invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if stack.status in UNDELETABLE:
        raise errors.invalid(f"Stack [{stack.id}] cannot be deleted while in status {stack.status}")
    retained = tuple(params.get("RetainResources") or ())
    if retained:
        _check_retained(call, stack, retained)
    for one in CHANGE_SETS.where(call.tx, "stack", stack.id):
        reservations.release(call, one.plan)
    told = replace(stack, token=params.get("ClientRequestToken"))
    used = exports.held_of(call.tx, stack.id)
    if used and not call.principal.service:
        # As AWS tells it: the stack is then what it was before, and may be updated. Whoever deletes the stack that this
        # one is nested in has to see that it failed.
        stack_status(call, told, "DELETE_IN_PROGRESS", USER)
        stack_status(call, told, stack.status, used)
        return {}
    stack_status(
        call,
        told,
        "DELETE_IN_PROGRESS",
        USER,
        retained=retained,
        turn=stack.turn + 1,
        began_at=call.now,
    )
    return {}


def _root_protected(call: Call, stack: Stack) -> bool:
    """AWS: a nested stack is protected by its root's setting."""
    root = STACKS.get(call.tx, stack.root) if stack.root else None
    return root is not None and root.protected and root.status != "DELETE_IN_PROGRESS"


def _check_retained(call: Call, stack: Stack, names: tuple[str, ...]) -> None:
    if stack.status != "DELETE_FAILED":
        raise errors.invalid(
            f"Invalid operation on stack [{stack.id}]. The specified stack is not in DELETE_FAILED state; "
            "RetainResources may be given only then."
        )
    lost = [name for name in names if name not in resources_of(call.tx, stack.id)]
    if lost:
        raise errors.invalid(f"Resources [{', '.join(lost)}] do not exist in stack [{stack.id}]")


def describe_stacks(outside: Outside, call: Call, params: Params) -> Result:
    if params.get("StackName"):
        return {"Stacks": [view(call, require(call, params["StackName"]))]}
    mine = sorted((one for one in STACKS.every(call.tx) if one.exists), key=lambda one: one.id)
    chosen, token = paged(mine, params, key=lambda one: one.id)
    return {"Stacks": [view(call, one) for one in chosen], "NextToken": token}


def view(call: Call, stack: Stack) -> dict[str, Any]:
    plan = stack.plan
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": template_of(plan).description if plan.template else None,
        "Parameters": parameters_view(plan),
        "CreationTime": stack.created_at,
        "DeletionTime": stack.deleted_at,
        "LastUpdatedTime": stack.updated_at,
        "RollbackConfiguration": watching.view(plan.watch),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "NotificationARNs": [],
        "TimeoutInMinutes": stack.timeout_m,
        "Capabilities": list(plan.capabilities) or None,
        "Outputs": [
            {
                "OutputKey": name,
                "OutputValue": one.value,
                "Description": one.description,
                "ExportName": one.export,
            }
            for name, one in stack.outputs.items()
        ]
        or None,
        "RoleARN": plan.role_arn,
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()],
        "EnableTerminationProtection": stack.protected,
        "ParentId": stack.parent,
        "RootId": stack.root,
        "DriftInformation": drifts.of_stack(call, stack),
    }


def parameters_view(plan: Plan) -> list[dict[str, Any]] | None:
    from_ssm = {name for name, text in plan.parameters.items() if plan.values.get(name) not in (text, text.split(","))}
    shown = [
        {
            "ParameterKey": name,
            "ParameterValue": HIDDEN if name in plan.hidden else text,
            "ResolvedValue": _resolved(plan, name) if name in from_ssm and name not in plan.hidden else None,
        }
        for name, text in plan.parameters.items()
    ]
    return shown or None


def _resolved(plan: Plan, name: str) -> str:
    value = plan.values[name]
    return ",".join(value) if isinstance(value, list) else str(value)


def continue_update_rollback(outside: Outside, call: Call, params: Params) -> Result:
    refuse(params, "ForceRollback")
    stack = require_alive(call, params["StackName"])
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise errors.invalid(f"Stack:{stack.id} is in {stack.status} state and can not continue rollback.")
    if stack.parent is not None and not call.principal.service:
        raise errors.invalid("RollbackUpdatedStack cannot be invoked on child stacks")
    named = {name: _holder(call, stack, name) for name in params.get("ResourcesToSkip") or ()}
    if call.principal.service:
        named = {name: holder for name, holder in named.items() if holder is not None}  # the root has checked the rest
    for name, holder in named.items():
        _check_skipped(call, stack, name, holder)
    _roll_back(call, replace(stack, retained=tuple(named), continued=True), params, "UPDATE_ROLLBACK_IN_PROGRESS")
    return {}


def _holder(call: Call, stack: Stack, name: str) -> Stack | None:
    """Whose the resource is.  AWS: those of a nested stack are called by its name, a dot, and their logical id."""
    nested_name, dot, _ = name.rpartition(".")
    if not dot:
        return stack
    nested = stack_named(call.tx, call.account, nested_name)
    return nested if nested is not None and stack.id in _ancestors(call, nested) else None


def _check_skipped(call: Call, stack: Stack, name: str, holder: Stack | None) -> None:
    if holder is None:
        raise errors.invalid(f"Resource [{name}] is of no stack that is nested in [{stack.name}].")
    found = resources_of(call.tx, holder.id).get(name.rpartition(".")[2])
    if found is None or found.status != "UPDATE_FAILED":
        raise errors.invalid(f"Resource [{name}] is not in UPDATE_FAILED state, and cannot be skipped.")
    if found.type == STACK_TYPE:
        # AWS: only one whose stack is being deleted, or is, may be skipped; of others, their resources.
        nested = STACKS.get(call.tx, found.physical_id or "")
        if nested is not None and not nested.status.startswith("DELETE_"):
            raise errors.invalid(f"Resource [{name}] cannot be skipped: stack [{nested.name}] is {nested.status}.")


def _ancestors(call: Call, stack: Stack) -> Iterator[str]:
    above = stack.parent
    while above is not None:
        yield above
        found = STACKS.get(call.tx, above)
        above = found.parent if found else None


def rollback_stack(outside: Outside, call: Call, params: Params) -> Result:
    """AWS: "rolls back the stack to the last stable state"; of a failed creation, to nothing."""
    require_standard(params)
    stack = require_alive(call, params["StackName"])
    if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise errors.invalid(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
    status = "ROLLBACK_IN_PROGRESS" if stack.status == "CREATE_FAILED" else "UPDATE_ROLLBACK_IN_PROGRESS"
    _roll_back(call, stack, params, status)
    return {"StackId": stack.id}


def cancel_update_stack(outside: Outside, call: Call, params: Params) -> Result:
    stack = require_alive(call, params["StackName"])
    if stack.status != "UPDATE_IN_PROGRESS":
        raise errors.invalid(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
    _roll_back(call, stack, params, "UPDATE_ROLLBACK_IN_PROGRESS")
    return {}


def _roll_back(call: Call, stack: Stack, params: Params, status: str) -> None:
    marked = replace(
        stack,
        token=params.get("ClientRequestToken"),
        turn=stack.turn + 1,
        began_at=call.now,
        on_failure="ROLLBACK",
        retain_except_on_create=bool(params.get("RetainExceptOnCreate")) or stack.retain_except_on_create,
    )
    stack_status(call, marked, status, USER)


def update_termination_protection(outside: Outside, call: Call, params: Params) -> Result:
    stack = require_alive(call, params["StackName"])
    if stack.parent is not None:
        raise errors.invalid(
            f"TerminationProtection cannot be changed on the nested stack {stack.name}; change it on its root."
        )
    STACKS.put(call.tx, replace(stack, protected=params["EnableTerminationProtection"]))
    return {"StackId": stack.id}


def set_stack_policy(outside: Outside, call: Call, params: Params) -> Result:
    stack = require_alive(call, params["StackName"])
    policy = policy_of(call, outside, params, "StackPolicyBody", "StackPolicyURL")
    if policy is None:
        raise errors.invalid("Either StackPolicyBody or StackPolicyURL must be specified.")
    STACKS.put(call.tx, replace(stack, policy=policy))
    return {}


def get_stack_policy(outside: Outside, call: Call, params: Params) -> Result:
    return {"StackPolicyBody": require_alive(call, params["StackName"]).policy}


OPERATIONS = {
    "CancelUpdateStack": cancel_update_stack,
    "ContinueUpdateRollback": continue_update_rollback,
    "CreateStack": create_stack,
    "DeleteStack": delete_stack,
    "DescribeStacks": describe_stacks,
    "GetStackPolicy": get_stack_policy,
    "RollbackStack": rollback_stack,
    "SetStackPolicy": set_stack_policy,
    "UpdateStack": update_stack,
    "UpdateTerminationProtection": update_termination_protection,
}
