"""How long a change is known that was served."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftershock.services.route53.records import Change

# AWS does not say how long it answers GetChange.  Its clients ask every half a minute until a change is in sync, and
# give up after half an hour (botocore's waiter: 60 attempts).
KEPT = timedelta(hours=1)
MOST = 10_000  # of those in sync, which a client cannot have asked about all


def outlived(changes: Iterable[Change], now: datetime) -> list[Change]:
    """Those that may be forgotten: never one that is pending."""
    newest_first = sorted((one for one in changes if one.in_sync), key=lambda one: one.revision, reverse=True)
    return [one for number, one in enumerate(newest_first) if number >= MOST or one.submitted_at < now - KEPT]
