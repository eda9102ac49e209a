"""What is wanted of one node, put together from the records."""

from collections.abc import Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.engines.balancer import NodeSpec, Place
from aftershock.services.elbv2.outside import Outside
from aftershock.services.elbv2.records.action import groups_of
from aftershock.services.elbv2.records.listener import LISTENERS, RULES, Listener
from aftershock.services.elbv2.records.load_balancer import LoadBalancer, Node
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TARGETS, TargetGroup
from aftershock.services.elbv2.rules import translate
from aftershock.services.elbv2.rules.located import locate
from aftershock.services.elbv2.rules.target_groups import ALL_ZONES
from aftershock.store import Transaction

from .around import instance_of, zones_of


@dataclass(frozen=True, slots=True)
class Wishes:
    spec: NodeSpec
    groups: Mapping[str, TargetGroup]  # by the backend's name
    fault: str = ""  # why not all is in the spec that the load balancer's owner asked for

    @property
    def ports(self) -> frozenset[int]:
        return frozenset(listener.port for listener in self.spec.listeners)


def wishes(tx: Transaction, node: Node, balancer: LoadBalancer, outside: Outside, clock: Clock) -> Wishes:
    listeners = LISTENERS.where(tx, "load_balancer", balancer.arn)
    rules = RULES.where(tx, "load_balancer", balancer.arn)
    actions = [*(listener.action for listener in listeners), *(rule.action for rule in rules)]
    arns = sorted({arn for action in actions for arn in groups_of(action)})
    groups = {arn: group for arn in arns if (group := TARGET_GROUPS.get(tx, arn)) is not None}
    certificates = _certificates(tx, listeners, outside)
    whole = [one for listener in listeners if (one := _with_certificates(listener, certificates)) is not None]
    wanted = translate.Wanted(
        balancer=balancer,
        listeners=whole,
        rules=rules,
        groups=groups,
        targets={arn: _placed(tx, group, balancer, outside) for arn, group in groups.items()},
        certificates=certificates,
    )
    place = Place(netns=node.name, hostname=node.name)
    return Wishes(
        spec=translate.node(wanted, name=node.name, zone=node.zone, place=place, paced=clock.paced),
        groups={translate.backend_name(group): group for group in groups.values()},
        fault=_fault(listeners, certificates),
    )


def _placed(tx: Transaction, group: TargetGroup, balancer: LoadBalancer, outside: Outside) -> list[translate.Placed]:
    placed = []
    for target in TARGETS.where(tx, "group", group.arn):
        located = locate(target, group, instance_of(tx, group, target, outside), zones_of([balancer]))
        if located.is_server and located.address is not None:
            placed.append(translate.Placed(target, located.address, located.zone or ALL_ZONES))
    return placed


def _certificates(tx: Transaction, listeners: list[Listener], outside: Outside) -> dict[str, str]:
    found = {}
    for listener in listeners:
        for arn in listener.certificates:
            certificate = outside.certificate(tx, listener.account, arn)
            if certificate is not None:
                found[arn] = certificate.pem
    return found


def _with_certificates(listener: Listener, certificates: Mapping[str, str]) -> Listener | None:
    """The listener with those of its certificates that are there; None without the default one."""
    if listener.certificate is not None and listener.certificate not in certificates:
        return None
    more = tuple(arn for arn in listener.more_certificates if arn in certificates)
    return listener if more == listener.more_certificates else replace(listener, more_certificates=more)


def _fault(listeners: list[Listener], certificates: Mapping[str, str]) -> str:
    missing = sorted({arn for listener in listeners for arn in listener.certificates} - certificates.keys())
    return f"Certificate '{missing[0]}' not found" if missing else ""
