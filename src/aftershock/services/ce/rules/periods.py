"""The time that is asked for, and the periods that it is answered in."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from .errors import invalid

HOURLY_DAYS = 14  # AWS: "we support only 14 days of data at hourly granularity"
MONTHS = 13  # AWS: "up to 13 months of historical data and data for the current month"

Period = tuple[datetime, datetime]


def asked(interval: Mapping[str, str], granularity: str, now: datetime) -> Period:
    """
    Raises:
        AwsError: ValidationException
    """
    start, end = (_moment(interval[name], granularity) for name in ("Start", "End"))
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    if end > next_month(now):
        raise invalid("end date past the beginning of next month")
    if start > now:
        raise invalid("Start date (and hour) should not be in the future")
    if start < earliest(now):
        raise invalid(f"You haven't enabled historical data beyond {MONTHS + 1} months")
    if granularity == "HOURLY" and start < now - timedelta(days=HOURLY_DAYS):
        raise invalid(
            f"Start date is more than {HOURLY_DAYS} days ago for hourly granularity. "
            f"Please adjust start date as we support only {HOURLY_DAYS} days of data at hourly granularity."
        )
    return start, end


def _moment(text: str, granularity: str) -> datetime:
    form = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d"
    if "T" in text and granularity != "HOURLY":
        raise invalid("Dates with an hour are for HOURLY granularity; the format of others is yyyy-MM-dd")
    try:
        moment = datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        raise invalid(f"'{text}' is not a date: the format is yyyy-MM-dd, or yyyy-MM-ddThh:mm:ssZ") from None
    if moment.minute or moment.second:
        raise invalid(f"'{text}' is not the beginning of an hour")
    return moment


def next_month(moment: datetime) -> datetime:
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def earliest(now: datetime) -> datetime:
    """The beginning of the first month that can be asked for."""
    month = now.year * 12 + now.month - 1 - MONTHS
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return first.replace(year=month // 12, month=month % 12 + 1)


def cut(period: Period, granularity: str) -> list[Period]:
    """The hours, days or calendar months of a time; at its ends they may be shorter."""
    found = []
    start, end = period
    while start < end:
        if granularity == "MONTHLY":
            following = next_month(start)
        elif granularity == "DAILY":
            following = start.replace(hour=0) + timedelta(days=1)
        else:
            following = start + timedelta(hours=1)
        found.append((start, min(following, end)))
        start = following
    return found


def view(period: Period, granularity: str) -> dict[str, str]:
    form = "%Y-%m-%dT%H:%M:%SZ" if granularity == "HOURLY" else "%Y-%m-%d"
    return {"Start": period[0].strftime(form), "End": period[1].strftime(form)}


def estimated(period: Period, now: datetime) -> bool:
    """AWS: what is not yet on a closed month's bill is an estimate."""
    return next_month(period[0]) > now
