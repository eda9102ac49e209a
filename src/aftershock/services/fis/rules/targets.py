"""Targets: which kinds there are, which of the resources found are meant.

Source: AWS FIS user guide, "Targets".
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aftershock.aws import arn as arns
from aftershock.services.fis.records import Filter, Target

from .actions import INSTANCE, ROLE, SUBNET
from .errors import invalid, not_found

MAX_ARNS = 5  # AWS's quota "resources per target", of those given by ARN
_SELECTION = re.compile(r"ALL|(COUNT|PERCENT)\((\d{1,5})\)")


@dataclass(frozen=True, slots=True)
class Kind:
    type: str
    description: str
    service: str
    resource: str  # what its ARNs name: "instance/i-…"
    parameters: Mapping[str, str] = field(default_factory=dict)
    by_tags: bool = True


KINDS: Mapping[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind(INSTANCE, "An Amazon EC2 instance", "ec2", "instance"),
        Kind(
            SUBNET,
            "An Amazon VPC subnet",
            "ec2",
            "subnet",
            {
                "availabilityZoneIdentifier": "The Availability Zone, by its name or its id.",
                "vpc": "The VPC, by its id or its ARN.",
            },
        ),
        Kind(ROLE, "An AWS IAM role", "iam", "role", by_tags=False),
    )
}


def require(resource_type: str) -> Kind:
    """
    Raises:
        AwsError: ResourceNotFoundException
    """
    if resource_type not in KINDS:
        raise not_found(f"Target resource type {resource_type} not found.")
    return KINDS[resource_type]


def check(name: str, target: Target, account: str) -> None:
    """
    Raises:
        AwsError: the target does not say what it means, or says it in two ways.
    """
    if target.type not in KINDS:
        raise invalid(f'Target "{name}" has the unsupported resource type "{target.type}".')
    kind = KINDS[target.type]
    _check_selection(name, target.selection)
    if target.arns and (target.tags or target.parameters):
        raise invalid(f'Target "{name}" cannot have both resourceArns and resourceTags or parameters.')
    if not (target.arns or target.tags or target.parameters):
        raise invalid(f'Target "{name}" must have resourceArns, resourceTags or parameters.')
    if target.arns and target.filters:
        raise invalid(f'Target "{name}" cannot have both resourceArns and filters.')
    if target.tags and not kind.by_tags:
        raise invalid(f"TargetResourceType {target.type} does not support resourceTags.")
    for parameter in target.parameters:
        if parameter not in kind.parameters:
            raise invalid(f'Unexpected parameter "{parameter}" found in target "{name}".')
    if len(target.arns) > MAX_ARNS:
        raise invalid(f'Target "{name}" has more than {MAX_ARNS} resourceArns.')
    for arn in target.arns:
        parsed = arns.parse(arn)
        fits = parsed and parsed.service == kind.service and parsed.resource.startswith(f"{kind.resource}/")
        if parsed is None or not fits:
            raise invalid(f'"{arn}" in target "{name}" is not the ARN of a resource of type {target.type}.')
        if parsed.account != account:
            raise invalid(f'"{arn}" in target "{name}" belongs to another account.')


def _check_selection(name: str, selection: str) -> None:
    found = _SELECTION.fullmatch(selection)
    amount = int(found[2]) if found and found[1] else 1
    if found is None or amount < 1 or (found[1] == "PERCENT" and amount > 100):
        raise invalid(f'Target "{name}" has the invalid selection mode "{selection}".')


def selected(arns_found: Iterable[str], selection: str, seed: str) -> tuple[str, ...]:
    """Of these, as many as the mode says: by chance, and by the same chance for the same seed.

    AWS, of a percentage: "rounds down".
    """
    every = sorted(set(arns_found))
    found = _SELECTION.fullmatch(selection)
    if found is None or found[1] is None:
        return tuple(every)
    amount = int(found[2])
    count = amount if found[1] == "COUNT" else len(every) * amount // 100
    shuffled = sorted(every, key=lambda arn: hashlib.sha256(f"{seed} {arn}".encode()).digest())
    return tuple(sorted(shuffled[:count]))


def passes(resource: Mapping[str, Any], filters: Sequence[Filter]) -> bool:
    """AWS: a filter is true if any of its values is there, and all filters have to be."""
    return all(bool(set(_at(resource, one.path.split("."))) & set(one.values)) for one in filters)


def _at(value: Any, path: Sequence[str]) -> Iterable[str]:
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        if isinstance(value, bool):
            yield str(value).lower()
        elif value is not None and not isinstance(value, Mapping):
            yield str(value)
    elif isinstance(value, Mapping):
        yield from _at(value.get(path[0]), path[1:])
