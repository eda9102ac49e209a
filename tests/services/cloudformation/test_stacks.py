"""Stacks over the region's real services."""
# ruff: noqa: E501 - a template's member, and a case, is a line

import pytest

NETWORK = """
Description: a network
Parameters:
  Cidr: {Type: String, Default: 10.0.0.0/16}
Resources:
  Net:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: !Ref Cidr, EnableDnsHostnames: true, Tags: [{Key: Name, Value: !Ref AWS::StackName}]}
  Public:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Net
      CidrBlock: !Select [0, !Cidr [!GetAtt Net.CidrBlock, 4, 8]]
      AvailabilityZone: !Select [0, !GetAZs ""]
      MapPublicIpOnLaunch: "true"
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attached:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Net, InternetGatewayId: !Ref Gateway}
  Routes:
    Type: AWS::EC2::RouteTable
    Properties: {VpcId: !Ref Net}
  Out:
    Type: AWS::EC2::Route
    DependsOn: Attached
    Properties: {RouteTableId: !Ref Routes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  Joined:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {RouteTableId: !Ref Routes, SubnetId: !Ref Public}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Net
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: "80", CidrIp: 0.0.0.0/0}]
"""
WEB = (
    NETWORK
    + """
  Web:
    Type: AWS::EC2::Instance
    DependsOn: Out
    Properties:
      ImageId: !Ref Image
      InstanceType: !Ref Size
      SubnetId: !Ref Public
      SecurityGroupIds: [!Ref Group]
      UserData: !Base64 {"Fn::Sub": "#!/bin/sh\\necho ${AWS::StackName}"}
  Address:
    Type: AWS::EC2::EIP
    Properties: {InstanceId: !Ref Web}
Outputs:
  Url: {Value: !Sub "http://${Address}", Export: {Name: !Sub "${AWS::StackName}-url"}}
"""
).replace(
    "Parameters:",
    """Parameters:
  Size: {Type: String, Default: t2.micro}
  Image: {Type: "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", Default: /aws/service/debian/release/12/latest/amd64}""",
)


def test_a_network_is_made_in_the_order_of_its_references_and_leaves_nothing(cloud):
    before = len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"])
    cloud.create(NETWORK)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert set(cloud.resources().values()) == {"CREATE_COMPLETE"}
    vpc = cloud.ask("ec2", "DescribeVpcs", VpcIds=[cloud.physical("Net")])["Vpcs"][0]
    assert {"Key": "Name", "Value": "web"} in vpc["Tags"]
    subnet = cloud.ask("ec2", "DescribeSubnets", SubnetIds=[cloud.physical("Public")])["Subnets"][0]
    assert (subnet["CidrBlock"], subnet["MapPublicIpOnLaunch"]) == ("10.0.0.0/24", True)
    events = cloud.events()
    assert events[0] == ("web", "CREATE_IN_PROGRESS", "User Initiated")
    assert events[-1] == ("web", "CREATE_COMPLETE", "")
    order = [name for name, status, _ in events if status == "CREATE_COMPLETE"]
    assert order.index("Net") < order.index("Public") < order.index("Joined")
    assert ("Net", "CREATE_IN_PROGRESS", "Resource creation Initiated") in events

    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"]) == before
    assert cloud.refused("DescribeStacks", StackName="web") == ("ValidationError", "Stack with id web does not exist")


def test_an_instance_is_complete_when_it_runs_and_its_address_is_an_output(cloud):
    cloud.create(WEB)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    instance = cloud.instance_of(cloud.physical("Web"))
    assert instance["State"]["Name"] == "running"
    assert cloud.outputs() == {"Url": f"http://{instance['PublicIpAddress']}"}
    assert cloud.cfn("ListExports")["Exports"][0]["Name"] == "web-url"
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("ec2", "DescribeAddresses")["Addresses"] == []


def test_what_cannot_be_made_takes_everything_back(cloud):
    broken = (
        NETWORK
        + """
  Bad:
    Type: AWS::EC2::Subnet
    DependsOn: Out
    Properties: {VpcId: !Ref Net, CidrBlock: 192.168.0.0/24}
"""
    )
    before = len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"])
    cloud.create(broken)
    assert cloud.status() == "ROLLBACK_COMPLETE", cloud.events()
    events = cloud.events()
    reason = "The following resource(s) failed to create: [Bad]. Rollback requested by user."
    assert ("web", "ROLLBACK_IN_PROGRESS", reason) in events
    assert [reason for name, status, reason in events if (name, status) == ("Bad", "CREATE_FAILED")] != []
    assert len(cloud.ask("ec2", "DescribeVpcs")["Vpcs"]) == before
    code, message = cloud.refused("UpdateStack", StackName="web", TemplateBody=NETWORK)
    assert code == "ValidationError"
    assert message.endswith("is in ROLLBACK_COMPLETE state and can not be updated.")


