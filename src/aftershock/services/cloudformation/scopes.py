"""What the names in a stack's template stand for, asked of the region within one call."""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call, Result
from aftershock.aws.errors import AwsError

from . import reservations
from .handles import heard
from .records import EXPORTS, Plan, Resource, Stack
from .rules import dynamic as dynamic_references
from .rules.checking import active
from .rules.errors import TemplateError
from .rules.functions import Scope, Unknown
from .rules.parameters import AWS_TYPES, Declared
from .rules.template import Resource as Written
from .rules.template import Template, read
from .types import TYPES, Doing

SUFFIX = "amazonaws.com"


@lru_cache(maxsize=64)
def _read(text: str, values: tuple[tuple[str, Any], ...]) -> Template:
    return read(text, {name: list(value) if isinstance(value, tuple) else value for name, value in values})


def template_of(plan: Plan) -> Template:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in plan.values.items()}
    return _read(plan.template, tuple(sorted(values.items())))


def asking(ask: Ask, call: Call) -> Callable[..., Result]:
    """The way of one transaction: whatever is asked is part of the call."""

    def asked(service: str, operation: str, /, **params: Any) -> Result:
        return ask(service, operation, params, within=call)

    return asked


def pseudo(stack: Stack) -> dict[str, Any]:
    return {
        "AWS::AccountId": stack.account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": stack.region,
        "AWS::StackId": stack.id,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": SUFFIX,
    }


def plain_scope(stack: Stack, plan: Plan, template: Template, ask: Callable[..., Result] | None = None) -> Scope:
    """Without resources: for conditions and rules."""
    return Scope(
        values={**pseudo(stack), **plan.values},
        mappings=template.mappings,
        conditions=template.conditions,
        zones=(lambda region: zones(ask, stack.region, region)) if ask else _no_zones,
        extended=template.extended,
    )


def _no_zones(_region: str) -> list[str]:
    raise Unknown("Fn::GetAZs")


def zones(ask: Callable[..., Result], region: str, asked: str) -> list[str]:
    """AWS: Fn::GetAZs "returns an array that lists Availability Zones for a specified Region in alphabetical order"."""
    if asked not in ("", region):
        raise TemplateError(f"Template validation error: Template error: the region {asked} is not available here")
    answer = ask("ec2", "DescribeAvailabilityZones", Filters=[{"Name": "state", "Values": ["available"]}])
    return sorted(one["ZoneName"] for one in answer["AvailabilityZones"])


def full_scope(
    stack: Stack,
    plan: Plan,
    template: Template,
    resources: Mapping[str, Resource],
    *,
    call: Call,
    ask: Ask,
    imports: set[str] | None = None,
    marked: frozenset[str] = frozenset(),
    block: str = "Resources",
) -> Scope:
    """With the resources that there are; those imported are put into `imports`. `block`: whose names are looked up."""
    asked = asking(ask, call)
    plain = plain_scope(stack, plan, template, asked)
    there = active(template, plain)

    def require(name: str) -> Resource:
        if name not in there:
            raise TemplateError(
                f"Template format error: Unresolved resource dependencies [{name}] in the {block} block of the template"
            )
        found = resources.get(name)
        if found is None or found.physical_id is None:
            raise Unknown(name)
        return found

    def attribute(name: str, wanted: str) -> Any:
        found = require(name)
        made = doing(stack, found, ask=asked, marked=marked, heard=partial(heard, call.tx))
        assert found.physical_id is not None
        seen = TYPES[found.type].read(made, found.physical_id)
        if seen is None:
            raise TemplateError(f"Resource {name} ({found.physical_id}) does not exist")
        if wanted not in seen.attributes:
            raise TemplateError(
                f"Template error: resource {name} does not support attribute type {wanted} in Fn::GetAtt"
            )
        return seen.attributes[wanted]

    def imported(name: str) -> str:
        found = EXPORTS.get(call.tx, f"{stack.account}/{name}")
        if found is None:
            raise TemplateError(f"No export named {name} found.")
        if imports is not None:
            imports.add(name)
        return found.value

    return Scope(
        values=plain.values,
        mappings=plain.mappings,
        conditions=plain.conditions,
        reference=lambda name: require(name).physical_id,
        attribute=attribute,
        imported=imported,
        zones=plain.zones,
        extended=plain.extended,
    )


