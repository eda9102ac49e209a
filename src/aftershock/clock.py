"""The region's clock.  Nothing else asks the machine for the time, so that tests and experiments can set it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time in UTC, and the region's pace.

    `pace` divides every duration that AWS defines (intervals, cooldowns, time to live), while the API goes on
    reporting the nominal values.
    """

    pace: float = 1.0

    def now(self) -> datetime:
        """The present, in whole milliseconds, as AWS prints it."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    def paced(self, nominal_s: float) -> float:
        """How long a nominal duration lasts here, in seconds."""
        return nominal_s / self.pace
