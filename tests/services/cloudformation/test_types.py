"""Every resource type against AWS's own schema of it, as cfn-lint carries it: we have nothing that AWS has not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from aftershock.services import cloudformation
from aftershock.services.cloudformation.rules.schema import Kind, Need
from aftershock.services.cloudformation.types import TYPES

# What is replaced here though AWS's schema does not say so, or the other way round.
OTHERWISE_REPLACED = {
    # The user guide: "Update requires: Replacement"; the schema names it as the identifier only.
    ("AWS::Route53::RecordSet", "Name"),
}

# Attributes that the schema has and nothing here could answer.
NO_ATTRIBUTE: dict[str, tuple[str, ...]] = {
    # Of those that are of a whole region, and not of a zone.
    "AWS::EC2::NatGateway": ("AutoProvisionZones", "AutoScalingIps", "RouteTableId"),
    "AWS::EC2::NetworkInterface": ("PrimaryIpv6Address", "PublicIpDnsNameOptions"),  # no IPv6, no such names
    "AWS::EC2::Subnet": ("BlockPublicAccessStates",),  # nobody blocks it
    "AWS::EC2::VPC": ("VpcEncryptionControl",),  # nothing is encrypted between machines
    "AWS::IAM::AccessKey": ("SecretAccessKey",),  # told once, by the operation that makes it, and not kept
    "AWS::S3::Bucket": ("MetadataConfiguration", "MetadataTableConfiguration", "WebsiteURL"),  # no tables, no websites
}

# What is required here and not by the schema, because the only other way is not here, or no operation would take it.
ALSO_REQUIRED = {
    ("AWS::CertificateManager::Certificate", "ValidationMethod"),  # missing, it means e-mail
    ("AWS::CloudWatch::Alarm", "ComparisonOperator"),  # other alarms have EvaluationCriteria
    ("AWS::CloudWatch::Alarm", "EvaluationPeriods"),
    ("AWS::EC2::NatGateway", "SubnetId"),  # others are of a whole region
    ("AWS::EC2::Route", "DestinationCidrBlock"),  # other routes are for IPv6 and prefix lists
    ("AWS::EC2::VPC", "CidrBlock"),  # other VPCs take theirs of a pool
    ("AWS::EC2::VPCGatewayAttachment", "InternetGatewayId"),  # other gateways are for VPNs
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "ListenerArn"),
    ("AWS::IAM::GroupPolicy", "PolicyDocument"),
    ("AWS::IAM::RolePolicy", "PolicyDocument"),
    ("AWS::IAM::ServiceLinkedRole", "AWSServiceName"),
    ("AWS::IAM::UserPolicy", "PolicyDocument"),
    ("AWS::Route53::HostedZone", "Name"),
    ("AWS::Route53::RecordSetGroup", "RecordSets"),
}

# What a template may write of each kind; CloudFormation turns scalars into one another.
SCALARS = {"string", "integer", "number", "boolean"}
WRITTEN = {
    "Boolean": SCALARS,
    "Double": SCALARS,
    "Integer": SCALARS,
    "Json": {"object", "string", "array"},
    "List": {"array"},
    "Map": {"object"},
    "Object": {"object"},
    "String": SCALARS,
}

Node = Mapping[str, Any]


def schema_of(name: str) -> Node:
    found: Node = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema
    return found


def names_of(schema: Node, listed: str) -> set[str]:
    return {path.removeprefix("/properties/").replace("/", ".") for path in schema.get(listed, [])}


def resolved(schema: Node, node: Node) -> Node:
    while "$ref" in node:
        found: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def ways(schema: Node, node: Node) -> Iterator[Node]:
    """The node and whatever it says that may be instead."""
    node = resolved(schema, node)
    yield node
    for word in ("oneOf", "anyOf", "allOf"):
        for one in node.get(word, []):
            yield from ways(schema, one)


def beyond(schema: Node, kind: Kind, node: Node, path: str) -> Iterator[str]:
    """What our kind takes and AWS's schema does not, to any depth."""
    every = list(ways(schema, node))
    types = {one for way in every for one in _listed(way.get("type", []))}
    if types and not types & WRITTEN[kind.name]:
        yield f"{path} is {sorted(types)} on AWS, and {kind.name} here"
    match kind.name:
        case "List":
            assert kind.member is not None
            for way in every:
                if "items" in way:
                    yield from beyond(schema, kind.member, way["items"], f"{path}[]")
        case "Map":
            assert kind.member is not None
            for way in every:
                for one in way.get("patternProperties", {}).values():
                    yield from beyond(schema, kind.member, one, f"{path}.*")
        case "Object":
            there = {name: one for way in every for name, one in way.get("properties", {}).items()}
            required = {name for way in every for name in way.get("required", [])}
            for name in sorted(required & there.keys() - kind.required - (kind.members or {}).keys()):
                yield f"{path}.{name} is required on AWS, and not known here"
            for name, inner in (kind.members or {}).items():
                if name in there:
                    yield from beyond(schema, inner, there[name], f"{path}.{name}")
                else:
                    yield f"{path}.{name} is not known on AWS"


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_property_that_is_taken_is_one_of_awss(name: str) -> None:
    schema, kind = schema_of(name), TYPES[name]
    settable = schema["properties"].keys() - names_of(schema, "readOnlyProperties")
    assert kind.properties.keys() <= settable
    wrong = [
        one
        for prop, said in kind.properties.items()
        for one in beyond(schema, said.kind, schema["properties"][prop], prop)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_replaces_a_resource_on_aws_replaces_it_here(name: str) -> None:
    schema, kind = schema_of(name), TYPES[name]
    fixed, either = names_of(schema, "createOnlyProperties"), names_of(schema, "conditionalCreateOnlyProperties")
    ours = {prop for prop, said in kind.properties.items() if said.need is Need.REPLACEMENT}
    known = {prop for prop in kind.properties if (name, prop) not in OTHERWISE_REPLACED} - either
    assert ours & known == fixed & known
    for path in fixed:  # of members of a property
        prop, _, member = path.partition(".")
        if member and prop in kind.properties and member in (kind.properties[prop].kind.members or {}):
            assert kind.need({prop: {member: "was"}}, {prop: {member: "is"}}, None) is Need.REPLACEMENT


@pytest.mark.parametrize("name", sorted(TYPES))
def test_the_attributes_are_awss(name: str) -> None:
    kind = TYPES[name]
    known = set(PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).get_atts)
    read_only = {one for one in names_of(schema_of(name), "readOnlyProperties") if one in known}
    assert set(kind.attributes) <= known
    without = NO_ATTRIBUTE.get(name, ())
    missing = {one for one in read_only - set(kind.attributes) if one.partition(".")[0] not in without}
    assert missing == set()


