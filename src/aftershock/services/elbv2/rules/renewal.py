"""Which nodes a load balancer is to have, and which are to go.  Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node

# AWS: "As traffic to your application changes over time, Elastic Load Balancing scales your load balancer and updates
# the DNS entry".  How often is not said; a node of ours gives way to another, with another address, after so long.
LIFE_S = 12 * 3600.0

Place = tuple[str, str]  # zone, subnet


@dataclass(frozen=True, slots=True)
class Renewal:
    add: tuple[Place, ...]
    retire: tuple[Node, ...]


def plan(balancer: LoadBalancer, nodes: Sequence[Node], *, now: datetime, life_s: float) -> Renewal:
    """One node for each place, and none that is at no place.

    An application load balancer's that has lived for `life_s` real seconds gets a successor, and goes when that one
    does as well as it.
    """
    places = {(place.zone, place.subnet_id) for place in balancer.zones}
    wanted = [node for node in nodes if node.wanted]
    retire = [node for node in wanted if _place(node) not in places or _is_succeeded(node, wanted)]
    add = [place for place in sorted(places) if not any(_place(node) == place for node in wanted)]
    if balancer.state == "active" and balancer.kind == "application":  # a network load balancer's addresses are static
        add += [_place(node) for node in wanted if _is_old(node, now, life_s) and not list(_heirs(node, wanted))]
    return Renewal(tuple(place for place in add if place in places), tuple(retire))


def _place(node: Node) -> Place:
    return node.zone, node.subnet_id


def _heirs(node: Node, nodes: Iterable[Node]) -> Iterable[Node]:
    return (one for one in nodes if _place(one) == _place(node) and one.serial > node.serial)


def _is_succeeded(node: Node, nodes: Iterable[Node]) -> bool:
    return any(heir.serving and (heir.healthy or not node.healthy) for heir in _heirs(node, nodes))


def _is_old(node: Node, now: datetime, life_s: float) -> bool:
    return node.wanted_at is not None and now >= node.wanted_at + timedelta(seconds=life_s)
