"""Load balancers, and the nodes that are them: one machine per enabled zone."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

Kind = Literal["application", "network"]
Scheme = Literal["internet-facing", "internal"]
State = Literal["provisioning", "active", "active_impaired", "failed"]


class ZonePlace(Struct, frozen=True, kw_only=True):
    """A zone that the load balancer is enabled in, and the subnet that its node has its address of."""

    zone: str
    subnet_id: str
    allocation_id: str | None = None  # the Elastic IP that was chosen for the node, and its address
    elastic_ip: str | None = None
    private_ip: str | None = None  # the address of the subnet that was chosen for the node


class LoadBalancer(Struct, frozen=True, kw_only=True):
    arn: str
    account: str
    region: str
    id: str  # 16 hexadecimal digits, the end of the ARN
    name: str
    kind: Kind
    scheme: Scheme
    vpc_id: str
    zones: tuple[ZonePlace, ...]  # sorted by zone
    group_ids: tuple[str, ...] = ()  # none: a network load balancer made without, which lets everything in
    attributes: dict[str, str] = {}  # those that were set; `rules.attributes` has the defaults
    dns_name: str
    key: str  # secret, hexadecimal: cookies of all its nodes are understood by each other
    tags: dict[str, str] = {}
    created_at: datetime
    wanted: bool = True  # False: deleted, and gone from all answers; the plane forgets it when nothing of it is left
    generation: int = 1  # goes up with every change of itself, of its listeners and of their rules

    # Written by the controller of nodes.
    state: State = "provisioning"
    fault: str = ""  # AWS's reason, shown while it is impaired or failed
    seen_generation: int = 0  # the generation that every node was seen to do
    reason: str = "not looked at yet"

    @property
    def path(self) -> str:
        """The end of the ARN, which is also the dimension of its metrics: "app/web/50dc6c495c0c9188"."""
        return f"{'app' if self.kind == 'application' else 'net'}/{self.name}/{self.id}"


class Node(Struct, frozen=True, kw_only=True):
    """One machine of a load balancer, in one zone; written by the controller of nodes alone."""

    name: str  # of the machine
    load_balancer: str  # its ARN
    zone: str
    subnet_id: str
    serial: int  # of all nodes that the load balancer ever had in the zone
    wanted: bool = True
    wanted_at: datetime | None = None  # since when; unknown of those that an earlier version made
    left_at: datetime | None = None  # when it was wanted no more, and its address left the name
    interface_id: str | None = None

    private_ip: str | None = None
    public_ip: str | None = None
    applied: str = ""  # the hash of the wishes that it was last seen to carry out
    seen_generation: int = 0  # the load balancer's generation that those wishes were made of
    serving: bool = False  # it was seen to listen on all ports of the listeners, with what is wanted applied
    ever_served: bool = False
    healthy: bool = False  # of itself its zone may stand in the load balancer's name
    fault: str = ""  # why it cannot be set up, in words for the load balancer's owner
    reason: str = "not looked at yet"


LOAD_BALANCERS = Table(
    "elbv2_load_balancer",
    LoadBalancer,
    key=lambda balancer: balancer.arn,
    indexes={
        "account": lambda balancer: balancer.account if balancer.wanted else None,
        "name": lambda balancer: f"{balancer.account} {balancer.name}" if balancer.wanted else None,
        "subnet": lambda balancer: [place.subnet_id for place in balancer.zones],
        "group": lambda balancer: balancer.group_ids,
    },
)
NODES = Table(
    "elbv2_node",
    Node,
    key=lambda node: node.name,
    indexes={
        "load_balancer": lambda node: node.load_balancer,
        "interface": lambda node: node.interface_id,
        "zone": lambda node: node.zone,
    },
)


def named(tx: Tx, account: str, name: str) -> LoadBalancer | None:
    found = LOAD_BALANCERS.where(tx, "name", f"{account} {name}")
    return found[0] if found else None


def nodes_in(tx: Tx, zone: str) -> list[str]:
    """The names of the machines in a zone."""
    return [node.name for node in NODES.where(tx, "zone", zone)]
