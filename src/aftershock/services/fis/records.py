"""Fault Injection Service: what is stored.  Every record names its account."""

from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Struct

from aftershock.store import Table

Status = Literal["pending", "initiating", "running", "completed", "stopping", "stopped", "failed", "cancelled"]
ActionStatus = Literal[
    "pending", "initiating", "running", "completed", "cancelled", "stopping", "stopped", "failed", "skipped"
]


class Filter(Struct, frozen=True):
    path: str
    values: tuple[str, ...]


class Target(Struct, frozen=True, kw_only=True):
    type: str
    selection: str
    arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    filters: tuple[Filter, ...] = ()
    parameters: dict[str, str] = {}


class Action(Struct, frozen=True, kw_only=True):
    action_id: str
    description: str | None = None
    parameters: dict[str, str] = {}
    targets: dict[str, str] = {}  # the action's own word for them -> the template's name
    start_after: tuple[str, ...] = ()


class StopCondition(Struct, frozen=True):
    source: str
    value: str | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """What a template says, and what an experiment that was started from it goes by."""

    targets: dict[str, Target] = {}
    actions: dict[str, Action]
    stop_conditions: tuple[StopCondition, ...]
    role_arn: str
    empty_targets: Literal["fail", "skip"] = "fail"


class Template(Struct, frozen=True, kw_only=True):
    id: str  # "EXT…"
    account: str
    description: str
    plan: Plan
    tags: dict[str, str] = {}
    created_at: datetime
    updated_at: datetime


class Progress(Struct, frozen=True, kw_only=True):
    """Of one action."""

    status: ActionStatus = "pending"
    reason: str = "Initial state"
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lifting: bool = False  # its effect is being taken back


class Experiment(Struct, frozen=True, kw_only=True):
    id: str  # "EXP…"
    account: str
    region: str
    template_id: str
    plan: Plan
    tags: dict[str, str] = {}
    skips_all: bool = False  # its targets are resolved, and nothing is done to them
    created_at: datetime

    stop_asked: bool = False
    generation: int = 1

    # Written by the controller of experiments.
    status: Status = "pending"
    reason: str = "Experiment is pending."
    stopped_by: str = ""  # why it is being stopped or has failed, once that is decided
    failed: bool = False
    started_at: datetime | None = None
    ended_at: datetime | None = None
    resolved: dict[str, tuple[str, ...]] = {}  # ARNs, by the template's name for the target
    progress: dict[str, Progress] = {}


class ApiFault(Struct, frozen=True, kw_only=True):
    """What a share of the calls of some roles is to be answered with, as long as this record is there."""

    id: str  # the cause
    account: str
    kind: Literal["capacity", "throttle", "unavailable", "internal"]
    roles: tuple[str, ...]  # ARNs
    percentage: int
    service: str = "ec2"
    operations: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()  # of `capacity`; names


class UsedToken(Struct, frozen=True):
    """A client token, what was asked with it, and what it made."""

    id: str
    digest: str
    made: str
    used_at: datetime = datetime.min.replace(tzinfo=UTC)  # of one that was kept before this was: long ago


TEMPLATES = Table("fis_template", Template, indexes={"account": lambda template: template.account})
# Those that are not over are listed under their account, and all together under no account.
EXPERIMENTS = Table(
    "fis_experiment",
    Experiment,
    indexes={
        "account": lambda experiment: experiment.account,
        "active": lambda experiment: None if experiment.ended_at else ("", experiment.account),
    },
)
API_FAULTS = Table("fis_api_fault", ApiFault, indexes={"account": lambda fault: fault.account})
USED_TOKENS = Table("fis_used_token", UsedToken)

TABLES: tuple[Table[Any], ...] = (TEMPLATES, EXPERIMENTS, API_FAULTS, USED_TOKENS)
