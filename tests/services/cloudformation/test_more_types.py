"""Types that come, change in place, and go again: experiments, certificates, dashboards, people, interfaces."""

import json

import pytest

from aftershock.aws.errors import AwsError

CAPABLE = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
IMAGE = """
Parameters: {Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}}
"""  # noqa: E501


def made(cloud, text, **params):
    cloud.create(text, **params)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()


def updated(cloud, text, **params):
    """Every physical id stays, or else the test says so itself."""
    cloud.update(text, **params)
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()


def gone(cloud):
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)


EXPERIMENT = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: fis.amazonaws.com}, Action: sts:AssumeRole}]
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      {Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1,
      ComparisonOperator: LessThanThreshold}
  Stop:
    Type: AWS::FIS::ExperimentTemplate
    Properties:
      Description: one machine stops
      RoleArn: !GetAtt Role.Arn
      ExperimentOptions: {AccountTargeting: single-account, EmptyTargetResolutionMode: skip}
      StopConditions: [{Source: "aws:cloudwatch:alarm", Value: !GetAtt Alarm.Arn}]
      Targets:
        Some:
          ResourceType: aws:ec2:instance
          ResourceTags: {Name: web}
          Filters: [{Path: State.Name, Values: [running]}]
          SelectionMode: COUNT(1)
      Actions:
        Wait: {ActionId: "aws:fis:wait", Parameters: {duration: PT1M}}
        Stop:
          ActionId: aws:ec2:stop-instances
          Parameters: {startInstancesAfterDuration: PT2M}
          Targets: {Instances: Some}
          StartAfter: [Wait]
      Tags: {team: web}
Outputs: {Id: {Value: !GetAtt Stop.Id}}
"""


def test_an_experiment_comes_changes_and_goes(cloud):
    made(cloud, EXPERIMENT, Tags=[{"Key": "stage", "Value": "one"}], **CAPABLE)
    template_id = cloud.outputs()["Id"]
    found = cloud.ask("fis", "GetExperimentTemplate", id=template_id)["experimentTemplate"]
    assert found["targets"]["Some"]["resourceTags"] == {"Name": "web"}
    assert found["targets"]["Some"]["filters"] == [{"path": "State.Name", "values": ["running"]}]
    assert found["actions"]["Stop"]["startAfter"] == ["Wait"]
    assert found["actions"]["Stop"]["targets"] == {"Instances": "Some"}
    assert found["experimentOptions"]["emptyTargetResolutionMode"] == "skip"
    assert found["tags"] == {"team": "web", "stage": "one"}
    changed = EXPERIMENT.replace("COUNT(1)", "ALL").replace("one machine stops", "all stop").replace("team: w", "by: w")
    changed = changed.replace("          StartAfter: [Wait]\n", "")
    updated(cloud, changed, Tags=[{"Key": "stage", "Value": "one"}], **CAPABLE)
    assert cloud.outputs()["Id"] == template_id
    found = cloud.ask("fis", "GetExperimentTemplate", id=template_id)["experimentTemplate"]
    assert (found["description"], found["targets"]["Some"]["selectionMode"]) == ("all stop", "ALL")
    assert found["tags"] == {"by": "web", "stage": "one"}
    gone(cloud)
    assert cloud.ask("fis", "ListExperimentTemplates")["experimentTemplates"] == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("SelectionMode: COUNT(1)", "SelectionMode: ALL\n          Colour: red", "property Targets.Some.Colour"),
        ("          SelectionMode: COUNT(1)\n", "", "Property Targets.Some.SelectionMode cannot be empty"),
        (
            "duration: PT1M",
            "duration: [PT1M]",
            "Actions.Wait.Parameters must be an object with String (or simple type)",
        ),
        ("      Tags: {team: web}", "      LogConfiguration: {}", "unsupported property LogConfiguration"),
    ],
)
def test_what_an_experiment_does_not_have_is_named_before_anything_is_made(cloud, before, after, words):
    assert before in EXPERIMENT
    code, message = cloud.refused(
        "CreateStack", StackName="web", TemplateBody=EXPERIMENT.replace(before, after), **CAPABLE
    )
    assert code == "ValidationError"
    assert words in message


CERTIFICATE = """
Resources:
  Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: example.org}}
  Certificate:
    Type: AWS::CertificateManager::Certificate
    Properties:
      DomainName: example.org
      SubjectAlternativeNames: ["*.example.org"]
      ValidationMethod: DNS
      DomainValidationOptions:
        - {DomainName: example.org, HostedZoneId: !Ref Zone}
        - {DomainName: "*.example.org", HostedZoneId: !Ref Zone}
      Tags: [{Key: team, Value: web}]
