"""A group's instances replaced a few at a time, and how many of them may fail."""

from datetime import timedelta

import pytest

from aftershock.aws.errors import AwsError

GROUP = """
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
  Version: {Type: String, Default: "1"}
Conditions: {Careful: !Equals [CAREFUL, "yes"]}
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData: {ImageId: !Ref Image, InstanceType: t2.micro, UserData: !Base64 {Ref: Version}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: !If
      - Careful
      - AutoScalingRollingUpdate: {POLICY, MaxBatchSize: 1, PauseTime: PT10M, WaitOnResourceSignals: true}
      - !Ref AWS::NoValue
    Properties:
      AvailabilityZones: !GetAZs ""
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
      MinSize: "4"
      MaxSize: "4"
"""


def template(policy, careful="yes"):
    return GROUP.replace("POLICY", policy).replace("CAREFUL", f'"{careful}"')


def members(cloud):
    (group,) = cloud.ask("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    return {one["InstanceId"]: one["LaunchTemplate"]["Version"] for one in group["Instances"]}


def rolled(cloud, text, statuses):
    """The update is done while each new instance says what its turn is of these, or nothing."""
    first = members(cloud)
    said = iter(statuses)
    known = set(first)
    given = [{"ParameterKey": "Version", "ParameterValue": "2"}]
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=text, Parameters=given)
    for _ in range(120):
        cloud.round()
        cloud.settle()
        cloud.now += timedelta(seconds=20)
        if not cloud.status().endswith("_IN_PROGRESS"):
            return first
        if cloud.status() != "UPDATE_IN_PROGRESS":
            continue
        for one in members(cloud).keys() - known:
            known.add(one)
            if status := next(said, "SUCCESS"):
                tell(cloud, one, status)
    raise AssertionError(cloud.events())


def tell(cloud, who, status):
    try:
        cloud.cfn("SignalResource", StackName="web", LogicalResourceId="Group", UniqueId=who, Status=status)
    except AwsError as error:
        raise AssertionError(cloud.events()) from error


@pytest.mark.parametrize(
    ("policy", "statuses"),
    [
        ("MinInstancesInService: 3", ["SUCCESS"] * 4),
        ("MinInstancesInService: 3, MinSuccessfulInstancesPercent: 75", ["FAILURE"]),
        ("MinInstancesInService: 3, MinSuccessfulInstancesPercent: 75", [None]),
        ("MinInstancesInService: 3, MinSuccessfulInstancesPercent: 50", ["SUCCESS", "FAILURE", None]),
        ("MinInstancesInService: 0, MinSuccessfulInstancesPercent: 0", [None, None, "FAILURE", None]),
        ("MinInstancesInService: 3, MinActiveInstancesPercent: 50", ["SUCCESS"] * 4),
    ],
)
def test_as_many_may_fail_as_the_policy_lets(cloud, policy, statuses):
    text = template(policy)
    cloud.create(text)
    first = rolled(cloud, text, statuses)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    after = members(cloud)
    assert not first.keys() & after.keys()
    assert list(after.values()) == ["2"] * 4


@pytest.mark.parametrize(
    ("policy", "statuses", "reason"),
    [
        (
            "MinInstancesInService: 3",
            ["SUCCESS", "FAILURE"],
            "Received 1 FAILURE signal(s) out of 4. Unable to satisfy 100% MinSuccessfulInstancesPercent requirement",
        ),
        (
            "MinInstancesInService: 3, MinSuccessfulInstancesPercent: 75",
            ["FAILURE", "FAILURE"],
            "Received 2 FAILURE signal(s) out of 4. Unable to satisfy 75% MinSuccessfulInstancesPercent requirement",
        ),
        (
            "MinInstancesInService: 3, MinSuccessfulInstancesPercent: 75",
            ["FAILURE", None],
            "Failed to receive 1 resource signal(s) within the specified duration",
        ),
        (
            "MinInstancesInService: 3, MinSuccessfulInstancesPercent: 101",
            [],
            "MinSuccessfulInstancesPercent must be between 0 and 100; found 101",
        ),
        (
            "MinInstancesInService: 4",
            [],
            "MinInstancesInService must be less than the autoscaling group's MaxSize",
        ),
    ],
)
def test_with_one_failure_more_the_update_is_taken_back(cloud, policy, statuses, reason):
    text = template(policy)
    cloud.create(text)
    rolled(cloud, text, statuses)
    # The rollback rolls, too, and nobody signals for it: whatever was replaced is awaited in vain, and the rest stays.
    assert cloud.status() in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"), cloud.events()
    assert ("Group", "UPDATE_FAILED", reason) in cloud.events()


def test_a_policy_that_a_condition_takes_away_rolls_nothing(cloud):
    text = template("MinInstancesInService: 3", careful="no")
    cloud.create(text)
    first = rolled(cloud, text, [])
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert members(cloud).keys() == first.keys()


def test_a_policy_that_groups_do_not_have_is_refused_wherever_it_stands(cloud):
    text = template("MinInstancesInService: 3").replace("AutoScalingRollingUpdate", "CodeDeployLambdaAliasUpdate")
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=text)
    assert code == "ValidationError"
    assert "does not support the UpdatePolicy CodeDeployLambdaAliasUpdate" in message
