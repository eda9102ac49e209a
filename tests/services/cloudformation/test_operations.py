"""What a caller may ask of stacks: change sets, policies, signals, nesting, exports, and coming back from failures."""
# ruff: noqa: E501 - a template's member, and a case, is a line

import contextlib
import json
from datetime import timedelta

import pytest

from aftershock.services.cloudformation import TABLES
from aftershock.services.cloudformation.controllers import StackController

from .test_stacks import NETWORK, WEB

SETTING = """
Parameters: {Value: {Type: String, Default: a}, Secret: {Type: String, NoEcho: true, Default: hush-hush}}
Resources:
  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}
  Two: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Sub "${One}", Description: !Ref Secret}}
Outputs:
  Name: {Value: !Ref One, Export: {Name: setting}}
"""


def value(text):
    return [{"ParameterKey": "Value", "ParameterValue": text}]


def test_a_change_set_creates_a_stack_as_the_deploy_command_does(cloud):
    made = cloud.cfn(
        "CreateChangeSet", StackName="web", ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=SETTING
    )
    assert cloud.status() == "REVIEW_IN_PROGRESS"
    shown = cloud.cfn("DescribeChangeSet", ChangeSetName=made["Id"])
    assert (shown["Status"], shown["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    assert [one["ResourceChange"]["Action"] for one in shown["Changes"]] == ["Add", "Add"]
    cloud.cfn("ExecuteChangeSet", ChangeSetName="first", StackName="web")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.refused("ExecuteChangeSet", ChangeSetName="first", StackName="web")[0] == "InvalidChangeSetStatus"


def test_a_change_set_says_what_would_be_replaced(cloud):
    cloud.create(WEB)
    cloud.cfn(
        "CreateChangeSet",
        StackName="web",
        ChangeSetName="next",
        TemplateBody=WEB.replace("GroupDescription: web", "GroupDescription: other"),
        Parameters=[{"ParameterKey": "Size", "ParameterValue": "t2.small"}],
    )
    shown = cloud.cfn("DescribeChangeSet", ChangeSetName="next", StackName="web")["Changes"]
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in shown}
    assert {name: (one["Action"], one["Replacement"]) for name, one in changes.items()} == {
        "Group": ("Modify", "True"),
        "Web": ("Modify", "False"),
    }
    details = {one["Target"]["Name"]: one["Evaluation"] for one in changes["Web"]["Details"]}
    assert details == {"InstanceType": "Static", "SecurityGroupIds": "Dynamic"}
    assert changes["Group"]["Details"][0]["Target"]["RequiresRecreation"] == "Always"
    cloud.cfn("DeleteChangeSet", ChangeSetName="next", StackName="web")
    assert cloud.cfn("ListChangeSets", StackName="web")["Summaries"] == []


def test_a_change_set_without_changes_failed_as_aws_says_it(cloud):
    cloud.create(SETTING)
    cloud.cfn("CreateChangeSet", StackName="web", ChangeSetName="same", TemplateBody=SETTING)
    shown = cloud.cfn("DescribeChangeSet", ChangeSetName="same", StackName="web")
    assert shown["Status"] == "FAILED"
    assert shown["StatusReason"].startswith("The submitted information didn't contain changes.")


def test_a_change_set_shows_values_to_whom_asks_for_them_but_no_secret(cloud):
    template = """
Parameters: {Secret: {Type: String, NoEcho: true}}
Resources:
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: first}}
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Secret}}
  Word: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Group, Description: gone}}
"""
    cloud.create(template, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hunter2"}])
    group = cloud.physical("Group")
    cloud.cfn(
        "CreateChangeSet",
        StackName="web",
        ChangeSetName="next",
        TemplateBody=template.replace("first", "second").replace(", Description: gone", ""),
        Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hunter3"}],
    )

    def asked(**params):
        shown = cloud.cfn("DescribeChangeSet", ChangeSetName="next", StackName="web", **params)["Changes"]
        return {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in shown}

    assert "BeforeContext" not in asked()["Group"] and "Path" not in asked()["Group"]["Details"][0]["Target"]
    changes = asked(IncludePropertyValues=True)
    assert json.loads(changes["Group"]["BeforeContext"]) == {"Properties": {"GroupDescription": "first"}}
    word = {one["Target"]["Name"]: one["Target"] for one in changes["Word"]["Details"]}
    assert word["Value"]["Path"] == "/Properties/Value"
    assert (word["Value"]["BeforeValue"], word["Value"]["AfterValue"]) == (group, "{{changeSet:KNOWN_AFTER_APPLY}}")
    assert word["Description"]["AttributeChangeType"] == "Remove" and "AfterValue" not in word["Description"]
    assert "Kept" in changes and "hunter" not in json.dumps(changes)


def test_exports_are_imported_and_held(cloud):
    cloud.create(SETTING)
    user = "Resources: {R: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !ImportValue setting}}}"
    cloud.create(user, name="user")
    assert cloud.cfn("ListImports", ExportName="setting")["Imports"] == ["user"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    held = "Delete canceled. Cannot delete export setting as it is in use by user."
    assert (cloud.status(), cloud.stack()["StackStatusReason"]) == ("CREATE_COMPLETE", held)
    assert cloud.events()[-2:] == [
        ("web", "DELETE_IN_PROGRESS", "User Initiated"),
        ("web", "CREATE_COMPLETE", held),
    ]
    for outputs, why in (("", held), ("!Ref Two", "Cannot update export setting as it is in use by user.")):
        changed = (
            SETTING.replace("{Value: !Ref One, Export", f"{{Value: {outputs}, Export")
            if outputs
            else SETTING[: SETTING.index("Outputs:")]
        )
        cloud.update(changed)
        assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE"
        assert f"{why} " in [reason for _, _, reason in cloud.events()]
    assert cloud.refused("CreateStack", StackName="x", TemplateBody=user.replace("setting", "no"))[1].startswith(
        "No export named no found."
    )
    cloud.create(SETTING, name="second")
    assert cloud.status("second") == "ROLLBACK_COMPLETE"
    reasons = [reason for _, _, reason in cloud.events("second")]
    assert "Export with name setting is already exported by stack web. Rollback requested by user." in reasons, reasons


def test_secrets_are_not_shown(cloud):
    cloud.create(SETTING)
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in cloud.stack()["Parameters"]}
    assert parameters["Secret"] == "****"
    assert "hush-hush" not in json.dumps(cloud.cfn("DescribeStackEvents", StackName="web"), default=str)


def test_a_protected_stack_stays(cloud):
    cloud.create(SETTING, EnableTerminationProtection=True)
    assert cloud.refused("DeleteStack", StackName="web") == (
        "ValidationError",
        "Stack [web] cannot be deleted while TerminationProtection is enabled",
    )
    cloud.cfn("UpdateTerminationProtection", StackName="web", EnableTerminationProtection=False)
    cloud.cfn("DeleteStack", StackName="web")


def test_a_stack_policy_denies_updates(cloud):
    deny = {
        "Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "LogicalResourceId/One"}]
    }
    allow = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    cloud.create(SETTING, StackPolicyBody=json.dumps(deny))
    assert json.loads(cloud.cfn("GetStackPolicy", StackName="web")["StackPolicyBody"]) == deny
    assert cloud.refused("UpdateStack", StackName="web", TemplateBody=SETTING, Parameters=value("b")) == (
        "ValidationError",
        "Action denied by stack policy: Statement [#1] does not allow [Update:*] for resource [LogicalResourceId/One]",
    )
    silent = {"Statement": [deny["Statement"][0] | {"Resource": "LogicalResourceId/Two"}]}
    cloud.cfn("SetStackPolicy", StackName="web", StackPolicyBody=json.dumps(silent))
    assert cloud.refused("UpdateStack", StackName="web", TemplateBody=SETTING, Parameters=value("b"))[1] == (
        "Action denied by stack policy: No statement allows [Update:Modify] for resource [LogicalResourceId/One]"
    )
    cloud.update(SETTING, Parameters=value("b"), StackPolicyDuringUpdateBody=json.dumps(allow))
    assert cloud.status() == "UPDATE_COMPLETE"


@pytest.mark.parametrize(
    "other",
    [
        {"Effect": "Perhaps"},
        {"Action": "Updates:*"},
        {"Action": []},
        {"NotAction": "Update:Delete"},
        {"Resource": None},
        {"Condition": {"NumericEquals": {"ResourceType": "x"}}},
        {"Condition": {"StringEquals": {"aws:SourceIp": "x"}}},
    ],
)
def test_a_stack_policy_that_protects_from_nothing_is_refused(cloud, other):
    statement = {"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"} | other
    policy = json.dumps({"Statement": [{key: one for key, one in statement.items() if one is not None}]})
    refused = cloud.refused("CreateStack", StackName="web", TemplateBody=SETTING, StackPolicyBody=policy)
    assert refused == ("ValidationError", "Error validating stack policy: Invalid stack policy")


def test_what_was_deleted_by_hand_is_not_made_anew_by_an_update(cloud):
    cloud.create(SETTING)
    cloud.ask("ssm", "DeleteParameter", Name=cloud.physical("One"))
    cloud.update(SETTING, Parameters=value("b"))
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE"
    why = f"Resource of type 'AWS::SSM::Parameter' with identifier '{cloud.physical('One')}' was not found."
    assert ("One", "UPDATE_FAILED", why) in cloud.events()


def test_a_creation_waits_for_its_signals(cloud):
    text = WEB.replace(
        "    DependsOn: Out\n", "    DependsOn: Out\n    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT30M}}\n"
    )
    cloud.cfn("CreateStack", StackName="web", TemplateBody=text)
    for _ in range(8):
        cloud.round()
        cloud.settle()
    assert cloud.resources()["Web"] == "CREATE_IN_PROGRESS"
    web = cloud.physical("Web")
    cloud.cfn("SignalResource", StackName="web", LogicalResourceId="Web", UniqueId=web, Status="SUCCESS")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert ("Web", "CREATE_IN_PROGRESS", f"Received SUCCESS signal with UniqueId {web}") in cloud.events()


def test_a_signal_that_does_not_come_or_says_failure_fails_the_stack(cloud):
    text = "Resources: {Wait: {Type: AWS::CloudFormation::WaitCondition, CreationPolicy: {ResourceSignal: {Timeout: PT10S}}}}"
    cloud.create(text)
    assert cloud.status() == "ROLLBACK_COMPLETE"
    assert (
        "Wait",
        "CREATE_FAILED",
        "Failed to receive 1 resource signal(s) within the specified duration",
    ) in cloud.events()
    cloud.cfn("CreateStack", StackName="other", TemplateBody=text, DisableRollback=True)
    cloud.round()
    cloud.cfn("SignalResource", StackName="other", LogicalResourceId="Wait", UniqueId="u", Status="FAILURE")
    cloud.drive()
    assert cloud.status("other") == "CREATE_FAILED"
    assert ("Wait", "CREATE_FAILED", "Received FAILURE signal with UniqueId u") in cloud.events("other")
    cloud.cfn("RollbackStack", StackName="other")
    cloud.drive()
    assert cloud.status("other") == "ROLLBACK_COMPLETE"


PARENT = """
Parameters: {Value: {Type: String, Default: a}}
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: "https://bucket.s3.amazonaws.com/child.yaml", Parameters: {Value: !Ref Value}}
  After: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Child.Outputs.Name}}
"""


def test_a_change_set_includes_what_it_does_to_nested_stacks(cloud):
    cloud.templates["https://bucket.s3.amazonaws.com/child.yaml"] = SETTING
    cloud.cfn(
        "CreateChangeSet",
        StackName="web",
        ChangeSetName="first",
        ChangeSetType="CREATE",
        IncludeNestedStacks=True,
        TemplateBody=PARENT,
    )
    cloud.cfn("ExecuteChangeSet", StackName="web", ChangeSetName="first")
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()

    def asked(text):
        asking = {"StackName": "web", "ChangeSetName": f"to-{text}", "IncludeNestedStacks": True}
        made = cloud.cfn("CreateChangeSet", TemplateBody=PARENT, Parameters=value(text), **asking)
        return cloud.cfn("DescribeChangeSet", ChangeSetName=made["Id"])

    same = asked("a")
    assert (same["Status"], same["Changes"]) == ("FAILED", [])
    root = asked("b")
    changes = {one["ResourceChange"]["LogicalResourceId"]: one["ResourceChange"] for one in root["Changes"]}
    inner = cloud.cfn("DescribeChangeSet", ChangeSetName=changes["Child"]["ChangeSetId"])
    assert inner["StackId"] == cloud.physical("Child")
    assert (inner["ParentChangeSetId"], inner["RootChangeSetId"]) == (root["ChangeSetId"], root["ChangeSetId"])
    assert {one["ResourceChange"]["LogicalResourceId"] for one in inner["Changes"]} == {"One"}
    for operation in ("ExecuteChangeSet", "DeleteChangeSet"):
        assert cloud.refused(operation, ChangeSetName=inner["ChangeSetId"])[0] == "InvalidChangeSetStatus"
    cloud.cfn("ExecuteChangeSet", ChangeSetName=root["ChangeSetId"])
    cloud.drive()
    assert cloud.cfn("DescribeChangeSet", ChangeSetName=inner["ChangeSetId"])["ExecutionStatus"] == "EXECUTE_COMPLETE"
    name = cloud.physical("One", name=cloud.physical("Child"))
    assert cloud.ask("ssm", "GetParameter", Name=name)["Parameter"]["Value"] == "b"
    third = asked("c")
    cloud.cfn("DeleteChangeSet", ChangeSetName=third["ChangeSetId"])
    assert [one["ChangeSetName"] for one in cloud.cfn("ListChangeSets", StackName=inner["StackId"])["Summaries"]] == [
        inner["ChangeSetName"]
    ]


def test_nested_stacks_are_made_changed_and_removed_with_their_parent(cloud):
    cloud.templates["https://bucket.s3.amazonaws.com/child.yaml"] = SETTING
    cloud.create(PARENT)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    child = cloud.physical("Child")
    assert cloud.stack(child)["ParentId"] == cloud.stack()["StackId"]
    cloud.update(PARENT, Parameters=value("b"))
    assert (cloud.status(), cloud.status(child)) == ("UPDATE_COMPLETE", "UPDATE_COMPLETE")
    cloud.templates["https://bucket.s3.amazonaws.com/child.yaml"] = SETTING.replace("Name: setting", "Name: other")
    cloud.cfn("UpdateStack", StackName="web", UsePreviousTemplate=True)
    cloud.drive()
    assert [one["Name"] for one in cloud.cfn("ListExports")["Exports"]] == ["other"]
    bad = SETTING.replace("Outputs:", "  Bad: {Type: AWS::EC2::Subnet, Properties: {VpcId: vpc-1}}\nOutputs:")
    cloud.templates["https://bucket.s3.amazonaws.com/child.yaml"] = bad
    cloud.cfn("UpdateStack", StackName="web", UsePreviousTemplate=True)
    cloud.drive()
    assert (cloud.status(), cloud.status(child)) == ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
    why = (
        f"Embedded stack {child} was not successfully updated. Currently in UPDATE_ROLLBACK_COMPLETE with reason: "
        "The following resource(s) failed to update: [Bad]."
    )
    assert ("Child", "UPDATE_FAILED", why) in cloud.events()
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(child) == "DELETE_COMPLETE"
    cloud.create(PARENT)
    (failed,) = [reason for name, status, reason in cloud.events() if (name, status) == ("Child", "CREATE_FAILED")]
    assert failed.endswith(" was not successfully created: The following resource(s) failed to create: [Bad, One].")


def test_a_stack_deleted_long_ago_is_forgotten_with_all_that_was_told_of_it(cloud):
    cloud.create(SETTING)
    cloud.cfn("CreateChangeSet", StackName="web", ChangeSetName="next", TemplateBody=SETTING, Parameters=value("b"))
    cloud.cfn("DetectStackDrift", StackName="web")
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    cloud.now += timedelta(days=89)
    cloud.round()
    assert cloud.status(stack_id) == "DELETE_COMPLETE"
    cloud.now += timedelta(days=2)
    cloud.round()
    assert cloud.refused("DescribeStacks", StackName=stack_id)[0] == "ValidationError"
    with cloud.store.snapshot() as tx:
        assert not any(table.every(tx) for table in TABLES)


def test_what_is_to_be_retained_is_left(cloud):
    cloud.create(SETTING.replace("One: {", "One: {DeletionPolicy: Retain, "))
    name, stack_id = cloud.physical("One"), cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE"
    assert ("One", "DELETE_SKIPPED", "") in cloud.events(stack_id)
    assert cloud.ask("ssm", "GetParameter", Name=name)["Parameter"]["Value"] == "a"


def test_what_another_holds_is_waited_for_and_then_named(cloud):
    cloud.create(NETWORK)
    vpc, stack_id = cloud.physical("Net"), cloud.stack()["StackId"]
    mine = cloud.ask("ec2", "CreateSubnet", VpcId=vpc, CidrBlock="10.0.9.0/24")["Subnet"]["SubnetId"]
    cloud.cfn("DeleteStack", StackName="web")
    for _ in range(5):
        cloud.round()
        cloud.settle()
    assert cloud.resources()["Net"] == "DELETE_IN_PROGRESS"
    cloud.ask("ec2", "DeleteSubnet", SubnetId=mine)
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)


def test_resources_carry_the_stacks_tags_and_cloudformations_own(cloud):
    cloud.create(NETWORK, Tags=[{"Key": "team", "Value": "blue"}])
    vpc = cloud.ask("ec2", "DescribeVpcs", VpcIds=[cloud.physical("Net")])["Vpcs"][0]
    tags = {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}
    assert tags["team"] == "blue"
    assert tags["aws:cloudformation:stack-name"] == "web"
    assert tags["aws:cloudformation:logical-id"] == "Net"
    cloud.update(NETWORK, Tags=[{"Key": "team", "Value": "red"}])
    vpc = cloud.ask("ec2", "DescribeVpcs", VpcIds=[cloud.physical("Net")])["Vpcs"][0]
    tags = {tag["Key"]: tag["Value"] for tag in vpc["Tags"]}
    assert (tags["team"], tags["aws:cloudformation:logical-id"]) == ("red", "Net")


def test_a_cancelled_update_is_taken_back(cloud):
    cloud.create(WEB)
    web = cloud.physical("Web")
    size = [{"ParameterKey": "Size", "ParameterValue": "t2.small"}]
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=WEB, Parameters=size)
    cloud.round()
    assert cloud.resources()["Web"] == "UPDATE_IN_PROGRESS"
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    instance = cloud.instance_of(web)
    assert (instance["InstanceType"], instance["State"]["Name"]) == ("t2.micro", "running")


