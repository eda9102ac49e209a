"""Tags of groups."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.filters import Field, matching
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GROUPS, Group
from aftershock.services.autoscaling.rules import errors
from aftershock.services.autoscaling.rules.parameters import paged

from .found import require_group
from .settings import tags_of
from .views import tags_view


def create_or_update_tags(outside: Outside, call: Call, params: Params) -> Result:
    for tag in params["Tags"]:
        group = _tagged(call, tag)
        GROUPS.put(call.tx, replace(group, tags=tags_of(call, [tag], group.tags)))
    return {}


def _tagged(call: Call, tag: Mapping[str, Any]) -> Group:
    if tag.get("ResourceType", "auto-scaling-group") != "auto-scaling-group":
        raise errors.validation(f"The resource type {tag['ResourceType']} is not valid. It must be auto-scaling-group.")
    if not tag.get("ResourceId"):
        raise errors.validation("ResourceId is required for a tag.")
    return require_group(call, tag["ResourceId"])


def delete_tags(outside: Outside, call: Call, params: Params) -> Result:
    """AWS: a tag with a value is deleted only if it has that value."""
    for tag in params["Tags"]:
        group = _tagged(call, tag)
        kept = tuple(one for one in group.tags if one.key != tag["Key"] or tag.get("Value", one.value) != one.value)
        GROUPS.put(call.tx, replace(group, tags=kept))
    return {}


def describe_tags(outside: Outside, call: Call, params: Params) -> Result:
    groups = sorted((one for one in GROUPS.every(call.tx) if one.account == call.account), key=lambda one: one.name)
    every = [tag for group in groups for tag in tags_view(group)]
    fields: dict[str, Field[dict[str, Any]]] = {
        "auto-scaling-group": lambda tag: tag["ResourceId"],
        "key": lambda tag: tag["Key"],
        "value": lambda tag: tag["Value"],
        "propagate-at-launch": lambda tag: tag["PropagateAtLaunch"],
    }
    found = sorted(matching(every, params.get("Filters"), fields=fields), key=_place)
    return paged(params, found, key=_place, answer="Tags", view=lambda tag: tag)


def _place(tag: Mapping[str, Any]) -> str:
    return f"{tag['ResourceId']}\0{tag['Key']}"


OPERATIONS = {
    "CreateOrUpdateTags": create_or_update_tags,
    "DeleteTags": delete_tags,
    "DescribeTags": describe_tags,
}