Outputs: {Arn: {Value: !Ref Certificate}}
"""


def proofs(cloud):
    zone = cloud.physical("Zone")
    sets = cloud.ask("route53", "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
    return {one["Name"]: one["ResourceRecords"][0]["Value"] for one in sets if one["Type"] == "CNAME"}


def until(cloud, status, name="web"):
    for _ in range(30):
        cloud.round()
        cloud.synchronise()
        cloud.settle()
        if cloud.status(name) == status:
            return
    raise AssertionError(cloud.events(name))


def test_a_certificate_is_complete_when_the_dns_has_proven_its_names(cloud):
    cloud.cfn("CreateStack", StackName="web", TemplateBody=CERTIFICATE)
    for _ in range(4):
        cloud.round()
        cloud.synchronise()
        cloud.settle()
    assert cloud.resources() == {"Zone": "CREATE_COMPLETE", "Certificate": "CREATE_IN_PROGRESS"}
    assert len(proofs(cloud)) == 1  # a name and its wildcard share their record
    cloud.names.cnames = proofs(cloud)
    until(cloud, "CREATE_COMPLETE")
    arn = cloud.outputs()["Arn"]
    found = cloud.ask("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"]
    assert (found["Status"], found["SubjectAlternativeNames"]) == ("ISSUED", ["example.org", "*.example.org"])
    changed = CERTIFICATE.replace("Key: team", "Key: by").replace(
        "ValidationMethod: DNS", "ValidationMethod: DNS\n      CertificateTransparencyLoggingPreference: DISABLED"
    )
    updated(cloud, changed)
    assert cloud.outputs()["Arn"] == arn
    assert cloud.ask("acm", "ListTagsForCertificate", CertificateArn=arn)["Tags"] == [{"Key": "by", "Value": "web"}]
    drift = cloud.cfn("DetectStackResourceDrift", StackName="web", LogicalResourceId="Certificate")
    assert drift["StackResourceDrift"]["StackResourceDriftStatus"] == "IN_SYNC"
    without = changed[: changed.index("  Certificate:")]
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=without)
    until(cloud, "UPDATE_COMPLETE")
    assert cloud.ask("acm", "ListCertificates")["CertificateSummaryList"] == []
    assert len(proofs(cloud)) == 1  # as on AWS, it stays


def test_a_certificate_that_is_not_validated_in_the_dns_is_refused(cloud):
    code, message = cloud.refused(
        "CreateStack", StackName="web", TemplateBody=CERTIFICATE.replace("      ValidationMethod: DNS\n", "")
    )
    assert code == "ValidationError"
    assert "Property ValidationMethod cannot be empty" in message


def test_a_dashboard_comes_changes_and_goes(cloud):
    text = """
