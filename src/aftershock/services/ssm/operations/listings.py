"""Parameters by path, by description, and through time."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aftershock.aws import paging
from aftershock.aws.call import Call, Params, Result
from aftershock.services.ssm.records import VERSIONS, Parameter, Version
from aftershock.services.ssm.rules import errors, filters, names

from . import found
from .found import Sources

T = TypeVar("T")

BY_PATH_SIZE = 10
DESCRIBED_SIZE = 50
HISTORY_SIZE = 50


def get_parameters_by_path(sources: Sources, call: Call, params: Params) -> Result:
    path, recursive, asked = params["Path"], bool(params.get("Recursive")), params.get("ParameterFilters") or []
    names.check_path(path)
    filters.check(asked, by_path=True)
    labels = [label for one in asked if one["Key"] == "Label" for label in one.get("Values") or ()]
    others = [one for one in asked if one["Key"] != "Label"]
    below = [one for one in found.every(call) if names.is_below(one.name, path, recursive=recursive)]
    chosen = [
        found.of_version(parameter, version)
        for parameter in below
        for version in _labelled(call, parameter, labels)
        if filters.passes(_facts(parameter, version), others)
    ]
    if path != "/" and not labels:
        public = found.public_below(call, sources, path, recursive=recursive)
        chosen += [one for one in public if filters.passes(_public_facts(one), others)]
    page, token = _page(params, chosen, lambda one: one.name, BY_PATH_SIZE)
    decrypted = found.is_decrypted(params)
    return {"Parameters": [one.view(sources, decrypted=decrypted) for one in page], "NextToken": token}


def _labelled(call: Call, parameter: Parameter, labels: Sequence[str]) -> list[Version]:
    """The newest version; where labels are asked for, the version that has one of them, if any."""
    if not labels:
        return [found.require_version(call, parameter)]
    versions = VERSIONS.where(call.tx, "parameter", parameter.id)
    return [version for version in versions if set(labels) & set(version.labels)][-1:]


def describe_parameters(sources: Sources, call: Call, params: Params) -> Result:
    if params.get("Shared"):
        raise errors.validation("The parameter Shared is not supported in this region: nobody shares parameters.")
    old, asked = params.get("Filters") or [], params.get("ParameterFilters") or []
    if old and asked:
        raise errors.validation("You can use either Filters or ParameterFilters in a single request.")
    asked = asked or filters.from_old(old)
    filters.check(asked, by_path=False)
    described = [(parameter, found.require_version(call, parameter)) for parameter in found.every(call)]
    chosen = [pair for pair in described if filters.passes(_facts(*pair), asked)]
    page, token = _page(params, chosen, lambda pair: pair[0].name, DESCRIBED_SIZE)
    shown = [{"Name": parameter.name, "ARN": parameter.arn, **found.metadata(version)} for parameter, version in page]
    return {"Parameters": shown, "NextToken": token}


def get_parameter_history(sources: Sources, call: Call, params: Params) -> Result:
    """The oldest version first."""
    parameter = found.require(call, params["Name"])
    versions = VERSIONS.where(call.tx, "parameter", parameter.id)
    page, token = _page(params, versions, lambda version: version.id, HISTORY_SIZE)
    return {"Parameters": [_past(sources, parameter, version, params) for version in page], "NextToken": token}


def _past(sources: Sources, parameter: Parameter, version: Version, params: Params) -> Result:
    sealed_for = found.seal_context(version)
    decrypted = found.is_decrypted(params)
    return {
        "Name": parameter.name,
        **found.metadata(version),
        "Value": found.opened(sources, version.value, sealed_for) if decrypted else version.value,
        "Labels": list(version.labels),
    }


def _facts(parameter: Parameter, version: Version) -> filters.Facts:
    return filters.Facts(
        name=parameter.name,
        type=version.type,
        tier=version.tier,
        data_type=version.data_type,
        key_id=version.key_id,
        tags=parameter.tags,
    )


def _public_facts(public: found.Found) -> filters.Facts:
    return filters.Facts(
        name=public.name, type=public.type, tier="Standard", data_type=public.data_type, key_id=None, tags={}
    )


def _page(params: Params, items: Sequence[T], key: Callable[[T], str], size: int) -> tuple[Sequence[T], str | None]:
    try:
        return paging.page(items, key=key, token=params.get("NextToken"), size=params.get("MaxResults", size))
    except paging.InvalidToken:
        raise errors.invalid_token() from None


OPERATIONS = {
    "GetParametersByPath": get_parameters_by_path,
    "DescribeParameters": describe_parameters,
    "GetParameterHistory": get_parameter_history,
}