def test_an_update_changes_in_place_replaces_and_cleans_up(cloud):
    cloud.create(WEB)
    web, group = cloud.physical("Web"), cloud.physical("Group")
    code, message = cloud.refused("UpdateStack", StackName="web", TemplateBody=WEB)
    assert (code, message) == ("ValidationError", "No updates are to be performed.")
    cloud.update(WEB, Parameters=[{"ParameterKey": "Size", "ParameterValue": "t2.small"}])
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.physical("Web") == web
    assert cloud.instance_of(web)["InstanceType"] == "t2.small"
    cloud.update(WEB.replace("GroupDescription: web", "GroupDescription: other"))
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.physical("Group") != group
    assert cloud.instance_of(web)["SecurityGroups"][0]["GroupId"] == cloud.physical("Group")
    assert group not in [one["GroupId"] for one in cloud.ask("ec2", "DescribeSecurityGroups")["SecurityGroups"]]
    assert ("Group", "DELETE_COMPLETE", "") in cloud.events()


def test_an_update_that_fails_is_taken_back(cloud):
    cloud.create(WEB)
    web, group = cloud.physical("Web"), cloud.physical("Group")
    broken = WEB.replace("GroupDescription: web", "GroupDescription: other").replace(
        "Outputs:",
        "  Bad: {Type: AWS::EC2::Subnet, DependsOn: Web, Properties: {VpcId: !Ref Net, CidrBlock: 1.0.0.0/24}}\nOutputs:",
    )
    cloud.update(broken)
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE", cloud.events()
    assert (cloud.physical("Web"), cloud.physical("Group")) == (web, group)
    assert [one["GroupId"] for one in cloud.instance_of(web)["SecurityGroups"]] == [group]
    groups = cloud.ask("ec2", "DescribeSecurityGroups")["SecurityGroups"]
    assert [one["GroupId"] for one in groups if one["GroupName"].startswith("web-Group")] == [group]
    assert cloud.resources()["Bad"] == "DELETE_COMPLETE"
    cloud.update(WEB, Parameters=[{"ParameterKey": "Size", "ParameterValue": "t2.small"}])
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()


@pytest.mark.parametrize(
    ("capabilities", "answer"),
    [
        ([], "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
        (["CAPABILITY_IAM"], "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
    ],
)
def test_named_iam_resources_need_their_capability(cloud, capabilities, answer):
    assert cloud.refused("CreateStack", StackName="web", TemplateBody=IAM, Capabilities=capabilities) == (
        "InsufficientCapabilitiesException",
        answer,
    )


IAM = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: web
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore]
      Policies:
        - PolicyName: read
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:Get*", Resource: "*"}]}
  Profile: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Role]}}
  Own:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "ec2:*", Resource: "*"}]}
      Roles: [!Ref Role]
  Inline:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: write
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:Put*", Resource: !GetAtt Role.Arn}]}
      Roles: [!Ref Role]
  People: {Type: AWS::IAM::Group}
  Person: {Type: AWS::IAM::User, Properties: {Groups: [!Ref People]}}
  Key: {Type: AWS::IAM::AccessKey, Properties: {UserName: !Ref Person}}
  Setting: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Role.Arn, Name: /web/role}}
Outputs:
  Arn: {Value: !GetAtt Role.Arn}
"""


def test_people_roles_and_parameters_come_and_go(cloud):
    cloud.create(IAM, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.outputs() == {"Arn": "arn:aws:iam::123456789012:role/web"}
    assert cloud.ask("ssm", "GetParameter", Name="/web/role")["Parameter"]["Value"] == cloud.outputs()["Arn"]
    attached = cloud.ask("iam", "ListAttachedRolePolicies", RoleName="web")["AttachedPolicies"]
    assert len(attached) == 2
    cloud.update(
        IAM.replace("s3:Get*", "s3:List*").replace("/web/role", "/web/other"), Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    assert cloud.status() == "UPDATE_COMPLETE", cloud.events()
    assert cloud.ask("ssm", "GetParameter", Name="/web/other")["Parameter"]["Value"] == cloud.outputs()["Arn"]
    stack_id = cloud.stack()["StackId"]
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    assert cloud.status(stack_id) == "DELETE_COMPLETE", cloud.events(stack_id)
    assert cloud.ask("iam", "ListUsers")["Users"] == []
