"""Security groups and their rules."""

from datetime import datetime

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource


class Rule(Struct, frozen=True, kw_only=True):
    """One permission for one peer, which is exactly one of an IPv4 range, an IPv6 range and a group."""

    id: str
    egress: bool
    protocol: str  # "tcp", "udp", "icmp", "icmpv6", a number, or "-1" for all
    from_port: int | None = None  # for icmp the type, -1 for any; None where the protocol has no ports
    to_port: int | None = None  # for icmp the code, -1 for any
    cidr: str | None = None
    cidr6: str | None = None  # recorded only: the region has no IPv6, so there is nothing that it could let through
    group_id: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}


class SecurityGroup(Resource, frozen=True, kw_only=True):
    name: str
    description: str
    vpc_id: str
    rules: tuple[Rule, ...] = ()
    created_at: datetime
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of groups.
    enforced: bool = False  # the kernel had these rules when last looked at
    seen_generation: int = 0  # the generation that `enforced` was seen for
    reason: str = "not looked at yet"


SECURITY_GROUPS = Table(
    "ec2_security_group",
    SecurityGroup,
    indexes={
        "vpc": lambda group: group.vpc_id,
        "name": lambda group: group.name,
        "rule": lambda group: [rule.id for rule in group.rules],
        "refers": lambda group: {rule.group_id for rule in group.rules if rule.group_id},
    },
)


def named(tx: Tx, vpc_id: str, name: str) -> SecurityGroup | None:
    return next((group for group in SECURITY_GROUPS.where(tx, "name", name) if group.vpc_id == vpc_id), None)
