"""How long it is known what became of stacks."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from aftershock.clock import Clock
from aftershock.control import ForgettingController
from aftershock.services.cloudformation.records import EVENTS, STACKS, event_id
from aftershock.store import Store, Transaction

# Nominal.  AWS lists stacks "for 90 days after the stack is deleted", and keeps the events of those there are as long.
KEPT_S = 90 * 86_400.0
MORE_THAN_ANY = 10**9 - 1  # events of one stack


def forgetting_controller(store: Store, clock: Clock) -> ForgettingController:
    kept = timedelta(seconds=clock.paced(KEPT_S))
    return ForgettingController(
        "cloudformation.forgetting", store, clock.now, {EVENTS: lambda tx, now: outlived(tx, now - kept)}
    )


def outlived(tx: Transaction, until: datetime) -> Iterator[str]:
    """The keys of all events before that moment; of each stack no more is read than these and one."""
    for stack_id in sorted(STACKS.keys(tx)):
        for event in EVENTS.between(tx, event_id(stack_id, 0), event_id(stack_id, MORE_THAN_ANY)):
            if event.at >= until:
                break
            yield event.id
