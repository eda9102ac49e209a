"""How what services say now becomes stretches of time.  Pure, and harmless to repeat.

The meter may look late, and any number of times: a stretch is known by the resource, the usage type and its beginning,
so that it is written again and never twice.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from aftershock.aws.usage import Billed
from aftershock.services.ce.records import Pulse, Stretch


def plan(
    known: Sequence[Stretch], billed: Iterable[Billed], *, source: str, pulse: Pulse, now: datetime
) -> list[Stretch]:
    """The stretches of one resource that are to be written, given all that are known of it and what is billed now."""
    found: dict[str, Stretch] = {one.id: one for one in known}
    before = dict(found)
    present = {one.usage_type: one for one in billed}
    for stretch in known:
        if stretch.until is None:
            found[stretch.id] = _continued(stretch, present.get(stretch.usage_type), pulse, now)
    for one in present.values():
        if not any(stretch.until is None and stretch.usage_type == one.usage_type for stretch in found.values()):
            begun = _begun(one, list(found.values()), source, pulse, now)
            if begun is not None and begun.id not in before:
                found[begun.id] = begun
    return [stretch for stretch in found.values() if before.get(stretch.id) != stretch]


def _continued(stretch: Stretch, one: Billed | None, pulse: Pulse, now: datetime) -> Stretch:
    """The open stretch as it is now: it goes on, or is over."""
    if one is None or not _alike(stretch, one, pulse):
        return _ended(stretch, now)
    if one.since is not None and one.since > stretch.since:
        return _ended(stretch, one.since)  # it is another run already, and the end of this one was not seen
    if one.until is not None:
        return _ended(replace(stretch, tags=dict(one.tags)), one.until)
    return replace(stretch, tags=dict(one.tags))


def _ended(stretch: Stretch, at: datetime) -> Stretch:
    return replace(stretch, until=max(stretch.since, at))


def _alike(stretch: Stretch, one: Billed, pulse: Pulse) -> bool:
    return (stretch.per_hour, stretch.zone, stretch.instance_type, stretch.pace) == (
        one.per_hour,
        one.zone,
        one.instance_type,
        pulse.pace,
    )


def _begun(one: Billed, known: Sequence[Stretch], source: str, pulse: Pulse, now: datetime) -> Stretch | None:
    """The stretch that begins with what is billed; None if it is one that is over and known.

    It begins when the resource did, if the meter has heard nothing of it since; else it is a change, seen now.
    """
    since = max(one.since or now, pulse.began)
    over = [stretch.until for stretch in known if stretch.until is not None]
    if over and since < max(over):
        if one.until is not None:
            return None
        since = now
    until = one.until
    return Stretch(
        id=f"{one.resource} {one.usage_type} {since.isoformat(timespec='milliseconds')}",
        source=source,
        resource=one.resource,
        account=one.account,
        region=one.region,
        zone=one.zone,
        service=one.service,
        usage_type=one.usage_type,
        operation=one.operation,
        per_hour=one.per_hour,
        instance_type=one.instance_type,
        least_s=one.least_s,
        step_s=one.step_s,
        tags=dict(one.tags),
        since=since,
        until=None if until is None else max(since, until),
        pace=pulse.pace,
    )


def lapsed(pulse: Pulse, open_stretches: Iterable[Stretch]) -> list[Stretch]:
    """What was billed on a ground that is gone: until it was last watched."""
    return [_ended(stretch, pulse.at) for stretch in open_stretches]