def test_a_rollback_that_fails_goes_on_without_what_is_skipped(cloud):
    cloud.create(NETWORK)
    group = cloud.physical("Group")
    broken = NETWORK.replace("FromPort: 80", "FromPort: 79") + BAD
    cloud.update(broken, DisableRollback=True)
    assert cloud.status() == "UPDATE_FAILED", cloud.events()
    assert cloud.resources()["Group"] == "UPDATE_COMPLETE"
    cloud.ask("ec2", "DeleteSecurityGroup", GroupId=group)
    cloud.cfn("RollbackStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_FAILED", cloud.events()
    reason = "The following resource(s) failed to update: [Group]. "
    assert ("web", "UPDATE_ROLLBACK_FAILED", reason) in cloud.events()
    cloud.cfn("ContinueUpdateRollback", StackName="web", ResourcesToSkip=["Group"])
    cloud.drive()
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()


BAD = """
  Bad: {Type: AWS::EC2::Subnet, DependsOn: [Group, Joined], Properties: {VpcId: !Ref Net, CidrBlock: 1.0.0.0/24}}
"""


class Killed(BaseException):
    pass


def killed_and_killed_again(cloud, monkeypatch, name, status):
    """The control plane dies after every single transaction: its successor goes on from what is stored."""
    act = StackController._end

    def once(self, stack, step):
        act(self, stack, step)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StackController, "_end", once)
        for _ in range(200):
            with contextlib.suppress(Killed):
                cloud.round()
            cloud.settle()
            if cloud.status(name) == status:
                return
    raise AssertionError(cloud.events(name))


