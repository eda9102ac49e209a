"""Rules of listeners.  A listener's default rule is its default action, described as a rule."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.listener import RULES, Listener, Rule
from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.rules import actions, errors, names, quotas
from aftershock.services.elbv2.rules.conditions import conditions_of
from aftershock.services.elbv2.rules.conditions import view as view_conditions
from aftershock.services.elbv2.rules.paging import page
from aftershock.services.elbv2.rules.parameters import honours
from aftershock.services.elbv2.rules.tags import tagged

from .forwarding import require_groups
from .found import (
    Handler,
    Sources,
    default_rule_of,
    require_listener,
    require_load_balancer,
    require_rule,
    touch,
)


@honours("ListenerArn", "Conditions", "Priority", "Actions", "Tags")
def create_rule(sources: Sources, call: Call, params: Params) -> Result:
    listener = require_listener(call, params["ListenerArn"])
    balancer = _require_application(call, listener)
    conditions = conditions_of(params["Conditions"])
    action = actions.action_of(params["Actions"], secure=listener.protocol == "HTTPS", http=True)
    tags = tagged({}, params.get("Tags") or ())
    if any(rule.priority == params["Priority"] for rule in RULES.where(call.tx, "listener", listener.arn)):
        raise errors.priority_in_use(params["Priority"])
    require_groups(call, balancer, listener.protocol, [action])
    quotas.require_within("TooManyRules", RULES.count(call.tx, "load_balancer", balancer.arn) + 1, quotas.RULES)
    made = Rule(
        arn=names.rule_arn(listener.arn, names.opaque_id(call.new_id("rule"))),
        account=call.account,
        listener=listener.arn,
        load_balancer=balancer.arn,
        priority=params["Priority"],
        conditions=conditions,
        action=action,
        tags=tags,
        created_at=call.now,
    )
    RULES.put(call.tx, made)
    touch(call, balancer.arn)
    return {"Rules": [view(made)]}


def _require_application(call: Call, listener: Listener) -> LoadBalancer:
    balancer = require_load_balancer(call, listener.load_balancer)
    if balancer.kind != "application":
        raise errors.configuration("Rules can only be created for listeners of application load balancers")
    return balancer


@honours("RuleArn", "Conditions", "Actions", only={"ResetTransforms": False})
def modify_rule(sources: Sources, call: Call, params: Params) -> Result:
    _require_no_default(call, params["RuleArn"], "modified")
    before = require_rule(call, params["RuleArn"])
    listener = require_listener(call, before.listener)
    if not params.get("Conditions") and not params.get("Actions"):
        raise errors.invalid("Either conditions or actions must be specified")
    after = before
    if params.get("Conditions"):
        after = replace(after, conditions=conditions_of(params["Conditions"]))
    if params.get("Actions"):
        action = actions.action_of(params["Actions"], secure=listener.protocol == "HTTPS", http=True)
        require_groups(call, require_load_balancer(call, before.load_balancer), listener.protocol, [action])
        after = replace(after, action=action)
    if after != before:
        RULES.put(call.tx, after)
        touch(call, before.load_balancer)
    return {"Rules": [view(after)]}


def delete_rule(sources: Sources, call: Call, params: Params) -> Result:
    _require_no_default(call, params["RuleArn"], "deleted")
    rule = require_rule(call, params["RuleArn"])
    RULES.forget(call.tx, rule.arn)
    touch(call, rule.load_balancer)
    return {}


def _require_no_default(call: Call, arn: str, what: str) -> None:
    if default_rule_of(call, arn):
        raise errors.not_permitted(f"Default rule '{arn}' cannot be {what}")


def set_rule_priorities(sources: Sources, call: Call, params: Params) -> Result:
    """All of them at once, so that two rules may change places."""
    wanted: dict[str, int] = {}
    for one in params["RulePriorities"]:
        arn, priority = one.get("RuleArn") or "", one.get("Priority")
        _require_no_default(call, arn, "given another priority")
        if priority is None:
            raise errors.invalid("A priority must be specified")
        if arn in wanted:
            raise errors.invalid(f"Rule '{arn}' was provided multiple times")
        wanted[arn] = priority
    if not wanted:
        raise errors.invalid("A rule priority must be specified")
    rules = [require_rule(call, arn) for arn in wanted]
    if len({rule.listener for rule in rules}) > 1:
        raise errors.invalid("All rules must belong to the same listener")
    if twice := [priority for priority in wanted.values() if list(wanted.values()).count(priority) > 1]:
        raise errors.invalid(f"Priority '{twice[0]}' was provided multiple times")
    for other in RULES.where(call.tx, "listener", rules[0].listener):
        if other.arn not in wanted and other.priority in wanted.values():
            raise errors.priority_in_use(other.priority)
    after = [replace(rule, priority=wanted[rule.arn]) for rule in rules]
    for rule in after:
        RULES.put(call.tx, rule)
    touch(call, rules[0].load_balancer)
    return {"Rules": [view(rule) for rule in after]}


def describe_rules(sources: Sources, call: Call, params: Params) -> Result:
    arns, listener_arn = params.get("RuleArns") or (), params.get("ListenerArn")
    if bool(arns) == bool(listener_arn):
        raise errors.invalid("You must specify either listener rule ARNs or a listener ARN")
    found: list[tuple[str, dict[str, Any]]] = []
    if listener_arn:
        listener = require_listener(call, listener_arn)
        rules = RULES.where(call.tx, "listener", listener.arn)
        found = [*((_order(rule), view(rule)) for rule in rules), ("default", view_default(listener))]
    for arn in dict.fromkeys(arns):
        default = default_rule_of(call, arn)
        found.append((arn, view_default(default) if default else view(require_rule(call, arn))))
    shown, marker = page(params, found, key=lambda one: one[0])
    return {"Rules": [told for _, told in shown], "NextMarker": marker}


def _order(rule: Rule) -> str:
    return f"{rule.priority:05} {rule.arn}"  # before "default"


def view(rule: Rule) -> dict[str, Any]:
    return {
        "RuleArn": rule.arn,
        "Priority": str(rule.priority),
        "Conditions": view_conditions(rule.conditions),
        "Actions": actions.view(rule.action),
        "IsDefault": False,
    }


def view_default(listener: Listener) -> dict[str, Any]:
    return {
        "RuleArn": listener.default_rule,
        "Priority": "default",
        "Conditions": [],
        "Actions": actions.view(listener.action),
        "IsDefault": True,
    }


OPERATIONS: dict[str, Handler] = {
    "CreateRule": create_rule,
    "ModifyRule": modify_rule,
    "DeleteRule": delete_rule,
    "SetRulePriorities": set_rule_priorities,
    "DescribeRules": describe_rules,
}
