"""Fault Injection Service's controllers."""

from aftershock.clock import Clock
from aftershock.control import Controller, ForgettingController
from aftershock.engines.machines import Machines
from aftershock.engines.network import Network
from aftershock.services.fis.outside import Outside
from aftershock.services.fis.records import EXPERIMENTS, USED_TOKENS
from aftershock.services.fis.rules import kept
from aftershock.store import Store

from .commands import Commands
from .effects import effects
from .experiments import ExperimentController

__all__ = ["controllers"]


def controllers(
    store: Store, clock: Clock, outside: Outside, *, machines: Machines, network: Network
) -> tuple[Controller, ...]:
    command = Commands(outside.ask, clock, machines, network)
    return (
        ExperimentController(store, clock, outside, effects(outside, store, clock, command)),
        ForgettingController(
            "fis.forgetting",
            store,
            clock.now,
            {
                EXPERIMENTS: lambda tx, now: kept.experiments(EXPERIMENTS.every(tx), now, clock.paced(kept.KEPT_S)),
                USED_TOKENS: lambda tx, now: kept.tokens(USED_TOKENS.every(tx), now),
            },
        ),
    )
