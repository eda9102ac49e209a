"""What to type on AWS.  Pure."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .template import Template

MAX_BODY_BYTES = 51_200  # AWS: "Template body size in a request"; beyond it goes through a bucket
# Ids of things that this region has and AWS has not.
OURS = re.compile(
    r"^(ami|vpc|subnet|sg|vol|snap|eni|eipalloc|i|rtb|igw|lt|acl)-[0-9a-f]{8,17}$|^Z[0-9A-Z]{12,}$|^arn:aws:"
)
# The part of a parameter's type that says what kind of thing it names, and how an account's own are listed.
LISTED_BY = {
    "Subnet::Id": "aws ec2 describe-subnets --filters Name=default-for-az,Values=true --query Subnets[].SubnetId",
    "VPC::Id": "aws ec2 describe-vpcs --filters Name=is-default,Values=true --query Vpcs[].VpcId",
    "SecurityGroup::Id": "aws ec2 describe-security-groups --query SecurityGroups[].GroupId",
    "KeyPair::KeyName": "aws ec2 describe-key-pairs --query KeyPairs[].KeyName",
    "Image::Id": "aws ssm get-parameter --name /aws/service/debian/release/12/latest/amd64 --query Parameter.Value",
    "HostedZone::Id": "aws route53 list-hosted-zones --query HostedZones[].Id",
    "Instance::Id": "aws ec2 describe-instances --query Reservations[].Instances[].InstanceId",
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stack as it is here."""

    stack: str
    parameters: Mapping[str, str]
    capabilities: Sequence[str]


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter whose value has to be another one on AWS."""

    name: str
    why: str


def asked(deployment: Deployment, template: Template) -> list[Asked]:
    found = []
    for name, value in deployment.parameters.items():
        declared = template.parameters.get(name, {})
        kind = str(declared.get("Type", "String"))
        if kind.startswith("AWS::SSM::"):
            continue  # a name, which AWS looks up itself
        if value and set(value) == {"*"}:
            found.append(Asked(name, "it is not shown (NoEcho)"))
        elif any(OURS.match(one.strip()) for one in value.split(",")) or kind.endswith("KeyPair::KeyName"):
            known = next((command for end, command in LISTED_BY.items() if end in kind), None)
            found.append(Asked(name, f"it is of this region; yours: {known}" if known else "it is of this region"))
    return found


def of_the_cdk(template: Template) -> bool:
    """Whether an app of the CDK has made it: then only that knows which assets belong to it, and uploads them."""
    return any(
        str(one.get("Type")).startswith("AWS::SSM::Parameter::Value<")
        and str(one.get("Default")).startswith("/cdk-bootstrap/")
        for one in template.parameters.values()
    )


def commands(deployment: Deployment, template: Template, file: str, region: str) -> Iterator[list[str]]:
    """As argument lists; what has to be filled in stands in capitals."""
    if of_the_cdk(template):
        yield ["npx", "cdk", "bootstrap", f"aws://YOUR-ACCOUNT/{region}"]
        yield ["npx", "cdk", "diff", deployment.stack]
        yield ["npx", "cdk", "deploy", deployment.stack]
        yield ["aws", "cloudformation", "describe-stacks", "--region", region, "--stack-name", deployment.stack]
        return
    missing = {one.name for one in asked(deployment, template)}
    values = {
        name: f"YOUR-{name.upper()}" if name in missing else value for name, value in deployment.parameters.items()
    }
    yield ["aws", "cloudformation", "validate-template", "--region", region, "--template-body", f"file://{file}"]
    deploy = ["aws", "cloudformation", "deploy", "--region", region, "--stack-name", deployment.stack]
    deploy += ["--template-file", file]
    if len(template.body.encode()) > MAX_BODY_BYTES:
        deploy += ["--s3-bucket", "YOUR-BUCKET"]
    if deployment.capabilities:
        deploy += ["--capabilities", *deployment.capabilities]
    if values:
        deploy += ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]
    yield [*deploy, "--no-execute-changeset"]
    yield deploy
    yield ["aws", "cloudformation", "describe-stacks", "--region", region, "--stack-name", deployment.stack]


def text(argv: Sequence[str]) -> str:
    return shlex.join(argv)


def deployment_of(stack: Mapping[str, Any]) -> Deployment:
    """From an answer of DescribeStacks."""
    return Deployment(
        stack=stack["StackName"],
        parameters={one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])},
        capabilities=tuple(stack.get("Capabilities", [])),
    )
