"""Templates in the shapes in which people publish them for EC2, load balancers and Auto Scaling; the words are ours."""

import pytest

from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation.rules.dynamic import resolve
from aftershock.services.cloudformation.rules.errors import TemplateError

IMAGE = "/aws/service/debian/release/12/latest/amd64"

# One instance in the default VPC: the group by its name, an elastic address, mappings that lead through one another.
ONE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: 'One machine, **WARNING** it costs money.'
Metadata: {License: Apache-2.0}
Parameters:
  KeyName: {Type: "AWS::EC2::KeyPair::KeyName", ConstraintDescription: must be the name of a key pair.}
  InstanceType: {Type: String, Default: t3.micro, AllowedValues: [t2.micro, t3.micro, m5.large]}
  SSHLocation:
    Type: String
    Default: 0.0.0.0/0
    MinLength: "9"
    MaxLength: "18"
    AllowedPattern: (\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})\\.(\\d{1,3})/(\\d{1,2})
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: IMAGE}
Mappings:
  Kind: {t2.micro: {Arch: HVM64}, t3.micro: {Arch: HVM64}, m5.large: {Arch: HVM64}}
  Words: {HVM64: {Word: modern}}
Conditions:
  Elsewhere: !Equals [!Ref AWS::Region, eu-west-1]
Resources:
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: !Ref InstanceType
      KeyName: !Ref KeyName
      SecurityGroups: [!Ref Group]
      Monitoring: false
      Tags: [{Key: Kind, Value: !FindInMap [Words, !FindInMap [Kind, !Ref InstanceType, Arch], Word]}]
      UserData: !Base64
        Fn::Join: ["", ["address=", !Ref Address, "\\n"]]
  Group:
    Type: AWS::EC2::SecurityGroup
    Metadata: {guard: {SuppressedRules: [INCOMING_SSH_DISABLED]}}
    Properties:
      GroupDescription: Enable SSH access
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: "22", ToPort: "22", CidrIp: !Ref SSHLocation}
        - {IpProtocol: icmp, FromPort: "-1", ToPort: "-1", CidrIp: 0.0.0.0/0}
  Address: {Type: AWS::EC2::EIP}
  Bound:
    Type: AWS::EC2::EIPAssociation
    Properties: {InstanceId: !Ref Machine, AllocationId: !GetAtt Address.AllocationId}
  Topic:
    Condition: Elsewhere
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "${AWS::StackName}-topic"}
Outputs:
  Id: {Value: !Ref Machine}
  Zone: {Value: !GetAtt Machine.AvailabilityZone}
  Name: {Value: !GetAtt Machine.PublicDnsName}
  Group: {Value: !Ref Group, Export: {Name: !Sub "${AWS::Region}-${AWS::StackName}-Group"}}
  Topic: {Condition: Elsewhere, Value: !Ref Topic}
