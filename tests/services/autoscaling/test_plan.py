"""The decision about a group: from every state it settles, and what must never happen never does."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.services.autoscaling.records import Blocked, Group, Made, Member, Place, Source
from aftershock.services.autoscaling.rules.capacity import backoff_s
from aftershock.services.autoscaling.rules.plan import plan
from aftershock.services.autoscaling.rules.view import (
    Change,
    Deregister,
    Gone,
    Hold,
    Launch,
    Mark,
    Plan,
    Register,
    Seen,
    Settle,
    Take,
    Terminate,
    View,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MADE = Made(template_id="lt-1", template_name="web", version="1", instance_type="t2.micro", image_id="ami-1")
ZONES = ("a", "b", "c")


def group(**changes: Any) -> Group:
    made = Group(
        account="1",
        region="us-east-1",
        name="web",
        uuid="u",
        created_at=NOW,
        source=Source(template_id="lt-1"),
        min_size=0,
        max_size=20,
        desired=0,
        places=tuple(Place(zone) for zone in ZONES),
        role_arn="",
    )
    return replace(made, **changes)


def member(number: int, **changes: Any) -> Member:
    made = Member(
        id=f"m{number:03}",
        group="1 web",
        instance_id=f"i-{number:03}",
        zone="a",
        made=MADE,
        state="InService",
        asked_at=NOW - timedelta(hours=1) + timedelta(seconds=number),
        launched_at=NOW - timedelta(hours=1) + timedelta(seconds=number),
        in_service_at=NOW - timedelta(minutes=50),
    )
    return replace(made, **changes)


class Simulation:
    """A group whose steps are carried out at once, in a world that does what it is asked."""

    def __init__(self, group: Group, members: list[Member], dead_zones: set[str]) -> None:
        self.group, self.dead_zones = group, dead_zones
        self.members = {one.id: one for one in members}
        self.seen = {one.instance_id or "": Seen("running") for one in members}
        self.now = NOW
        self.numbers = count(500)
        self.launched = 0
        self.ended: list[Member] = []

    def view(self) -> View:
        return View(
            group=self.group,
            members=tuple(sorted(self.members.values(), key=lambda one: one.id)),
            now=self.now,
            wanted=(MADE,),
            weights=(None,),
            seen=self.seen,
        )

    def settle(self) -> Iterator[View]:
        for _ in range(400):
            view = self.view()
            yield view
            decided = plan(view)
            if not decided.steps and not self._on(decided):
                return
            for step in decided.steps:
                if not self.do(step):
                    break
        raise AssertionError(f"does not settle: {plan(self.view())}")

    def _on(self, decided: Plan) -> bool:
        """Time passes while launches are put off, for as long as there is a zone that will not work."""
        waiting = {key: one for key, one in self.group.blocked.items() if one.until > self.now}
        if decided.again_at is None or not waiting or self.dead_zones:
            return False
        self.now = decided.again_at
        return True

    def do(self, step: Any) -> bool:
        match step:
            case Launch(place, _, _, purpose):
                return self._launch(place, purpose)
            case Mark(one, cause):
                self._put(one, health="Unhealthy", unhealthy_cause=cause)
            case Take(one, _, replaced):
                self.ended.append(one)
                self._put(one, state="Terminating", leaving="terminate")
                if replaced:
                    self.group = replace(self.group, owed=self.group.owed + 1)
            case Change(_, after):
                self.members[after.id] = after
            case Terminate(one):
                self.seen.pop(one.instance_id or "")
            case Gone(one):
                del self.members[one.id]
            case Settle():
                self.group = replace(self.group, causes=(), owed=0)
            case Hold() | Register() | Deregister():
                raise AssertionError(f"there is nothing to {step}")
        return True

    def _launch(self, place: Place, purpose: Any) -> bool:
        if place.zone in self.dead_zones:
            key = f"{place.zone} t2.micro"
            failures = self.group.blocked[key].failures + 1 if key in self.group.blocked else 1
            until = self.now + timedelta(seconds=backoff_s(failures))
            self.group = replace(self.group, blocked={**self.group.blocked, key: Blocked(until, failures)})
            return False
        number = next(self.numbers)
        made = member(number, zone=place.zone, state="Pending", purpose=purpose, asked_at=self.now)
        self.members[made.id] = replace(made, launched_at=self.now, in_service_at=None)
        self.seen[made.instance_id or ""] = Seen("running")
        self.launched += 1
        if purpose == "replace":
            self.group = replace(self.group, owed=self.group.owed - 1)
        return True

    def _put(self, one: Member, **changes: Any) -> None:
        assert self.members[one.id] == one
        self.members[one.id] = replace(one, **changes)


@st.composite
def simulations(draw: st.DrawFn) -> Simulation:
    present = [
        member(
            number,
            zone=draw(st.sampled_from((*ZONES, "gone"))),
            state=draw(st.sampled_from(("InService", "InService", "InService", "Pending", "Standby", "Terminating"))),
            protected=draw(st.integers(0, 5)) == 0,
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    desired = draw(st.integers(0, 12))
    wanted = group(
        desired=desired,
        max_size=draw(st.integers(desired, 20)),
        termination_policies=(draw(st.sampled_from(("Default", "OldestInstance", "NewestInstance"))),),
    )
    dead = draw(st.sampled_from(((), (), ("a",), ("a", "b"))))
    found = Simulation(wanted, present, set(dead))
    for one in present:
        fate = draw(st.sampled_from(("running",) * 6 + ("terminated", "stopped")))
        if fate == "terminated" and draw(st.booleans()):
            del found.seen[one.instance_id or ""]
        else:
            found.seen[one.instance_id or ""] = Seen(fate)
    return found


@settings(max_examples=300, deadline=None)
@given(simulations())
def test_a_group_settles_from_every_state(world: Simulation) -> None:
    protected = {one.id for one in world.members.values() if one.protected and one.state == "InService"}
    healthy = {one for one in protected if world.seen.get(world.members[one].instance_id or "") == Seen("running")}
    most = 0
    for view in world.settle():
        over = max(1, view.group.max_size // 10)
        grown = len(view.active) if world.launched else 0
        assert grown <= max(view.group.max_size, view.group.desired + over, most)
        most = max(most, len(view.active))
    view = world.view()
    assert healthy <= set(world.members), "a protected one was taken though it was healthy"
    serving = [one for one in view.members if one.state == "InService"]
    assert all(one.state in ("InService", "Standby") for one in view.members)
    assert all(view.seen[one.instance_id or ""].state == "running" for one in serving)
    free = [one for one in serving if not one.protected]
    assert len(serving) == world.group.desired or (len(serving) > world.group.desired and not free)
    # What is left to move could move, and so moved: the zones that work are alike.
    counts = Counter(one.zone for one in serving)
    movable = max((counts[one.zone] for one in free), default=0)
    if len(serving) == world.group.desired:
        assert not any(one.zone == "gone" for one in free)
        assert movable - min(counts[zone] for zone in ZONES if zone not in world.dead_zones) <= 1


@settings(max_examples=100, deadline=None)
@given(simulations())
def test_what_is_settled_stays_so(world: Simulation) -> None:
    for _ in world.settle():
        pass
    launched, ended = world.launched, len(world.ended)
    for _ in world.settle():
        pass
    assert (world.launched, len(world.ended)) == (launched, ended)


def test_a_group_that_cannot_shrink_says_why() -> None:
    view = View(
        group=group(desired=0),
        members=(member(1, protected=True),),
        now=NOW,
        wanted=(MADE,),
        weights=(None,),
        seen={"i-001": Seen("running")},
    )
    assert plan(view).reason == "1 instances are too many, and none of them may be terminated"
