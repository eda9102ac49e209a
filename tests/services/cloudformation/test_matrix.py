"""Every kind of update with every way it can end; and the ways in which a creation can fail."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

STACK = """
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
  Name: {Type: String, Default: before}
  Size: {Type: String, Default: t2.micro}
  Key: {Type: String, Default: first}
  Good: {Type: String, Default: "yes"}
Conditions: {Bad: !Equals [!Ref Good, "no"], Slow: !Equals [!Ref Good, slow]}
Resources:
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: !Ref Size
      KeyName: !Ref Key
      Tags: [{Key: Name, Value: !Ref Name}]
  Bad:
    Condition: Bad
    DependsOn: Web
    Type: AWS::EC2::Subnet
    Properties: {VpcId: vpc-00000000000000000, CidrBlock: 10.0.0.0/24}
  Handle: {Condition: Slow, Type: AWS::CloudFormation::WaitConditionHandle}
  Slow:
    Condition: Slow
    DependsOn: Web
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: "43200"}
"""


def names(instance):
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}["Name"]


@dataclass(frozen=True)
class Change:
    """One parameter that is changed, and what an instance shows of it."""

    parameter: str
    after: str
    before: str
    replaces: bool = False

    def shown(self, cloud, web):
        instance = cloud.instance_of(web)
        assert instance["State"]["Name"] == "running"
        return {"Name": names(instance), "Size": instance["InstanceType"], "Key": instance["KeyName"]}[self.parameter]


CHANGES = {
    "in place": Change("Name", "after", "before"),
    "with interruption": Change("Size", "t2.small", "t2.micro"),
    "by replacement": Change("Key", "second", "first", replaces=True),
}


@pytest.fixture(params=CHANGES.values(), ids=CHANGES)
def change(request):
    return request.param


@pytest.fixture
def web(cloud):
    for name in ("first", "second"):
        cloud.ask("ec2", "CreateKeyPair", KeyName=name)
    cloud.create(STACK)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    return cloud.physical("Web")


def parameters(**values):
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]


def update(cloud, change, good="yes", **params):
    cloud.update(STACK, Parameters=parameters(Good=good, **{change.parameter: change.after}), **params)


def stands(cloud, change, web, *, changed):
    """The stack's instance shows the old or the new value, and it is the only one left that is not terminated."""
    there = cloud.physical("Web")
    assert change.shown(cloud, there) == (change.after if changed else change.before)
    assert (there != web) == (changed and change.replaces)
    found = cloud.ask("ec2", "DescribeInstances")["Reservations"]
    left = [one["InstanceId"] for each in found for one in each["Instances"] if one["State"]["Name"] != "terminated"]
    assert left == [there]


def test_an_update_that_succeeds(cloud, change, web):
    update(cloud, change)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=True)


def test_an_update_that_fails_is_rolled_back(cloud, change, web):
    update(cloud, change, "no")
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=False)
    update(cloud, change)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=True)


def failed_and_left(cloud, change):
    update(cloud, change, "no", DisableRollback=True)
    assert cloud.status() == "UPDATE_FAILED", cloud.events()
    assert cloud.resources() == {"Web": "UPDATE_COMPLETE", "Bad": "CREATE_FAILED"}
    assert change.shown(cloud, cloud.physical("Web")) == change.after


def test_an_update_that_fails_and_is_left_can_be_rolled_back_later(cloud, change, web):
    failed_and_left(cloud, change)
    cloud.cfn("RollbackStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=False)


def test_an_update_that_fails_and_is_left_can_be_mended_by_another(cloud, change, web):
    failed_and_left(cloud, change)
    update(cloud, change)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=True)


@pytest.mark.parametrize("late", [False, True])
def test_an_update_that_is_cancelled_is_rolled_back(cloud, change, web, late):
    given = parameters(Good="slow", **{change.parameter: change.after})
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=STACK, Parameters=given)
    for _ in range(80 if late else 1):
        cloud.round()
        cloud.settle()
        cloud.now += timedelta(seconds=1)
    assert cloud.status() == "UPDATE_IN_PROGRESS"
    assert cloud.resources().get("Slow") == "CREATE_IN_PROGRESS" or not late, cloud.events()
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=False)


def test_an_update_that_failed_half_way_is_tried_again_by_the_next(cloud, web):
    change = CHANGES["with interruption"]
    room, cloud.host = cloud.host, replace(cloud.host, available_mib=0)
    update(cloud, change, DisableRollback=True)
    assert cloud.status() == "UPDATE_FAILED", cloud.events()
    assert cloud.instance_of(web)["State"]["Name"] == "stopped"
    cloud.host = room
    update(cloud, change)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=True)


