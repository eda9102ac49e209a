"""A load balancer in a whole region, as its owner makes it and its clients reach it by its name."""

from ipaddress import IPv4Network

import pytest

from aftershock.ground import launcher
from tests.conftest import eventually
from tests.region import WEB, a_region, up


def default_subnets(region):
    """The default subnet of each zone."""
    found = region.ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}


@pytest.fixture
def site(region):
    """Two web servers in two zones that only the load balancer may ask, and a load balancer before them."""
    elb, subnets = region.client("elbv2"), default_subnets(region)
    zones = sorted(subnets)[:2]
    front = region.open_port(80)
    group = region.ec2.describe_security_groups(GroupIds=[front])["SecurityGroups"][0]
    back = region.ec2.create_security_group(GroupName="back", Description="test", VpcId=group["VpcId"])["GroupId"]
    region.ec2.authorize_security_group_ingress(
        GroupId=back,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": front}]}],
    )
    servers = [
        region.run(UserData=WEB, SecurityGroupIds=[back], SubnetId=subnets[zone])["InstanceId"] for zone in zones
    ]
    made = elb.create_load_balancer(Name="web", Subnets=[subnets[zone] for zone in zones], SecurityGroups=[front])
    balancer = made["LoadBalancers"][0]
    target_group = elb.create_target_group(
        Name="web", Protocol="HTTP", Port=80, VpcId=group["VpcId"], HealthCheckIntervalSeconds=10
    )["TargetGroups"][0]["TargetGroupArn"]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target_group}],
    )
    for server in servers:
        region.in_state(server, "running")
    elb.register_targets(TargetGroupArn=target_group, Targets=[{"Id": server} for server in servers])
    return balancer, target_group, servers


def states(region, target_group):
    found = region.client("elbv2").describe_target_health(TargetGroupArn=target_group)["TargetHealthDescriptions"]
    return {one["Target"]["Id"]: one["TargetHealth"] for one in found}


def is_active(region, balancer):
    found = region.client("elbv2").describe_load_balancers(LoadBalancerArns=[balancer["LoadBalancerArn"]])
    assert found["LoadBalancers"][0]["State"] == {"Code": "active"}, found


def all_healthy(region, target_group):
    found = states(region, target_group)
    assert all(one == {"State": "healthy"} for one in found.values()), found


def pages(region, host, times=12):
    found = set()
    for _ in range(times):
        try:
            found.add(region.page(host).strip())
        except OSError as error:
            raise AssertionError(f"{host}: {error}") from error
    return found


def test_a_load_balancer_spreads_what_comes_to_its_name_over_healthy_instances(region, site):
    balancer, target_group, servers = site
    eventually(lambda: is_active(region, balancer), within_s=180.0)
    eventually(lambda: all_healthy(region, target_group), within_s=90.0)
    names = {region.instance(one)["PrivateDnsName"].split(".")[0] for one in servers}

    def served_by_both():
        assert pages(region, balancer["DNSName"]) == names

    eventually(served_by_both)
    # An alias leads to the same, under whatever name its owner has.
    zone = region.client("route53").create_hosted_zone(Name="shop.example", CallerReference="1")["HostedZone"]["Id"]
    alias = {
        "HostedZoneId": balancer["CanonicalHostedZoneId"],
        "DNSName": balancer["DNSName"],
        "EvaluateTargetHealth": True,
    }
    record = {"Name": "shop.example", "Type": "A", "AliasTarget": alias}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    region.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    eventually(lambda: pages(region, "shop.example", times=1))

    # Nobody but the load balancer comes to the servers.
    with pytest.raises(OSError):
        region.page(region.instance(servers[0])["PublicIpAddress"], timeout_s=1.0)

    # Its interfaces are seen, and are nobody else's to touch.
    found = region.ec2.describe_network_interfaces(Filters=[{"Name": "requester-id", "Values": ["amazon-elb"]}])
    assert {one["Association"]["IpOwnerId"] for one in found["NetworkInterfaces"]} == {"amazon-elb"}
    assert len(found["NetworkInterfaces"]) == 2
    with pytest.raises(region.ec2.exceptions.ClientError, match="OperationNotPermitted"):
        region.ec2.detach_network_interface(AttachmentId=found["NetworkInterfaces"][0]["Attachment"]["AttachmentId"])

    # A server that is stopped gets nothing any more.
    region.ec2.stop_instances(InstanceIds=[servers[0]])
    region.in_state(servers[0], "stopped")

    def unused():
        stopped = states(region, target_group)[servers[0]]
        assert (stopped["State"], stopped["Reason"]) == ("unused", "Target.InvalidState"), stopped

    eventually(unused)
    other = region.instance(servers[1])["PrivateDnsName"].split(".")[0]

    def served_by_the_other():
        assert pages(region, balancer["DNSName"]) == {other}

    eventually(served_by_the_other)

    # Deleted, it leaves nothing behind: its security group can go.
    elb = region.client("elbv2")
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])

    def gone():
        left = region.ec2.describe_network_interfaces(Filters=[{"Name": "requester-id", "Values": ["amazon-elb"]}])
        assert left["NetworkInterfaces"] == []

    eventually(gone)
    elb.delete_target_group(TargetGroupArn=target_group)


