"""What an experiment does by more than one call, and how it is told."""

from collections.abc import Callable
from datetime import UTC, datetime

from aftershock.doors import outages
from aftershock.doors.access import Access
from aftershock.doors.bill import bill_of

from .site import Cost, Hands, NotInTime


def hands(access: Access, say: Callable[[str], None], show: Callable[[str], None]) -> Hands:
    """`say` is given each line of the story, `show` what is true just now."""

    def month() -> Cost:
        found = bill_of(access, datetime.now(UTC)).month
        return Cost(float(found.on_demand), float(found.as_reserved))

    def quake(zone: str) -> None:
        try:
            outages.fail(access, zone, "power", outages.LONGEST)
        except outages.OutageError as error:
            raise NotInTime(str(error)) from error

    def heal(zone: str) -> None:
        try:
            outages.heal(access, zone)
        except outages.OutageError as error:
            raise NotInTime(str(error)) from error

    return Hands(quake=quake, heal=heal, month=month, say=say, show=show)
