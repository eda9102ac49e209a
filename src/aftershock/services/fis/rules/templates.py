"""What makes a template one that can be started."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws import arn as arns
from aftershock.aws.call import Params
from aftershock.services.fis.records import Action, Filter, Plan, StopCondition, Target

from . import actions, targets
from .errors import invalid, over_quota

# AWS's quotas: "Actions per experiment template", "Stop conditions per experiment template", "Experiment templates",
# "Active experiments".
MAX_ACTIONS, MAX_STOP_CONDITIONS, MAX_TEMPLATES, MAX_ACTIVE = 20, 5, 500, 5
NO_CONDITION, ALARM = "none", "aws:cloudwatch:alarm"


def target(given: Mapping[str, Any]) -> Target:
    return Target(
        type=given["resourceType"],
        selection=given["selectionMode"],
        arns=tuple(given.get("resourceArns") or ()),
        tags=dict(given.get("resourceTags") or {}),
        filters=tuple(Filter(one["path"], tuple(one["values"])) for one in given.get("filters") or ()),
        parameters=dict(given.get("parameters") or {}),
    )


def action(given: Mapping[str, Any]) -> Action:
    return Action(
        action_id=given["actionId"],
        description=given.get("description"),
        parameters=dict(given.get("parameters") or {}),
        targets=dict(given.get("targets") or {}),
        start_after=tuple(given.get("startAfter") or ()),
    )


def stop_conditions(given: Any) -> tuple[StopCondition, ...]:
    return tuple(StopCondition(one["source"], one.get("value")) for one in given or ())


def refuse_unhonoured(params: Params) -> None:
    """
    Raises:
        AwsError: ValidationException, for what would not be done.
    """
    if params.get("logConfiguration"):
        raise invalid("The parameter logConfiguration is not supported in this region: nothing would be logged.")
    if params.get("experimentReportConfiguration"):
        raise invalid("The parameter experimentReportConfiguration is not supported in this region.")
    if (params.get("experimentOptions") or {}).get("accountTargeting") == "multi-account":
        raise invalid("The account targeting mode multi-account is not supported in this region.")


def check(plan: Plan, account: str) -> None:
    """
    Raises:
        AwsError: ValidationException and others, for the first thing that will not do.
    """
    _check_role(plan.role_arn, account)
    _check_stop_conditions(plan.stop_conditions, account)
    if not plan.actions:
        raise invalid("At least one action is required.")
    if len(plan.actions) > MAX_ACTIONS:
        raise over_quota(f"An experiment template can have at most {MAX_ACTIONS} actions.")
    for name, one in plan.targets.items():
        targets.check(name, one, account)
    for name, found in plan.actions.items():
        actions.check(name, found)
        for word, target_name in found.targets.items():
            _check_target(plan, name, word, target_name)
    unused = plan.targets.keys() - {name for one in plan.actions.values() for name in one.targets.values()}
    if unused:
        raise invalid(f'Target "{min(unused)}" is not used by any action.')
    _check_order(plan.actions)


def _check_target(plan: Plan, action_name: str, word: str, target_name: str) -> None:
    if target_name not in plan.targets:
        raise invalid(f'Target "{target_name}" of action "{action_name}" is not defined.')
    wanted = actions.require(plan.actions[action_name].action_id).targets[word]
    if plan.targets[target_name].type != wanted:
        raise invalid(
            f'Target "{target_name}" of action "{action_name}" has the resource type '
            f"{plan.targets[target_name].type}; {wanted} is expected."
        )


def _check_role(role_arn: str, account: str) -> None:
    parsed = arns.parse(role_arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("role/"):
        raise invalid(f"{role_arn} is not the ARN of an IAM role.")
    if parsed.account != account:
        raise invalid(f"The role {role_arn} belongs to another account.")


def _check_stop_conditions(conditions: tuple[StopCondition, ...], account: str) -> None:
    if not conditions:
        raise invalid('At least one stop condition is required; its source can be "none".')
    if len(conditions) > MAX_STOP_CONDITIONS:
        raise over_quota(f"An experiment template can have at most {MAX_STOP_CONDITIONS} stop conditions.")
    for one in conditions:
        if one.source == NO_CONDITION:
            if one.value is not None or len(conditions) > 1:
                raise invalid('The stop condition "none" has no value, and no other beside it.')
        elif one.source != ALARM:
            raise invalid(f'Stop condition source "{one.source}" is not supported.')
        elif alarm_name(one.value or "", account) is None:
            raise invalid(f'Stop condition value "{one.value}" is not the ARN of a CloudWatch alarm of this account.')


def alarm_name(arn: str, account: str) -> str | None:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "cloudwatch" or parsed.account != account:
        return None
    kind, _, name = parsed.resource.partition(":")
    return name if kind == "alarm" and name else None


def _check_order(found: Mapping[str, Action]) -> None:
    for name, one in found.items():
        for before in one.start_after:
            if before not in found:
                raise invalid(f'Action "{name}" starts after "{before}", which is not defined.')
    done: set[str] = set()
    while len(done) < len(found):
        next_ones = {name for name, one in found.items() if name not in done and set(one.start_after) <= done}
        if not next_ones:
            circle = min(found.keys() - done)
            raise invalid(f'Action "{circle}" would have to start after itself.')
        done |= next_ones