def test_a_load_balancer_serves_while_the_control_plane_is_down_and_is_found_by_the_next(region, site):
    balancer, target_group, _ = site
    eventually(lambda: is_active(region, balancer), within_s=180.0)
    eventually(lambda: all_healthy(region, target_group), within_s=90.0)
    host = balancer["DNSName"]
    eventually(lambda: pages(region, host))
    region.kill_control()
    assert pages(region, host)
    region.wait_ready()
    eventually(lambda: is_active(region, balancer))
    eventually(lambda: all_healthy(region, target_group))
    assert pages(region, host)
    region.reset()
    assert region.client("elbv2").describe_load_balancers()["LoadBalancers"] == []
    assert region.ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_load_balancer_of_a_region_that_was_down_serves_again():
    with a_region() as region:
        elb, subnets = region.client("elbv2"), default_subnets(region)
        made = elb.create_load_balancer(
            Name="net", Type="network", Scheme="internet-facing", Subnets=[subnets["us-east-1a"]]
        )
        balancer = made["LoadBalancers"][0]
        server = region.run(UserData=WEB, SecurityGroupIds=[region.open_port(80)], SubnetId=subnets["us-east-1a"])
        server_id = server["InstanceId"]
        region.in_state(server_id, "running")
        group = elb.create_target_group(
            Name="net",
            Protocol="TCP",
            Port=80,
            VpcId=balancer["VpcId"],
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
        )["TargetGroups"][0]["TargetGroupArn"]
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=80, DefaultActions=forward
        )
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": server_id}])
        page = region.eventual_page(balancer["DNSName"], within_s=90.0)
        launcher.stop(region.state)
        again = up(region.state)
        assert again.eventual_page(balancer["DNSName"], within_s=90.0) == page
        eventually(lambda: is_active(again, balancer), within_s=60.0)
        eventually(lambda: all_healthy(again, group), within_s=60.0)


def test_a_network_load_balancer_is_at_its_owners_elastic_ip_until_it_is_deleted(region):
    elb, subnets = region.client("elbv2"), default_subnets(region)
    zone = sorted(subnets)[0]
    address = region.ec2.allocate_address(Domain="vpc")
    mapping = {"SubnetId": subnets[zone], "AllocationId": address["AllocationId"]}
    balancer = elb.create_load_balancer(Name="fixed", Type="network", SubnetMappings=[mapping])["LoadBalancers"][0]
    server = region.run(UserData=WEB, SecurityGroupIds=[region.open_port(80)], SubnetId=subnets[zone])["InstanceId"]
    group = elb.create_target_group(Name="fixed", Protocol="TCP", Port=80, VpcId=balancer["VpcId"])["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group["TargetGroupArn"]}],
    )
    region.in_state(server, "running")
    elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": server}])
    page = region.eventual_page(address["PublicIp"], within_s=90.0)
    assert region.eventual_page(balancer["DNSName"]) == page
    assert region.aftershock("dig", balancer["DNSName"], "A").split()[-1] == address["PublicIp"]
    assert page.strip() == region.instance(server)["PrivateDnsName"].partition(".")[0]

    def seen():
        return region.ec2.describe_addresses(AllocationIds=[address["AllocationId"]])["Addresses"][0]

    filters = [{"Name": "requester-id", "Values": ["amazon-elb"]}]
    (node,) = region.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert seen()["NetworkInterfaceId"] == node["NetworkInterfaceId"]
    assert node["Association"]["PublicIp"] == address["PublicIp"]
    with pytest.raises(region.ec2.exceptions.ClientError, match="AuthFailure"):
        region.ec2.disassociate_address(AssociationId=seen()["AssociationId"])
    with pytest.raises(region.ec2.exceptions.ClientError, match=r"InvalidIPAddress\.InUse"):
        region.ec2.release_address(AllocationId=address["AllocationId"])

    # Free again, and not lost: it is the server's own now.
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])

    def free():
        assert "AssociationId" not in seen(), seen()

    eventually(free)
    region.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=server)
    assert region.eventual_page(address["PublicIp"]) == page


AT_AN_ADDRESS = """
Parameters:
  Subnet: {Type: "AWS::EC2::Subnet::Id"}
  Private: {Type: String}
Resources:
  Address: {Type: AWS::EC2::EIP}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Type: network
      SubnetMappings: [{SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId}]
  Inner:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Type: network
      Scheme: internal
      SubnetMappings: [{SubnetId: !Ref Subnet, PrivateIPv4Address: !Ref Private}]
Outputs:
  Address: {Value: !Ref Address}
"""


def test_a_stack_lets_its_address_go_when_its_load_balancer_has(region):
    cloudformation, zones = region.client("cloudformation"), default_subnets(region)
    (subnet,) = region.ec2.describe_subnets(SubnetIds=[zones[min(zones)]])["Subnets"]
    private = str(IPv4Network(subnet["CidrBlock"])[200])
    chosen = {"Subnet": subnet["SubnetId"], "Private": private}
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in chosen.items()]
    stack = cloudformation.create_stack(StackName="fixed", TemplateBody=AT_AN_ADDRESS, Parameters=given)["StackId"]

    def told(status):
        found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        assert found["StackStatus"] == status, found
        return found

    made = eventually(lambda: told("CREATE_COMPLETE"), within_s=90.0)
    (address,) = region.ec2.describe_addresses()["Addresses"]
    assert made["Outputs"][0]["OutputValue"] == address["PublicIp"] and "AssociationId" in address
    nodes = region.ec2.describe_network_interfaces(Filters=[{"Name": "requester-id", "Values": ["amazon-elb"]}])
    assert {(one["PrivateIpAddress"] == private, "Association" in one) for one in nodes["NetworkInterfaces"]} == {
        (True, False),
        (False, True),
    }
    cloudformation.delete_stack(StackName=stack)
    eventually(lambda: told("DELETE_COMPLETE"), within_s=90.0)
    assert region.ec2.describe_addresses()["Addresses"] == []
