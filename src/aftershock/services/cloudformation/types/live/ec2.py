"""EC2, as it is just now: networks, machines, addresses."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from aftershock.services.cloudformation.types.ec2_acls import entry_named
from aftershock.services.cloudformation.types.ec2_groups import described
from aftershock.services.cloudformation.types.ec2_network import ROUTE_TARGETS
from aftershock.services.cloudformation.types.model import Doing

from .words import Live, named, tags, told


def _vpc(doing: Doing, vpc_id: str) -> Mapping[str, Any]:
    (vpc,) = doing.ask("ec2", "DescribeVpcs", VpcIds=[vpc_id])["Vpcs"]
    switches = {}
    for name, attribute in (("EnableDnsSupport", "enableDnsSupport"), ("EnableDnsHostnames", "enableDnsHostnames")):
        answer = doing.ask("ec2", "DescribeVpcAttribute", VpcId=vpc_id, Attribute=attribute)
        switches[name] = answer[name]["Value"]
    return {**named(vpc, "CidrBlock", "InstanceTenancy"), **switches, "Tags": tags(vpc)}


def _subnet(doing: Doing, subnet_id: str) -> Mapping[str, Any]:
    (subnet,) = doing.ask("ec2", "DescribeSubnets", SubnetIds=[subnet_id])["Subnets"]
    names = ("VpcId", "CidrBlock", "AvailabilityZone", "MapPublicIpOnLaunch")
    return {**named(subnet, *names), "Tags": tags(subnet)}


def _instance(doing: Doing, instance_id: str) -> Mapping[str, Any]:
    (reservation,) = doing.ask("ec2", "DescribeInstances", InstanceIds=[instance_id])["Reservations"]
    (instance,) = reservation["Instances"]
    names = ("EbsOptimized", "ImageId", "InstanceType", "KeyName", "SubnetId", "PrivateIpAddress")
    profile = instance.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2]
    return {
        **named(instance, *names),
        "SecurityGroupIds": [group["GroupId"] for group in instance.get("SecurityGroups", [])],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "IamInstanceProfile": profile or None,
        "MetadataOptions": told(doing.properties.get("MetadataOptions"), instance["MetadataOptions"]),
        "Monitoring": instance["Monitoring"]["State"] in ("enabled", "pending"),
        "Tags": tags(instance),
    }


def _rules(permissions: list[Mapping[str, Any]], peer: str) -> list[dict[str, Any]]:
    """As a template writes them, one source or target a rule."""
    made = []
    for permission in permissions:
        ports = {name: permission[name] for name in ("FromPort", "ToPort") if name in permission}
        basis = {"IpProtocol": permission["IpProtocol"], **ports}
        for kind, member, name in (
            ("IpRanges", "CidrIp", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("UserIdGroupPairs", "GroupId", f"{peer}SecurityGroupId"),
        ):
            for one in permission.get(kind, []):
                told = {"Description": one["Description"]} if one.get("Description") else {}
                made.append({**basis, name: one[member], **told})
    return made


def _comparable(rules: list[Mapping[str, Any]]) -> bool:
    """Whether EC2 describes such rules in the words of the template."""
    named = any(name in rule for rule in rules for name in ("SourceSecurityGroupName", "SourceSecurityGroupOwnerId"))
    return not named and all(
        not rule["IpProtocol"].isdecimal() and not (rule["IpProtocol"] == "-1" and "FromPort" in rule) for rule in rules
    )


def _security_group(doing: Doing, physical_id: str) -> Mapping[str, Any]:
    group = described(doing, physical_id)
    assert group is not None  # it was there a moment ago, in this transaction
    rules = {
        "SecurityGroupIngress": _rules(group.get("IpPermissions", []), "Source"),
        "SecurityGroupEgress": _rules(group.get("IpPermissionsEgress", []), "Destination"),
    }
    return {
        "GroupDescription": group["Description"],
        "GroupName": group["GroupName"],
        "VpcId": group["VpcId"],
        **{name: there for name, there in rules.items() if _comparable(doing.properties.get(name, []))},
        "Tags": tags(group),
    }


def _route_table(doing: Doing, table_id: str) -> Mapping[str, Any]:
    (table,) = doing.ask("ec2", "DescribeRouteTables", RouteTableIds=[table_id])["RouteTables"]
    return {"VpcId": table["VpcId"], "Tags": tags(table)}


def _route(doing: Doing, physical_id: str) -> Mapping[str, Any]:
    table_id, _, cidr = physical_id.partition("|")
    (table,) = doing.ask("ec2", "DescribeRouteTables", RouteTableIds=[table_id])["RouteTables"]
    route = next(route for route in table["Routes"] if route.get("DestinationCidrBlock") == cidr)
    shown = named(route, *ROUTE_TARGETS)
    if "InstanceId" in doing.properties:
        shown.pop("NetworkInterfaceId", None)  # which EC2 tells besides
    elif "NetworkInterfaceId" in doing.properties:
        shown.pop("InstanceId", None)
    return shown


def _nat_gateway(doing: Doing, gateway_id: str) -> Mapping[str, Any]:
    (gateway,) = doing.ask("ec2", "DescribeNatGateways", NatGatewayIds=[gateway_id])["NatGateways"]
    (address,) = gateway["NatGatewayAddresses"]
    shown = {**named(gateway, "AvailabilityMode", "ConnectivityType", "SubnetId"), **named(address, "AllocationId")}
    return {**shown, "PrivateIpAddress": address.get("PrivateIp"), "Tags": tags(gateway)}


def _network_acl(doing: Doing, acl_id: str) -> Mapping[str, Any]:
    (acl,) = doing.ask("ec2", "DescribeNetworkAcls", NetworkAclIds=[acl_id])["NetworkAcls"]
    return {"VpcId": acl["VpcId"], "Tags": tags(acl)}


def _network_acl_entry(doing: Doing, physical_id: str) -> Mapping[str, Any]:
    """EC2 keeps of ports, types and codes what means something with the protocol, ranges without their host bits, and
    actions in small letters."""
    given, which = doing.properties, entry_named(physical_id)
    (acl,) = doing.ask("ec2", "DescribeNetworkAcls", NetworkAclIds=[which["NetworkAclId"]])["NetworkAcls"]
    entry = next(one for one in acl["Entries"] if all(one[name] == which[name] for name in ("Egress", "RuleNumber")))
    shown: dict[str, Any] = {"Protocol": int(entry["Protocol"]), **named(entry, "CidrBlock", "Ipv6CidrBlock")}
    for name in ("CidrBlock", "Ipv6CidrBlock"):
        if name in given and shown[name] == str(ip_network(given[name], strict=False)):
            shown[name] = given[name]
    same = given["RuleAction"].lower() == entry["RuleAction"]
    shown["RuleAction"] = given["RuleAction"] if same else entry["RuleAction"]
    meant = {"PortRange": entry.get("PortRange"), "Icmp": entry.get("IcmpTypeCode")}
    return shown | {name: there for name, there in meant.items() if there}


def _dhcp_options(doing: Doing, options_id: str) -> Mapping[str, Any]:
    """What a set says is the same for as long as it is there."""
    (options,) = doing.ask("ec2", "DescribeDhcpOptions", DhcpOptionsIds=[options_id])["DhcpOptions"]
    return {**named(doing.properties, "DomainName", "DomainNameServers"), "Tags": tags(options)}


def _internet_gateway(doing: Doing, gateway_id: str) -> Mapping[str, Any]:
    answer = doing.ask("ec2", "DescribeInternetGateways", InternetGatewayIds=[gateway_id])
    return {"Tags": tags(answer["InternetGateways"][0])}


def _network_interface(doing: Doing, interface_id: str) -> Mapping[str, Any]:
    answer = doing.ask("ec2", "DescribeNetworkInterfaces", NetworkInterfaceIds=[interface_id])
    (interface,) = answer["NetworkInterfaces"]
    return {
        **named(interface, "Description", "PrivateIpAddress", "SubnetId"),
        "GroupSet": [group["GroupId"] for group in interface["Groups"]],
        "Tags": tags(interface, "TagSet"),
    }


def _address(doing: Doing, public_ip: str) -> Mapping[str, Any]:
    (address,) = doing.ask("ec2", "DescribeAddresses", PublicIps=[public_ip])["Addresses"]
    return {"InstanceId": address.get("InstanceId"), "Tags": tags(address)}


def _association(doing: Doing, association_id: str) -> Mapping[str, Any]:
    wanted = [{"Name": "association-id", "Values": [association_id]}]
    (address,) = doing.ask("ec2", "DescribeAddresses", Filters=wanted)["Addresses"]
    return {**named(address, "AllocationId", "InstanceId", "NetworkInterfaceId"), "EIP": address["PublicIp"]}


def _key_pair(doing: Doing, name: str) -> Mapping[str, Any]:
    (key,) = doing.ask("ec2", "DescribeKeyPairs", KeyNames=[name])["KeyPairs"]
    return {"KeyType": key["KeyType"], "Tags": tags(key)}


def _rule(doing: Doing, rule_id: str) -> Mapping[str, Any]:
    (rule,) = doing.ask("ec2", "DescribeSecurityGroupRules", SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"]
    shown = {"CidrIp": rule.get("CidrIpv4"), **named(rule, "CidrIpv6", "Description", "GroupId")}
    if _comparable([doing.properties]):
        shown |= named(rule, "IpProtocol", "FromPort", "ToPort")
    return shown


LIVE: Mapping[str, Live] = {
    "AWS::EC2::DHCPOptions": _dhcp_options,
    "AWS::EC2::EIP": _address,
    "AWS::EC2::EIPAssociation": _association,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::InternetGateway": _internet_gateway,
    "AWS::EC2::KeyPair": _key_pair,
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::EC2::NetworkAcl": _network_acl,
    "AWS::EC2::NetworkAclEntry": _network_acl_entry,
    "AWS::EC2::NetworkInterface": _network_interface,
    "AWS::EC2::Route": _route,
    "AWS::EC2::RouteTable": _route_table,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::SecurityGroupEgress": _rule,
    "AWS::EC2::SecurityGroupIngress": _rule,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::VPC": _vpc,
}
