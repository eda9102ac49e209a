"""What Auto Scaling keeps: groups, their members, what was done about them, and what changes their size."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

Health = Literal["Healthy", "Unhealthy"]


class Place(Struct, frozen=True):
    """Where a group may launch: a zone, in one of its subnets, or in the zone's default one."""

    zone: str
    subnet: str | None = None


class Override(Struct, frozen=True, kw_only=True):
    """One of the instance types of a mixed instances policy."""

    instance_type: str | None = None
    weight: int | None = None
    image_id: str | None = None
    template_id: str | None = None  # with a template of its own
    version: str = "$Default"


class Source(Struct, frozen=True, kw_only=True):
    """What instances are launched from: a launch configuration, or a launch template, perhaps with several types."""

    configuration: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    version: str | None = None  # as it was given: "$Latest", "$Default", a number, or nothing for the default one
    overrides: tuple[Override, ...] = ()
    policy: Mapping[str, Any] | None = None  # the mixed instances policy, as it is answered


class Made(Struct, frozen=True, kw_only=True):
    """What an instance was really launched from."""

    configuration: str | None = None
    template_id: str | None = None
    template_name: str | None = None
    version: str | None = None  # a number
    instance_type: str = ""
    image_id: str = ""
    override_image: str | None = None


class GroupTag(Struct, frozen=True):
    key: str
    value: str
    propagate: bool


class Maintenance(Struct, frozen=True):
    """AWS's instance maintenance policy, in percent of the desired capacity."""

    min_healthy: int
    max_healthy: int


class Blocked(Struct, frozen=True):
    """Launches failed, and are not tried again before then."""

    until: datetime
    failures: int


class Cooling(Struct, frozen=True):
    """A cooldown, which begins when the activity that caused it is over."""

    cooldown_s: int
    since: datetime | None = None


