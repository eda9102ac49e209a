"""From here to AWS: each check sees its mistake and nothing else, and what is said of our services stands there too."""

import shlex
from pathlib import Path
from textwrap import indent

import botocore.session
import pytest
from botocore.validate import ParamValidator

from aftershock.lab.graduation import commands, differences, linting, nesting, security
from aftershock.lab.graduation.findings import Level
from aftershock.lab.graduation.template import Unreadable, read, reference

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "src/aftershock/sites/whatisthetime/templates").glob("*.yaml"))


def template(resources: str, parameters: str = "") -> str:
    head = f"Parameters:\n{indent(parameters, '  ')}\n" if parameters else ""
    return f"{head}Resources:\n{indent(resources, '  ')}"


def one(kind: str, **properties: str) -> str:
    said = "".join(f"    {name}: {value}\n" for name, value in properties.items())
    return template(f"It:\n  Type: {kind}\n  Properties:\n{said}")


RULE = "[{{IpProtocol: {}, FromPort: {}, ToPort: {}, {}}}]"
STATEMENT = "{{Statement: [{{Effect: Allow, {}}}]}}"
MISTAKES = [
    (
        "AWS::EC2::SecurityGroup",
        {"SecurityGroupIngress": RULE.format("tcp", 22, 22, "CidrIp: 0.0.0.0/0")},
        "open-to-all",
    ),
    (
        "AWS::EC2::SecurityGroup",
        {"SecurityGroupIngress": RULE.format("tcp", 0, 65535, "CidrIpv6: '::/0'")},
        "open-to-all",
    ),
    ("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": "[{IpProtocol: -1, CidrIp: 0.0.0.0/0}]"}, "open-to-all"),
    (
        "AWS::EC2::SecurityGroupIngress",
        {"IpProtocol": "tcp", "FromPort": "3389", "ToPort": "3389", "CidrIp": "0.0.0.0/0"},
        "open-to-all",
    ),
    ("AWS::EC2::Instance", {"ImageId": "x"}, "metadata-v1"),
    ("AWS::EC2::LaunchTemplate", {"LaunchTemplateData": "{ImageId: x}"}, "metadata-v1"),
    ("AWS::EC2::Volume", {"Size": "8"}, "unencrypted-disk"),
    ("AWS::IAM::ManagedPolicy", {"PolicyDocument": STATEMENT.format("Action: '*', Resource: '*'")}, "all-allowed"),
    (
        "AWS::IAM::Role",
        {"AssumeRolePolicyDocument": STATEMENT.format("Action: 'sts:AssumeRole', Principal: {AWS: '*'}")},
        "anybody",
    ),
    ("AWS::RDS::DBInstance", {"StorageEncrypted": "true", "PubliclyAccessible": "true"}, "public-database"),
    ("AWS::RDS::DBInstance", {"StorageEncrypted": "true", "MasterUserPassword": "hunter22"}, "secret-written"),
    ("AWS::S3::Bucket", {"AccessControl": "PublicRead"}, "public-bucket"),
    ("AWS::ElasticLoadBalancingV2::Listener", {"Protocol": "HTTP", "DefaultActions": "[{Type: forward}]"}, "no-tls"),
]
SOUND = [
    ("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": RULE.format("tcp", 443, 443, "CidrIp: 0.0.0.0/0")}),
    ("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": RULE.format("tcp", 22, 22, "CidrIp: 10.0.0.0/8")}),
    ("AWS::EC2::SecurityGroup", {"SecurityGroupIngress": RULE.format("icmp", -1, -1, "CidrIp: 0.0.0.0/0")}),
    ("AWS::EC2::Instance", {"MetadataOptions": "{HttpTokens: required}"}),
    ("AWS::EC2::Volume", {"Encrypted": "true"}),
    ("AWS::EC2::Volume", {"Encrypted": "!Ref Wanted"}),
    ("AWS::IAM::ManagedPolicy", {"PolicyDocument": STATEMENT.format("Action: 's3:Get*', Resource: '*'")}),
    ("AWS::RDS::DBInstance", {"StorageEncrypted": "true", "MasterUserPassword": "!Ref Password"}),
    ("AWS::RDS::DBInstance", {"StorageEncrypted": "true", "MasterUserPassword": "'{{resolve:ssm-secure:p}}'"}),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        {"Protocol": "HTTP", "DefaultActions": "[{Type: redirect, RedirectConfig: {StatusCode: HTTP_301}}]"},
    ),
]