""".replace("IMAGE", IMAGE)

# A tier behind a load balancer in networks that are there, set up by cfn-init and watched by cfn-hup.
TIER = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  VPC: {Type: "AWS::EC2::VPC::Id"}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
  AZs: {Type: "List<AWS::EC2::AvailabilityZone::Name>"}
  KeyName: {Type: "AWS::EC2::KeyPair::KeyName"}
Resources:
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Metadata:
      Comment: Install a simple application
      AWS::CloudFormation::Init:
        configSets: {full: [watch, app]}
        watch:
          files:
            /etc/cfn/cfn-hup.conf:
              content: !Sub |
                [main]
                stack=${AWS::StackId}
                region=${AWS::Region}
              mode: "000400"
              owner: root
              group: root
          services: {sysvinit: {cfn-hup: {enabled: "true", ensureRunning: "true", files: [/etc/cfn/cfn-hup.conf]}}}
        app: {packages: {apt: {nginx: []}}}
    Properties:
      LaunchTemplateName: !Sub "${AWS::StackName}-launch"
      LaunchTemplateData:
        ImageId: '{{resolve:ssm:IMAGE}}'
        InstanceType: t3.micro
        KeyName: !Ref KeyName
        IamInstanceProfile: {Arn: !GetAtt Profile.Arn}
        SecurityGroupIds: [!GetAtt Machines.GroupId]
        UserData: !Base64
          Fn::Sub: |
            #!/bin/bash -xe
            /opt/aws/bin/cfn-init -v --stack ${AWS::StackName} --resource Launch --region ${AWS::Region}
            /opt/aws/bin/cfn-signal -e $? --stack ${AWS::StackName} --resource Servers --region ${AWS::Region}
        TagSpecifications:
          - {ResourceType: instance, Tags: [{Key: Name, Value: !Sub "${AWS::StackName}-server"}]}
  Servers:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Timeout: PT15M, Count: 2}}
    UpdatePolicy:
      AutoScalingRollingUpdate:
        {MinInstancesInService: 1, MaxBatchSize: 1, PauseTime: PT15M, WaitOnResourceSignals: true}
    Metadata: {cfn-lint: {config: {ignore_checks: [E3014]}}}
    Properties:
      AvailabilityZones: !Ref AZs
      VPCZoneIdentifier: !Ref Subnets
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
      MinSize: "2"
      MaxSize: "4"
      HealthCheckType: ELB
      HealthCheckGracePeriod: "60"
      TargetGroupARNs: [!Ref Targets]
  Up:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      {AdjustmentType: ChangeInCapacity, AutoScalingGroupName: !Ref Servers, Cooldown: "60", ScalingAdjustment: 1}
  High:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmDescription: Scale-up if CPU > 90% for 10 minutes
      MetricName: CPUUtilization
      Namespace: AWS/EC2
      Statistic: Average
      Period: 300
      EvaluationPeriods: "2"
      Threshold: "90"
      AlarmActions: [!Ref Up]
      Dimensions: [{Name: AutoScalingGroupName, Value: !Ref Servers}]
      ComparisonOperator: GreaterThanThreshold
  Evening:
    Type: AWS::AutoScaling::ScheduledAction
    Properties: {AutoScalingGroupName: !Ref Servers, MinSize: "1", MaxSize: "1", Recurrence: 0 19 * * *}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Scheme: internet-facing, SecurityGroups: [!Ref Front], Subnets: !Ref Subnets, Type: application}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {HealthCheckPath: /, Name: Targets, Port: 80, Protocol: HTTP, TargetType: instance, VpcId: !Ref VPC}
  Front:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: From everywhere
      VpcId: !Ref VPC
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}]
  Machines:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: From the load balancer only
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, SourceSecurityGroupId: !Ref Front}]
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Path: /, Roles: [!Ref Role]}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: [ec2.amazonaws.com]}, Action: ["sts:AssumeRole"]}]
      Path: /
      Policies:
        - PolicyName: look
          PolicyDocument: {Statement: [{Effect: Allow, Action: ["elasticloadbalancing:Describe*"], Resource: "*"}]}
Outputs:
  URL: {Description: The URL, Value: !Join ["", ["http://", !GetAtt Balancer.DNSName]]}
""".replace("IMAGE", IMAGE)

# A network of one's own, from a mapping, with zones that are only numbered.
NETWORK = """
Parameters: {Name: {Type: String, Default: two zones}}
Mappings:
  Config: {VPC: {CIDR: 10.0.0.0/16}, Public0: {CIDR: 10.0.0.0/24}, Public1: {CIDR: 10.0.1.0/24}}
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties:
      EnableDnsSupport: "true"
      EnableDnsHostnames: "true"
      CidrBlock: !FindInMap [Config, VPC, CIDR]
      Tags: [{Key: Application, Value: !Ref AWS::StackName}]
  Public0:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref VPC
      AvailabilityZone: !Select
        - 0
        - !GetAZs
      CidrBlock: !FindInMap [Config, Public0, CIDR]
      MapPublicIpOnLaunch: "true"
  Public1:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref VPC
      AvailabilityZone: !Select ["1", !GetAZs {Ref: AWS::Region}]
      CidrBlock: !FindInMap [Config, Public1, CIDR]
      Tags:
        - Key: Name
          Value: !Join
            - ""
            - - !Ref Name
              - -public-
              - !Select
                - 1
                - !GetAZs
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref VPC, InternetGatewayId: !Ref Gateway}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref VPC}}
  Route:
    Type: AWS::EC2::Route
    DependsOn: Attached
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  Bound0: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref Public0, RouteTableId: !Ref Table}}
Outputs:
  VPC: {Value: !Ref VPC, Export: {Name: !Sub "${AWS::Region}-${AWS::StackName}-VPC"}}
  Group: {Value: !GetAtt VPC.DefaultSecurityGroup}
"""


def parameters(**values):
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


@pytest.fixture
def key(cloud):
    cloud.ask("ec2", "CreateKeyPair", KeyName="mine")
    return "mine"


def gone(cloud):
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)


