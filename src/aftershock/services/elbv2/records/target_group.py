"""Target groups, and the targets that are registered with them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from aftershock.store import Table

TargetType = Literal["instance", "ip"]
Health = Literal["initial", "healthy", "unhealthy", "unused", "draining", "unavailable"]


class HealthCheck(Struct, frozen=True, kw_only=True):
    """A target group's health check, in AWS's own words."""

    protocol: str  # "HTTP", "HTTPS", "TCP"
    port: str = "traffic-port"
    path: str | None = None  # none for TCP
    matcher: str | None = None  # "200,301-302"; none for TCP
    interval_s: int = 30
    timeout_s: int = 5
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2


class TargetGroup(Struct, frozen=True, kw_only=True):
    arn: str
    account: str
    id: str  # 16 hexadecimal digits, the end of the ARN
    name: str
    target_type: TargetType
    protocol: str  # "HTTP", "HTTPS", "TCP"
    protocol_version: str | None = None  # "HTTP1" for HTTP and HTTPS
    port: int
    vpc_id: str
    check: HealthCheck
    attributes: dict[str, str] = {}  # those that were set; `rules.attributes` has the defaults
    tags: dict[str, str] = {}
    created_at: datetime
    generation: int = 1  # goes up with every change of what is wanted of it

    @property
    def path(self) -> str:
        """The end of the ARN, which is also the dimension of its metrics: "targetgroup/web/73e2d6bc24d8a067"."""
        return f"targetgroup/{self.name}/{self.id}"


class Target(Struct, frozen=True, kw_only=True):
    group: str  # the target group's ARN
    id: str  # an instance's id, or an address
    port: int
    zone: str | None = None  # of an address: a zone, or "all"; of an instance it is the instance's own
    registered_at: datetime
    deregistering_at: datetime | None = None  # when DeregisterTargets was called; the controller forgets it in the end
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of targets.
    state: Health = "initial"
    fault: str | None = "Elb.RegistrationInProgress"  # AWS's reason code; none while it is healthy
    description: str | None = "Target registration is in progress"
    reason: str = "not looked at yet"

    @property
    def key(self) -> str:
        return target_key(self.group, self.id, self.port)


def target_key(group: str, target_id: str, port: int) -> str:
    return f"{group} {target_id} {port}"


TARGET_GROUPS = Table(
    "elbv2_target_group",
    TargetGroup,
    key=lambda group: group.arn,
    indexes={
        "account": lambda group: group.account,
        "name": lambda group: f"{group.account} {group.name}",
        "vpc": lambda group: group.vpc_id,
    },
)
TARGETS = Table(
    "elbv2_target",
    Target,
    key=lambda target: target.key,
    indexes={"group": lambda target: target.group, "id": lambda target: target.id},
)
