"""CloudFormation in a whole region: instances set up from their metadata, signals, and what follows from them."""

import json

import pytest
from botocore.exceptions import WaiterError

from tests.conftest import eventually
from tests.region import IMAGE_PARAMETER, Region

WITHIN_S = 240.0
HEAD = f"""
Parameters:
  Image: {{Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: {IMAGE_PARAMETER}}}
  Word: {{Type: String, Default: hello}}
"""
SITE = (
    HEAD
    + """
Resources:
  Door:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}]
  Web:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {Timeout: PT5M}}
    Metadata:
      AWS::CloudFormation::Init:
        configSets:
          default: [base, {ConfigSet: site}]
          site: [site]
        base:
          groups: {www: {}}
          users: {keeper: {groups: [www], homeDir: /srv/www}}
        site:
          files:
            /srv/www/index.html:
              {content: !Sub "${Word} of ${AWS::StackName}", mode: "000640", owner: keeper, group: www}
            /srv/www/token.bin: {content: AAEC, encoding: base64}
            /srv/www/facts.json: {content: {stack: !Ref AWS::StackName}}
            /etc/cfn/cfn-hup.conf:
              mode: "000400"
              content: !Sub |
                [main]
                stack=${AWS::StackId}
                region=${AWS::Region}
                interval=0.03
            /etc/cfn/hooks.d/reload.conf:
              content: !Sub |
                [reload]
                triggers=post.update
                path=Resources.Web.Metadata.AWS::CloudFormation::Init
                action=/opt/aws/bin/cfn-init -s ${AWS::StackName} -r Web --region ${AWS::Region}
                runas=root
            /etc/systemd/system/web.service:
              content: |
                [Service]
                User=keeper
                AmbientCapabilities=CAP_NET_BIND_SERVICE
                ExecStart=/usr/bin/python3 -m http.server --directory /srv/www 80
                [Install]
                WantedBy=multi-user.target
          commands:
            02_second: {command: echo second >> order, cwd: /srv/www}
            01_first: {command: "echo $WHO > order", cwd: /srv/www, env: {WHO: first}}
            03_skipped: {command: touch /srv/www/skipped, test: test -e /nowhere}
            04_ignored: {command: [/bin/false], ignoreErrors: "true"}
          services:
            systemd: {web: {enabled: "true", ensureRunning: "true", files: [/srv/www/index.html]}}
            sysvinit: {cfn-hup: {enabled: "true", ensureRunning: "true", files: [/etc/cfn/cfn-hup.conf]}}
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.micro
      SecurityGroupIds: [!GetAtt Door.GroupId]
      UserData:
        Fn::Base64: !Sub |
          #!/bin/bash
          /opt/aws/bin/cfn-init -v --stack ${AWS::StackName} --resource Web --region ${AWS::Region}
          /opt/aws/bin/cfn-signal -e $? --stack ${AWS::StackName} --resource Web --region ${AWS::Region}
Outputs:
  Address: {Value: !GetAtt Web.PublicIp}
"""
)

# The request that AWS's own programs make on an instance: its identity shown, and JSON wanted.
AS_AWS_ASKS = """
imds=http://169.254.169.254/latest
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token)
ask() { curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/dynamic/instance-identity/$1; }
shown="$(ask document | base64 -w0):$(ask signature | tr -d '\\n')"
curl -sf -H "Authorization: CFN_V1 $shown" -H 'Accept: application/json' \
    'https://cloudformation.us-east-1.amazonaws.com/?Action=DescribeStackResource&ContentType=JSON&LogicalResourceId=Web'\
'&StackName=site&Version=2010-05-15'
"""


def reasons(region: Region, stack: str) -> list[tuple[str, str, str]]:
    """The stack's events, oldest first."""
    pages = region.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"]]
    return [
        (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", ""))
        for one in reversed(events)
    ]


def waited(region: Region, stack: str, waiter: str) -> None:
    try:
        region.client("cloudformation").get_waiter(waiter).wait(
            StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": int(WITHIN_S)}
        )
    except WaiterError as error:
        raise AssertionError(reasons(region, stack)) from error


def outputs(region: Region, stack: str) -> dict[str, str]:
    found = region.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


def physical(region: Region, stack: str, logical_id: str) -> str:
    detail = region.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
    return str(detail["StackResourceDetail"]["PhysicalResourceId"])


def deleted(region: Region, stack: str) -> None:
    cloudformation = region.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName=stack)
    waited(region, stack_id, "stack_delete_complete")


def test_an_instance_is_set_up_from_its_metadata_says_so_and_serves(region: Region) -> None:
    region.client("cloudformation").create_stack(StackName="site", TemplateBody=SITE)
    waited(region, "site", "stack_create_complete")
    assert region.page(outputs(region, "site")["Address"]) == "hello of site"
    web = physical(region, "site", "Web")
    assert ("Web", "CREATE_IN_PROGRESS", f"Received SUCCESS signal with UniqueId {web}") in reasons(region, "site")
    shown = region.inside(
        web, "cd /srv/www; cat order; stat -c %a:%U:%G index.html; od -An -tx1 token.bin; cat facts.json; ls; id keeper"
    )
    assert "first\nsecond\n640:keeper:www\n 00 01 02\n" in shown
    assert json.dumps({"stack": "site"}) in shown
    assert "skipped" not in shown
    assert "(www)" in shown
    found = region.inside(web, "cfn-get-metadata -s site -r Web -k AWS::CloudFormation::Init.configSets.site")
    assert json.loads(found) == ["site"]
    asked = region.inside(web, AS_AWS_ASKS)
    detail = json.loads(asked)["DescribeStackResourceResponse"]["DescribeStackResourceResult"]["StackResourceDetail"]
    assert detail["PhysicalResourceId"] == web
    # What changes in the metadata alone, cfn-hup brings to the instance.
    update(region, "site", SITE, Word="goodbye")
    waited(region, "site", "stack_update_complete")
    assert physical(region, "site", "Web") == web

    def renewed() -> None:
        assert region.page(outputs(region, "site")["Address"]) == "goodbye of site"

    eventually(renewed, within_s=WITHIN_S)
    again = region.inside(web, "cfn-init -s site -r Web -c site && cat /srv/www/order")
    assert again == "first\nsecond\n"
    deleted(region, "site")