def doing(
    stack: Stack,
    resource: Resource,
    *,
    ask: Callable[..., Result],
    marked: frozenset[str] = frozenset(),
    properties: Mapping[str, Any] | None = None,
    signals: Mapping[str, str] | None = None,
    elapsed_s: float = 0.0,
    adopt: Callable[[str], None] = lambda _: None,
    heard: Callable[[str], Mapping[str, tuple[str, str, str]]],
) -> Doing:
    return Doing(
        ask=ask,
        stack_id=stack.id,
        stack_name=stack.name,
        account=stack.account,
        region=stack.region,
        logical_id=resource.logical_id,
        token=resource.token,
        properties=resource.properties if properties is None else properties,
        marked=marked,
        metadata=resource.metadata,
        state=resource.state,
        update_policy=resource.update_policy,
        signals=signals or {},
        elapsed_s=elapsed_s,
        capabilities=stack.current.capabilities,
        taking_back=stack.status.startswith("UPDATE_ROLLBACK"),
        reserved=reservations.of(stack, resource),
        continued=stack.continued,
        skipped=stack.retained,
        adopt=adopt,
        heard=heard,
    )


def active_in(stack: Stack, plan: Plan, ask: Callable[..., Result] | None = None) -> dict[str, Written]:
    template = template_of(plan)
    return active(template, plain_scope(stack, plan, template, ask))


_LOOKED_UP: Mapping[str, tuple[str, str, str]] = {
    "AWS::EC2::AvailabilityZone::Name": ("ec2", "DescribeAvailabilityZones", "ZoneNames"),
    "AWS::EC2::Image::Id": ("ec2", "DescribeImages", "ImageIds"),
    "AWS::EC2::Instance::Id": ("ec2", "DescribeInstances", "InstanceIds"),
    "AWS::EC2::KeyPair::KeyName": ("ec2", "DescribeKeyPairs", "KeyNames"),
    "AWS::EC2::SecurityGroup::GroupName": ("ec2", "DescribeSecurityGroups", "GroupNames"),
    "AWS::EC2::SecurityGroup::Id": ("ec2", "DescribeSecurityGroups", "GroupIds"),
    "AWS::EC2::Subnet::Id": ("ec2", "DescribeSubnets", "SubnetIds"),
    "AWS::EC2::Volume::Id": ("ec2", "DescribeVolumes", "VolumeIds"),
    "AWS::EC2::VPC::Id": ("ec2", "DescribeVpcs", "VpcIds"),
}


def exists(ask: Callable[..., Result], kind: str, value: str) -> bool:
    """Whether the account has what a value of one of AWS's parameter types names."""
    assert kind in AWS_TYPES
    try:
        if kind == "AWS::Route53::HostedZone::Id":
            ask("route53", "GetHostedZone", Id=value)
            return True
        service, operation, parameter = _LOOKED_UP[kind]
        answer = ask(service, operation, **{parameter: [value]})
        return any(answer.values())
    except AwsError:
        return False


def dynamic(ask: Callable[..., Result], text: str) -> str:
    """A text of a property, with what its dynamic references stand for.

    Raises:
        TemplateError: one of them stands for nothing
    """
    return dynamic_references.resolve(text, lambda key: _parameter(ask, key))


def _parameter(ask: Callable[..., Result], key: str) -> str | None:
    found = ask("ssm", "GetParameters", Names=[key]).get("Parameters", [])
    # AWS: what is encrypted is had by ssm-secure, and for a few properties, only.
    return str(found[0]["Value"]) if found and found[0]["Type"] != "SecureString" else None


def resolved(ask: Callable[..., Result], one: Declared, text: str) -> str:
    """The value that Systems Manager has under the name that the parameter has.

    Raises:
        TemplateError: it has none
    """
    answer = ask("ssm", "GetParameters", Names=[text])
    found = answer.get("Parameters", [])
    if not found:
        raise TemplateError(f"Unable to fetch parameters [{text}] from parameter store for this account.")
    if found[0]["Type"] == "SecureString":
        raise TemplateError(f"Parameters [{text}] referenced by template have types not supported by CloudFormation.")
    return str(found[0]["Value"])