@pytest.mark.parametrize("name", sorted(TYPES))
def test_what_aws_requires_is_required(name: str) -> None:
    kind, required = TYPES[name], set(schema_of(name).get("required", []))
    ours = {prop for prop, said in kind.properties.items() if said.required}
    assert required <= ours
    assert {(name, prop) for prop in ours - required} <= ALSO_REQUIRED


@pytest.mark.parametrize("name", sorted(TYPES))
def test_tags_of_the_stack_reach_what_has_tags_on_aws(name: str) -> None:
    schema, kind = schema_of(name), TYPES[name]
    assert (kind.tags is not None) == ("Tags" in kind.properties)
    if kind.tags is not None:
        plain = next(iter(ways(schema, schema["properties"]["Tags"])))
        assert (plain["type"] == "object") == (kind.tags == "map")


SERVICES = {
    "AutoScaling": "Auto Scaling",
    "CertificateManager": "Certificate Manager",
    "ECR": "Elastic Container Registry",
    "ElasticLoadBalancingV2": "Elastic Load Balancing",
    "FIS": "Fault Injection Service",
    "Route53": "Route 53",
    "SSM": "Systems Manager",
}


def test_the_readme_has_every_type() -> None:
    text = (Path(cloudformation.__file__).parent / "README.md").read_text()
    table = text.partition("| service | types |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    wanted: dict[str, list[str]] = {}
    for name in sorted(TYPES):
        _, service, kind = name.split("::")
        wanted.setdefault(SERVICES.get(service, service), []).append(kind)
    assert {service: kinds.split(", ") for service, kinds in rows} == wanted


def test_no_exception_outlives_its_reason() -> None:
    assert {name for name, _ in OTHERWISE_REPLACED | ALSO_REQUIRED} | NO_ATTRIBUTE.keys() <= TYPES.keys()
    for name, prop in ALSO_REQUIRED:
        assert TYPES[name].properties[prop].required
        assert prop not in schema_of(name).get("required", [])
    for name, prop in OTHERWISE_REPLACED:
        fixed = prop in names_of(schema_of(name), "createOnlyProperties")
        assert fixed != (TYPES[name].properties[prop].need is Need.REPLACEMENT)