def test_a_rollback_that_failed_is_continued_when_its_cause_is_gone(cloud, web):
    change = CHANGES["with interruption"]
    update(cloud, change, "no", DisableRollback=True)
    room, cloud.host = cloud.host, replace(cloud.host, available_mib=0)
    cloud.cfn("RollbackStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    assert cloud.resources()["Web"] == "UPDATE_FAILED"
    code, message = cloud.refused("UpdateStack", StackName="web", TemplateBody=STACK, Parameters=parameters(Name="x"))
    assert code == "ValidationError"
    assert "UPDATE_ROLLBACK_FAILED state and can not be updated" in message
    cloud.host = room
    cloud.cfn("ContinueUpdateRollback", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    stands(cloud, change, web, changed=False)


def test_a_rollback_that_cannot_succeed_goes_on_without_what_is_skipped(cloud, change, web):
    update(cloud, change, "no", DisableRollback=True)
    cloud.ask("ec2", "TerminateInstances", InstanceIds=[web])
    cloud.settle()
    cloud.cfn("RollbackStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    cloud.cfn("ContinueUpdateRollback", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    cloud.cfn("ContinueUpdateRollback", StackName="web", ResourcesToSkip=["Web"])
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    assert cloud.resources()["Web"] == "UPDATE_COMPLETE"
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()


# --- creations that fail ------------------------------------------------------------------------------------------

KEPT = """
Resources:
  Kept: {Type: AWS::SSM::Parameter, DeletionPolicy: POLICY, Properties: {Name: kept, Type: String, Value: one}}
  Bad: {Type: AWS::EC2::Subnet, DependsOn: Kept, Properties: {VpcId: vpc-00000000000000000, CidrBlock: 10.0.0.0/24}}
"""


def there(cloud):
    found = cloud.ask("ssm", "DescribeParameters")["Parameters"]
    return "kept" in [one["Name"] for one in found]


@pytest.mark.parametrize(
    ("params", "status", "left"),
    [
        ({}, "ROLLBACK_COMPLETE", False),
        ({"OnFailure": "ROLLBACK"}, "ROLLBACK_COMPLETE", False),
        ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", False),
        ({"OnFailure": "DO_NOTHING"}, "CREATE_FAILED", True),
        ({"DisableRollback": True}, "CREATE_FAILED", True),
    ],
)
def test_a_creation_that_fails_ends_as_its_caller_says(cloud, params, status, left):
    made = cloud.create(KEPT.replace("POLICY", "Delete"), **params)
    assert cloud.status(made) == status, cloud.events(made)
    assert there(cloud) == left


@pytest.mark.parametrize(
    ("policy", "after_failure", "after_deletion"),
    [("Delete", False, False), ("Retain", True, True), ("RetainExceptOnCreate", False, True)],
)
def test_a_deletion_policy_says_what_stays(cloud, policy, after_failure, after_deletion):
    text = KEPT.replace("POLICY", policy)
    made = cloud.create(text)
    assert cloud.status(made) == "ROLLBACK_COMPLETE", cloud.events(made)
    assert there(cloud) == after_failure
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    if after_failure:
        cloud.ask("ssm", "DeleteParameter", Name="kept")
    made = cloud.create("\n".join(text.splitlines()[:-1]))
    assert cloud.status(made) == "CREATE_COMPLETE", cloud.events(made)
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(made) == "DELETE_COMPLETE", cloud.events(made)
    assert there(cloud) == after_deletion


def test_a_deletion_policy_asked_for_with_the_deletion_spares_what_was_made_by_the_failed_creation(cloud):
    text = KEPT.replace("POLICY", "Retain")
    made = cloud.create(text, OnFailure="DO_NOTHING")
    assert cloud.status(made) == "CREATE_FAILED"
    cloud.cfn("RollbackStack", StackName="web", RetainExceptOnCreate=True)
    cloud.drive()
    assert cloud.status(made) == "ROLLBACK_COMPLETE", cloud.events(made)
    assert not there(cloud)


def test_a_creation_that_takes_longer_than_it_may_is_rolled_back(cloud):
    text = """
Resources:
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle}
  Never: {Type: AWS::CloudFormation::WaitCondition, Properties: {Handle: !Ref Handle, Timeout: "43200"}}
"""
    made = str(cloud.cfn("CreateStack", StackName="web", TemplateBody=text, TimeoutInMinutes=2)["StackId"])
    cloud.round()
    assert cloud.status(made) == "CREATE_IN_PROGRESS"
    cloud.now += timedelta(minutes=2)
    cloud.drive()
    assert cloud.status(made) == "ROLLBACK_COMPLETE", cloud.events(made)
    reason = next(why for name, status, why in cloud.events(made) if (name, status) == ("web", "ROLLBACK_IN_PROGRESS"))
    assert reason.startswith("Stack creation time exceeded the specified timeout")
