"""The actions and the kinds of targets that there are."""

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.fis.rules import actions, targets

from . import views
from .pages import paged


def get_action(call: Call, params: Params) -> Result:
    kind = actions.require(params["id"])
    parameters = {
        name: {"description": one.description, "required": one.required} for name, one in kind.parameters.items()
    }
    return {"action": _action(call, kind) | {"parameters": parameters}}


def list_actions(call: Call, params: Params) -> Result:
    return paged(params, actions.KINDS.values(), "actions", key=lambda one: one.id, view=lambda one: _action(call, one))


def _action(call: Call, kind: actions.Kind) -> Result:
    return {
        "id": kind.id,
        "arn": views.arn(call.region, call.account, "action", kind.id),
        "description": kind.description,
        "targets": {name: {"resourceType": one} for name, one in kind.targets.items()},
        "tags": {},
    }


def get_target_resource_type(call: Call, params: Params) -> Result:
    kind = targets.require(params["resourceType"])
    parameters = {name: {"description": one, "required": False} for name, one in kind.parameters.items()}
    return {"targetResourceType": _type(kind) | {"parameters": parameters}}


def list_target_resource_types(call: Call, params: Params) -> Result:
    return paged(params, targets.KINDS.values(), "targetResourceTypes", key=lambda one: one.type, view=_type)


def _type(kind: targets.Kind) -> Result:
    return {"resourceType": kind.type, "description": kind.description}


OPERATIONS: dict[str, Operation] = {
    "GetAction": get_action,
    "GetTargetResourceType": get_target_resource_type,
    "ListActions": list_actions,
    "ListTargetResourceTypes": list_target_resource_types,
}