def test_killed_anywhere_a_stack_is_made_changed_and_removed_once_and_whole(cloud, monkeypatch):
    vpcs = len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"])
    cloud.cfn("CreateStack", StackName="web", TemplateBody=WEB)
    killed_and_killed_again(cloud, monkeypatch, "web", "CREATE_COMPLETE")
    mine = [{"Name": "tag:aws:cloudformation:stack-name", "Values": ["web"]}]
    assert len(cloud.ask("ec2", "DescribeVpcs", Filters=mine)["Vpcs"]) == 1
    assert len(cloud.ask("ec2", "DescribeSubnets", Filters=mine)["Subnets"]) == 1
    assert len(cloud.ask("ec2", "DescribeInstances", Filters=mine)["Reservations"]) == 1

    stack_id = cloud.stack()["StackId"]
    other = WEB.replace("GroupDescription: web", "GroupDescription: other")
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=other)
    killed_and_killed_again(cloud, monkeypatch, "web", "UPDATE_COMPLETE")
    assert len(cloud.ask("ec2", "DescribeSecurityGroups", Filters=mine)["SecurityGroups"]) == 1

    bad = other.replace("Outputs:", BAD.lstrip("\n") + "Outputs:")
    cloud.cfn(
        "UpdateStack", StackName="web", TemplateBody=bad.replace("GroupDescription: other", "GroupDescription: third")
    )
    killed_and_killed_again(cloud, monkeypatch, "web", "UPDATE_ROLLBACK_COMPLETE")
    assert len(cloud.ask("ec2", "DescribeSecurityGroups", Filters=mine)["SecurityGroups"]) == 1

    cloud.cfn("DeleteStack", StackName="web")
    killed_and_killed_again(cloud, monkeypatch, stack_id, "DELETE_COMPLETE")
    assert len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"]) == vpcs
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"StackName": "a_b", "TemplateBody": SETTING}, "Member must satisfy regular expression pattern"),
        ({"StackName": "x"}, "Either Template URL or Template Body must be specified."),
        ({"StackName": "x", "TemplateBody": "x" * 51201}, "Member must have length less than or equal to 51200"),
        ({"StackName": "x", "TemplateURL": "https://b.s3.amazonaws.com/none"}, "S3 error: The specified key does not exist."),
        ({"StackName": "x", "TemplateBody": SETTING, "OnFailure": "DELETE", "DisableRollback": True}, "either OnFailure or DisableRollback"),
        ({"StackName": "x", "TemplateBody": SETTING, "NotificationARNs": ["arn:aws:sns:us-east-1:1:t"]}, "NotificationARNs is not supported"),
        ({"StackName": "x", "TemplateBody": SETTING, "Tags": [{"Key": "aws:x", "Value": "y"}]}, "aws:"),
    ],
)  # fmt: skip
def test_a_stack_that_cannot_be_is_refused_before_anything_is_made(cloud, params, message):
    code, said = cloud.refused("CreateStack", **params)
    assert (code, message in said) == ("ValidationError", True), said
    assert cloud.cfn("DescribeStacks")["Stacks"] == []


