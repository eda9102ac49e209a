"""A command that the console shows asks, typed into the real AWS CLI, for what the console would ask."""

import base64
import shlex

import botocore.session
import pytest
from awscli.clidriver import create_clidriver

from aftershock.console.acts import LOAD, TRUST
from aftershock.console.commands import Told, command

SESSION = botocore.session.Session()


def model(service, operation):
    return SESSION.get_service_model(service).operation_model(operation)


def parsed_by_the_cli(line, monkeypatch):
    """The parameters that the AWS CLI makes of a command line; nothing is sent."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    driver = create_clidriver()
    seen = []

    class Enough(Exception):
        pass

    def stop(params, **_):
        seen.append(params)
        raise Enough

    driver.session.register("before-parameter-build.*", stop, unique_id="ours")
    words = shlex.split(line)
    assert words[0] == "aws"
    driver.main(words[1:])
    return seen[0]


SCRIPT = LOAD.format(url="http://x.example/?a='b'", rate=5, minutes=1, seconds=60)
CASES = [
    ("ec2", "StopInstances", {"InstanceIds": ["i-1", "i-2"]}),
    ("ec2", "DescribeInstanceStatus", {"InstanceIds": ["i-1"], "IncludeAllInstances": True}),
    ("ec2", "DescribeVolumes", {"Filters": [{"Name": "attachment.instance-id", "Values": ["i-1"]}]}),
    ("ec2", "RevokeSecurityGroupIngress", {"GroupId": "sg-1", "SecurityGroupRuleIds": ["sgr-1"]}),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        {
            "GroupId": "sg-1",
            "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}
            ],
        },
    ),
    ("autoscaling", "SetDesiredCapacity", {"AutoScalingGroupName": "my group's", "DesiredCapacity": 4}),
    ("fis", "StopExperiment", {"id": "EXP1"}),
    ("elbv2", "DescribeTargetHealth", {"TargetGroupArn": "arn:aws:x"}),
    ("cloudformation", "DescribeStacks", {"StackName": "one"}),
]


@pytest.mark.parametrize("service, operation, params", CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_the_cli_reads_what_is_shown_as_it_was_meant(service, operation, params, monkeypatch):
    assert parsed_by_the_cli(command(model(service, operation), params), monkeypatch) == params


def test_user_data_is_shown_in_plain_and_arrives_as_it_is(monkeypatch):
    asked = {
        "ImageId": "resolve:ssm:/aws/x",
        "MinCount": 2,
        "MaxCount": 2,
        "UserData": base64.b64encode(SCRIPT.encode()).decode(),
    }
    line = command(model("ec2", "RunInstances"), asked)
    assert "--count 2" in line and "urllib.parse" in line
    assert parsed_by_the_cli(line, monkeypatch)["UserData"] == SCRIPT  # the CLI encodes it when it sends


def test_a_document_goes_through_a_shell_unharmed(monkeypatch):
    line = command(model("iam", "CreateRole"), {"RoleName": "r", "AssumeRolePolicyDocument": str(TRUST)})
    assert parsed_by_the_cli(line, monkeypatch)["AssumeRolePolicyDocument"] == str(TRUST)


def test_what_an_earlier_step_told_is_a_variable_and_its_token_the_clis_own():
    line = command(
        model("fis", "StartExperiment"),
        {"clientToken": "x", "experimentTemplateId": Told("TEMPLATE")},
        query="experiment.id",
    )
    assert line == ('aws fis start-experiment --experiment-template-id "$TEMPLATE" --query experiment.id --output text')
