"""Elastic Load Balancing's controllers: load balancers, their nodes, and the health of targets."""

from collections.abc import Callable

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.balancer import Balancers
from aftershock.services.elbv2.outside import Outside
from aftershock.store import Store

from .load_balancers import LoadBalancerController
from .nodes import NodeController
from .sights import Sights
from .targets import TargetController

__all__ = ["Sights", "controllers"]


def controllers(
    store: Store,
    clock: Clock,
    wake: Callable[[str, str], None],
    *,
    outside: Outside,
    balancers: Balancers,
    sights: Sights,
) -> tuple[Controller, ...]:
    """`wake` is the control loop's; `sights` is what nodes are seen to see, which metrics are made of as well."""
    return (
        LoadBalancerController(store, clock),
        NodeController(store, clock, wake, outside=outside, balancers=balancers, sights=sights),
        TargetController(store, clock, outside, sights),
    )
