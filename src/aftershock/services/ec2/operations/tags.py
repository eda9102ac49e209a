"""Tags of every EC2 resource, found by the prefix of its id."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import matching
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.ec2.records.compute_kinds import COMPUTE_KINDS
from aftershock.services.ec2.records.kinds import NETWORK_KINDS, by_prefix
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.rules import tags
from aftershock.services.ec2.rules.parameters import honours

from .describing import check_size

KINDS = by_prefix((*NETWORK_KINDS, *COMPUTE_KINDS))
RULE_PREFIX, RULE_TYPE = "sgr", "security-group-rule"  # a rule is part of its group's record

Change = Callable[[dict[str, str]], dict[str, str]]


@honours("Resources", "Tags")
def create_tags(call: Call, params: Params) -> Result:
    """AWS: the tags of one request go to all of its resources, or to none."""
    for resource_id in params["Resources"]:
        _change(call, resource_id, lambda before: tags.checked(params["Tags"], before=before, by=call.principal))
    return {}


@honours("Resources", "Tags")
def delete_tags(call: Call, params: Params) -> Result:
    for resource_id in params["Resources"]:
        _change(call, resource_id, lambda before: tags.without(before, params.get("Tags")))
    return {}


def _change(call: Call, resource_id: str, change: Change) -> None:
    prefix = resource_id.rpartition("-")[0]
    if prefix == RULE_PREFIX:
        _change_rule(call, resource_id, change)
        return
    kind = KINDS.get(prefix)
    if kind is None:
        raise AwsError("InvalidID", f"The ID '{resource_id}' is not valid")
    record = kind.require(call.tx, call.account, resource_id)
    kind.table.put(call.tx, replace(record, tags=change(record.tags)))


def _change_rule(call: Call, rule_id: str, change: Change) -> None:
    for group in SECURITY_GROUPS.where(call.tx, "rule", rule_id):
        if group.account == call.account:
            rules = tuple(replace(rule, tags=change(rule.tags)) if rule.id == rule_id else rule for rule in group.rules)
            SECURITY_GROUPS.put(call.tx, replace(group, rules=rules))
            return
    raise AwsError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist")


class _Tag(NamedTuple):
    resource_id: str
    resource_type: str
    key: str
    value: str


@honours("Filters", "MaxResults", "NextToken")
def describe_tags(call: Call, params: Params) -> Result:
    found = matching(
        sorted(_every(call)),
        params.get("Filters"),
        fields={
            "key": lambda tag: tag.key,
            "resource-id": lambda tag: tag.resource_id,
            "resource-type": lambda tag: tag.resource_type,
            "value": lambda tag: tag.value,
        },
        tags=lambda tag: {tag.key: tag.value},
    )
    size, token = params.get("MaxResults"), params.get("NextToken")
    check_size(size)
    try:
        shown, following = page(found, key=_place, token=token or None, size=size)
    except InvalidToken:
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid") from None
    view: list[dict[str, Any]] = [
        {"ResourceId": tag.resource_id, "ResourceType": tag.resource_type, "Key": tag.key, "Value": tag.value}
        for tag in shown
    ]
    return {"Tags": view, "NextToken": following}


def _place(tag: _Tag) -> str:
    return f"{tag.resource_id}\0{tag.key}"


def _every(call: Call) -> Iterator[_Tag]:
    for kind in KINDS.values():
        for record in kind.every(call.tx, call.account):
            yield from (_Tag(record.id, kind.type, key, value) for key, value in record.tags.items())
    for group in SECURITY_GROUPS.every(call.tx):
        if group.account == call.account:
            for rule in group.rules:
                yield from (_Tag(rule.id, RULE_TYPE, key, value) for key, value in rule.tags.items())


OPERATIONS: dict[str, Operation] = {
    "CreateTags": create_tags,
    "DeleteTags": delete_tags,
    "DescribeTags": describe_tags,
}