def test_one_machine_in_the_default_vpc(cloud, key):
    cloud.create(ONE, Parameters=parameters(KeyName=key))
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert "Topic" not in cloud.resources()
    machine = cloud.instance_of(cloud.outputs()["Id"])
    # AWS: without a VpcId a Ref gives the group's name.
    assert [group["GroupName"] for group in machine["SecurityGroups"]] == [cloud.outputs()["Group"]]
    assert {"Key": "Kind", "Value": "modern"} in machine["Tags"]
    cloud.update(ONE.replace("Enable SSH access", "Enable it"), Parameters=parameters(KeyName=key))
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    cloud.update(
        ONE.replace('"22", CidrIp', '"23", CidrIp').replace("Enable SSH access", "Enable it"),
        Parameters=parameters(KeyName=key),
    )
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    (group,) = cloud.ask("ec2", "DescribeSecurityGroups", GroupNames=[cloud.physical("Group")])["SecurityGroups"]
    assert sorted(one["ToPort"] for one in group["IpPermissions"]) == [-1, 23]
    gone(cloud)


def test_a_tier_behind_a_load_balancer_in_networks_that_are_there(cloud, key):
    subnets = cloud.ask("ec2", "DescribeSubnets")["Subnets"][:2]
    given = parameters(
        VPC=subnets[0]["VpcId"],
        Subnets=",".join(one["SubnetId"] for one in subnets),
        AZs=",".join(one["AvailabilityZone"] for one in subnets),
        KeyName=key,
    )
    cloud.cfn("CreateStack", StackName="web", TemplateBody=TIER, Parameters=given, Capabilities=["CAPABILITY_IAM"])
    signalled(cloud, "CREATE_COMPLETE")
    assert cloud.outputs()["URL"].startswith("http://web-")
    detail = cloud.cfn("DescribeStackResource", StackName="web", LogicalResourceId="Launch")["StackResourceDetail"]
    assert f"stack={cloud.stack()['StackId']}" in detail["Metadata"]
    launched = cloud.ask("ec2", "DescribeLaunchTemplateVersions", LaunchTemplateName="web-launch", Versions=["$Latest"])
    assert launched["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"] == cloud.image
    assert cloud.cfn("DetectStackDrift", StackName="web")
    found = cloud.cfn("DescribeStackResourceDrifts", StackName="web", StackResourceDriftStatusFilters=["MODIFIED"])
    assert found["StackResourceDrifts"] == []
    gone(cloud)


def signalled(cloud, status):
    """Every instance of the group says that it is done as soon as it is there, as its user data would."""
    for _ in range(40):
        cloud.round()
        cloud.settle()
        groups = cloud.ask("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
        for one in (member["InstanceId"] for group in groups for member in group["Instances"]):
            try:
                cloud.cfn(
                    "SignalResource", StackName="web", LogicalResourceId="Servers", UniqueId=one, Status="SUCCESS"
                )
            except AwsError:
                break
        if cloud.status() == status:
            return
    raise AssertionError(cloud.events())


def test_a_network_in_numbered_zones(cloud):
    cloud.create(NETWORK)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    found = cloud.ask("ec2", "DescribeSubnets", Filters=[{"Name": "vpc-id", "Values": [cloud.physical("VPC")]}])
    assert sorted(one["AvailabilityZone"] for one in found["Subnets"]) == ["us-east-1a", "us-east-1b"]
    gone(cloud)


def test_a_type_that_the_region_lacks_is_refused_where_its_condition_holds(cloud, key):
    text = ONE.replace("eu-west-1", "us-east-1")
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=text, Parameters=parameters(KeyName=key))
    assert (code, message) == (
        "ValidationError",
        "Template format error: Unrecognized resource types: [AWS::SNS::Topic]; resource Topic (line 44)",
    )
    assert cloud.cfn("ValidateTemplate", TemplateBody=text)["Parameters"]


def test_egress_without_a_vpc_is_refused_as_on_aws(cloud):
    text = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: x
      SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 0.0.0.0/0}]
"""
    cloud.create(text)
    assert ("Group", "CREATE_FAILED", "SecurityGroupEgress cannot be specified without VpcId") in cloud.events()


def test_a_dynamic_reference_is_read_when_the_resource_is_made_and_changed(cloud):
    cloud.ask("ssm", "PutParameter", Name="/words/one", Value="first", Type="String")
    text = """
