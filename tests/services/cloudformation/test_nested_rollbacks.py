"""What becomes of nested stacks when the update of their root is taken back, and when that fails."""

from datetime import timedelta

import pytest

CHILD_URL = "https://bucket.s3.amazonaws.com/child.yaml"
MIDDLE_URL = "https://bucket.s3.amazonaws.com/middle.yaml"
BAD = """
  Bad:
    Condition: Bad
    DependsOn: Child
    Type: AWS::EC2::Subnet
    Properties: {VpcId: vpc-00000000000000000, CidrBlock: 10.0.0.0/24}
"""
SLOW = """
  Handle: {Condition: Slow, Type: AWS::CloudFormation::WaitConditionHandle}
  Slow:
    Condition: Slow
    DependsOn: One
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Handle, Timeout: "43200"}
"""
HEAD = """
Parameters: {Value: {Type: String, Default: a}, Ends: {Type: String, Default: well}}
Conditions: {Bad: !Equals [!Ref Ends, badly], Slow: !Equals [!Ref Ends, never]}
Resources:
"""
ONE = "  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}\n"
CHILD = HEAD + ONE + SLOW


def nesting(url, more=""):
    given = f"{{TemplateURL: '{url}', Parameters: {{Value: !Ref Value{more}}}}}"
    return f"  Child: {{Type: AWS::CloudFormation::Stack, Properties: {given}}}\n"


ROOT = HEAD + nesting(CHILD_URL, ", Ends: !Ref Ends") + BAD
DEEP = HEAD + nesting(MIDDLE_URL) + BAD
MIDDLE = HEAD + nesting(CHILD_URL)


def given(**values):
    return [{"ParameterKey": name, "ParameterValue": text} for name, text in values.items()]


@pytest.fixture
def nested(cloud):
    cloud.templates |= {CHILD_URL: CHILD, MIDDLE_URL: MIDDLE}
    return cloud


def kept(cloud, stack):
    return cloud.ask("ssm", "GetParameter", Name=cloud.physical("One", stack))["Parameter"]["Value"]


def left(cloud, template):
    """The root's update failed, all that it had changed stands, and the parameter in the innermost stack is gone."""
    cloud.create(template)
    cloud.update(template, Parameters=given(Value="b", Ends="badly"), DisableRollback=True)
    assert cloud.status() == "UPDATE_FAILED", cloud.events()
    stacks = [cloud.physical("Child")]
    if "Child" in cloud.resources(stacks[0]):
        stacks.append(cloud.physical("Child", stacks[0]))
    assert kept(cloud, stacks[-1]) == "b"
    name = cloud.physical("One", stacks[-1])
    cloud.ask("ssm", "DeleteParameter", Name=name)
    return stacks, name


@pytest.mark.parametrize("template", [ROOT, DEEP], ids=["a child", "a child's child"])
def test_a_rollback_that_fails_below_is_continued_when_its_cause_is_gone(nested, template):
    cloud = nested
    stacks, name = left(cloud, template)
    cloud.cfn("RollbackStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    cloud.ask("ssm", "PutParameter", Name=name, Value="by hand", Type="String")
    cloud.cfn("ContinueUpdateRollback", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    assert kept(cloud, stacks[-1]) == "a"
    cloud.update(template, Parameters=given(Value="c"))
    assert (cloud.status(), kept(cloud, stacks[-1])) == ("UPDATE_COMPLETE", "c"), cloud.events()


def fails_with_its_child(cloud, template):
    """The child's own update fails, and it cannot take it back either."""
    cloud.create(template)
    child = cloud.physical("Child")
    inner = child if template is ROOT else cloud.physical("Child", child)
    name = cloud.physical("One", inner)
    slow = {"Value": "b", "Ends": "never"}
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=template, Parameters=given(**slow))
    for _ in range(12):
        cloud.round()
        cloud.settle()
        cloud.now += timedelta(seconds=1)
    assert (cloud.status(inner), cloud.resources(inner)["Slow"]) == ("UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS")
    cloud.ask("ssm", "DeleteParameter", Name=name)
    return child, name


def test_what_is_nested_and_under_way_is_cancelled_with_its_root(nested):
    cloud = nested
    child, name = fails_with_its_child(cloud, ROOT)
    cloud.ask("ssm", "PutParameter", Name=name, Value="b", Type="String")
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert (cloud.status(), cloud.status(child)) == ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    assert kept(cloud, child) == "a"


def test_a_nested_resource_that_cannot_be_brought_back_is_skipped_by_its_stacks_name(nested):
    cloud = nested
    child, _ = fails_with_its_child(cloud, ROOT)
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert (cloud.status(), cloud.status(child)) == ("UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_FAILED")
    assert cloud.resources(child)["One"] == "UPDATE_FAILED"
    assert cloud.refused("ContinueUpdateRollback", StackName=child) == (
        "ValidationError",
        "RollbackUpdatedStack cannot be invoked on child stacks",
    )
    inner = cloud.stack(child)["StackName"]
    for wrong, why in [
        ("Child", f"stack [{inner}] is UPDATE_ROLLBACK_FAILED"),
        ("One", "is not in UPDATE_FAILED state"),
        (f"{inner}.Handle", "is not in UPDATE_FAILED state"),
        ("web-other.One", "is of no stack that is nested in [web]"),
        ("web.Child", "is of no stack that is nested in [web]"),
    ]:
        code, message = cloud.refused("ContinueUpdateRollback", StackName="web", ResourcesToSkip=[wrong])
        assert code == "ValidationError" and why in message and f"[{wrong}]" in message
    cloud.cfn("ContinueUpdateRollback", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    cloud.cfn("ContinueUpdateRollback", StackName="web", ResourcesToSkip=[f"{inner}.One"])
    cloud.drive()
    assert (cloud.status(), cloud.status(child)) == ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    assert cloud.resources(child)["One"] == "UPDATE_COMPLETE"


def test_a_resource_two_stacks_down_is_skipped_from_the_root(nested):
    cloud = nested
    cloud.templates[MIDDLE_URL] = HEAD + nesting(CHILD_URL, ", Ends: !Ref Ends")
    deep = HEAD + nesting(MIDDLE_URL, ", Ends: !Ref Ends")
    child, _ = fails_with_its_child(cloud, deep)
    inner = cloud.physical("Child", child)
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert {cloud.status(one) for one in ("web", child, inner)} == {"UPDATE_ROLLBACK_FAILED"}
    skipped = [f"{cloud.stack(inner)['StackName']}.One"]
    cloud.cfn("ContinueUpdateRollback", StackName="web", ResourcesToSkip=skipped)
    cloud.drive()
    assert {cloud.status(one) for one in ("web", child, inner)} == {"UPDATE_ROLLBACK_COMPLETE"}, cloud.events()
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(inner) == "DELETE_COMPLETE"
