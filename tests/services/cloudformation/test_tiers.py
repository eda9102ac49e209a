"""A whole web tier, over the real services: balancer, group, policies, alarms, names."""

TIER = """
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
  Size: {Type: String, Default: t2.micro}
  Many: {Type: Number, Default: 2}
Resources:
  Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gateway}}
  A:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, CidrBlock: 10.0.0.0/24, AvailabilityZone: !Select [0, !GetAZs ""]}
  B:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, CidrBlock: 10.0.1.0/24, AvailabilityZone: !Select [1, !GetAZs ""]}
  Door: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: door, VpcId: !Ref Net}}
  Open:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Door, IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    DependsOn: Attached
    Properties:
      Subnets: [!Ref A, !Ref B]
      SecurityGroups: [!Ref Door]
      LoadBalancerAttributes: [{Key: idle_timeout.timeout_seconds, Value: 30}]
  Servers:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref Net
      Port: 80
      Protocol: HTTP
      HealthCheckPath: /
      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: "0"}]
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Servers}]
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 1
      Conditions: [{Field: path-pattern, Values: [/old]}]
      Actions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: "404"}}]
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData: {ImageId: !Ref Image, InstanceType: !Ref Size, SecurityGroupIds: [!Ref Door]}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: {AutoScalingRollingUpdate: {MinInstancesInService: 1, MaxBatchSize: 1}}
    Properties:
      MinSize: !Ref Many
      MaxSize: 4
      VPCZoneIdentifier: [!Ref A, !Ref B]
      LaunchTemplate: {LaunchTemplateId: !Ref Launch, Version: !GetAtt Launch.LatestVersionNumber}
      TargetGroupARNs: [!Ref Servers]
      Tags: [{Key: Name, Value: web, PropagateAtLaunch: true}]
  Track:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      AutoScalingGroupName: !Ref Group
      PolicyType: TargetTrackingScaling
      TargetTrackingConfiguration:
        PredefinedMetricSpecification: {PredefinedMetricType: ASGAverageCPUUtilization}
        TargetValue: 50
  Step:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties: {AutoScalingGroupName: !Ref Group, AdjustmentType: ChangeInCapacity, ScalingAdjustment: 1}
  Busy:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/EC2
      MetricName: CPUUtilization
      Dimensions: [{Name: AutoScalingGroupName, Value: !Ref Group}]
      Statistic: Average
      Period: 60
      EvaluationPeriods: 2
      Threshold: 70
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [!Ref Step]
  Night:
    Type: AWS::AutoScaling::ScheduledAction
    Properties: {AutoScalingGroupName: !Ref Group, MinSize: 1, MaxSize: 4, Recurrence: "0 22 * * *"}
  Hook:
    Type: AWS::AutoScaling::LifecycleHook
    DependsOn: Night
    Properties:
      AutoScalingGroupName: !Ref Group
      LifecycleTransition: autoscaling:EC2_INSTANCE_TERMINATING
      HeartbeatTimeout: 30
      DefaultResult: CONTINUE
Outputs:
  Name: {Value: !GetAtt Balancer.DNSName}
"""


