"""Labels on versions, and tags on parameters."""

import msgspec

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ssm.records import PARAMETERS, VERSIONS, Parameter
from aftershock.services.ssm.rules import errors, labels, tags

from . import found
from .found import Sources


def label_parameter_version(sources: Sources, call: Call, params: Params) -> Result:
    """A label that sits on another version of the parameter moves."""
    parameter = found.require(call, params["Name"])
    target = found.require_version(call, parameter, params.get("ParameterVersion"))
    valid = [label for label in params["Labels"] if labels.is_valid(label)]
    invalid = [label for label in params["Labels"] if not labels.is_valid(label)]
    after = labels.added(target.labels, valid)
    for version in VERSIONS.where(call.tx, "parameter", parameter.id):
        left = tuple(label for label in version.labels if label not in valid)
        kept = after if version.number == target.number else left
        VERSIONS.put(call.tx, msgspec.structs.replace(version, labels=kept))
    return {"InvalidLabels": invalid, "ParameterVersion": target.number}


def unlabel_parameter_version(sources: Sources, call: Call, params: Params) -> Result:
    parameter = found.require(call, params["Name"])
    version = found.require_version(call, parameter, params["ParameterVersion"])
    removed = [label for label in params["Labels"] if label in version.labels]
    left = tuple(label for label in version.labels if label not in removed)
    VERSIONS.put(call.tx, msgspec.structs.replace(version, labels=left))
    return {
        "RemovedLabels": removed,
        "InvalidLabels": [label for label in params["Labels"] if label not in removed],
    }


def add_tags_to_resource(sources: Sources, call: Call, params: Params) -> Result:
    parameter = _resource(call, params)
    PARAMETERS.put(call.tx, msgspec.structs.replace(parameter, tags=tags.tagged(parameter.tags, params["Tags"])))
    return {}


def remove_tags_from_resource(sources: Sources, call: Call, params: Params) -> Result:
    parameter = _resource(call, params)
    left = {key: value for key, value in parameter.tags.items() if key not in params["TagKeys"]}
    PARAMETERS.put(call.tx, msgspec.structs.replace(parameter, tags=left))
    return {}


def list_tags_for_resource(sources: Sources, call: Call, params: Params) -> Result:
    parameter = _resource(call, params)
    return {"TagList": [{"Key": key, "Value": value} for key, value in sorted(parameter.tags.items())]}


def _resource(call: Call, params: Params) -> Parameter:
    """
    Raises:
        AwsError: InvalidResourceType, InvalidResourceId: only parameters exist here.
    """
    if params["ResourceType"] != "Parameter":
        raise errors.invalid_resource_type()
    parameter = found.get(call, params["ResourceId"])
    if parameter is None:
        raise errors.invalid_resource_id()
    return parameter


OPERATIONS = {
    "LabelParameterVersion": label_parameter_version,
    "UnlabelParameterVersion": unlabel_parameter_version,
    "AddTagsToResource": add_tags_to_resource,
    "RemoveTagsFromResource": remove_tags_from_resource,
    "ListTagsForResource": list_tags_for_resource,
}
