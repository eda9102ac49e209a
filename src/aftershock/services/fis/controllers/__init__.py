"""Fault Injection Service's controllers."""

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.machines import Machines
from aftershock.engines.network import Network
from aftershock.services.fis.outside import Outside
from aftershock.store import Store

from .commands import Commands
from .effects import effects
from .experiments import ExperimentController

__all__ = ["controllers"]


def controllers(
    store: Store, clock: Clock, outside: Outside, *, machines: Machines, network: Network
) -> tuple[Controller, ...]:
    command = Commands(outside.ask, clock, machines, network)
    return (ExperimentController(store, clock, outside, effects(outside, store, clock, command)),)