def instances(cloud):
    groups = cloud.ask("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    return [one["InstanceId"] for group in groups for one in group["Instances"]]


def test_a_web_tier_comes_and_goes(cloud):
    cloud.create(TIER)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert len(instances(cloud)) == 2
    assert cloud.outputs()["Name"].endswith(".us-east-1.elb.amazonaws.com")
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("elbv2", "DescribeLoadBalancers")["LoadBalancers"] == []
    assert cloud.ask("cloudwatch", "DescribeAlarms").get("MetricAlarms", []) == []


def test_a_rolling_update_replaces_every_instance(cloud):
    without_hook = TIER[: TIER.index("  Hook:")] + TIER[TIER.index("Outputs:") :]
    cloud.create(without_hook)
    before = set(instances(cloud))
    cloud.update(without_hook, Parameters=[{"ParameterKey": "Size", "ParameterValue": "t2.small"}])
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    after = set(instances(cloud))
    assert (len(after), after & before) == (2, set())
    assert {cloud.instance_of(one)["InstanceType"] for one in after} == {"t2.small"}


def test_names_are_made_when_the_resolver_answers_from_them(cloud):
    text = """
Resources:
  Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: example.org}}
"""
    cloud.cfn("CreateStack", StackName="web", TemplateBody=text)
    for _ in range(3):
        cloud.round()
    assert cloud.resources() == {"Zone": "CREATE_IN_PROGRESS"}
    cloud.synchronise()
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    records = """
  Www:
    Type: AWS::Route53::RecordSet
    Properties: {HostedZoneId: !Ref Zone, Name: www.example.org, Type: A, TTL: 60, ResourceRecords: [198.18.1.1]}
  More:
    Type: AWS::Route53::RecordSetGroup
    Properties:
      HostedZoneName: example.org.
      RecordSets:
        - {Name: a.example.org, Type: A, TTL: "60", ResourceRecords: [198.18.1.2]}
        - {Name: b.example.org, Type: CNAME, TTL: "60", ResourceRecords: [!Ref Www]}
  Probe:
    Type: AWS::Route53::HealthCheck
    Properties: {HealthCheckConfig: {Type: HTTP, IPAddress: 198.18.1.1, Port: 80, ResourcePath: /}}
"""
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=text + records)
    synchronised(cloud, "UPDATE_COMPLETE")
    zone = cloud.physical("Zone")
    sets = cloud.ask("route53", "ListResourceRecordSets", HostedZoneId=zone)["ResourceRecordSets"]
    assert {one["Name"] for one in sets if one["Type"] in ("A", "CNAME")} == {
        "www.example.org.",
        "a.example.org.",
        "b.example.org.",
    }
    changed = records.replace("198.18.1.1", "198.18.1.9")
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=text + changed)
    synchronised(cloud, "UPDATE_COMPLETE")
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    synchronised(cloud, "DELETE_COMPLETE", stack_id)
    assert cloud.ask("route53", "ListHostedZones")["HostedZones"] == []


def synchronised(cloud, status, name="web"):
    for _ in range(30):
        cloud.round()
        cloud.synchronise()
        if cloud.status(name) == status:
            return
    raise AssertionError(cloud.events(name))


def test_the_smaller_types_come_and_go(cloud):
    text = """
Parameters: {Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}}
Resources:
  Key: {Type: AWS::EC2::KeyPair, Properties: {KeyName: web}}
  Door: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: door}}
  Out: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !GetAtt Door.GroupId, IpProtocol: udp, FromPort: 53, ToPort: 53, CidrIp: 10.0.0.0/8}}
  Web: {Type: AWS::EC2::Instance, Properties: {ImageId: !Ref Image, InstanceType: t2.micro, KeyName: !Ref Key}}
  Address: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
  Bound: {Type: AWS::EC2::EIPAssociation, Properties: {AllocationId: !GetAtt Address.AllocationId, InstanceId: !Ref Web}}
  Config: {Type: AWS::AutoScaling::LaunchConfiguration, Properties: {ImageId: !Ref Image, InstanceType: t2.micro}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: {AutoScalingReplacingUpdate: {WillReplace: true}}
    Properties: {MinSize: 1, MaxSize: 1, LaunchConfigurationName: !Ref Config, AvailabilityZones: !GetAZs ""}
  Low:
    Type: AWS::CloudWatch::Alarm
    Properties: {Namespace: N, MetricName: M, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: LessThanThreshold}
  Any: {Type: AWS::CloudWatch::CompositeAlarm, Properties: {AlarmRule: !Sub "ALARM(${Low})"}}
  Mark: {Type: AWS::CloudFormation::WaitConditionHandle}
"""  # noqa: E501
    cloud.create(text)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    group = cloud.physical("Group")
    kept = cloud.ask("ssm", "DescribeParameters")["Parameters"]
    assert [one["Name"].startswith("/ec2/keypair/key-") for one in kept] == [True]
    cloud.update(
        text.replace("LaunchConfiguration, Properties: {", "LaunchConfiguration, Properties: {UserData: eA==, ")
    )
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.physical("Group") != group
    assert len(instances(cloud)) == 1
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("ssm", "DescribeParameters")["Parameters"] == []


def test_a_launch_configuration_says_how_metadata_are_asked_for(cloud):
    cloud.create("""
Parameters:
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}
Resources:
  Launch:
    Type: AWS::AutoScaling::LaunchConfiguration
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.micro
      MetadataOptions: {HttpTokens: required, HttpPutResponseHopLimit: 2}
      PlacementTenancy: default
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties: {MinSize: 1, MaxSize: 1, AvailabilityZones: !GetAZs "", LaunchConfigurationName: !Ref Launch}
""")
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    (group,) = cloud.ask("autoscaling", "DescribeAutoScalingGroups")["AutoScalingGroups"]
    options = cloud.instance_of(group["Instances"][0]["InstanceId"])["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 2)