Resources:
  Said: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: "say {{resolve:ssm:/words/one}}!"}}
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: "{{resolve:ssm:/words/one:1}}"}}
Outputs: {Said: {Value: !GetAtt Said.Value}, Kept: {Value: !GetAtt Kept.Value}}
"""
    cloud.create(text)
    assert cloud.outputs() == {"Said": "say first!", "Kept": "first"}
    cloud.ask("ssm", "PutParameter", Name="/words/one", Value="second", Type="String", Overwrite=True)
    cloud.update(text)
    assert cloud.outputs() == {"Said": "say second!", "Kept": "first"}
    assert cloud.refused("UpdateStack", StackName="web", TemplateBody=text)[1] == "No updates are to be performed."


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("ssm:/nowhere", "Parameters: [ssm:/nowhere] cannot be found."),
        ("ssm:/a b", "Incorrect format is used in the following SSM reference"),
        ("ssm-secure:/a", "dynamic references to ssm-secure are not supported"),
        ("secretsmanager:a", "dynamic references to secretsmanager are not supported"),
    ],
)
def test_a_dynamic_reference_that_stands_for_nothing_is_refused_before_anything_is_made(cloud, reference, words):
    text = f"""
Resources:
  Said: {{Type: AWS::SSM::Parameter, Properties: {{Type: String, Value: "{{{{resolve:{reference}}}}}"}}}}
"""
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=text)
    assert code == "ValidationError"
    assert words in message
    assert cloud.cfn("DescribeStacks").get("Stacks", []) == []


def test_text_that_only_looks_like_a_reference_stays():
    def never(name):
        raise AssertionError(name)

    for text in ("", "{{", "{{resolve}}", "{resolve:ssm:a}", "{{ resolve:ssm:a }}", "{{mustache}}"):
        assert resolve(text, never) == text
    assert resolve("{{resolve:ssm:a}}{{resolve:ssm:b:2}}", lambda name: f"<{name}>") == "<a><b:2>"
    with pytest.raises(TemplateError):
        resolve("{{resolve:ssm:}}", never)


# What people write besides: single things where there could be lists of them, numbers as texts, protocols as numbers,
# tags on everything that has them, references of dynamic texts in Fn::Sub, parameters that name lists of subnets.
HABITS = """
Parameters:
  VpcId: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::VPC::Id>", Default: /lab/vpc}
  SubnetIds: {Type: "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>", Default: /lab/subnets}
  Environment: {Type: String, Default: Lab}