Resources:
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties: {DashboardBody: '{"widgets":[]}', Tags: [{Key: team, Value: web}]}
"""
    made(cloud, text)
    name = cloud.physical("Board")
    assert name.startswith("web-Board-")
    updated(cloud, text.replace("[]", "[1]").replace("Value: web", "Value: shop"))
    found = cloud.ask("cloudwatch", "GetDashboard", DashboardName=name)
    assert json.loads(found["DashboardBody"]) == {"widgets": [1]}
    tags = cloud.ask("cloudwatch", "ListTagsForResource", ResourceARN=found["DashboardArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "shop"}]
    gone(cloud)
    assert cloud.ask("cloudwatch", "ListDashboards")["DashboardEntries"] == []


ALLOW = '{Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}'
PEOPLE = f"""
Resources:
  Team: {{Type: AWS::IAM::Group, Properties: {{Path: /a/}}}}
  Other: {{Type: AWS::IAM::Group}}
  Ann: {{Type: AWS::IAM::User, Properties: {{UserName: ann, Path: /a/, PermissionsBoundary: !Ref Least}}}}
  Bob: {{Type: AWS::IAM::User, Properties: {{UserName: bob}}}}
  Least: {{Type: AWS::IAM::ManagedPolicy, Properties: {{PolicyDocument: {ALLOW}}}}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      PermissionsBoundary: !Ref Least
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{{Effect: Allow, Principal: {{Service: ec2.amazonaws.com}}, Action: sts:AssumeRole}}]
  Joined: {{Type: AWS::IAM::UserToGroupAddition, Properties: {{GroupName: !Ref Team, Users: [!Ref Ann, !Ref Bob]}}}}
  OfRole: {{Type: AWS::IAM::RolePolicy, Properties: {{RoleName: !Ref Role, PolicyName: p, PolicyDocument: {ALLOW}}}}}
  OfUser: {{Type: AWS::IAM::UserPolicy, Properties: {{UserName: !Ref Ann, PolicyName: p, PolicyDocument: {ALLOW}}}}}
  OfGroup: {{Type: AWS::IAM::GroupPolicy, Properties: {{GroupName: !Ref Team, PolicyName: p, PolicyDocument: {ALLOW}}}}}
  Shared:
    Type: AWS::IAM::Policy
    Properties: {{PolicyName: shared, Groups: [!Ref Team], PolicyDocument: {ALLOW}}}
Outputs:
  Used: {{Value: !GetAtt Least.PermissionsBoundaryUsageCount}}
  Version: {{Value: !GetAtt Least.DefaultVersionId}}
"""


def members(cloud, group):
    users = cloud.ask("iam", "GetGroup", GroupName=cloud.physical(group))["Users"]
    return sorted(one["UserName"] for one in users)


def test_people_join_and_leave_and_policies_come_to_them(cloud):
    made(cloud, PEOPLE, **CAPABLE)
    assert members(cloud, "Team") == ["ann", "bob"]
    role = cloud.physical("Role")
    assert cloud.physical("OfRole") == f"p|{role}"
    assert cloud.ask("iam", "ListRolePolicies", RoleName=role)["PolicyNames"] == ["p"]
    assert cloud.outputs()["Version"] == "v1"
    before = {name: cloud.physical(name) for name in cloud.resources()}

    changed = PEOPLE.replace("GroupName: !Ref Team, Users: [!Ref Ann, !Ref Bob]", "GroupName: !Ref Other, Users: [bob]")
    changed = changed.replace('"s3:*"', '"ec2:*"').replace("PolicyName: shared", "PolicyName: common")
    changed = changed.replace("Path: /a/, PermissionsBoundary: !Ref Least", "Path: /b/").replace("Path: /a/", "Path: /")
    changed = changed.replace("      PermissionsBoundary: !Ref Least\n", "")
    updated(cloud, changed, **CAPABLE)
    assert {name: cloud.physical(name) for name in cloud.resources()} == before
    assert (members(cloud, "Team"), members(cloud, "Other")) == ([], ["bob"])
    document = cloud.ask("iam", "GetUserPolicy", UserName="ann", PolicyName="p")["PolicyDocument"]
    assert "ec2%3A%2A" in document or "ec2:*" in document
    ann = cloud.ask("iam", "GetUser", UserName="ann")["User"]
    assert (ann["Path"], "PermissionsBoundary" in ann) == ("/b/", False)
    assert "PermissionsBoundary" not in cloud.ask("iam", "GetRole", RoleName=role)["Role"]
    team = cloud.physical("Team")
    assert cloud.ask("iam", "ListGroupPolicies", GroupName=team)["PolicyNames"] == ["common", "p"]
    assert cloud.ask("iam", "GetGroup", GroupName=team)["Group"]["Path"] == "/"
    gone(cloud)
    assert cloud.ask("iam", "ListUsers")["Users"] == []


@pytest.mark.parametrize("name", ["Joined", "OfRole", "OfUser", "OfGroup"])
def test_what_is_allowed_to_people_needs_a_capability(cloud, name):
    line = next(line for line in PEOPLE.splitlines() if line.startswith(f"  {name}:"))
    text = "Resources:\n" + line.replace("!Ref ", "")
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=text)
    assert (code, message) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")


LINKED = (
    IMAGE
    + """