@pytest.mark.parametrize("kind, properties, check", MISTAKES)
def test_a_mistake_is_found_with_its_place(kind: str, properties: dict[str, str], check: str) -> None:
    found = security.checked(read(one(kind, **properties)))
    assert [(each.check, each.where, each.line) for each in found] == [(check, "It", 2)]


@pytest.mark.parametrize("kind, properties", SOUND)
def test_what_is_sound_is_left_alone(kind: str, properties: dict[str, str]) -> None:
    assert security.checked(read(one(kind, **properties))) == []


@pytest.mark.parametrize(
    "rule, level",
    [
        (RULE.format("tcp", 22, 22, "CidrIp: 0.0.0.0/0"), Level.ERROR),
        (RULE.format("tcp", "!Ref Port", "!Ref Port", "CidrIp: 0.0.0.0/0"), Level.WARNING),
    ],
)
def test_what_only_a_parameter_tells_is_no_error(rule: str, level: Level) -> None:
    found = security.checked(read(one("AWS::EC2::SecurityGroup", SecurityGroupIngress=rule)))
    assert [each.level for each in found] == [level]


def test_an_instance_is_as_safe_as_its_launch_template() -> None:
    body = """
Resources:
  Recipe:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {MetadataOptions: {HttpTokens: required}}}
  It: {Type: AWS::EC2::Instance, Properties: {LaunchTemplate: {LaunchTemplateId: !Ref Recipe, Version: "1"}}}
"""
    assert security.checked(read(body)) == []


def test_a_secret_parameter_is_not_shown() -> None:
    shown = template("It: {Type: AWS::S3::Bucket}", "DbPassword: {Type: String}")
    assert [each.check for each in security.checked(read(shown))] == ["secret-shown"]
    hidden = shown.replace("{Type: String}", "{Type: String, NoEcho: true}")
    assert security.checked(read(hidden)) == []


def test_what_the_linter_says_has_its_line_and_resource() -> None:
    body = TEMPLATES[0].read_text().replace("HttpTokens: required", "HttpToken: required")
    found = linting.linted(body, "us-east-1")
    assert [each.level for each in found] == [Level.ERROR]
    assert (found[0].where, body.splitlines()[(found[0].line or 0) - 1].strip()) == (
        "Recipe",
        "MetadataOptions: {HttpToken: required}",
    )


@pytest.mark.parametrize("body", ["Resources: [", "Description: nothing", "- a list", "{"])
def test_what_is_no_template_is_said_to_be_none(body: str) -> None:
    with pytest.raises(Unreadable):
        read(body)


@pytest.mark.parametrize(
    "value, name",
    [
        ({"Ref": "A"}, "A"),
        ({"Fn::GetAtt": ["A", "Arn"]}, "A"),
        ({"Fn::GetAtt": "A.Arn"}, "A"),
        ({"Fn::Sub": "A"}, None),
        ("A", None),
        ({}, None),
    ],
)
def test_references(value: object, name: str | None) -> None:
    assert reference(value) == name


@pytest.mark.parametrize("row", differences.RECORDED_ONLY, ids=lambda row: row.said)
def test_what_is_said_to_be_recorded_only_stands_in_the_readme_of_its_service(row: differences.RecordedOnly) -> None:
    text = (ROOT / "src/aftershock/services" / row.service / "README.md").read_text()
    recorded = text[text.lower().index("recorded only") :]
    assert row.said in " ".join(recorded.split())


def test_what_differs_is_told_of_what_is_there() -> None:
    found = differences.differences(read(TEMPLATES[5].read_text()), 30.0)
    told = {each.where: each.said for each in found}
    assert "30 times as fast" in " ".join(each.said for each in found)
    assert "20 s (2 failed checks, 10 s apart)" in " ".join(each.said for each in found)
    assert {"Balancer", "Recipe", "Group", "Zone", "Name", "FollowTheLoad"} <= told.keys()
    assert not any(
        "times as fast" in each.said for each in differences.differences(read(TEMPLATES[0].read_text()), 1.0)
    )
    volume = read(one("AWS::EC2::Volume", Size="8"))
    assert "recorded only here" in differences.differences(volume, 1.0)[0].said


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://bucket.s3.amazonaws.com/child.yaml", False),
        ("https://s3.eu-west-1.amazonaws.com/bucket/child.yaml", False),
        ("!Sub 'https://${Bucket}.s3.amazonaws.com/child.yaml'", False),
        ("http://127.0.0.1:4566/bucket/child.yaml", True),
        ("http://localhost:4566/bucket/child.yaml", True),
        ("https://bucket.s3.localhost:4566/child.yaml", True),
        ("./child.yaml", True),
    ],
)
def test_a_nested_template_has_to_lie_where_aws_finds_it(url: str, found: bool) -> None:
    nested = read(one("AWS::CloudFormation::Stack", TemplateURL=url))
    assert [(each.level, each.where) for each in nesting.checked(nested)] == ([(Level.ERROR, "It")] if found else [])
    assert any("graduated by its own name" in each.said for each in differences.differences(nested, 1.0))


