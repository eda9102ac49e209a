"""CloudFormation: what is stored.

An operation writes what is wanted of a stack; the controller alone writes resources, events and statuses, but for the
first status of each operation.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table


class Watch(Struct, frozen=True, kw_only=True):
    """Alarms that take an operation back, and how long they may do so when all its resources stand."""

    alarms: tuple[tuple[str, str], ...] = ()  # ARN and type, in the order they were given
    minutes: int | None = None  # nominal


class Reserved(Struct, frozen=True, kw_only=True):
    """A nested stack that a change set of its parent's has laid out, in REVIEW_IN_PROGRESS until that is executed."""

    stack_id: str
    change_set_id: str
    properties: dict[str, Any]  # what its resource was to have then


class Plan(Struct, frozen=True, kw_only=True):
    """What a stack is, or is to become: a template and all it was given."""

    template: str
    parameters: dict[str, str] = {}  # as they were given: of an SSM type, the parameter's name
    values: dict[str, Any] = {}  # what a Ref to each gives
    hidden: tuple[str, ...] = ()  # the parameters whose values nobody is shown (NoEcho)
    tags: dict[str, str] = {}
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    imports: dict[str, str] = {}  # physical ids of what is taken on as it is, by logical id
    watch: Watch | None = None
    nested: dict[str, Reserved] = {}  # by logical id


class Stack(Struct, frozen=True, kw_only=True):
    id: str  # its ARN
    name: str
    account: str
    region: str
    plan: Plan  # the last one that was reached, or on creation the first
    wanted: Plan | None = None  # of an update under way
    status: str
    reason: str | None = None
    created_at: datetime
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    on_failure: str = "ROLLBACK"  # or DO_NOTHING, DELETE
    retain_except_on_create: bool = False
    timeout_m: int | None = None
    began_at: datetime  # the operation under way, or the last
    deployed_at: datetime | None = None  # its resources were seen to stand, and its alarms are still watched
    token: str | None = None  # of the operation under way, or the last
    turn: int = 0  # counts operations; a resource says in which it was last seen to
    retained: tuple[str, ...] = ()  # logical ids that DeleteStack leaves, or ContinueUpdateRollback skips
    continued: bool = False  # the rollback under way has failed before
    outputs: dict[str, "Output"] = {}
    imports: tuple[str, ...] = ()
    policy: str | None = None
    protected: bool = False
    parent: str | None = None
    root: str | None = None

    @property
    def current(self) -> Plan:
        """What the resources are being led to, or have."""
        return self.wanted if self.wanted is not None else self.plan

    @property
    def exists(self) -> bool:
        return self.status != "DELETE_COMPLETE"


class Output(Struct, frozen=True, kw_only=True):
    value: str
    description: str | None = None
    export: str | None = None


class Before(Struct, frozen=True, kw_only=True):
    """A resource as it was before the update under way."""

    physical_id: str
    properties: dict[str, Any]
    metadata: Any = None
    depends: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    update_policy: Any = None
    replaced: bool = False  # another one stands in its place


class Old(Struct, frozen=True, kw_only=True):
    """Something that another has replaced, and that is to be deleted in the clean-up."""

    physical_id: str
    type: str
    properties: dict[str, Any]
    asked: bool = False  # its deletion was


class Resource(Struct, frozen=True, kw_only=True):
    stack_id: str
    logical_id: str
    type: str
    physical_id: str | None = None
    status: str
    reason: str | None = None
    properties: dict[str, Any] = {}  # evaluated
    metadata: Any = None
    depends: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    creation_policy: Any = None
    update_policy: Any = None
    turn: int = 0  # of the stack's, in which it was made or last changed or found unchanged
    token: str = ""  # of the attempt under way; names that are made up come from it
    since: datetime  # the attempt began
    updated_at: datetime
    before: Before | None = None
    replaced: tuple[Old, ...] = ()
    state: dict[str, Any] = {}  # what a type with several steps keeps between them

    @property
    def id(self) -> str:
        return resource_id(self.stack_id, self.logical_id)


class Event(Struct, frozen=True, kw_only=True):
    stack_id: str
    number: int
    id_text: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None = None
    properties: str | None = None
    token: str | None = None
    at: datetime

    @property
    def id(self) -> str:
        return event_id(self.stack_id, self.number)