Resources:
  Linked:
    Type: AWS::IAM::ServiceLinkedRole
    Properties: {AWSServiceName: autoscaling.amazonaws.com, CustomSuffix: web, Description: one}
Outputs: {Name: {Value: !GetAtt Linked.RoleName}}
"""
)
UNDER_IT = """
  Config:
    Type: AWS::AutoScaling::LaunchConfiguration
    DeletionPolicy: Retain
    Properties: {ImageId: !Ref Image, InstanceType: t3.micro}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    DeletionPolicy: Retain
    Properties:
      MinSize: 0
      MaxSize: 1
      LaunchConfigurationName: !Ref Config
      AvailabilityZones: !GetAZs ""
      ServiceLinkedRoleARN: !Sub
        - "arn:aws:iam::${AWS::AccountId}:role/aws-service-role/autoscaling.amazonaws.com/${Name}"
        - {Name: !Ref Linked}
Outputs:"""


def test_a_service_linked_role_stays_as_long_as_something_is_under_it(cloud):
    made(cloud, LINKED, **CAPABLE)
    assert cloud.outputs()["Name"] == cloud.physical("Linked") == "AWSServiceRoleForAutoScaling_web"
    both = LINKED.replace("Description: one", "Description: two").replace("\nOutputs:", UNDER_IT)
    updated(cloud, both, **CAPABLE)
    assert cloud.ask("iam", "GetRole", RoleName=cloud.physical("Linked"))["Role"]["Description"] == "two"
    group = cloud.physical("Group")
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status() == "DELETE_FAILED", cloud.events()
    (why,) = [reason for name, status, reason in cloud.events() if (name, status) == ("Linked", "DELETE_FAILED")]
    assert f"autoScalingGroupName/{group}" in why
    cloud.ask("autoscaling", "DeleteAutoScalingGroup", AutoScalingGroupName=group)
    gone(cloud)


INTERFACE = """
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Gate: {Type: AWS::EC2::InternetGateway}
  Way: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gate}}
  Sub: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.0.0.0/24}}
  Door: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: door, VpcId: !Ref Net}}
  In:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Door, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0, Description: web}
  Out:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: {GroupId: !Ref Door, IpProtocol: udp, FromPort: 53, ToPort: 53, CidrIp: 10.0.0.0/8, Description: names}
  Face:
    Type: AWS::EC2::NetworkInterface
    Properties:
      SubnetId: !Ref Sub
      Description: kept
      GroupSet: [!Ref Door]
      PrivateIpAddress: 10.0.0.10
      Tags: [{Key: Name, Value: kept}]
  Address: {Type: AWS::EC2::EIP, DependsOn: Way, Properties: {NetworkBorderGroup: !Ref AWS::Region}}
  Bound:
    Type: AWS::EC2::EIPAssociation
    Properties: {AllocationId: !GetAtt Address.AllocationId, NetworkInterfaceId: !Ref Face}
Outputs:
  Ip: {Value: !GetAtt Face.PrimaryPrivateIpAddress}
  Vpc: {Value: !GetAtt Face.VpcId}
