"""Putting, getting and deleting parameters."""

import msgspec

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ssm.records import PARAMETERS, VERSIONS, Parameter, Version, parameter_id
from aftershock.services.ssm.rules import errors, names, tags, values

from . import found
from .found import Sources


def put_parameter(sources: Sources, call: Call, params: Params) -> Result:
    name, overwrite = params["Name"], bool(params.get("Overwrite"))
    if params.get("Policies"):
        raise errors.validation("The parameter Policies is not supported in this region.")
    if overwrite and params.get("Tags"):
        raise errors.validation(
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource."
        )
    names.check_new(name)
    parameter = found.get(call, name)
    if parameter is not None and not overwrite:
        raise errors.already_exists()
    before = found.require_version(call, parameter) if parameter else None
    version = _next_version(call, params, before)
    if parameter is None:
        _require_room(call, version)
        parameter = Parameter(
            account=call.account,
            region=call.region,
            name=name,
            latest=1,
            tags=tags.tagged({}, params.get("Tags") or ()),
        )
    else:
        _forget_oldest(call, parameter)
    if version.key_id is not None:
        version = msgspec.structs.replace(version, value=sources.sealer.seal(version.value, version.id))
    PARAMETERS.put(call.tx, msgspec.structs.replace(parameter, latest=version.number))
    VERSIONS.put(call.tx, version)
    return {"Version": version.number, "Tier": version.tier}


def _next_version(call: Call, params: Params, before: Version | None) -> Version:
    """The version that is asked for; what is not given stays as it was."""
    parameter_type = values.type_of(params.get("Type"), before.type if before else None)
    key_id = values.key_of(params.get("KeyId"), parameter_type, f"{call.region}:{call.account}")
    allowed_pattern = params.get("AllowedPattern", before.allowed_pattern if before else None) or None
    data_type = params.get("DataType") or (before.data_type if before else "text")
    values.check_value(params["Value"], allowed_pattern, data_type)
    return Version(
        parameter_id=parameter_id(call.account, call.region, params["Name"]),
        number=before.number + 1 if before else 1,
        type=parameter_type,
        value=params["Value"],
        description=params.get("Description", before.description if before else None),
        allowed_pattern=allowed_pattern,
        key_id=key_id,
        tier=values.tier(params.get("Tier"), before.tier if before else None, len(params["Value"])),
        data_type=data_type,
        modified_at=call.now,
        modified_by=call.principal.arn,
    )


def _require_room(call: Call, version: Version) -> None:
    if version.tier != values.STANDARD or len(PARAMETERS.keys(call.tx)) < values.MAX_STANDARD_PARAMETERS:
        return
    raise AwsError(
        "ParameterLimitExceeded",
        f"You have reached the maximum number of standard parameters for this AWS account and Region "
        f"({values.MAX_STANDARD_PARAMETERS}). To add more parameters, either delete existing parameters or upgrade "
        "to the advanced-parameter tier (charges apply).",
    )


def _forget_oldest(call: Call, parameter: Parameter) -> None:
    """Make room for one more version.

    Raises:
        AwsError: ParameterMaxVersionLimitExceeded where the oldest one has a label.
    """
    versions = VERSIONS.where(call.tx, "parameter", parameter.id)
    if len(versions) < values.MAX_VERSIONS:
        return
    oldest = versions[0]
    if oldest.labels:
        raise AwsError(
            "ParameterMaxVersionLimitExceeded",
            f"You attempted to create a new version of {parameter.name} by calling the PutParameter API with the "
            f"overwrite flag. Version {oldest.number}, the oldest version, can't be deleted because it has a label "
            "associated with it. Move the label to another version of the parameter, and try again.",
        )
    VERSIONS.forget(call.tx, oldest.id)


def get_parameter(sources: Sources, call: Call, params: Params) -> Result:
    one = found.find(call, sources, params["Name"])
    if one is None:
        raise errors.not_found(params["Name"])
    return {"Parameter": one.view(sources, decrypted=found.is_decrypted(params))}


def get_parameters(sources: Sources, call: Call, params: Params) -> Result:
    shown, invalid = [], []
    for name in dict.fromkeys(params["Names"]):
        one = find_quietly(sources, call, name)
        if one is None:
            invalid.append(name)
        else:
            shown.append(one.view(sources, decrypted=found.is_decrypted(params)))
    return {"Parameters": shown, "InvalidParameters": invalid}


def find_quietly(sources: Sources, call: Call, name: str) -> found.Found | None:
    """What cannot be found, for whatever reason, is listed as invalid and refuses nothing."""
    try:
        return found.find(call, sources, name)
    except AwsError:
        return None


def delete_parameter(sources: Sources, call: Call, params: Params) -> Result:
    _delete(call, found.require(call, params["Name"]))
    return {}


def delete_parameters(sources: Sources, call: Call, params: Params) -> Result:
    deleted, invalid = [], []
    for name in dict.fromkeys(params["Names"]):
        parameter = found.get(call, name)
        if parameter is None:
            invalid.append(name)
        else:
            _delete(call, parameter)
            deleted.append(name)
    return {"DeletedParameters": deleted, "InvalidParameters": invalid}


def _delete(call: Call, parameter: Parameter) -> None:
    for version in VERSIONS.where(call.tx, "parameter", parameter.id):
        VERSIONS.forget(call.tx, version.id)
    PARAMETERS.forget(call.tx, parameter.id)


OPERATIONS = {
    "PutParameter": put_parameter,
    "GetParameter": get_parameter,
    "GetParameters": get_parameters,
    "DeleteParameter": delete_parameter,
    "DeleteParameters": delete_parameters,
}