def test_an_instance_that_says_it_failed_is_rolled_back_with_its_stack(region: Region) -> None:
    text = SITE.replace("command: [/bin/false], ignoreErrors", "command: [/bin/false], not")
    text = text.replace('not: "true"', 'ignoreErrors: "false"')
    region.client("cloudformation").create_stack(StackName="broken", TemplateBody=text)
    eventually(lambda: _in_status(region, "broken", "ROLLBACK_COMPLETE"), within_s=WITHIN_S)
    told = reasons(region, "broken")
    web = next(reason for name, status, reason in told if (name, status) == ("Web", "CREATE_FAILED"))
    assert web.startswith("Received FAILURE signal with UniqueId i-")
    assert (
        "broken",
        "ROLLBACK_IN_PROGRESS",
        "The following resource(s) failed to create: [Web]. Rollback requested by user.",
    ) in told
    deleted(region, "broken")


WAITING = (
    HEAD
    + """
Resources:
  Ready: {Type: AWS::CloudFormation::WaitConditionHandle}
  Told:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: Web
    Properties: {Handle: !Ref Ready, Timeout: "300", Count: 2}
  Web:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.micro
      UserData:
        Fn::Base64: !Sub |
          #!/bin/bash
          curl -sf -X PUT -H 'Content-Type:' --data-binary \\
            '{"Status": "SUCCESS", "Reason": "done", "UniqueId": "one", "Data": "${Word}"}' "${Ready}"
          cfn-signal --success ${Good} --id two --data more --reason why "${Ready}"
Outputs:
  Data: {Value: !GetAtt Told.Data}
"""
)


@pytest.mark.parametrize("good", ["true", "false"])
def test_a_wait_condition_hears_what_is_sent_to_its_handle(region: Region, good: str) -> None:
    text = WAITING.replace("${Good}", good)
    region.client("cloudformation").create_stack(StackName="waiting", TemplateBody=text, OnFailure="DO_NOTHING")
    if good == "true":
        waited(region, "waiting", "stack_create_complete")
        assert json.loads(outputs(region, "waiting")["Data"]) == {"one": "hello", "two": "more"}
    else:
        eventually(lambda: _in_status(region, "waiting", "CREATE_FAILED"), within_s=WITHIN_S)
        failed = "WaitCondition received failed message: 'why' for uniqueId: two"
        assert ("Told", "CREATE_FAILED", failed) in reasons(region, "waiting")
    deleted(region, "waiting")


def _in_status(region: Region, stack: str, status: str) -> None:
    found = region.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    assert found["StackStatus"] == status, reasons(region, stack)


GROUP = (
    HEAD
    + """
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: !Ref Image
        InstanceType: t2.micro
        UserData:
          Fn::Base64: !Sub |
            #!/bin/bash
            test "${Word}" != bad
            /opt/aws/bin/cfn-signal -e $? --stack ${AWS::StackName} --resource Group --region ${AWS::Region}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT10M}}
    UpdatePolicy:
      AutoScalingRollingUpdate:
        {MinInstancesInService: 1, MaxBatchSize: 1, WaitOnResourceSignals: true, PauseTime: PT10M,
        SuspendProcesses: [AZRebalance]}
    Properties:
      MinSize: "2"
      MaxSize: "3"
      AvailabilityZones: !GetAZs ""
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
"""
)


def members(region: Region) -> dict[str, str]:
    (group,) = region.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    return {one["InstanceId"]: one["LaunchTemplate"]["Version"] for one in group["Instances"]}


def update(region: Region, stack: str, text: str, **values: str) -> None:
    region.client("cloudformation").update_stack(
        StackName=stack,
        TemplateBody=text,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
    )


def test_a_rolling_update_waits_for_its_instances_and_is_taken_back_when_one_fails(region: Region) -> None:
    region.client("cloudformation").create_stack(StackName="group", TemplateBody=GROUP)
    waited(region, "group", "stack_create_complete")
    first = members(region)
    update(region, "group", GROUP, Word="better")
    waited(region, "group", "stack_update_complete")
    second = members(region)
    assert (len(second), second.keys() & first.keys(), set(second.values())) == (2, set(), {"2"})
    told = reasons(region, "group")
    for one in second:
        assert ("Group", "UPDATE_IN_PROGRESS", f"Received SUCCESS signal with UniqueId {one}") in told
    update(region, "group", GROUP, Word="bad")
    eventually(lambda: _in_status(region, "group", "UPDATE_ROLLBACK_COMPLETE"), within_s=WITHIN_S)
    assert any("Received FAILURE signal with UniqueId i-" in reason for _, _, reason in reasons(region, "group"))
    # AWS: the instances that were not yet replaced stay, those that were come from the old template again.
    assert len(members(region)) == 2
    deleted(region, "group")
