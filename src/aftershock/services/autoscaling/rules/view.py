"""What the controller knows of a group when it decides, and what it may decide to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aftershock.services.autoscaling.records import Group, Hook, Made, Member, Place, Refresh

ACTIVE = frozenset({"Pending", "Pending:Wait", "Pending:Proceed", "InService"})
LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance, as EC2 describes it."""

    state: str
    impaired_since: datetime | None = None
    message: str = ""  # why it is in this state


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    group: Group
    members: tuple[Member, ...]
    now: datetime
    pace: float = 1.0
    hooks: tuple[Hook, ...] = ()
    refresh: Refresh | None = None  # the one under way
    # What a launch would be made from now, one for each instance type in the order of preference; nothing if unknown.
    wanted: tuple[Made, ...] = ()
    weights: tuple[int | None, ...] = ()
    unresolved: str = ""  # why `wanted` is not known
    configuration: Mapping[str, Any] | None = None  # the launch configuration of `wanted`, if it is one
    seen: Mapping[str, Seen] = field(default_factory=dict)  # by instance id; one that is missing does not exist
    # By target group and instance id: the target's state.  A group that does not exist is missing.
    targets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def after(self, moment: datetime, nominal_s: float) -> datetime:
        """When a nominal duration that began at the moment is over."""
        return moment + timedelta(seconds=nominal_s / self.pace)

    def over(self, moment: datetime | None, nominal_s: float) -> bool:
        return moment is not None and self.now >= self.after(moment, nominal_s)

    def seen_of(self, member: Member) -> Seen | None:
        return self.seen.get(member.instance_id or "")

    @property
    def active(self) -> tuple[Member, ...]:
        return tuple(one for one in self.members if one.state in ACTIVE)

    @property
    def have(self) -> int:
        return sum(one.size for one in self.active)


# Steps.  Each may be repeated; what it changes is changed only if the member is still as it was looked at.


@dataclass(frozen=True, slots=True)
class Launch:
    place: Place
    choice: int  # which of `View.wanted`
    cause: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Unlaunched:
    """A launch failed before EC2 could be asked for it: what to launch from is not there any more."""

    place: Place  # where it would have gone
    cause: str
    why: str


@dataclass(frozen=True, slots=True)
class Request:
    """Ask EC2 once more for a launch that was intended: by its token it is the same one."""

    member: Member


@dataclass(frozen=True, slots=True)
class Mark:
    member: Member
    cause: str


@dataclass(frozen=True, slots=True)
class Take:
    """Begin to terminate."""

    member: Member
    cause: str
    replaced: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Record the member as it is now; `progress` and the like go to the activity under way."""

    member: Member
    after: Member
    status: str | None = None
    progress: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Begin to wait for hooks."""

    member: Member
    state: str
    hooks: tuple[Hook, ...]


@dataclass(frozen=True, slots=True)
class Register:
    member: Member
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deregister:
    member: Member
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Terminate:
    member: Member


@dataclass(frozen=True, slots=True)
class Gone:
    """The member is no longer one; its activity is over."""

    member: Member
    status: str = "Successful"
    message: str = ""
    failed_launch: bool = False  # to be counted as a launch that failed


@dataclass(frozen=True, slots=True)
class Settle:
    """The group has the capacity that was asked for: what led to it is told, and a cooldown begins."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Record the refresh as it is now."""

    before: Refresh
    after: Refresh
    adopt: bool = False  # the desired configuration becomes the group's


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing of a deleted group is left."""


Step = (
    Launch
    | Unlaunched
    | Request
    | Mark
    | Take
    | Change
    | Hold
    | Register
    | Deregister
    | Terminate
    | Gone
    | Settle
    | Turn
    | Forget
)


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    steps: tuple[Step, ...] = ()
    again_at: datetime | None = None  # when to look again, whatever happens