Resources:
  Front:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupName: !Sub "front-${Environment}"
      GroupDescription: Front
      VpcId: !Ref VpcId
      SecurityGroupIngress:
        - {IpProtocol: -1, CidrIp: 0.0.0.0/0, Description: everything}
        - {IpProtocol: "6", FromPort: 80, ToPort: 80, CidrIpv6: "::/0"}
      SecurityGroupEgress:
        - {IpProtocol: "-1", FromPort: 0, ToPort: 65535, CidrIp: 0.0.0.0/0}
      Tags: [{Key: Component, Value: Scaling}]
  Myself:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Front, IpProtocol: -1, SourceSecurityGroupId: !Ref Front, Description: ourselves}
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateName: !Sub "Servers-${Environment}"
      LaunchTemplateData:
        ImageId: {"Fn::Sub": "{{resolve:ssm:IMAGE}}"}
        InstanceType: t2.micro
        BlockDeviceMappings:
          - DeviceName: /dev/xvda
            Ebs: {VolumeSize: "20", VolumeType: gp3, DeleteOnTermination: "true"}
        NetworkInterfaces:
          - {DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: [!Ref Front], DeleteOnTermination: true}
        TagSpecifications:
          - {ResourceType: instance, Tags: [{Key: Name, Value: !Sub "server-${Environment}"}]}
          - {ResourceType: volume, Tags: [{Key: Name, Value: !Sub "server-${Environment}"}]}
      TagSpecifications:
        - {ResourceType: launch-template, Tags: [{Key: Component, Value: Scaling}]}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      AutoScalingGroupName: !Sub "Servers-${Environment}"
      LaunchTemplate: {LaunchTemplateName: !Sub "Servers-${Environment}", Version: !GetAtt Launch.LatestVersionNumber}
      MinSize: 1
      MaxSize: 3
      DesiredCapacity: 1
      Cooldown: 60
      VPCZoneIdentifier: !Ref SubnetIds
      TargetGroupARNs: [!Ref Targets]
      TerminationPolicies: [OldestInstance, Default]
      MetricsCollection: [{Granularity: 1Minute, Metrics: [GroupMinSize, GroupMaxSize]}]
      Tags: [{Key: Component, Value: Scaling, PropagateAtLaunch: true}]
  Up:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      AutoScalingGroupName: !Ref Group
      PolicyType: StepScaling
      AdjustmentType: ChangeInCapacity
      EstimatedInstanceWarmup: 60
      StepAdjustments:
        - {MetricIntervalLowerBound: "0", MetricIntervalUpperBound: "15", ScalingAdjustment: "1"}
        - {MetricIntervalLowerBound: "15", ScalingAdjustment: "2"}
  Busy:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: !Sub "Busy-${Environment}"
      ActionsEnabled: true
      Namespace: AWS/EC2
      MetricName: CPUUtilization
      Dimensions: [{Name: AutoScalingGroupName, Value: !Ref Group}]
      Statistic: Average
      Unit: Percent
      Period: "60"
      EvaluationPeriods: "2"
      Threshold: "50"
      ComparisonOperator: GreaterThanOrEqualToThreshold
      AlarmActions: [!Ref Up]
      Tags: [{Key: Component, Value: Scaling}]
  Requests:
    Type: AWS::AutoScaling::ScalingPolicy
    DependsOn: Listener
    Properties:
      AutoScalingGroupName: !Ref Group
      PolicyType: TargetTrackingScaling
      TargetTrackingConfiguration:
        PredefinedMetricSpecification:
          PredefinedMetricType: ALBRequestCountPerTarget
          ResourceLabel: !Join ["/", [!GetAtt Balancer.LoadBalancerFullName, !GetAtt Targets.TargetGroupFullName]]
        TargetValue: "100"
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: !Sub "Web-${Environment}"
      Type: application
      IpAddressType: ipv4
      SubnetMappings:
        - {SubnetId: !Select [0, !Ref SubnetIds]}
        - {SubnetId: !Select ["1", !Ref SubnetIds]}
      SecurityGroups: [!GetAtt Front.GroupId]
      Tags: [{Key: Component, Value: Scaling}]
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: "80"
      Protocol: HTTP
      DefaultActions:
        - Type: fixed-response
          FixedResponseConfig: {ContentType: text/plain, MessageBody: nothing here, StatusCode: "404"}
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: "10"
      Conditions:
        - Field: path-pattern
          PathPatternConfig: {Values: ["/*"]}
        - Field: http-request-method
          HttpRequestMethodConfig: {Values: [GET, HEAD]}
      Actions:
        - Type: forward
          ForwardConfig: {TargetGroups: [{TargetGroupArn: !Ref Targets, Weight: 1}]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref VpcId
      Port: 80
      Protocol: HTTP
      ProtocolVersion: HTTP1
      TargetType: instance
      Matcher: {HttpCode: 200-299}
      HealthCheckEnabled: true
      HealthCheckPort: traffic-port
      HealthCheckProtocol: HTTP
      TargetGroupAttributes:
        - {Key: stickiness.enabled, Value: "true"}
        - {Key: stickiness.type, Value: lb_cookie}
        - {Key: deregistration_delay.timeout_seconds, Value: 60}
      Tags: [{Key: Component, Value: Scaling}]
  Lone:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: "{{resolve:ssm:IMAGE:1}}"
      InstanceType: t2.micro
      NetworkInterfaces:
        - AssociatePublicIpAddress: "true"
          DeviceIndex: "0"
          GroupSet: [!Ref Front]
          SubnetId: !Select [0, !Ref SubnetIds]
      BlockDeviceMappings: [{DeviceName: /dev/xvda, Ebs: {VolumeType: gp2, VolumeSize: "10"}}]
  Lonely:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref VpcId
      Port: 80
      Protocol: TCP
      Targets: [{Id: !Ref Lone, Port: 80}]
Outputs:
  Name: {Value: !GetAtt Balancer.DNSName, Export: {Name: !Sub "Name-${Environment}"}}
  Targets: {Value: !Join [",", !GetAtt Targets.LoadBalancerArns]}
  Zone: {Value: !GetAtt Balancer.CanonicalHostedZoneID}
  Where: {Value: !Sub "http://${Lone.PublicIp}:80"}
""".replace("IMAGE", IMAGE)


def test_habits_of_those_who_publish(cloud):
    subnets = cloud.ask("ec2", "DescribeSubnets")["Subnets"][:2]
    listed = ",".join(one["SubnetId"] for one in subnets)
    cloud.ask("ssm", "PutParameter", Name="/lab/vpc", Value=subnets[0]["VpcId"], Type="String")
    cloud.ask("ssm", "PutParameter", Name="/lab/subnets", Value=listed, Type="StringList")
    cloud.create(HABITS)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    shown = cloud.outputs()
    assert shown["Where"] == f"http://{cloud.instance_of(cloud.physical('Lone'))['PublicIpAddress']}:80"
    assert shown["Targets"] == cloud.physical("Balancer")
    (group,) = cloud.ask("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    instance = cloud.instance_of(group["Instances"][0]["InstanceId"])
    assert {"Key": "Component", "Value": "Scaling"} in instance["Tags"]
    found = cloud.cfn("DetectStackDrift", StackName="web")
    assert found["StackDriftDetectionId"]
    drifts = cloud.cfn("DescribeStackResourceDrifts", StackName="web", StackResourceDriftStatusFilters=["MODIFIED"])
    assert drifts["StackResourceDrifts"] == []
    gone(cloud)


# Addresses that others have let through their walls, and everything said that a cautious house wants said.
CAREFUL = """
Parameters:
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
Resources:
  First: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
  Second: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Type: network
      Scheme: internet-facing
      SubnetMappings:
        - {SubnetId: !Select [0, !Ref Subnets], AllocationId: !GetAtt First.AllocationId}
        - {SubnetId: !Select [1, !Ref Subnets], AllocationId: !GetAtt Second.AllocationId}
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16, InstanceTenancy: default}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.9.1.0/24
      AssignIpv6AddressOnCreation: IPV6
      EnableDns64: false
      Ipv6Native: false
      MapPublicIpOnLaunch: true
      PrivateDnsNameOptionsOnLaunch: {HostnameType: ip-name, EnableResourceNameDnsARecord: false}
  Machine:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: "{{resolve:ssm:IMAGE}}"
      InstanceType: t3.micro
      Affinity: default
      Tenancy: default
      CpuOptions: {CoreCount: 1, ThreadsPerCore: 2}
      DisableApiTermination: false
      EnclaveOptions: {Enabled: false}
      HibernationOptions: {Configured: false}
      InstanceInitiatedShutdownBehavior: stop
      SourceDestCheck: CHECK
      BlockDeviceMappings:
        - {DeviceName: /dev/xvda, Ebs: {Encrypted: true, KmsKeyId: alias/aws/ebs, VolumeType: gp3}}
        - {DeviceName: /dev/sdb, VirtualName: ephemeral0}
        - {DeviceName: /dev/sdc, NoDevice: {}}
