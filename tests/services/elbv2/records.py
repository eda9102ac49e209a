"""Records as tests of Elastic Load Balancing's rules begin with them."""

from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node, ZonePlace
from aftershock.services.elbv2.records.target_group import HealthCheck, Target, TargetGroup

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = "123456789012"
ARN = f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT}:"
A, B, C = "us-east-1a", "us-east-1b", "us-east-1c"


def balancer(*zones: str, **changes: Any) -> LoadBalancer:
    made = LoadBalancer(
        arn=f"{ARN}loadbalancer/app/web/50dc6c495c0c9188",
        account=ACCOUNT,
        region="us-east-1",
        id="50dc6c495c0c9188",
        name="web",
        kind="application",
        scheme="internet-facing",
        vpc_id="vpc-1",
        zones=tuple(ZonePlace(zone=zone, subnet_id=f"subnet-{zone}") for zone in zones or (A, B)),
        group_ids=("sg-1",),
        dns_name="web-1.us-east-1.elb.amazonaws.com",
        key="0123456789abcdef",
        created_at=NOW,
    )
    return replace(made, **changes)


def node(zone: str = A, **changes: Any) -> Node:
    made = Node(
        name=f"elb-50dc6c495c0c9188-{zone}-1",
        load_balancer=balancer().arn,
        zone=zone,
        subnet_id=f"subnet-{zone}",
        serial=1,
        interface_id=f"eni-{zone}",
    )
    return replace(made, **changes)


def group(**changes: Any) -> TargetGroup:
    made = TargetGroup(
        arn=f"{ARN}targetgroup/web/73e2d6bc24d8a067",
        account=ACCOUNT,
        id="73e2d6bc24d8a067",
        name="web",
        target_type="instance",
        protocol="HTTP",
        protocol_version="HTTP1",
        port=80,
        vpc_id="vpc-1",
        check=HealthCheck(protocol="HTTP", path="/", matcher="200"),
        created_at=NOW,
    )
    return replace(made, **changes)


def target(**changes: Any) -> Target:
    return replace(Target(group=group().arn, id="i-1", port=80, registered_at=NOW), **changes)
