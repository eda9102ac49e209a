"""AWS Cost Explorer, and the meter that it reads: what was there for how long, and what that costs."""

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.store import Store

from .controllers.ledger import LedgerController
from .controllers.meter import MeterController
from .operations import operations
from .outside import Metered, Reservations
from .records import TABLES

__all__ = ["TABLES", "Metered", "controllers", "operations"]


def controllers(store: Store, clock: Clock, metered: Metered, reservations: Reservations) -> tuple[Controller, ...]:
    return MeterController(store, clock, metered), LedgerController(store, clock, metered, reservations)
