"""Experiments: started, stopped, shown."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.fis.records import EXPERIMENTS, Experiment
from aftershock.services.fis.rules.errors import invalid, not_found, over_quota
from aftershock.services.fis.rules.tags import checked
from aftershock.services.fis.rules.templates import MAX_ACTIVE

from . import templates, tokens, views
from .pages import paged


def start_experiment(call: Call, params: Params) -> Result:
    if made := tokens.made_before(call, "StartExperiment", params):
        return {"experiment": views.experiment(require(call, made))}
    template = templates.require(call, params["experimentTemplateId"])
    if EXPERIMENTS.count(call.tx, "active", call.account) >= MAX_ACTIVE:
        raise over_quota(f"The account has {MAX_ACTIVE} active experiments, which is the quota.")
    started = Experiment(
        id=f"EXP{call.new_id('x')[3:]}",
        account=call.account,
        region=call.region,
        template_id=template.id,
        plan=template.plan,
        tags=checked({}, params.get("tags") or {}),
        skips_all=(params.get("experimentOptions") or {}).get("actionsMode") == "skip-all",
        created_at=call.now,
    )
    EXPERIMENTS.put(call.tx, started)
    tokens.remember(call, "StartExperiment", params, started.id)
    return {"experiment": views.experiment(started)}


def stop_experiment(call: Call, params: Params) -> Result:
    found = require(call, params["id"])
    if found.ended_at is not None:
        raise invalid(f"Experiment {found.id} is {found.status}, so that it cannot be stopped.")
    if not found.stop_asked:
        found = replace(found, stop_asked=True, generation=found.generation + 1)
        EXPERIMENTS.put(call.tx, found)
    return {"experiment": views.experiment(found)}


def get_experiment(call: Call, params: Params) -> Result:
    return {"experiment": views.experiment(require(call, params["id"]))}


def list_experiments(call: Call, params: Params) -> Result:
    found = EXPERIMENTS.where(call.tx, "account", call.account)
    wanted = params.get("experimentTemplateId")
    return paged(
        params,
        [one for one in found if wanted in (None, one.template_id)],
        "experiments",
        key=lambda one: one.id,
        view=views.experiment_summary,
    )


def list_experiment_resolved_targets(call: Call, params: Params) -> Result:
    found = require(call, params["experimentId"])
    wanted = params.get("targetName")
    if wanted is not None and wanted not in found.plan.targets:
        raise not_found(f'Experiment {found.id} has no target "{wanted}".')
    pairs = [(name, arn) for name, arns in found.resolved.items() if wanted in (None, name) for arn in arns]
    return paged(
        params,
        pairs,
        "resolvedTargets",
        key=" ".join,
        view=lambda pair: {
            "resourceType": found.plan.targets[pair[0]].type,
            "targetName": pair[0],
            "targetInformation": {"arn": pair[1]},
        },
    )


def require(call: Call, experiment_id: str) -> Experiment:
    """
    Raises:
        AwsError: ResourceNotFoundException
    """
    found = EXPERIMENTS.get(call.tx, experiment_id)
    if found is None or found.account != call.account:
        raise not_found(f"Experiment {experiment_id} not found.")
    return found


OPERATIONS: dict[str, Operation] = {
    "GetExperiment": get_experiment,
    "ListExperimentResolvedTargets": list_experiment_resolved_targets,
    "ListExperiments": list_experiments,
    "StartExperiment": start_experiment,
    "StopExperiment": stop_experiment,
}