class Told(Struct, frozen=True, kw_only=True):
    """How many events there were of a stack, those forgotten too."""

    id: str  # the stack's
    events: int
    at: datetime  # the last one's


class Signal(Struct, frozen=True, kw_only=True):
    """Somebody's word that what they do for a resource is done, or has failed."""

    stack_id: str
    logical_id: str
    unique_id: str
    status: str  # SUCCESS or FAILURE
    reason: str = ""
    data: str = ""
    at: datetime

    @property
    def id(self) -> str:
        return f"{resource_id(self.stack_id, self.logical_id)}#{self.unique_id}"


class Drift(Struct, frozen=True, kw_only=True):
    """How a resource stood beside its stack's wishes, when somebody last asked for it."""

    stack_id: str
    logical_id: str
    physical_id: str
    type: str
    turn: int  # of the resource's; what has changed since then is not checked
    status: str
    expected: str  # JSON
    actual: str | None = None
    differences: list[dict[str, str]] = []
    at: datetime

    @property
    def id(self) -> str:
        return resource_id(self.stack_id, self.logical_id)


class Detection(Struct, frozen=True, kw_only=True):
    """One look at all of a stack's resources."""

    id: str
    stack_id: str
    turn: int  # of the stack's
    status: str
    drifted: int
    at: datetime


class ChangeSet(Struct, frozen=True, kw_only=True):
    id: str  # its ARN
    name: str
    stack_id: str
    stack_name: str
    account: str
    type: str  # CREATE or UPDATE
    plan: Plan
    description: str | None = None
    status: str
    reason: str | None = None
    execution: str
    created_at: datetime
    changes: list[dict[str, Any]] = []
    on_failure: str | None = None
    importing: bool = False  # what is there already is to be imported
    nesting: bool = False  # nested stacks have change sets of their own
    parent: str | None = None  # the change set of the stack that this one's is nested in
    root: str | None = None


class Taken(Struct, frozen=True, kw_only=True):
    """The name of an export, and whose it is."""

    name: str
    account: str
    stack_id: str
    value: str

    @property
    def id(self) -> str:
        return f"{self.account}/{self.name}"


def resource_id(stack_id: str, logical_id: str) -> str:
    return f"{stack_id}#{logical_id}"


def event_id(stack_id: str, number: int) -> str:
    return f"{stack_id}#{number:09}"


STACKS = Table("cfn_stack", Stack, indexes={"name": lambda stack: f"{stack.account}/{stack.name}"})
RESOURCES = Table(
    "cfn_resource",
    Resource,
    indexes={"stack": lambda one: one.stack_id, "physical": lambda one: one.physical_id},
)
EVENTS = Table("cfn_event", Event, indexes={"stack": lambda event: event.stack_id})
TOLD = Table("cfn_told", Told)
CHANGE_SETS = Table(
    "cfn_change_set", ChangeSet, indexes={"stack": lambda one: one.stack_id, "root": lambda one: one.root or ""}
)
SIGNALS = Table("cfn_signal", Signal, indexes={"resource": lambda one: resource_id(one.stack_id, one.logical_id)})
EXPORTS = Table("cfn_export", Taken, indexes={"stack": lambda one: one.stack_id, "account": lambda one: one.account})
DRIFTS = Table("cfn_drift", Drift, indexes={"stack": lambda one: one.stack_id})
DETECTIONS = Table("cfn_detection", Detection, indexes={"stack": lambda one: one.stack_id})

TABLES = (STACKS, RESOURCES, EVENTS, TOLD, CHANGE_SETS, EXPORTS, SIGNALS, DRIFTS, DETECTIONS)


def resources_of(tx: Tx, stack_id: str) -> dict[str, Resource]:
    return {one.logical_id: one for one in RESOURCES.where(tx, "stack", stack_id)}


def stack_named(tx: Tx, account: str, name: str) -> Stack | None:
    """The stack that has this name now; those deleted are found by their ids only."""
    return next((one for one in STACKS.where(tx, "name", f"{account}/{name}") if one.exists), None)