def test_templates_are_validated_summed_up_and_given_back(cloud):
    shown = cloud.cfn("ValidateTemplate", TemplateBody=WEB)
    assert {one["ParameterKey"] for one in shown["Parameters"]} == {"Size", "Image", "Cidr"}
    summary = cloud.cfn("GetTemplateSummary", TemplateBody=WEB)
    assert "AWS::EC2::EIP" in summary["ResourceTypes"]
    cloud.create(SETTING)
    assert cloud.cfn("GetTemplate", StackName="web")["TemplateBody"] == SETTING


def test_a_parameter_of_aws_own_type_has_to_be_there(cloud):
    text = "Parameters: {Key: {Type: 'AWS::EC2::KeyPair::KeyName'}}\n" + SETTING.split("\n", 2)[2].replace(
        "!Ref Value", "a"
    ).replace("!Ref Secret", "b")
    code, message = cloud.refused(
        "CreateStack", StackName="x", TemplateBody=text, Parameters=[{"ParameterKey": "Key", "ParameterValue": "none"}]
    )
    assert (code, message) == (
        "ValidationError",
        "Parameter validation failed: parameter value none for parameter name Key does not exist",
    )


def test_loops_over_a_parameter_make_as_many_resources(cloud):
    text = """
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: "a,b"}}
Resources:
  Fn::ForEach::Each:
    - Name
    - !Ref Names
    - Setting${Name}: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Name}}
"""
    assert cloud.refused("CreateStack", StackName="web", TemplateBody=text)[1] == (
        "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"
    )
    cloud.create(text, Capabilities=["CAPABILITY_AUTO_EXPAND"])
    assert set(cloud.resources()) == {"Settinga", "Settingb"}
    names = [{"ParameterKey": "Names", "ParameterValue": "b,c"}]
    cloud.update(text, Capabilities=["CAPABILITY_AUTO_EXPAND"], Parameters=names)
    assert cloud.resources() == {
        "Settinga": "DELETE_COMPLETE",
        "Settingb": "CREATE_COMPLETE",
        "Settingc": "CREATE_COMPLETE",
    }


