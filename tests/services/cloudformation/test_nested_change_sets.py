"""Nested stacks that a change set lays out: they are there in review, and are made when their root's is executed."""

import pytest

CHILD_URL, MIDDLE_URL = (f"https://bucket.s3.amazonaws.com/{name}.yaml" for name in ("child", "middle"))
HEAD = "Parameters: {Value: {Type: String, Default: a}, Secret: {Type: String, Default: s, NoEcho: true}}\nResources:\n"
CHILD = HEAD + "  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}\n"
OWN = "  Own: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: own}}\n"


def nesting(url, more=""):
    given = f"{{TemplateURL: '{url}', Parameters: {{Value: !Ref Value, Secret: !Ref Secret}}, TimeoutInMinutes: 7}}"
    return f"  Child: {{Type: AWS::CloudFormation::Stack{more}, Properties: {given}}}\n"


ROOT = HEAD + OWN + nesting(CHILD_URL)
DEEP = HEAD + OWN + nesting(MIDDLE_URL)
BAD = (
    HEAD
    + nesting(CHILD_URL, ", DependsOn: Bad")
    + ("  Bad: {Type: AWS::EC2::Subnet, Properties: {VpcId: vpc-00000000000000000, CidrBlock: 10.0.0.0/24}}\n")
)


@pytest.fixture
def nested(cloud):
    cloud.templates |= {CHILD_URL: CHILD, MIDDLE_URL: HEAD + nesting(CHILD_URL)}
    return cloud


def laid_out(cloud, template, kind="CREATE", name="first"):
    """The root's change set, and that of the child in it."""
    cloud.cfn(
        "CreateChangeSet",
        StackName="web",
        ChangeSetName=name,
        ChangeSetType=kind,
        IncludeNestedStacks=True,
        TemplateBody=template,
        Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hunter2"}],
    )
    root = cloud.cfn("DescribeChangeSet", StackName="web", ChangeSetName=name)
    return root, inside(cloud, root)


def inside(cloud, change_set):
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in change_set["Changes"]}
    return cloud.cfn("DescribeChangeSet", ChangeSetName=changes["Child"]["ChangeSetId"])


def in_review(cloud):
    found = cloud.cfn("ListStacks", StackStatusFilter=["REVIEW_IN_PROGRESS"])["StackSummaries"]
    return {one["StackId"] for one in found}


def test_a_nested_stack_that_is_new_is_in_review_until_its_root_is_executed(nested):
    cloud = nested
    root, child = laid_out(cloud, ROOT)
    shown = cloud.stack(child["StackId"])
    assert (shown["StackStatus"], shown["ParentId"], shown["RootId"]) == (
        "REVIEW_IN_PROGRESS",
        root["StackId"],
        root["StackId"],
    )
    assert (child["Status"], child["ExecutionStatus"], child["StatusReason"]) == (
        "CREATE_COMPLETE",
        "UNAVAILABLE",
        "Executable from root change set",
    )
    assert (child["ParentChangeSetId"], child["RootChangeSetId"]) == (root["ChangeSetId"], root["ChangeSetId"])
    assert [one["ResourceChange"]["Action"] for one in child["Changes"]] == ["Add"]
    for operation in ("ExecuteChangeSet", "DeleteChangeSet"):
        assert cloud.refused(operation, ChangeSetName=child["ChangeSetId"])[0] == "InvalidChangeSetStatus"
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    made = cloud.stack(child["StackId"])
    assert (cloud.physical("Child"), made["StackStatus"], made["TimeoutInMinutes"]) == (
        child["StackId"],
        "CREATE_COMPLETE",
        7,
    )
    again = cloud.cfn("DescribeChangeSet", ChangeSetName=child["ChangeSetId"])
    assert again["ExecutionStatus"] == "EXECUTE_COMPLETE"
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(child["StackId"]) == "DELETE_COMPLETE"


def test_what_is_nested_deeper_is_laid_out_and_made_as_well(nested):
    cloud = nested
    root, middle = laid_out(cloud, DEEP)
    inner = inside(cloud, middle)
    assert inner["RootChangeSetId"] == root["ChangeSetId"] and inner["ParentChangeSetId"] == middle["ChangeSetId"]
    assert in_review(cloud) == {root["StackId"], middle["StackId"], inner["StackId"]}
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.physical("Child", cloud.physical("Child")) == inner["StackId"] and not in_review(cloud)


