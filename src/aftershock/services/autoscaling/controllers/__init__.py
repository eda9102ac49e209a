"""Auto Scaling's controllers: groups, and what is scheduled for them."""

import uuid
from collections.abc import Callable

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.services.autoscaling.outside import Outside
from aftershock.store import Store

from .groups import GroupController
from .schedules import ScheduleController


def new_uuid() -> str:
    return str(uuid.uuid4())


def controllers(
    store: Store, clock: Clock, outside: Outside, new_uuid: Callable[[], str] = new_uuid
) -> tuple[Controller, ...]:
    return GroupController(store, clock, outside, new_uuid), ScheduleController(store, clock)
