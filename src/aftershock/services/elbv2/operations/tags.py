"""Tags of load balancers, target groups, listeners and rules, by their ARNs."""

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from aftershock.aws import arn
from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.listener import LISTENERS, RULES
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS
from aftershock.services.elbv2.rules import errors
from aftershock.services.elbv2.rules.tags import tagged, view
from aftershock.store import Table

from .found import (
    Handler,
    Sources,
    default_rule_of,
    require_listener,
    require_load_balancer,
    require_rule,
    require_target_group,
)

MAX_DESCRIBED = 20  # AWS: "You can specify up to 20 Amazon Resource Names in a single call"


@dataclass(frozen=True, slots=True)
class Tagged:
    record: Any
    table: Table[Any]


def _require(call: Call, text: str) -> Tagged:
    """
    Raises:
        AwsError: ValidationError, or that nothing of this kind has the ARN
    """
    parsed = arn.parse(text)
    match (parsed.resource if parsed else "").split("/")[0]:
        case "loadbalancer":
            return Tagged(require_load_balancer(call, text), LOAD_BALANCERS)
        case "targetgroup":
            return Tagged(require_target_group(call, text), TARGET_GROUPS)
        case "listener":
            return Tagged(require_listener(call, text), LISTENERS)
        case "listener-rule":
            if default_rule_of(call, text):
                raise errors.not_permitted(f"Default rule '{text}' cannot have tags")
            return Tagged(require_rule(call, text), RULES)
    raise errors.invalid(f"'{text}' is not a valid resource ARN")


def add_tags(sources: Sources, call: Call, params: Params) -> Result:
    for one in dict.fromkeys(params["ResourceArns"]):
        found = _require(call, one)
        found.table.put(call.tx, replace(found.record, tags=tagged(found.record.tags, params["Tags"])))
    return {}


def remove_tags(sources: Sources, call: Call, params: Params) -> Result:
    gone = set(params["TagKeys"])
    for one in dict.fromkeys(params["ResourceArns"]):
        found = _require(call, one)
        kept = {key: value for key, value in found.record.tags.items() if key not in gone}
        found.table.put(call.tx, replace(found.record, tags=kept))
    return {}


def describe_tags(sources: Sources, call: Call, params: Params) -> Result:
    arns = list(dict.fromkeys(params["ResourceArns"]))
    if len(arns) > MAX_DESCRIBED:
        raise errors.invalid(f"Up to '{MAX_DESCRIBED}' resource ARNs can be specified")
    told = [{"ResourceArn": one, "Tags": view(_require(call, one).record.tags)} for one in arns]
    return {"TagDescriptions": told}


OPERATIONS: dict[str, Handler] = {
    "AddTags": add_tags,
    "RemoveTags": remove_tags,
    "DescribeTags": describe_tags,
}