def test_conditions_rules_and_mappings_choose_what_is_made(cloud):
    text = """
Parameters: {Stage: {Type: String, Default: test}}
Rules:
  Known: {Assertions: [{Assert: {"Fn::Contains": [[test, prod], !Ref Stage]}, AssertDescription: no such stage}]}
Mappings: {Names: {test: {name: t}, prod: {name: p}}}
Conditions: {Prod: !Equals [!Ref Stage, prod]}
Resources:
  Always:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !FindInMap [Names, !Ref Stage, name]
      Description: !If [Prod, !Ref Extra, !Ref AWS::NoValue]
  Extra: {Type: AWS::SSM::Parameter, Condition: Prod, Properties: {Type: String, Value: x}}
Outputs:
  Extra: {Condition: Prod, Value: !Ref Extra}
"""
    stage = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    other = [{"ParameterKey": "Stage", "ParameterValue": "none"}]
    assert cloud.refused("CreateStack", StackName="web", TemplateBody=text, Parameters=other) == (
        "ValidationError",
        "Rule Known failed: no such stage",
    )
    cloud.create(text)
    assert (set(cloud.resources()), cloud.outputs()) == ({"Always"}, {})
    cloud.update(text, Parameters=stage)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.outputs() == {"Extra": cloud.physical("Extra")}
    cloud.update(text)
    assert cloud.resources()["Extra"] == "DELETE_COMPLETE"


