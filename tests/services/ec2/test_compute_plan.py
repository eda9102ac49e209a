"""What is decided about an instance: by the table, and from every state until it settles."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace as change

from aftershock.services.ec2.records.instance import Instance
from aftershock.services.ec2.rules.instance_plan import (
    Forget,
    Machine,
    Note,
    Over,
    Release,
    Runs,
    Seen,
    Start,
    Stop,
    Sweep,
    Unplug,
    plan,
)
from aftershock.services.ec2.rules.instances import state, wish

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=1)
EARLIER = NOON - timedelta(minutes=1)
INSTANCE = Instance(
    id="i-0",
    account="123456789012",
    region="us-east-1",
    reservation_id="r-0",
    launch_index=0,
    launched_by="arn:aws:iam::123456789012:root",
    image_id="ami-0",
    layers=("base",),
    architecture="x86_64",
    root_device="/dev/xvda",
    instance_type="t2.micro",
    zone="us-east-1a",
    vpc_id="vpc-0",
    subnet_id="subnet-0",
    private_ip="172.31.0.4",
    interface_id="eni-0",
    volume_id="vol-0",
    created_at=NOON,
    launched_at=NOON,
    asked_at=NOON,
)
UP = change(INSTANCE, up_boot=1)
STOPPING = change(UP, wanted="stopped")
ENDING = change(UP, wanted="terminated")
READY = Seen(machine=None, wired=True, wire_wanted=True, wire_left=True, interface_held=True, disk=True, disk_held=True)
RUNS = replace(READY, machine=Runs())
POWEROFF, REBOOT = Over("poweroff", LATER), Over("reboot", LATER)
GONE = Seen(machine=None)


@pytest.mark.parametrize(
    "instance, seen, steps",
    [
        (INSTANCE, replace(READY, disk=False), []),
        (INSTANCE, replace(READY, wired=False), []),
        (INSTANCE, replace(READY, captures=True), []),
        (INSTANCE, READY, [Start()]),
        (INSTANCE, RUNS, [Note(up=True, restart=False, rebooted=True)]),
        (UP, RUNS, []),
        (UP, READY, [Note(up=False)]),
        (UP, replace(READY, machine=POWEROFF), [Note(ended="poweroff", ended_at=LATER)]),
        (UP, replace(READY, machine=Over("killed", LATER)), [Note(ended="killed", ended_at=LATER)]),
        (UP, replace(READY, machine=Over("killed", None)), [Note(up=False, restart=True)]),
        (UP, replace(READY, machine=REBOOT), [Note(restart=True)]),
        (change(UP, restart=True), replace(READY, machine=REBOOT), [Start()]),
        (change(UP, reboots=1), RUNS, [Stop(forced=False)]),
        (change(UP, reboots=1), replace(READY, machine=POWEROFF), [Note(restart=True, rebooted=True)]),
        (UP, replace(RUNS, captures=True), []),
        (UP, replace(RUNS, captures=True, quiet_capture=True), [Stop(forced=False)]),
        (change(UP, restart=True), replace(READY, machine=POWEROFF, captures=True, quiet_capture=True), []),
        (change(INSTANCE, boot=2, up_boot=1), replace(READY, machine=Over("poweroff", EARLIER)), [Start()]),
        (
            change(INSTANCE, boot=2, up_boot=1),
            replace(READY, machine=POWEROFF),
            [Note(ended="poweroff", ended_at=LATER)],
        ),
        (STOPPING, RUNS, [Stop(forced=False)]),
        (change(STOPPING, forced=True), RUNS, [Stop(forced=True)]),
        (STOPPING, replace(READY, machine=POWEROFF), [Sweep(), Unplug()]),
        (STOPPING, replace(READY, wire_wanted=False), []),
        (STOPPING, replace(READY, wire_wanted=False, wire_left=False), [Sweep(), Note(down=True)]),
        (change(STOPPING, down_boot=1), replace(READY, wire_wanted=False, wire_left=False), []),
        (ENDING, RUNS, [Stop(forced=False)]),
        (ENDING, READY, [Sweep(), Release()]),
        (ENDING, replace(READY, interface_going=True, disk_going=True), []),
        (ENDING, GONE, [Sweep(), Note(terminated=True)]),
        (change(ENDING, terminated_at=LATER), GONE, []),
        (change(ENDING, terminated_at=LATER), replace(GONE, over=True), [Forget()]),
    ],
)
def test_plan(instance: Instance, seen: Seen, steps: list[Any]) -> None:
    assert list(plan(instance, seen).steps) == steps


class World:
    """Carries steps out as controllers, engines and time would."""

    def __init__(self, instance: Instance, seen: Seen) -> None:
        self.instance: Instance | None = instance
        self.seen = seen
        self.starts = 0

    def step(self) -> bool:
        """One look and what follows from it; False when there is nothing left to do."""
        assert self.instance is not None
        decided = plan(self.instance, self.seen)
        assert decided.reason
        for one in decided.steps:
            self._carry_out(one)
        moved = self._others()
        return bool(decided.steps) or moved

    def _others(self) -> bool:
        """What the controllers of ports, volumes and snapshots do meanwhile."""
        before = self.seen
        seen = self.seen
        seen = replace(seen, wired=seen.wire_wanted and seen.interface_held and not seen.interface_going)
        seen = replace(seen, wire_left=seen.wired)
        if seen.interface_going:
            seen = replace(seen, interface_held=False, wire_wanted=False, wire_left=False, wired=False)
        if seen.disk_going:
            seen = replace(seen, disk_held=False, disk=False)
        elif seen.disk_held:
            seen = replace(seen, disk=True)
        if seen.captures and not (seen.quiet_capture and isinstance(seen.machine, Runs)):
            instance = self.instance
            assert instance is not None
            held = wish(instance) != "running" or instance.restart or instance.up_boot != instance.boot
            if held or not seen.quiet_capture:
                seen = replace(seen, captures=False, quiet_capture=False)
        self.seen = seen
        return seen != before

    def _carry_out(self, one: Any) -> None:
        assert self.instance is not None
        match one:
            case Start():
                assert self.seen.wired and self.seen.disk and not self.seen.captures
                assert wish(self.instance) == "running"
                self.seen, self.starts = replace(self.seen, machine=Runs()), self.starts + 1
            case Stop():
                self.seen = replace(self.seen, machine=POWEROFF)
            case Unplug():
                self.seen = replace(self.seen, wire_wanted=False)
            case Release():
                assert not isinstance(self.seen.machine, Runs), "a running machine's disk and wire"
                self.seen = replace(self.seen, interface_going=True, disk_going=True, wire_wanted=False)
            case Note():
                self._note(one)
            case Forget():
                self.instance = None

    def _note(self, note: Note) -> None:
        assert self.instance is not None
        changes: dict[str, Any] = {}
        if note.up is not None:
            changes["up_boot"] = self.instance.boot if note.up else 0
        if note.down:
            changes["down_boot"] = self.instance.boot
        if note.restart is not None:
            changes["restart"] = note.restart
        if note.rebooted:
            changes["rebooted"] = self.instance.reboots
        if note.ended:
            changes |= {"ended_boot": self.instance.boot, "ended_how": note.ended, "ended_at": note.ended_at}
        if note.terminated:
            changes["terminated_at"] = LATER
        self.instance = change(self.instance, **changes)


MACHINES: tuple[Machine, ...] = (
    None,
    Runs(),
    POWEROFF,
    REBOOT,
    Over("killed", LATER),
    Over("killed", None),
    Over("poweroff", EARLIER),
)


@pytest.mark.parametrize("behavior", ["stop", "terminate"])
@pytest.mark.parametrize("wanted", ["running", "stopped", "terminated"])
def test_from_every_state_it_settles_and_says_only_what_is_so(wanted: Any, behavior: str) -> None:
    tried = 0
    for up, restart, reboots, machine, captures, quiet, wire, disk, boot in product(
        (0, 1), (False, True), (0, 1), MACHINES, (False, True), (False, True), (False, True), (False, True), (1, 2)
    ):
        if (wanted != "running" and not wire and isinstance(machine, Runs)) or (quiet and not captures):
            continue  # no machine runs without a wire that it was started with
        instance = change(
            INSTANCE,
            wanted=wanted,
            shutdown_behavior=behavior,
            up_boot=up,
            restart=restart,
            reboots=reboots,
            boot=boot,
        )
        seen = Seen(
            machine=machine,
            wired=wire,
            wire_wanted=wanted == "running" or wire,
            wire_left=wire,
            interface_held=True,
            disk=disk or isinstance(machine, Runs),
            disk_held=True,
            captures=captures,
            quiet_capture=quiet,
        )
        world = World(instance, seen)
        for _ in range(30):
            assert world.instance is not None
            if state(world.instance) == "stopped" and wish(instance) == "stopped":
                assert not isinstance(world.seen.machine, Runs)
            if not world.step():
                break
        else:
            raise AssertionError(f"does not settle: {instance} {seen}")
        tried += 1
        assert world.instance is not None
        match state(world.instance):
            case "running":
                assert isinstance(world.seen.machine, Runs) and world.seen.wired and wanted == "running"
            case "stopped":
                assert not isinstance(world.seen.machine, Runs) and not world.seen.wire_left
                assert wish(world.instance) == "stopped"
            case "terminated":
                assert not isinstance(world.seen.machine, Runs)
                assert not (world.seen.wire_left or world.seen.interface_held or world.seen.disk_held)
            case other:
                raise AssertionError(f"stays {other}: {instance} {seen}")
        assert world.starts <= 2
    assert tried > 100


def test_nothing_is_running_that_was_not_seen_to_run() -> None:
    assert state(INSTANCE) == "pending"
    assert state(UP) == "running"
    assert state(change(UP, boot=2)) == "pending"
    assert state(STOPPING) == "stopping"
    assert state(change(STOPPING, down_boot=1)) == "stopped"
    assert state(ENDING) == "shutting-down"