""".replace("IMAGE", IMAGE)


def test_a_network_load_balancer_at_addresses_of_the_stack_and_a_machine_with_everything_said(cloud):
    subnets = ",".join(one["SubnetId"] for one in cloud.ask("ec2", "DescribeSubnets")["Subnets"][:2])
    given = [{"ParameterKey": "Subnets", "ParameterValue": subnets}]
    cloud.create(CAREFUL.replace("CHECK", "false").replace("IPV6", "false"), Parameters=given)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    addresses = {one["PublicIp"]: one for one in cloud.ask("ec2", "DescribeAddresses")["Addresses"]}
    assert addresses.keys() == {cloud.physical("First"), cloud.physical("Second")}
    (balancer,) = cloud.ask("elbv2", "DescribeLoadBalancers")["LoadBalancers"]
    shown = [one["LoadBalancerAddresses"][0]["IpAddress"] for one in balancer["AvailabilityZones"]]
    assert sorted(shown) == sorted(addresses)
    (volume,) = cloud.ask("ec2", "DescribeVolumes")["Volumes"]
    assert volume["Encrypted"] is True
    (reservation,) = cloud.ask("ec2", "DescribeInstances")["Reservations"]
    assert reservation["Instances"][0]["SourceDestCheck"] is False
    gone(cloud)
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []


def test_what_is_said_and_is_not_so_is_refused_by_its_name(cloud):
    subnets = ",".join(one["SubnetId"] for one in cloud.ask("ec2", "DescribeSubnets")["Subnets"][:2])
    given = [{"ParameterKey": "Subnets", "ParameterValue": subnets}]
    cloud.create(CAREFUL.replace("CHECK", "true").replace("IPV6", "true"), Parameters=given)
    assert cloud.status() == "ROLLBACK_COMPLETE", cloud.events()
    assert any("AssignIpv6AddressOnCreation" in reason for _, _, reason in cloud.events())
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []
