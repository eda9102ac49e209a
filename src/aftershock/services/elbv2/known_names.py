"""The names of load balancers, and the addresses that stand in them now."""

from collections.abc import Iterator
from dataclasses import dataclass

from aftershock.aws.call import Tx

from .records.load_balancer import LOAD_BALANCERS, NODES
from .rules.names import ALIAS_ZONES
from .rules.serving import in_name

NAME_TABLES = frozenset({LOAD_BALANCERS.name, NODES.name})  # whose changes may change what `known_names` says
TTL_S = 60  # AWS: "The DNS entry also specifies the time to live (TTL) of 60 seconds"


@dataclass(frozen=True, slots=True)
class BalancerName:
    host: str
    addresses: tuple[str, ...]  # none while no node serves
    alias_zone: str  # the hosted zone id under which alias records lead to it
    healthy: bool  # a node has a healthy target in each target group: for aliases that evaluate their target's health


def alias_domains(region: str) -> dict[str, str]:
    """The domain of the names that alias records lead to under each hosted zone id."""
    return {
        ALIAS_ZONES["application"]: f"{region}.elb.amazonaws.com",
        ALIAS_ZONES["network"]: f"elb.{region}.amazonaws.com",
    }


def known_names(tx: Tx) -> Iterator[BalancerName]:
    """The name of every load balancer, with the addresses of its nodes: public ones unless it is internal."""
    for balancer in LOAD_BALANCERS.every(tx):
        if not balancer.wanted:
            continue
        nodes = in_name(NODES.where(tx, "load_balancer", balancer.arn))
        public = balancer.scheme == "internet-facing"
        found = ((node.public_ip if public else node.private_ip) for node in nodes)
        yield BalancerName(
            host=balancer.dns_name,
            addresses=tuple(sorted(address for address in found if address)),
            alias_zone=ALIAS_ZONES[balancer.kind],
            healthy=any(node.healthy for node in nodes),
        )
