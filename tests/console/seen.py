"""What the looks have seen of a small site, as the API answers it: the shapes of botocore, one group in two zones."""

from datetime import UTC, datetime
from typing import Any

WHEN = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
BALANCER = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/shop/0123456789abcdef"
TARGETS = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/shop/fedcba9876543210"


def instance(number: int, zone: str, state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "InstanceId": f"i-{number:017x}",
        "InstanceType": "t2.micro",
        "State": {"Name": state, "Code": 16},
        "Placement": {"AvailabilityZone": zone},
        "SubnetId": f"subnet-{zone[-1]}",
        "VpcId": "vpc-1",
        "PrivateIpAddress": f"10.0.0.{number}",
        "SecurityGroups": [{"GroupId": "sg-web", "GroupName": "web"}],
        "Tags": [{"Key": "Name", "Value": "shop"}],
        **more,
    }


def status(one: dict[str, Any], check: str = "ok") -> dict[str, Any]:
    return {
        "InstanceId": one["InstanceId"],
        "AvailabilityZone": one["Placement"]["AvailabilityZone"],
        "InstanceState": one["State"],
        "SystemStatus": {"Status": check},
        "InstanceStatus": {"Status": check},
    }


def site(*, running: int = 4) -> dict[str, Any]:
    """`running` instances of one group behind a load balancer, over two zones."""
    zones = ("us-east-1a", "us-east-1b")
    instances = [instance(number, zones[number % 2]) for number in range(1, running + 1)]
    rules = [
        {"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-lb", "IsEgress": False, "IpProtocol": "tcp"}
        | {"FromPort": 80, "ToPort": 80, "CidrIpv4": "0.0.0.0/0"},
        {"SecurityGroupRuleId": "sgr-2", "GroupId": "sg-web", "IsEgress": False, "IpProtocol": "tcp"}
        | {"FromPort": 80, "ToPort": 80, "ReferencedGroupInfo": {"GroupId": "sg-lb"}, "Description": "from the front"},
        {"SecurityGroupRuleId": "sgr-3", "GroupId": "sg-web", "IsEgress": True, "IpProtocol": "-1"}
        | {"FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0"},
    ]
    return {
        "zones": [
            {"ZoneName": zone, "ZoneId": f"use1-az{n}", "State": "available", "Messages": []}
            for n, zone in enumerate(zones, 1)
        ],
        "vpcs": [{"VpcId": "vpc-1", "OwnerId": "123456789012"}],
        "subnets": [
            {
                "SubnetId": f"subnet-{zone[-1]}",
                "VpcId": "vpc-1",
                "AvailabilityZone": zone,
                "CidrBlock": f"10.0.{n}.0/24",
            }
            | {"MapPublicIpOnLaunch": True}
            for n, zone in enumerate(zones)
        ],
        "routes": [
            {
                "VpcId": "vpc-1",
                "Routes": [{"GatewayId": "igw-1", "DestinationCidrBlock": "0.0.0.0/0"}],
                "Associations": [{"Main": True}],
            }
        ],
        "instances": instances,
        "statuses": [status(one) for one in instances],
        "groups": [
            {"GroupId": "sg-lb", "GroupName": "front", "VpcId": "vpc-1", "OwnerId": "123456789012"},
            {"GroupId": "sg-web", "GroupName": "web", "VpcId": "vpc-1", "OwnerId": "123456789012"},
        ],
        "rules": rules,
        "balancers": [
            {
                "LoadBalancerArn": BALANCER,
                "LoadBalancerName": "shop",
                "Type": "application",
                "Scheme": "internet-facing",
                "State": {"Code": "active"},
                "DNSName": "shop-1.us-east-1.elb.amazonaws.com",
                "VpcId": "vpc-1",
                "AvailabilityZones": [{"ZoneName": zone, "SubnetId": f"subnet-{zone[-1]}"} for zone in zones],
                "SecurityGroups": ["sg-lb"],
            }
        ],
        "target_groups": [
            {"TargetGroupArn": TARGETS, "TargetGroupName": "shop", "Port": 80, "LoadBalancerArns": [BALANCER]}
        ],
        "health": {
            TARGETS: [{"Target": {"Id": one["InstanceId"]}, "TargetHealth": {"State": "healthy"}} for one in instances]
        },
        "scaling": [
            {
                "AutoScalingGroupName": "shop",
                "MinSize": 2,
                "MaxSize": 9,
                "DesiredCapacity": running,
                "Instances": [
                    {"InstanceId": one["InstanceId"], "LifecycleState": "InService", "HealthStatus": "Healthy"}
                    for one in instances
                ],
            }
        ],
        "experiments": [],
        "names": [
            {
                "Id": "Z1",
                "Records": [
                    {"Name": "shop.example.", "Type": "NS", "TTL": 172800, "ResourceRecords": [{"Value": "ns."}]},
                    {
                        "Name": "www.shop.example.",
                        "Type": "A",
                        "AliasTarget": {
                            "DNSName": "dualstack.shop-1.us-east-1.elb.amazonaws.com.",
                            "HostedZoneId": "Z",
                        },
                    },
                ],
            }
        ],
    }


def experiment(
    zone: str, kind: str = "power-interruption", *, tagged: bool = True, running: bool = True
) -> dict[str, Any]:
    state = {"status": "running" if running else "completed"}
    return {
        "id": "EXP1",
        "experimentTemplateId": "EXT1",
        "state": state,
        "creationTime": WHEN,
        "startTime": WHEN,
        "tags": {"aftershock:quake": zone} if tagged else {},
        "actions": {
            "one": {
                "actionId": f"aftershock:zone:{kind}",
                "parameters": {"availabilityZoneIdentifier": zone},
                "state": state,
            }
        },
    }


def stacked(name: str = "web", status: str = "CREATE_COMPLETE", reason: str = "") -> dict[str, Any]:
    """What the looks have seen of one stack, whose second resource has this status."""
    arn = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/0"
    whole = {"StackId": arn, "StackName": name}
    parts = [
        ("Group", "AWS::EC2::SecurityGroup", "CREATE_COMPLETE", ""),
        ("Machine", "AWS::EC2::Instance", status, reason),
    ]
    resources = [
        {**whole, "LogicalResourceId": part, "ResourceType": kind, "ResourceStatus": at, "ResourceStatusReason": why}
        for part, kind, at, why in parts
    ]
    events = [
        {**one, "EventId": f"{n}", "PhysicalResourceId": "x", "Timestamp": WHEN} for n, one in enumerate(resources)
    ]
    outputs = [{"OutputKey": "Url", "OutputValue": f"http://{name}.example/"}]
    return {
        "stacks": [{**whole, "StackStatus": status, "StackStatusReason": reason, "Outputs": outputs}],
        "stack_resources": {arn: resources},
        "stack_events": events,
    }
