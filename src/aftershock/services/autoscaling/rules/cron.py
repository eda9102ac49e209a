"""Recurrences: five fields of cron, in a time zone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .errors import validation

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# A leap day that is a certain weekday comes back within 40 years.
YEARS = 41


@dataclass(frozen=True, slots=True)
class Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    any_day: bool
    any_weekday: bool

    def on(self, date: datetime) -> bool:
        """cron(5): where both day fields are restricted, either of them is enough."""
        if date.month not in self.months:
            return False
        day, weekday = date.day in self.days, date.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.any_day or self.any_weekday else (day or weekday)


def parsed(text: str) -> Cron:
    """
    Raises:
        AwsError: ValidationError, for what is no recurrence
    """
    fields = text.lower().split()
    if len(fields) != 5:
        raise _invalid(text)
    try:
        weekdays = frozenset(day % 7 for day in _field(fields[4], 0, 7, DAYS, 0))
        return Cron(
            minutes=_field(fields[0], 0, 59),
            hours=_field(fields[1], 0, 23),
            days=_field(fields[2], 1, 31),
            months=_field(fields[3], 1, 12, MONTHS, 1),
            weekdays=weekdays,
            any_day=fields[2].startswith("*"),
            any_weekday=fields[4].startswith("*"),
        )
    except ValueError:
        raise _invalid(text) from None


def _invalid(text: str) -> Exception:
    return validation(f"Given recurrence string:{text} is invalid")


def _field(text: str, low: int, high: int, names: tuple[str, ...] = (), base: int = 0) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, every = part.partition("/")
        stride = int(every) if slash else 1
        if span == "*":
            first, last = low, high
        else:
            begin, dash, end = span.partition("-")
            first = _number(begin, names, base)
            last = _number(end, names, base) if dash else (high if slash else first)
        if stride < 1 or not low <= first <= last <= high:
            raise ValueError(part)
        found.update(range(first, last + 1, stride))
    return frozenset(found)


def _number(text: str, names: tuple[str, ...], base: int) -> int:
    if text in names:
        return names.index(text) + base
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def zone(name: str | None) -> ZoneInfo:
    """
    Raises:
        AwsError: ValidationError
    """
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise validation(f"Invalid time zone: {name}. Specify an IANA time zone.") from None


def next_after(cron: Cron, where: ZoneInfo, moment: datetime) -> datetime | None:
    """The first time after the moment; UTC.  What the clocks skip does not come, what comes twice counts once."""
    local = moment.astimezone(where)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    for _ in range(366 * YEARS):
        if cron.on(day):
            for hour in sorted(cron.hours):
                for minute in sorted(cron.minutes):
                    wall = day.replace(hour=hour, minute=minute, tzinfo=where)
                    found = wall.astimezone(UTC)
                    if found > moment and found.astimezone(where).replace(tzinfo=None) == wall.replace(tzinfo=None):
                        return found
        day += timedelta(days=1)
    return None
