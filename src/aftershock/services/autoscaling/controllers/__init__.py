"""Auto Scaling's controllers: groups, what is scheduled for them, and what was done for long enough ago."""

import uuid
from collections.abc import Callable

from aftershock.clock import Clock
from aftershock.control import Controller, ForgettingController
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import ACTIVITIES, REFRESHES
from aftershock.services.autoscaling.rules import kept
from aftershock.store import Store

from .groups import GroupController
from .schedules import ScheduleController


def new_uuid() -> str:
    return str(uuid.uuid4())


def controllers(
    store: Store, clock: Clock, outside: Outside, new_uuid: Callable[[], str] = new_uuid
) -> tuple[Controller, ...]:
    kept_s = clock.paced(kept.KEPT_S)
    return (
        GroupController(store, clock, outside, new_uuid),
        ScheduleController(store, clock),
        ForgettingController(
            "autoscaling.forgetting",
            store,
            clock.now,
            {
                ACTIVITIES: lambda tx, now: kept.activities(ACTIVITIES.every(tx), now, kept_s),
                REFRESHES: lambda tx, now: kept.refreshes(REFRESHES.every(tx), now, kept_s),
            },
        ),
    )
