"""Experiment templates."""

from functools import partial
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.fis.outside import Outside
from aftershock.services.fis.records import TEMPLATES, Plan, Template
from aftershock.services.fis.rules import templates, zones
from aftershock.services.fis.rules.errors import not_found, over_quota
from aftershock.services.fis.rules.tags import checked

from . import tokens, views
from .pages import paged


def create_experiment_template(outside: Outside, call: Call, params: Params) -> Result:
    if made := tokens.made_before(call, "CreateExperimentTemplate", params):
        return _shown(call, require(call, made))
    templates.refuse_unhonoured(params)
    plan = Plan(
        targets={name: templates.target(one) for name, one in (params.get("targets") or {}).items()},
        actions={name: templates.action(one) for name, one in params["actions"].items()},
        stop_conditions=templates.stop_conditions(params["stopConditions"]),
        role_arn=params["roleArn"],
        empty_targets=(params.get("experimentOptions") or {}).get("emptyTargetResolutionMode") or "fail",
    )
    _check(outside, call, plan)
    if TEMPLATES.count(call.tx, "account", call.account) >= templates.MAX_TEMPLATES:
        raise over_quota(f"The account has {templates.MAX_TEMPLATES} experiment templates, which is the quota.")
    made_now = Template(
        id=f"EXT{call.new_id('x')[3:]}",
        account=call.account,
        description=params["description"],
        plan=plan,
        tags=checked({}, params.get("tags") or {}),
        created_at=call.now,
        updated_at=call.now,
    )
    TEMPLATES.put(call.tx, made_now)
    tokens.remember(call, "CreateExperimentTemplate", params, made_now.id)
    return _shown(call, made_now)


def update_experiment_template(outside: Outside, call: Call, params: Params) -> Result:
    """What is named replaces what there is, whole."""
    found = require(call, params["id"])
    templates.refuse_unhonoured(params)
    changes: dict[str, Any] = {}
    if "targets" in params:
        changes["targets"] = {name: templates.target(one) for name, one in params["targets"].items()}
    if "actions" in params:
        before = {name: {"actionId": one.action_id} for name, one in found.plan.actions.items()}
        given = {name: {**before.get(name, {"actionId": ""}), **one} for name, one in params["actions"].items()}
        changes["actions"] = {name: templates.action(one) for name, one in given.items()}
    if "stopConditions" in params:
        changes["stop_conditions"] = templates.stop_conditions(params["stopConditions"])
    if "roleArn" in params:
        changes["role_arn"] = params["roleArn"]
    if mode := (params.get("experimentOptions") or {}).get("emptyTargetResolutionMode"):
        changes["empty_targets"] = mode
    plan = replace(found.plan, **changes)
    _check(outside, call, plan)
    description = params.get("description", found.description)
    changed = replace(found, plan=plan, description=description, updated_at=call.now)
    TEMPLATES.put(call.tx, changed)
    return _shown(call, changed)


def _check(outside: Outside, call: Call, plan: Plan) -> None:
    templates.check(plan, call.account)
    known = outside.ask("ec2", "DescribeAvailabilityZones", {}, within=call)["AvailabilityZones"]
    for action in plan.actions.values():
        zones.of_action(action, known)


def delete_experiment_template(call: Call, params: Params) -> Result:
    """Experiments that were started from it go on."""
    found = require(call, params["id"])
    TEMPLATES.forget(call.tx, found.id)
    return _shown(call, found)


def get_experiment_template(call: Call, params: Params) -> Result:
    return _shown(call, require(call, params["id"]))


def list_experiment_templates(call: Call, params: Params) -> Result:
    found = TEMPLATES.where(call.tx, "account", call.account)
    return paged(
        params,
        found,
        "experimentTemplates",
        key=lambda one: one.id,
        view=lambda one: views.template_summary(one, call.region),
    )


def require(call: Call, template_id: str) -> Template:
    """
    Raises:
        AwsError: ResourceNotFoundException
    """
    found = TEMPLATES.get(call.tx, template_id)
    if found is None or found.account != call.account:
        raise not_found(f"Experiment template {template_id} not found.")
    return found


def _shown(call: Call, found: Template) -> Result:
    return {"experimentTemplate": views.template(found, call.region)}


OPERATIONS: dict[str, Operation] = {
    "DeleteExperimentTemplate": delete_experiment_template,
    "GetExperimentTemplate": get_experiment_template,
    "ListExperimentTemplates": list_experiment_templates,
}


def operations(outside: Outside) -> dict[str, Operation]:
    return {
        "CreateExperimentTemplate": partial(create_experiment_template, outside),
        "UpdateExperimentTemplate": partial(update_experiment_template, outside),
    }
