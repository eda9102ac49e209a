"""What a resource type is to a stack: its schema, and how it is made, looked at, changed and removed.

Everything is asked of the other services by their public operations.  `create`, `update`, `advance` and `delete` run
in one transaction with what the stack records of them: either all of it was done and is known, or nothing was.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aftershock.aws.call import Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation.rules.schema import Need, Properties, changed, need

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SUFFIX = 12  # characters of a made-up name that make it unique


class Asking(Protocol):
    def __call__(self, service: str, operation: str, /, **params: Any) -> Result: ...


@dataclass(frozen=True, slots=True)
class Doing:
    """One resource of one stack, and the way to ask for it."""

    ask: Asking
    stack_id: str
    stack_name: str
    account: str
    region: str
    logical_id: str
    token: str  # another one for each attempt
    properties: Mapping[str, Any]
    marked: frozenset[str] = frozenset()  # services that take tags beginning with "aws:"
    metadata: Any = None
    state: Mapping[str, Any] = field(default_factory=dict)
    update_policy: Any = None
    elapsed_s: float = 0.0  # since the attempt began, as AWS would count it
    signals: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    taking_back: bool = False  # an update of the stack is undone
    continued: bool = False  # and its undoing has failed before
    skipped: tuple[str, ...] = ()  # what the undoing leaves as it is; of nested stacks as "their name.logical id"
    reserved: tuple[str, str] | None = None  # the nested stack that is laid out for it, and its change set
    adopt: Callable[[str], None] = lambda _: None  # takes a stack just made as a nested one
    # What was said at a handle's URL, by unique id: status, reason and data.
    heard: Callable[[str], Mapping[str, tuple[str, str, str]]] = lambda _: {}

    def given(self, *names: str) -> dict[str, Any]:
        """Those of the properties that there are."""
        return {name: self.properties[name] for name in names if name in self.properties}

    def name(self, longest: int, *, lower: bool = False) -> str:
        """A made-up name as AWS makes them: stack, logical id and twelve characters."""
        digest = hashlib.sha256(f"{self.stack_id} {self.logical_id} {self.token}".encode()).digest()
        suffix = "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:SUFFIX])
        room = longest - SUFFIX - 2
        stack, logical = self.stack_name, self.logical_id
        if len(stack) + len(logical) > room:
            logical = logical[: max(room // 2, room - len(stack))]
            stack = stack[: room - len(logical)]
        made = f"{stack}-{logical}-{suffix}"
        return made.lower() if lower else made

    def tags(self, service: str) -> list[dict[str, str]]:
        """The resource's tags, and CloudFormation's own where the service takes such."""
        tags = list(self.properties.get("Tags", []))
        if service not in self.marked:
            return tags
        own = {"logical-id": self.logical_id, "stack-id": self.stack_id, "stack-name": self.stack_name}
        return tags + [{"Key": f"aws:cloudformation:{name}", "Value": value} for name, value in own.items()]


@dataclass(frozen=True, slots=True)
class Seen:
    """A resource as its service describes it."""

    attributes: Mapping[str, Any] = field(default_factory=dict)  # for Fn::GetAtt
    waiting: str | None = None  # what it is not yet
    failed: str | None = None  # why it will never be


Read = Callable[[Doing, str], Seen | None]


@dataclass(frozen=True, slots=True)
class ResourceType:
    name: str
    properties: Properties
    create: Callable[[Doing], str | tuple[str, Mapping[str, Any]]]  # the physical id, and what `advance` begins with
    read: Read  # None when nothing of it is left
    delete: Callable[[Doing, str], None]  # of what may be gone already, too
    update: Callable[[Doing, str, Mapping[str, Any]], Mapping[str, Any] | None] | None = None
    advance: Callable[[Doing, str], Mapping[str, Any]] | None = None  # a further step; {} when there is none left
    attributes: tuple[str, ...] = ()
    tags: str | None = None  # how its tags are given: "list", "map", "propagated", or not at all
    capability: str | None = None
    identity: str | None = None  # the property that, where it is given, is the physical id
    named: str | None = None  # the property of its custom name: with the same one it is never replaced
    check: Callable[[Mapping[str, Any]], str | None] | None = None  # what is wrong with evaluated properties
    need_of: Callable[[Mapping[str, Any], Mapping[str, Any], Any], Need] | None = None  # beyond what the schema says
    creation_policy: bool = False  # whether a CreationPolicy may wait for signals about it
    update_policies: tuple[str, ...] = ()
    own: bool = False  # it is in the stack alone: nothing of it is left when the stack lets it go
    generic: bool = False  # what it has, and whether it is to change, only a nested stack itself knows

    def need(self, before: Mapping[str, Any], after: Mapping[str, Any], update_policy: Any) -> Need:
        found = need(self.properties, changed(before, after))
        return max(found, self.need_of(before, after, update_policy)) if self.need_of else found


def with_stack_tags(kind: ResourceType, properties: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """AWS: "Key-value pairs to associate with this stack. CloudFormation also propagates these tags to supported
    resources in the stack"; the resource's own go before."""
    made = dict(properties)
    if not tags or kind.tags is None:
        return made
    if kind.tags == "map":
        made["Tags"] = {**tags, **made.get("Tags", {})}
        return made
    own = list(made.get("Tags", []))
    keys = {tag.get("Key") for tag in own if isinstance(tag, dict)}
    more: dict[str, Any] = {"PropagateAtLaunch": True} if kind.tags == "propagated" else {}
    made["Tags"] = own + [{"Key": key, "Value": value, **more} for key, value in tags.items() if key not in keys]
    return made


class FailedError(Exception):
    """The resource cannot be had; the message is for the stack's events."""


def found(ask: Callable[[], Result], *codes: str) -> Result | None:
    """The answer, or None where it was refused with one of these codes: what was asked for is not there."""
    try:
        return ask()
    except AwsError as error:
        if error.code in codes:
            return None
        raise


def unless_gone(ask: Callable[[], object], *codes: str) -> None:
    """Ask; a refusal with one of these codes says that it is done already."""
    try:
        ask()
    except AwsError as error:
        if error.code not in codes:
            raise


def tag_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[dict[str, str]], list[str]]:
    """The tags to set and the keys to remove, when a resource's properties change."""
    was = {tag["Key"]: tag["Value"] for tag in before.get("Tags", [])}
    now = {tag["Key"]: tag["Value"] for tag in after.get("Tags", [])}
    return [{"Key": key, "Value": now[key]} for key in now if was.get(key) != now[key]], sorted(was.keys() - now.keys())
