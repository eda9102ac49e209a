"""The meter may look whenever it likes, and die at any line: everything is counted, and once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.usage import Billed
from aftershock.services.ce.records import Pulse, Stretch
from aftershock.services.ce.rules.lines import COMPUTE, billed_span
from aftershock.services.ce.rules.meter import lapsed, plan
from aftershock.services.ce.rules.moments import hours, ms
from tests.services.ce.cases import ACCOUNT, at

INSTANCE = Billed(
    resource="i-1",
    account=ACCOUNT,
    region="us-east-1",
    zone="us-east-1a",
    service=COMPUTE,
    usage_type="BoxUsage:t3.micro",
    operation="RunInstances",
    instance_type="t3.micro",
    least_s=60,
)
ADDRESS = Billed(
    resource="eipalloc-1",
    account=ACCOUNT,
    region="us-east-1",
    service="Amazon Virtual Private Cloud",
    usage_type="PublicIPv4:IdleAddress",
    operation="AllocateAddressVPC",
    since=at(0),
)
WATCHED = Pulse(id="pulse", ground="one", pace=1.0, began=at(-1), at=at(-1))


class Meter:
    """What has been written down of one resource."""

    def __init__(self, pulse: Pulse = WATCHED) -> None:
        self.known: dict[str, Stretch] = {}
        self.pulse = pulse

    def look(self, now: datetime, *billed: Billed) -> list[Stretch]:
        written = plan(list(self.known.values()), billed, source="ec2", pulse=self.pulse, now=now)
        self.known |= {one.id: one for one in written}
        return written

    def new_ground(self, now: datetime) -> None:
        open_ones = [one for one in self.known.values() if one.until is None]
        self.known |= {one.id: one for one in lapsed(self.pulse, open_ones)}
        self.pulse = Pulse(id="pulse", ground="another", pace=1.0, began=now, at=now)

    def spans(self) -> list[tuple[str, float, float | None]]:
        def hour(moment: datetime) -> float:
            return (moment - at(0)) / timedelta(hours=1)

        return [
            (one.usage_type.rpartition(":")[2], hour(one.since), None if one.until is None else hour(one.until))
            for one in sorted(self.known.values(), key=lambda one: one.since)
        ]


def test_a_run_begins_when_it_was_seen_to_and_ends_when_it_was_asked_to() -> None:
    meter = Meter()
    meter.look(at(2), replace(INSTANCE, since=at(1)))
    meter.look(at(5), replace(INSTANCE, since=at(1), until=at(4)))
    assert meter.spans() == [("t3.micro", 1, 4)]


def test_looking_again_writes_nothing() -> None:
    meter = Meter()
    for billed in (replace(INSTANCE, since=at(1)), replace(INSTANCE, since=at(1), until=at(4))):
        assert meter.look(at(5), billed)
        assert not meter.look(at(6), billed)
        assert not meter.look(at(7), billed)


def test_a_run_that_was_over_before_anybody_looked_is_counted_all_the_same() -> None:
    meter = Meter()
    meter.look(at(5), replace(INSTANCE, since=at(1), until=at(4)))
    assert meter.spans() == [("t3.micro", 1, 4)]


def test_a_run_whose_end_nobody_saw_ends_at_the_latest_when_the_next_begins() -> None:
    meter = Meter()
    meter.look(at(2), replace(INSTANCE, since=at(1)))
    meter.look(at(5), replace(INSTANCE, since=at(3)))
    assert meter.spans() == [("t3.micro", 1, 3), ("t3.micro", 3, None)]


def test_an_address_is_idle_or_in_use_and_never_both() -> None:
    meter = Meter()
    meter.look(at(1), ADDRESS)
    used = replace(ADDRESS, usage_type="PublicIPv4:InUseAddress")
    meter.look(at(2), used)
    meter.look(at(3), ADDRESS)
    meter.look(at(4))
    assert meter.spans() == [("IdleAddress", 0, 2), ("InUseAddress", 2, 3), ("IdleAddress", 3, 4)]


def test_a_change_of_size_divides_and_a_change_of_tags_does_not() -> None:
    meter = Meter()
    volume = replace(ADDRESS, usage_type="EBS:VolumeUsage.gp3", per_hour=Decimal(8))
    meter.look(at(1), volume)
    meter.look(at(2), replace(volume, tags={"Name": "web"}))
    meter.look(at(3), replace(volume, tags={"Name": "web"}, per_hour=Decimal(16)))
    assert meter.spans() == [("VolumeUsage.gp3", 0, 3), ("VolumeUsage.gp3", 3, None)]
    assert [one.tags for one in meter.known.values()] == [{"Name": "web"}] * 2


def test_what_was_on_a_ground_that_is_gone_ended_when_it_was_last_watched() -> None:
    meter = Meter(replace_at(WATCHED, at(3)))
    meter.look(at(2), ADDRESS)
    meter.new_ground(at(9))
    meter.look(at(10), ADDRESS)
    assert meter.spans() == [("IdleAddress", 0, 3), ("IdleAddress", 9, None)]


def replace_at(pulse: Pulse, moment: datetime) -> Pulse:
    return Pulse(id=pulse.id, ground=pulse.ground, pace=pulse.pace, began=pulse.began, at=moment)


def test_sixty_seconds_are_billed_of_every_run() -> None:
    meter = Meter()
    short = timedelta(seconds=5)
    meter.look(at(1), replace(INSTANCE, since=at(0), until=at(0) + short))
    meter.look(at(1), replace(INSTANCE, since=at(0) + 2 * short, until=at(0) + 3 * short))
    spans = [billed_span(one, ms(at(1))) for one in meter.known.values()]
    assert [hours(span, 1.0) for span in spans] == [Fraction(1, 60)] * 2


@dataclass(frozen=True)
class Event:
    """What happens at a minute of the instance's life, and whether the meter sees it before the next thing happens."""

    minutes: int
    looks: int
    dies: bool  # while it looks: what it would have written is lost


events = st.builds(Event, minutes=st.integers(1, 90), looks=st.integers(0, 3), dies=st.booleans())


@settings(max_examples=300, deadline=None)
@given(st.lists(events, min_size=1, max_size=12), st.integers(0, 50))
def test_every_run_is_billed_once_however_the_meter_dies(lives: Sequence[Event], wait: int) -> None:
    """Up and down in turn; a look that dies writes nothing, as its transaction is rolled back.

    The meter's successor looks at everything when it starts, so that it has looked once before the next change.
    """
    meter, now, true, said = Meter(), at(0), Fraction(0), INSTANCE
    up_at: datetime | None = None
    for event in lives:
        if up_at is None:
            up_at = now
            said = replace(INSTANCE, since=up_at)
        else:
            true += max(hours((ms(up_at), ms(now)), 1.0), Fraction(1, 60))
            said, up_at = replace(INSTANCE, since=up_at, until=now), None
        for _ in range(event.looks):
            meter.look(now + timedelta(seconds=wait), said)
        if event.dies:
            plan(list(meter.known.values()), [said], source="ec2", pulse=meter.pulse, now=now)
        meter.look(now + timedelta(seconds=wait), said)
        now += timedelta(minutes=event.minutes)
    if up_at is not None:
        true += max(hours((ms(up_at), ms(now)), 1.0), Fraction(1, 60))
    billed = sum((hours(billed_span(one, ms(now)), 1.0) for one in meter.known.values()), Fraction(0))
    assert billed == true
