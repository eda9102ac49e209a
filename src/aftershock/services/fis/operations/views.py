"""Records in the words of the wire."""

from aftershock.aws.arn import Arn
from aftershock.aws.call import Result
from aftershock.services.fis.records import Action, Experiment, Plan, StopCondition, Target, Template
from aftershock.services.fis.rules.progress import progress_of


def arn(region: str, account: str, kind: str, name: str) -> str:
    return str(Arn("fis", region, account, f"{kind}/{name}"))


def template(found: Template, region: str) -> Result:
    return {
        "id": found.id,
        "arn": arn(region, found.account, "experiment-template", found.id),
        "description": found.description,
        **_plan(found.plan),
        "actions": {name: _action(one) for name, one in found.plan.actions.items()},
        "creationTime": found.created_at,
        "lastUpdateTime": found.updated_at,
        "tags": found.tags,
        "experimentOptions": _options(found.plan),
        "targetAccountConfigurationsCount": 0,
    }


def template_summary(found: Template, region: str) -> Result:
    return {
        "id": found.id,
        "arn": arn(region, found.account, "experiment-template", found.id),
        "description": found.description,
        "creationTime": found.created_at,
        "lastUpdateTime": found.updated_at,
        "tags": found.tags,
    }


def experiment(found: Experiment) -> Result:
    return {
        "id": found.id,
        "arn": arn(found.region, found.account, "experiment", found.id),
        "experimentTemplateId": found.template_id,
        "state": _state(found),
        **_plan(found.plan),
        "actions": {name: _progressed(found, name) for name in found.plan.actions},
        "creationTime": found.created_at,
        "startTime": found.started_at,
        "endTime": found.ended_at,
        "tags": found.tags,
        "experimentOptions": _mode(found),
        "targetAccountConfigurationsCount": 0,
    }


def experiment_summary(found: Experiment) -> Result:
    return {
        "id": found.id,
        "arn": arn(found.region, found.account, "experiment", found.id),
        "experimentTemplateId": found.template_id,
        "state": _state(found),
        "creationTime": found.created_at,
        "tags": found.tags,
        "experimentOptions": _mode(found),
    }


def _state(found: Experiment) -> Result:
    if found.stop_asked and found.ended_at is None:
        return {"status": "stopping", "reason": "Stopping Experiment."}
    return {"status": found.status, "reason": found.reason}


def _options(plan: Plan) -> Result:
    return {"accountTargeting": "single-account", "emptyTargetResolutionMode": plan.empty_targets}


def _mode(found: Experiment) -> Result:
    return _options(found.plan) | {"actionsMode": "skip-all" if found.skips_all else "run-all"}


def _plan(plan: Plan) -> Result:
    return {
        "targets": {name: _target(one) for name, one in plan.targets.items()},
        "stopConditions": [_condition(one) for one in plan.stop_conditions],
        "roleArn": plan.role_arn,
    }


def _target(found: Target) -> Result:
    return {
        "resourceType": found.type,
        "resourceArns": list(found.arns) or None,
        "resourceTags": found.tags or None,
        "filters": [{"path": one.path, "values": list(one.values)} for one in found.filters] or None,
        "selectionMode": found.selection,
        "parameters": found.parameters or None,
    }


def _condition(found: StopCondition) -> Result:
    return {"source": found.source, "value": found.value}


def _action(found: Action) -> Result:
    return {
        "actionId": found.action_id,
        "description": found.description,
        "parameters": found.parameters,
        "targets": found.targets,
        "startAfter": list(found.start_after) or None,
    }


def _progressed(found: Experiment, name: str) -> Result:
    progress = progress_of(found, name)
    return _action(found.plan.actions[name]) | {
        "state": {"status": progress.status, "reason": progress.reason},
        "startTime": progress.started_at,
        "endTime": progress.ended_at,
    }