def test_an_update_lays_out_what_it_adds(nested):
    cloud = nested
    cloud.create(HEAD + OWN)
    _, child = laid_out(cloud, ROOT, "UPDATE")
    assert in_review(cloud) == {child["StackId"]}
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert (cloud.status(), cloud.physical("Child")) == ("UPDATE_COMPLETE", child["StackId"]), cloud.events()


@pytest.mark.parametrize("template", [ROOT, DEEP], ids=["a child", "a child's child"])
def test_what_was_laid_out_goes_with_its_roots_change_set(nested, template):
    cloud = nested
    root, child = laid_out(cloud, template)
    cloud.cfn("DeleteChangeSet", StackName="web", ChangeSetName="first")
    assert in_review(cloud) == {root["StackId"]}
    assert cloud.status(child["StackId"]) == "DELETE_COMPLETE"
    assert cloud.refused("DescribeChangeSet", ChangeSetName=child["ChangeSetId"])[0] == "ChangeSetNotFound"


def test_what_was_laid_out_goes_with_its_root(nested):
    cloud = nested
    laid_out(cloud, DEEP)
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert not in_review(cloud)


def test_another_change_set_that_is_executed_removes_what_this_one_laid_out(nested):
    cloud = nested
    _, first = laid_out(cloud, ROOT)
    _, second = laid_out(cloud, ROOT, name="second")
    assert first["StackId"] != second["StackId"]
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="second")
    cloud.drive()
    assert (cloud.status(), cloud.physical("Child")) == ("CREATE_COMPLETE", second["StackId"])
    assert cloud.status(first["StackId"]) == "DELETE_COMPLETE" and not in_review(cloud)


@pytest.mark.parametrize(("begun", "ends"), [(None, "ROLLBACK_COMPLETE"), (HEAD + OWN, "UPDATE_ROLLBACK_COMPLETE")])
def test_what_a_failed_execution_did_not_come_to_goes_with_its_rollback(nested, begun, ends):
    cloud = nested
    if begun:
        cloud.create(begun)
    _, child = laid_out(cloud, BAD, "UPDATE" if begun else "CREATE")
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert (cloud.status(), cloud.status(child["StackId"])) == (ends, "DELETE_COMPLETE"), cloud.events()


def test_what_a_failed_execution_did_not_come_to_goes_with_the_next_update(nested):
    cloud = nested
    cloud.create(HEAD + OWN)
    _, child = laid_out(cloud, BAD, "UPDATE")
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first", DisableRollback=True)
    cloud.drive()
    assert (cloud.status(), in_review(cloud)) == ("UPDATE_FAILED", {child["StackId"]})
    cloud.update(ROOT)
    assert cloud.status() == "UPDATE_COMPLETE" and not in_review(cloud)
    assert cloud.physical("Child") != child["StackId"]


def test_a_stack_is_made_anew_where_the_one_laid_out_was_deleted(nested):
    cloud = nested
    _, child = laid_out(cloud, ROOT)
    cloud.cfn("DeleteStack", StackName=child["StackId"])
    cloud.drive()
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE" and cloud.physical("Child") != child["StackId"]


def test_a_stack_that_turns_out_otherwise_than_it_was_laid_out_is_made_anew(nested):
    cloud = nested
    one = "  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}\n"
    cloud.create(HEAD + one)
    changing = HEAD + one + nesting(CHILD_URL).replace("Value: !Ref Value", "Value: !GetAtt One.Value")
    cloud.cfn(
        "CreateChangeSet",
        StackName="web",
        ChangeSetName="first",
        IncludeNestedStacks=True,
        TemplateBody=changing,
        Parameters=[{"ParameterKey": "Value", "ParameterValue": "b"}],
    )
    child = inside(cloud, cloud.cfn("DescribeChangeSet", StackName="web", ChangeSetName="first"))
    assert {"ParameterKey": "Value", "ParameterValue": "a"} in child["Parameters"]
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    made = cloud.physical("Child")
    assert cloud.status() == "UPDATE_COMPLETE" and made != child["StackId"], cloud.events()
    name = cloud.physical("One", made)
    assert cloud.ask("ssm", "GetParameter", Name=name)["Parameter"]["Value"] == "b"
    assert cloud.status(child["StackId"]) == "DELETE_COMPLETE"