SAYING = (
    SETTING[: SETTING.index("Outputs:")]
    + """Conditions: {Never: !Equals [a, b]}
Outputs:
  Kept: {Value: kept, Export: {Name: kept}}
  Said: """
)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("{Value: !Select [9, [a]]}", "Template error: Fn::Select  cannot select nonexistent value at index 9"),
        ("{Value: !ImportValue nobodys}", "No export named nobodys found."),
        ("{Value: !Ref 'AWS::NoValue'}", "must evaluate to a String; Said"),
        ("{Value: !If [Never, a, !Ref 'AWS::NoValue']}", "must evaluate to a String; Said"),
        ("{Value: !GetAZs ''}", "must evaluate to a String; Said"),
        ("{Value: [a]}", "must evaluate to a String; Said"),
        ("{Value: a, Export: {Name: kept}}", "Outputs Kept and Said have the same Export name kept."),
        ("{Value: a, Export: {Name: 'a b'}}", "consist only of alphanumeric characters, colons, or hyphens."),
        ("{Value: a, Export: {Name: ''}}", "consist only of alphanumeric characters, colons, or hyphens."),
        ("{Value: a, Description: !Ref One}", "Every Description member must be a string"),
        ("{Value: a, Export: {Name: !Ref One}}", "The Name field of Export must not depend on any resources"),
    ],
)
def test_an_output_that_nobody_can_have_is_refused_before_anything_is_made(cloud, said, why):
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=SAYING + said)
    assert code == "ValidationError" and why in message
    assert cloud.ask("ssm", "DescribeParameters")["Parameters"] == []


