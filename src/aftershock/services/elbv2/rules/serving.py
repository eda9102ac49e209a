"""What is said of a load balancer by what was seen of its nodes: its state, and the addresses in its name.  Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aftershock.engines.balancer import Observed
from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node, State
from aftershock.services.elbv2.records.target_group import TargetGroup

from .translate import minimum_for_dns


@dataclass(frozen=True, slots=True)
class Judged:
    state: State
    fault: str  # AWS's reason; empty while it is active or being set up
    seen_generation: int  # that every zone's node was seen to do


def judge(balancer: LoadBalancer, nodes: Sequence[Node], hopeless: str = "") -> Judged:
    """`hopeless` says why setting it up cannot come to an end, if so.

    AWS: "active_impaired: the load balancer is routing traffic but does not have the resources it needs to scale",
    "failed: the load balancer could not be set up".
    """
    of_zone = {place.zone: _of_place(nodes, place.zone, place.subnet_id) for place in balancer.zones}
    generations = [node.seen_generation if node and node.serving else 0 for node in of_zone.values()]
    seen = min(generations, default=0)
    if balancer.state in ("provisioning", "failed"):
        if seen == balancer.generation:
            return Judged("active", "", seen)
        return Judged("failed", hopeless, seen) if hopeless else Judged("provisioning", "", seen)
    # A zone that has just been added is on its way; one that served and does not is lost.
    lost = sorted(zone for zone, node in of_zone.items() if node is not None and node.ever_served and not node.serving)
    if lost:
        return Judged("active_impaired", f"The load balancer does not serve in {', '.join(lost)}", seen)
    return Judged("active_impaired", hopeless, seen) if hopeless else Judged("active", "", seen)


def _of_place(nodes: Iterable[Node], zone: str, subnet_id: str) -> Node | None:
    found = [node for node in nodes if node.wanted and (node.zone, node.subnet_id) == (zone, subnet_id)]
    return max(found, key=lambda node: node.serial, default=None)


def is_listening(seen: Observed | None, ports: Iterable[int], *, current: bool, before: bool) -> bool:
    """Whether a node was seen to serve.  One that goes on with former settings, since it is told something new or
    refused it, serves if it did `before`: which ports those settings have it knows itself."""
    if seen is None:
        return False
    return seen.ports.issuperset(ports) if current else before and bool(seen.ports)


def may_stand(seen: Observed, groups: Mapping[str, TargetGroup]) -> bool:
    """Whether a node's zone may stand in the load balancer's name, of itself: no target group that it forwards to, by
    its backend's name, has fewer healthy targets than it needs, as the node sees them.

    AWS, "DNS failover": "If the number of healthy targets is below this value, mark the zone as unhealthy in DNS, so
    that traffic is routed only to healthy zones".
    """
    for backend, group in groups.items():
        states = [target.state for target in seen.targets if target.backend == backend and target.state != "draining"]
        least = minimum_for_dns(group, len(states))
        if least is not None and states.count("healthy") < least:
            return False
    return True


def in_name(nodes: Iterable[Node]) -> list[Node]:
    """The nodes whose addresses the name has.  Where no zone has a healthy target all that serve stay (fail open)."""
    serving = [node for node in nodes if node.wanted and node.serving]
    return [node for node in serving if node.healthy] or serving
