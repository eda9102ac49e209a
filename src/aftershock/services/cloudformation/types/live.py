"""The properties that a resource has just now, as far as its service tells them: for the detection of drift.

A type that is not here is only looked at for whether it is still there.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from .ec2_groups import described
from .model import Doing

Live = Callable[[Doing, str], Mapping[str, Any]]


def _tags(described: Mapping[str, Any]) -> list[dict[str, str]]:
    """Those that are not AWS's own."""
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in described.get("Tags", [])]
    return [tag for tag in tags if not tag["Key"].startswith("aws:")]


def _named(described: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: described.get(name) for name in names}


def _vpc(doing: Doing, vpc_id: str) -> Mapping[str, Any]:
    (vpc,) = doing.ask("ec2", "DescribeVpcs", VpcIds=[vpc_id])["Vpcs"]
    switches = {}
    for name, attribute in (("EnableDnsSupport", "enableDnsSupport"), ("EnableDnsHostnames", "enableDnsHostnames")):
        answer = doing.ask("ec2", "DescribeVpcAttribute", VpcId=vpc_id, Attribute=attribute)
        switches[name] = answer[name]["Value"]
    return {**_named(vpc, "CidrBlock", "InstanceTenancy"), **switches, "Tags": _tags(vpc)}


def _subnet(doing: Doing, subnet_id: str) -> Mapping[str, Any]:
    (subnet,) = doing.ask("ec2", "DescribeSubnets", SubnetIds=[subnet_id])["Subnets"]
    names = ("VpcId", "CidrBlock", "AvailabilityZone", "MapPublicIpOnLaunch")
    return {**_named(subnet, *names), "Tags": _tags(subnet)}


def _instance(doing: Doing, instance_id: str) -> Mapping[str, Any]:
    (reservation,) = doing.ask("ec2", "DescribeInstances", InstanceIds=[instance_id])["Reservations"]
    (instance,) = reservation["Instances"]
    names = ("ImageId", "InstanceType", "KeyName", "SubnetId", "PrivateIpAddress")
    return {
        **_named(instance, *names),
        "SecurityGroupIds": [group["GroupId"] for group in instance.get("SecurityGroups", [])],
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "Monitoring": instance["Monitoring"]["State"] in ("enabled", "pending"),
        "Tags": _tags(instance),
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
            ("PrefixListIds", "PrefixListId", f"{peer}PrefixListId"),
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
        "Tags": _tags(group),
    }


def _scaling_group(doing: Doing, name: str) -> Mapping[str, Any]:
    (group,) = doing.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    names = ("MinSize", "MaxSize", "DesiredCapacity", "HealthCheckType", "HealthCheckGracePeriod")
    subnets = group.get("VPCZoneIdentifier", "")
    return {
        **_named(group, *names),
        "TargetGroupARNs": group.get("TargetGroupARNs", []),
        "VPCZoneIdentifier": subnets.split(",") if subnets else [],
        "LaunchConfigurationName": group.get("LaunchConfigurationName"),
    }


def _balancer(doing: Doing, arn: str) -> Mapping[str, Any]:
    (balancer,) = doing.ask("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[arn])["LoadBalancers"]
    subnets = [zone["SubnetId"] for zone in balancer.get("AvailabilityZones", [])]
    return {**_named(balancer, "Scheme", "Type", "SecurityGroups"), "Subnets": subnets}


_TARGET_GROUP = (
    *("HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol"),
    *("HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher"),
    *("Port", "Protocol", "TargetType", "VpcId"),
)


def _target_group(doing: Doing, arn: str) -> Mapping[str, Any]:
    (group,) = doing.ask("elbv2", "DescribeTargetGroups", TargetGroupArns=[arn])["TargetGroups"]
    return _named(group, *_TARGET_GROUP)


def _listener(doing: Doing, arn: str) -> Mapping[str, Any]:
    (listener,) = doing.ask("elbv2", "DescribeListeners", ListenerArns=[arn])["Listeners"]
    return _named(listener, "LoadBalancerArn", "Port", "Protocol")


_ALARM = (
    *("ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm", "Dimensions"),
    *("EvaluationPeriods", "InsufficientDataActions", "MetricName", "Namespace", "OKActions", "Period", "Statistic"),
    *("Threshold", "TreatMissingData"),
)


def _alarm(doing: Doing, name: str) -> Mapping[str, Any]:
    (alarm,) = doing.ask("cloudwatch", "DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
    return _named(alarm, *_ALARM)


def _role(doing: Doing, name: str) -> Mapping[str, Any]:
    role = doing.ask("iam", "GetRole", RoleName=name)["Role"]
    attached = doing.ask("iam", "ListAttachedRolePolicies", RoleName=name)["AttachedPolicies"]
    return {
        **_named(role, "Description", "MaxSessionDuration", "Path"),
        "AssumeRolePolicyDocument": json.loads(unquote(role["AssumeRolePolicyDocument"])),
        "ManagedPolicyArns": [policy["PolicyArn"] for policy in attached],
        "Tags": _tags(role),
    }


def _parameter(doing: Doing, name: str) -> Mapping[str, Any]:
    return _named(doing.ask("ssm", "GetParameter", Name=name)["Parameter"], "Type", "Value")


LIVE: Mapping[str, Live] = {
    "AWS::AutoScaling::AutoScalingGroup": _scaling_group,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::EC2::Instance": _instance,
    "AWS::EC2::SecurityGroup": _security_group,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::VPC": _vpc,
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_group,
    "AWS::IAM::Role": _role,
    "AWS::SSM::Parameter": _parameter,
}
