"""Network ACLs, with their entries and with the subnets that they guard."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from aftershock.aws.call import Tx
from aftershock.store import Table

from .resource import Resource


class Entry(Struct, frozen=True, kw_only=True):
    """A numbered entry of one direction, for one range.  The last one, which denies the rest, is not on record."""

    number: int
    egress: bool
    allow: bool
    protocol: str  # a number, or "-1" for all
    cidr: str | None = None
    cidr6: str | None = None  # recorded only: the region has no IPv6, so there is nothing that could meet it
    ports: tuple[int, int] | None = None  # of "6" and "17": first and last
    icmp: tuple[int, int] | None = None  # of "1": type and code, -1 for any; of "58" with a range of IPv6 as well


class Association(Struct, frozen=True):
    id: str
    subnet_id: str


class NetworkAcl(Resource, frozen=True, kw_only=True):
    vpc_id: str
    is_default: bool = False
    entries: tuple[Entry, ...] = ()
    associations: tuple[Association, ...] = ()
    created_at: datetime
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of network ACLs.
    enforced: bool = False  # the kernel had these entries at the edges of these subnets when last looked at
    seen_generation: int = 0  # the generation that `enforced` was seen for
    reason: str = "not looked at yet"

    @property
    def ready(self) -> bool:
        return self.enforced and self.seen_generation == self.generation


NETWORK_ACLS = Table(
    "ec2_network_acl",
    NetworkAcl,
    indexes={
        "vpc": lambda acl: acl.vpc_id,
        "subnet": lambda acl: [one.subnet_id for one in acl.associations],
        "association": lambda acl: [one.id for one in acl.associations],
    },
)

# AWS: "The default network ACL is configured to allow all traffic to flow in and out of the subnets".
AS_MADE = tuple(
    Entry(number=100, egress=egress, allow=True, protocol="-1", cidr="0.0.0.0/0") for egress in (True, False)
)


def default_acl(tx: Tx, vpc_id: str) -> NetworkAcl:
    """The VPC's default network ACL; every VPC has one from its first moment to its last."""
    return next(acl for acl in NETWORK_ACLS.where(tx, "vpc", vpc_id) if acl.is_default)


def acl_of(tx: Tx, subnet_id: str) -> NetworkAcl:
    """The network ACL that guards a subnet; every subnet has exactly one."""
    return NETWORK_ACLS.where(tx, "subnet", subnet_id)[0]


def associate(tx: Tx, acl: NetworkAcl, subnet_id: str, association_id: str) -> None:
    """Have the ACL guard a subnet that is new, or that no ACL guards at the moment."""
    write(tx, acl, associations=(*acl.associations, Association(association_id, subnet_id)))


def dissociate(tx: Tx, subnet_id: str) -> None:
    acl = acl_of(tx, subnet_id)
    write(tx, acl, associations=tuple(one for one in acl.associations if one.subnet_id != subnet_id))


def write(
    tx: Tx,
    acl: NetworkAcl,
    *,
    entries: tuple[Entry, ...] | None = None,
    associations: tuple[Association, ...] | None = None,
) -> None:
    """Want something else of it than before."""
    changed = replace(
        acl,
        entries=acl.entries if entries is None else entries,
        associations=acl.associations if associations is None else associations,
        generation=acl.generation + 1,
    )
    NETWORK_ACLS.put(tx, changed)