class Group(Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    uuid: str
    created_at: datetime
    source: Source
    min_size: int
    max_size: int
    desired: int
    cooldown_s: int = 300
    places: tuple[Place, ...]
    subnets: str | None = None  # VPCZoneIdentifier, as it was given
    target_groups: tuple[str, ...] = ()
    health_check_type: str = "EC2"
    grace_s: int = 0
    termination_policies: tuple[str, ...] = ("Default",)
    protect_new: bool = False
    max_lifetime_s: int | None = None
    warmup_s: int | None = None
    maintenance: Maintenance | None = None
    distribution: str = "balanced-best-effort"
    deletion_protection: str | None = None
    context: str | None = None  # recorded only
    role_arn: str
    tags: tuple[GroupTag, ...] = ()
    suspended: tuple[tuple[str, str], ...] = ()  # process and reason
    metrics: tuple[str, ...] = ()
    deleting: bool = False

    # Sentences, each "At … changing the desired capacity from 1 to 2.", until the group has that capacity.
    causes: tuple[str, ...] = ()
    cooling: Cooling | None = None

    # Written by the controller.
    owed: int = 0  # unhealthy instances that were taken out, and for which no other was launched yet
    blocked: Mapping[str, Blocked] = {}  # by zone; "" for all of them
    reason: str = "not looked at yet"

    @property
    def key(self) -> str:
        return group_key(self.account, self.name)

    @property
    def arn(self) -> str:
        return (
            f"arn:aws:autoscaling:{self.region}:{self.account}:autoScalingGroup:{self.uuid}"
            f":autoScalingGroupName/{self.name}"
        )

    def suspends(self, process: str) -> bool:
        return any(name == process for name, _ in self.suspended)


def group_key(account: str, name: str) -> str:
    return f"{account} {name}"


class Action(Struct, frozen=True, kw_only=True):
    """A lifecycle hook that a member waits for."""

    hook: str
    token: str
    begun_at: datetime
    beat_at: datetime  # the last heartbeat
    heartbeat_s: int
    global_s: int
    default_result: str
    result: str | None = None


class Member(Struct, frozen=True, kw_only=True):
    """An instance of a group, from the intent to launch it to its end."""

    id: str  # of the intent; EC2's client token as well
    group: str  # the group's key
    instance_id: str | None = None
    zone: str
    subnet: str | None = None
    made: Made
    weight: int | None = None
    state: str = "Pending"
    health: Health = "Healthy"
    unhealthy_cause: str = ""
    forced_unhealthy: bool = False  # by SetInstanceHealth
    protected: bool = False
    purpose: Literal["capacity", "replace", "rebalance", "refresh", "attach", "standby"] = "capacity"
    request: Mapping[str, Any] | None = None  # RunInstances, until it was answered
    asked_at: datetime
    launched_at: datetime | None = None
    in_service_at: datetime | None = None
    returned_at: datetime | None = None  # when the region came up again, and the instance with it
    registered: tuple[str, ...] = ()  # target groups
    leaving: Literal["terminate", "detach", "standby"] | None = None
    hooked: bool = False  # no further hook of this transition is to be waited for
    actions: tuple[Action, ...] = ()
    activity: str | None = None  # the one under way

    @property
    def size(self) -> int:
        return self.weight if self.weight is not None else 1


class Activity(Struct, frozen=True, kw_only=True):
    id: str
    group: str
    group_name: str
    group_arn: str
    description: str
    cause: str
    started_at: datetime
    ended_at: datetime | None = None
    status: str = "InProgress"
    message: str | None = None
    progress: int = 0
    details: str = "{}"


class LaunchConfiguration(Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    uuid: str
    created_at: datetime
    given: Mapping[str, Any]  # the request's members, as they are answered

    @property
    def key(self) -> str:
        return group_key(self.account, self.name)


class Hook(Struct, frozen=True, kw_only=True):
    group: str
    name: str
    transition: str
    metadata: str | None = None
    heartbeat_s: int = 3600
    default_result: str = "ABANDON"

    @property
    def key(self) -> str:
        return f"{self.group} {self.name}"


class Policy(Struct, frozen=True, kw_only=True):
    """A scaling policy; `given` has the members that its type knows, as they are answered."""

    group: str
    group_name: str
    name: str
    arn: str
    kind: str  # "SimpleScaling", "StepScaling", "TargetTrackingScaling"
    enabled: bool = True
    given: Mapping[str, Any]
    high: str | None = None  # the names of the alarms that target tracking has
    low: str | None = None

    @property
    def key(self) -> str:
        return f"{self.group} {self.name}"


class Scheduled(Struct, frozen=True, kw_only=True):
    group: str
    group_name: str
    name: str
    uuid: str
    arn: str
    start: datetime | None = None
    end: datetime | None = None
    recurrence: str | None = None
    time_zone: str | None = None
    min_size: int | None = None
    max_size: int | None = None
    desired: int | None = None
    due: datetime | None = None  # when next

    @property
    def key(self) -> str:
        return f"{self.group} {self.name}"


class Refresh(Struct, frozen=True, kw_only=True):
    id: str
    group: str
    group_name: str
    status: str = "Pending"
    status_reason: str | None = None
    strategy: str = "Rolling"
    preferences: Mapping[str, Any] = {}  # with the defaults filled in
    desired: Mapping[str, Any] | None = None  # the desired configuration as it is answered
    source: Source | None = None  # the desired configuration
    asked_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    old: tuple[str, ...] = ()  # the ids of the members that were there when it began
    total: int = 0
    left: int = 0  # those that are still to be taken out
    coming: int = 0  # of those that were taken out: whose replacement is not there, healthy and warm yet
    moved_at: datetime | None = None  # when an instance was last replaced
    reached: int = 0  # the last checkpoint that was waited for, in percent
    waits_until: datetime | None = None
    cancel: Literal["cancel", "rollback"] | None = None
    rollback_reason: str | None = None
    rollback_at: datetime | None = None
    rollback_percent: int = 0
    rollback_left: int = 0

    @property
    def active(self) -> bool:
        return self.status in ("Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking")


GROUPS = Table(
    "autoscaling_group",
    Group,
    key=lambda one: one.key,
    indexes={
        "configuration": lambda one: one.source.configuration and group_key(one.account, one.source.configuration),
        "targets": lambda one: "yes" if one.target_groups else None,
    },
)
MEMBERS = Table(
    "autoscaling_member",
    Member,
    indexes={"group": lambda one: one.group, "instance": lambda one: one.instance_id},
)
ACTIVITIES = Table("autoscaling_activity", Activity, indexes={"group": lambda one: one.group})
CONFIGURATIONS = Table("autoscaling_launch_configuration", LaunchConfiguration, key=lambda one: one.key)
HOOKS = Table("autoscaling_hook", Hook, key=lambda one: one.key, indexes={"group": lambda one: one.group})
POLICIES = Table(
    "autoscaling_policy",
    Policy,
    key=lambda one: one.key,
    indexes={"group": lambda one: one.group, "arn": lambda one: one.arn},
)
SCHEDULES = Table("autoscaling_schedule", Scheduled, key=lambda one: one.key, indexes={"group": lambda one: one.group})
REFRESHES = Table("autoscaling_refresh", Refresh, indexes={"group": lambda one: one.group})

TABLES: tuple[Table[Any], ...] = (
    ACTIVITIES,
    CONFIGURATIONS,
    GROUPS,
    HOOKS,
    MEMBERS,
    POLICIES,
    REFRESHES,
    SCHEDULES,
)


def users_of_role(tx: Tx, role: str) -> tuple[str, ...]:
    """The ARNs of the groups that have the service-linked role of this ARN."""
    return tuple(sorted(group.arn for group in GROUPS.every(tx) if group.role_arn == role))