"""


def test_an_interface_has_its_address_and_changes_in_place(cloud):
    made(cloud, INTERFACE)
    assert cloud.outputs() == {"Ip": "10.0.0.10", "Vpc": cloud.physical("Net")}
    before = {name: cloud.physical(name) for name in cloud.resources()}
    changed = INTERFACE.replace("Description: kept", "Description: still").replace("Value: kept", "Value: other")
    changed = changed.replace("      GroupSet: [!Ref Door]\n", "").replace("Description: web", "Description: all")
    changed = changed.replace("Description: names", "Description: dns")
    updated(cloud, changed)
    assert {name: cloud.physical(name) for name in cloud.resources()} == before
    (face,) = cloud.ask("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[before["Face"]])["NetworkInterfaces"]
    assert (face["Description"], face["Groups"][0]["GroupName"]) == ("still", "default")
    assert {"Key": "Name", "Value": "other"} in face["TagSet"]
    assert face["Association"]["PublicIp"] == before["Address"]
    rules = cloud.ask("ec2", "DescribeSecurityGroupRules", SecurityGroupRuleIds=[before["In"], before["Out"]])
    assert {one.get("Description") for one in rules["SecurityGroupRules"]} == {"all", "dns"}
    gone(cloud)
    assert cloud.ask("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_a_machine_is_put_onto_the_templates_interface_and_goes_before_it(cloud):
    box = """
  Box:
    Type: AWS::EC2::Instance
    DependsOn: Bound
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.micro
      NetworkInterfaces: [{NetworkInterfaceId: !Ref Face, DeviceIndex: "0"}]
Outputs:
  Ip:"""
    text = INTERFACE.replace("\nOutputs:\n  Ip:", box) + "  Where: {Value: !GetAtt Box.PrivateIp}" + IMAGE
    made(cloud, text)
    (machine,) = cloud.ask("ec2", "DescribeInstances")["Reservations"][0]["Instances"]
    assert machine["NetworkInterfaces"][0]["NetworkInterfaceId"] == cloud.physical("Face")
    assert (machine["PublicIpAddress"], cloud.outputs()["Where"]) == (cloud.physical("Address"), "10.0.0.10")
    gone(cloud)
    assert cloud.ask("ec2", "DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_another_gateway_takes_the_place_of_the_one_before(cloud):
    text = """
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  One: {Type: AWS::EC2::InternetGateway}
  Two: {Type: AWS::EC2::InternetGateway}
  Way: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref One}}
"""
    made(cloud, text)
    updated(cloud, text.replace("!Ref One", "!Ref Two"))
    net = {"VpcId": cloud.physical("Net")}
    with pytest.raises(AwsError, match="is not attached"):
        cloud.ask("ec2", "DetachInternetGateway", InternetGatewayId=cloud.physical("One"), **net)
    cloud.ask("ec2", "DetachInternetGateway", InternetGatewayId=cloud.physical("Two"), **net)
    gone(cloud)


MACHINE = (
    IMAGE
    + """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: t3.micro
      PrivateDnsNameOptions: {HostnameType: ip-name}
      EnclaveOptions: {Enabled: false}
      BlockDeviceMappings: [{DeviceName: /dev/sdb, NoDevice: {}}]
"""
)
MORE = """
      IamInstanceProfile: !Ref Profile
      InstanceInitiatedShutdownBehavior: terminate
      DisableApiTermination: false
      Monitoring: true
      MetadataOptions: {HttpTokens: required, HttpPutResponseHopLimit: 2}
      CreditSpecification: {CPUCredits: standard}
