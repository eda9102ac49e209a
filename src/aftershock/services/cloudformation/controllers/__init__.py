"""CloudFormation's controller: every stack led to where it is to be."""

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.services.cloudformation.outside import Outside
from aftershock.store import Store

from .forgetting import forgetting_controller
from .stacks import StackController

__all__ = ["StackController", "controllers"]


def controllers(store: Store, clock: Clock, region: str, outside: Outside) -> tuple[Controller, ...]:
    return (StackController(store, clock, region, outside), forgetting_controller(store, clock))