def test_an_output_of_a_resource_that_will_not_be_is_refused(cloud):
    gone = (SAYING + "{Value: !Ref Two}").replace("  Two: {", "  Two: {Condition: Never, ")
    assert cloud.refused("CreateStack", StackName="web", TemplateBody=gone) == (
        "ValidationError",
        "Template format error: Unresolved resource dependencies [Two] in the Outputs block of the template",
    )


def test_an_output_that_does_not_hold_is_not_looked_at(cloud):
    cloud.create(SAYING + "{Condition: Never, Value: !ImportValue nobodys, Export: {Name: kept}}")
    assert (cloud.status(), cloud.outputs()) == ("CREATE_COMPLETE", {"Kept": "kept"})


def test_what_is_refused_at_once_was_begun_all_the_same(cloud):
    cloud.ask("ssm", "PutParameter", Name="taken", Value="v", Type="String")
    cloud.create("Resources: {One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: v, Name: taken}}}")
    told = [(name, status) for name, status, _ in cloud.events()]
    assert told[1:3] == [("One", "CREATE_IN_PROGRESS"), ("One", "CREATE_FAILED")]


NAMED = "Resources: {G: {Type: AWS::EC2::SecurityGroup, Properties: {GroupName: web, GroupDescription: %s}}}"


def test_what_has_a_name_of_its_own_is_not_replaced_under_it(cloud):
    cloud.create(NAMED % "first")
    cloud.update(NAMED % "second")
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE"
    why = "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename web and update the stack again."
    assert ("G", "UPDATE_FAILED", why) in cloud.events()


def test_a_name_of_what_is_no_identity_needs_no_capability(cloud):
    role = """
  R: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: ec2.amazonaws.com}}]}}}"""
    both = f"Resources:\n  G: {{Type: AWS::EC2::SecurityGroup, Properties: {{GroupName: web, GroupDescription: web}}}}{role}"
    cloud.create(both, Capabilities=["CAPABILITY_IAM"])
    assert cloud.status() == "CREATE_COMPLETE"