"""


def test_a_machine_gets_settings_without_being_replaced_and_loses_them_again(cloud):
    made(cloud, MACHINE, **CAPABLE)
    machine = cloud.physical("Machine")
    updated(cloud, MACHINE + MORE, **CAPABLE)
    found = cloud.instance_of(machine)
    assert cloud.physical("Machine") == machine
    assert found["IamInstanceProfile"]["Arn"].endswith(cloud.physical("Profile"))
    assert found["Monitoring"]["State"] == "enabled"
    assert (found["MetadataOptions"]["HttpTokens"], found["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        2,
    )
    credit = cloud.ask("ec2", "DescribeInstanceCreditSpecifications", InstanceIds=[machine])
    assert credit["InstanceCreditSpecifications"][0]["CpuCredits"] == "standard"
    behaviour = {"InstanceId": machine, "Attribute": "instanceInitiatedShutdownBehavior"}
    shown = cloud.ask("ec2", "DescribeInstanceAttribute", **behaviour)
    assert shown["InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
    updated(cloud, MACHINE, **CAPABLE)
    found = cloud.instance_of(machine)
    assert (found.get("IamInstanceProfile"), found["Monitoring"]["State"]) == (None, "disabled")
    assert found["MetadataOptions"]["HttpTokens"] == "optional"
    shown = cloud.ask("ec2", "DescribeInstanceAttribute", **behaviour)
    assert shown["InstanceInitiatedShutdownBehavior"] == {"Value": "stop"}
    credit = cloud.ask("ec2", "DescribeInstanceCreditSpecifications", InstanceIds=[machine])
    assert credit["InstanceCreditSpecifications"][0]["CpuCredits"] == "unlimited"
    gone(cloud)


GROUP = (
    IMAGE
    + """
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      TagSpecifications: [{ResourceType: launch-template, Tags: [{Key: team, Value: web}]}]
      LaunchTemplateData:
        ImageId: !Ref Image
        InstanceType: t3.micro
        DisableApiStop: true
        MaintenanceOptions: {AutoRecovery: default}
        CapacityReservationSpecification: {CapacityReservationPreference: none}
        PrivateDnsNameOptions: {HostnameType: ip-name}
        BlockDeviceMappings: [{DeviceName: /dev/xvda, Ebs: {VolumeType: gp3, Throughput: 250}}]
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: 1
      MaxSize: 2
      Cooldown: 60
      AvailabilityZones: !GetAZs ""
      AvailabilityZoneDistribution: {CapacityDistributionStrategy: balanced-only}
      InstanceMaintenancePolicy: {MinHealthyPercentage: 90, MaxHealthyPercentage: 120}
      MixedInstancesPolicy:
        LaunchTemplate:
          LaunchTemplateSpecification: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
          Overrides: [{InstanceType: t2.micro, WeightedCapacity: "1"}, {InstanceType: t3.micro, WeightedCapacity: "1"}]
        InstancesDistribution: {OnDemandPercentageAboveBaseCapacity: 100}
      LifecycleHookSpecificationList:
        - {LifecycleHookName: bye, LifecycleTransition: "autoscaling:EC2_INSTANCE_TERMINATING", HeartbeatTimeout: 30}
  Night:
    Type: AWS::AutoScaling::ScheduledAction
    Properties: {AutoScalingGroupName: !Ref Group, MinSize: 1, MaxSize: 2, Recurrence: "0 22 * * *"}
Outputs: {Night: {Value: !GetAtt Night.ScheduledActionName}}
"""
)


def test_a_group_of_several_types_comes_changes_and_goes(cloud):
    made(cloud, GROUP)
    name = cloud.physical("Group")
    (group,) = cloud.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    assert group["DefaultCooldown"] == 60
    assert group["InstanceMaintenancePolicy"] == {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 120}
    assert group["AvailabilityZoneDistribution"] == {"CapacityDistributionStrategy": "balanced-only"}
    assert [one["InstanceType"] for one in group["Instances"]] == ["t2.micro"]
    assert cloud.outputs()["Night"] == cloud.physical("Night")
    launch = cloud.physical("Launch")
    changed = GROUP.replace("Cooldown: 60", "Cooldown: 90").replace("HeartbeatTimeout: 30", "HeartbeatTimeout: 40")
    changed = changed.replace("Value: web", "Value: shop").replace("bye,", "farewell,")
    updated(cloud, changed)
    assert (cloud.physical("Group"), cloud.physical("Launch")) == (name, launch)
    (group,) = cloud.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    assert group["DefaultCooldown"] == 90
    (hook,) = cloud.ask("autoscaling", "DescribeLifecycleHooks", AutoScalingGroupName=name)["LifecycleHooks"]
    assert (hook["LifecycleHookName"], hook["HeartbeatTimeout"]) == ("farewell", 40)
    (template,) = cloud.ask("ec2", "DescribeLaunchTemplates", LaunchTemplateIds=[launch])["LaunchTemplates"]
    assert {"Key": "team", "Value": "shop"} in template["Tags"]


def test_a_lifecycle_is_told_to_s3_in_its_words(cloud):
    made(
        cloud,
        """