def test_what_a_bucket_only_records_is_told() -> None:
    bucket = read(one("AWS::S3::Bucket", LifecycleConfiguration="{Rules: [{Status: Enabled, ExpirationInDays: 1}]}"))
    assert differences.differences(bucket, 1.0)[0].said.startswith("recorded only here (Lifecycle)")


def test_the_commands_are_ones_that_aws_takes() -> None:
    body = TEMPLATES[4].read_text()
    deployment = commands.deployment_of(
        {
            "StackName": "web",
            "Parameters": [
                {"ParameterKey": "Subnets", "ParameterValue": "subnet-0123456789abcdef0,subnet-0123456789abcdef1"},
                {"ParameterKey": "Domain", "ParameterValue": "it's.example"},
                {"ParameterKey": "Image", "ParameterValue": "/aws/service/debian/release/12/latest/amd64"},
            ],
            "Capabilities": ["CAPABILITY_IAM"],
        }
    )
    parsed = read(body)
    assert [each.name for each in commands.asked(deployment, parsed)] == ["Subnets"]
    typed = [commands.text(argv) for argv in commands.commands(deployment, parsed, "web.yaml", "eu-central-1")]
    deploy = shlex.split(typed[2])
    overrides = deploy[deploy.index("--parameter-overrides") + 1 :]
    assert overrides == [
        "Subnets=YOUR-SUBNETS",
        "Domain=it's.example",
        "Image=/aws/service/debian/release/12/latest/amd64",
    ]
    assert "--s3-bucket" not in deploy
    assert deploy[deploy.index("--capabilities") + 1] == "CAPABILITY_IAM"
    # What `deploy` makes of this, held against the service's own model.
    model = botocore.session.get_session().get_service_model("cloudformation").operation_model("CreateChangeSet")
    asked = {
        "StackName": deploy[deploy.index("--stack-name") + 1],
        "ChangeSetName": "awscli-cloudformation-package-deploy",
        "TemplateBody": body,
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": [
            dict(zip(("ParameterKey", "ParameterValue"), each.split("=", 1), strict=True)) for each in overrides
        ],
    }
    assert not ParamValidator().validate(asked, model.input_shape).has_errors()


def test_a_large_template_goes_through_a_bucket() -> None:
    body = TEMPLATES[0].read_text() + "# long\n" * 10_000
    deployment = commands.Deployment("web", {}, ())
    typed = list(commands.commands(deployment, read(body), "web.yaml", "us-east-1"))
    assert "--s3-bucket" in typed[2]


def test_what_the_cdk_has_made_the_cdk_deploys() -> None:
    body = """
Parameters:
  BootstrapVersion: {Type: "AWS::SSM::Parameter::Value<String>", Default: /cdk-bootstrap/hnb659fds/version}
Resources: {Word: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}}
"""
    deployment = commands.Deployment("Site", {"BootstrapVersion": "/cdk-bootstrap/hnb659fds/version"}, ())
    typed = [commands.text(argv) for argv in commands.commands(deployment, read(body), "Site.json", "eu-west-1")]
    assert typed[:3] == ["npx cdk bootstrap aws://YOUR-ACCOUNT/eu-west-1", "npx cdk diff Site", "npx cdk deploy Site"]


def test_properties_that_a_condition_chooses_are_looked_at_in_every_branch() -> None:
    rules = ("tcp, FromPort: 443, ToPort: 443", "tcp, FromPort: 22, ToPort: 22", "tcp, FromPort: 22, ToPort: 22")
    groups = [f"{{SecurityGroupIngress: [{{IpProtocol: {rule}, CidrIp: 0.0.0.0/0}}]}}" for rule in rules]
    chosen = f"!If [A, {groups[0]}, !If [B, {groups[1]}, {groups[2]}]]"
    found = security.checked(read(template(f"It:\n  Type: AWS::EC2::SecurityGroup\n  Properties: {chosen}\n")))
    assert [(one.check, one.where) for one in found] == [("open-to-all", "It")]
