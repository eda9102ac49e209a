"""What to do about an instance, from what is wanted and what was seen.  Pure.

Every step may be repeated.  A plan without steps is the end: nothing is left to do until something changes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aftershock.services.ec2.records.instance import Instance

from .instances import wish
from .zone_outages import Power

# A wire that comes back as it was, as after a power cut, changes no record.
WIRE_AGAIN_S = 0.2
# Until the power fails, which is a matter of milliseconds.
POWER_AGAIN_S = 0.2

Cause = Literal["poweroff", "reboot", "killed"]


@dataclass(frozen=True, slots=True)
class Runs:
    """The machine's first process runs."""


@dataclass(frozen=True, slots=True)
class Over:
    """The machine ran and ended.  `at` is None where nobody was left to see it, as in a power cut."""

    cause: Cause
    at: datetime | None


Machine = Runs | Over | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found beside the instance's own record."""

    machine: Machine
    wired: bool = False  # its interface is there as wanted
    wire_wanted: bool = False  # the interface's record asks for the wire
    wire_left: bool = False  # the kernel still shows the wire
    interface_held: bool = False  # the interface's record still says that it is this instance's
    interface_going: bool = False  # the interface is being deleted
    disk: bool = False  # its root disk is there
    disk_held: bool = False  # the volume's record still says that it is this instance's
    disk_going: bool = False  # the volume is being deleted
    captures: bool = False  # a snapshot of the root disk is to be taken
    quiet_capture: bool = False  # and the instance is to be shut down for it
    power: Power = "on"  # of its zone
    over: bool = False  # it has been terminated for as long as a terminated instance is shown


@dataclass(frozen=True, slots=True)
class Start:
    """Have the machine running."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Have the machine shut down, or switched off if it was forced."""

    forced: bool


@dataclass(frozen=True, slots=True)
class Sweep:
    """Leave nothing of a machine that ended but its disk and its console."""


@dataclass(frozen=True, slots=True)
class Unplug:
    """Let the interface go without its wire."""


@dataclass(frozen=True, slots=True)
class Release:
    """Give interface and disk up: deleted or kept, as they were meant to be."""


@dataclass(frozen=True, slots=True)
class Note:
    """Record what was seen; what is None or False stays as it was."""

    up: bool | None = None
    down: bool = False
    restart: bool | None = None
    rebooted: bool = False  # all reboots that were asked for so far
    ended: Literal["poweroff", "killed", "failed"] | None = None
    ended_at: datetime | None = None
    terminated: bool = False


@dataclass(frozen=True, slots=True)
class Forget:
    """The instance is shown no more."""


Step = Start | Stop | Sweep | Unplug | Release | Note | Forget


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    steps: tuple[Step, ...] = ()
    again_s: float | None = None  # when to look again, if what is waited for may announce itself to nobody


def plan(instance: Instance, seen: Seen) -> Plan:
    match wish(instance):
        case "running":
            return _running(instance, seen)
        case "stopped":
            return _stopped(instance, seen)
        case "terminated":
            return _terminated(instance, seen)


def _running(instance: Instance, seen: Seen) -> Plan:
    up = instance.up_boot == instance.boot
    reboot_due = instance.reboots > instance.rebooted and up
    if seen.power != "on":
        return _without_power(instance, seen, reboot_due=reboot_due)
    match seen.machine:
        case Runs():
            if not up or instance.restart:
                # A reboot asked for before it ran is this start.
                return Plan("its first process runs", (Note(up=True, restart=False, rebooted=not up),))
            if seen.quiet_capture:
                return Plan("shutting down for the capture of its disk", (Stop(forced=False),))
            if reboot_due:
                return Plan("shutting down to be rebooted", (Stop(forced=False),))
            return Plan("runs as wanted")
        case Over(cause=cause, at=at):
            if instance.restart or _of_an_earlier_boot(instance, at):
                return _start(seen)
            if at is None:
                return Plan("it went down with its host", (Note(up=False, restart=True),))
            if reboot_due or seen.quiet_capture or cause == "reboot":
                return Plan("it is down to be started again", (Note(restart=True, rebooted=reboot_due),))
            return Plan(f"it ended by itself: {cause}", (Note(ended=cause, ended_at=at),))
    if up:
        return Plan("its machine is not there any more", (Note(up=False),))
    return _start(seen)


def _without_power(instance: Instance, seen: Seen, *, reboot_due: bool) -> Plan:
    """Its state stays what it was, as on AWS, where the status checks tell what became of it; it starts again by
    itself when there is power."""
    match seen.machine:
        case Runs() if seen.power == "failing":
            return Plan("its zone is losing its power", again_s=POWER_AGAIN_S)
        case Runs():
            return Plan("its zone has no power", (Stop(forced=True),))
        case Over() if not instance.restart:
            return Plan("it went down with its zone", (Sweep(), Note(restart=True, rebooted=reboot_due)))
    return Plan("waiting for the power of its zone")


def _of_an_earlier_boot(instance: Instance, ended_at: datetime | None) -> bool:
    """An end before the start was asked for is that of a boot which is over."""
    return instance.up_boot != instance.boot and ended_at is not None and ended_at < instance.launched_at


def _start(seen: Seen) -> Plan:
    if seen.captures:
        return Plan("waiting for a snapshot of its disk")
    if not seen.disk:
        return Plan("waiting for its disk")
    if not seen.wired:
        return Plan("waiting for its wire", again_s=WIRE_AGAIN_S)
    return Plan("starting its machine", (Start(),))


def _stopped(instance: Instance, seen: Seen) -> Plan:
    if isinstance(seen.machine, Runs):
        return Plan("shutting down", (Stop(forced=instance.forced),))
    if instance.down_boot == instance.boot:
        return Plan("stopped, and nothing of it runs")
    if seen.wire_wanted:
        return Plan("its machine is gone", (Sweep(), Unplug()))
    if seen.wire_left:
        return Plan("waiting for its wire to go")
    return Plan("its machine and its wire are gone", (Sweep(), Note(down=True)))


def _terminated(instance: Instance, seen: Seen) -> Plan:
    if isinstance(seen.machine, Runs):
        return Plan("shutting down for good", (Stop(forced=instance.forced),))
    if instance.terminated_at is not None:
        return Plan("terminated for long enough", (Forget(),)) if seen.over else Plan("terminated")
    if (seen.interface_held and not seen.interface_going) or (seen.disk_held and not seen.disk_going):
        return Plan("its machine is gone", (Sweep(), Release()))
    if seen.wire_left or seen.interface_held:
        return Plan("waiting for its wire to go")
    if seen.disk_held:
        return Plan("waiting for its disk to go")
    return Plan("nothing is left of it", (Sweep(), Note(terminated=True)))