Resources:
  Kept:
    Type: AWS::S3::Bucket
    Properties:
      LifecycleConfiguration:
        Rules:
          - {Status: Enabled, Prefix: a/, ExpiredObjectDeleteMarker: true, NoncurrentVersionExpirationInDays: 7}
          - Status: Enabled
            TagFilters: [{Key: k, Value: v}]
            Transition: {StorageClass: Glacier, TransitionInDays: 9}
          - Status: Enabled
            Prefix: b/
            ObjectSizeGreaterThan: 1024
            TagFilters: [{Key: k, Value: v}]
            NoncurrentVersionTransitions: [{StorageClass: STANDARD_IA, TransitionInDays: 30}]
""",
    )
    rules = cloud.ask("s3", "GetBucketLifecycleConfiguration", Bucket=cloud.physical("Kept"))["Rules"]
    assert rules[0]["Filter"] == {"Prefix": "a/"}
    assert rules[0]["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert rules[0]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rules[1]["Filter"] == {"Tag": {"Key": "k", "Value": "v"}}
    assert rules[1]["Transitions"] == [{"StorageClass": "GLACIER", "Days": 9}]
    assert rules[2]["Filter"] == {
        "And": {"Prefix": "b/", "ObjectSizeGreaterThan": 1024, "Tags": [{"Key": "k", "Value": "v"}]}
    }
    assert rules[2]["NoncurrentVersionTransitions"] == [{"StorageClass": "STANDARD_IA", "NoncurrentDays": 30}]
    gone(cloud)


BALANCED = """
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Gate: {Type: AWS::EC2::InternetGateway}
  Way: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gate}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1b}}
  Balancer: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer, DependsOn: Way, Properties: {Subnets: [!Ref A, !Ref B]}}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "404"}}]
      Tags: [{Key: team, Value: web}]
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 1
      Conditions: [{Field: path-pattern, PathPatternConfig: {RegexValues: ["^/a+$"]}}]
      Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "200"}}]
      Tags: [{Key: team, Value: web}]
"""


def test_load_balancers_are_under_the_role_of_their_service(cloud):
    made(cloud, BALANCED)
    cloud.ask("iam", "CreateServiceLinkedRole", AWSServiceName="elasticloadbalancing.amazonaws.com")
    role = {"RoleName": "AWSServiceRoleForElasticLoadBalancing"}
    told = cloud.ask("iam", "GetServiceLinkedRoleDeletionStatus", **cloud.ask("iam", "DeleteServiceLinkedRole", **role))
    assert told["Reason"]["RoleUsageList"][0]["Resources"] == [cloud.physical("Balancer")]
    gone(cloud)
    told = cloud.ask("iam", "GetServiceLinkedRoleDeletionStatus", **cloud.ask("iam", "DeleteServiceLinkedRole", **role))
    assert told == {"Status": "SUCCEEDED"}


def test_listeners_and_rules_have_tags(cloud):
    made(cloud, BALANCED, Tags=[{"Key": "stage", "Value": "one"}])
    arns = [cloud.physical("Listener"), cloud.physical("Rule")]
    (rule,) = cloud.ask("elbv2", "DescribeRules", RuleArns=arns[1:])["Rules"]
    assert rule["Conditions"][0]["PathPatternConfig"]["RegexValues"] == ["^/a+$"]
    updated(cloud, BALANCED.replace("Value: web", "Value: shop"), Tags=[{"Key": "stage", "Value": "one"}])
    for described in cloud.ask("elbv2", "DescribeTags", ResourceArns=arns)["TagDescriptions"]:
        assert {tag["Key"]: tag["Value"] for tag in described["Tags"]} == {"team": "shop", "stage": "one"}
    gone(cloud)
