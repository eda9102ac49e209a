"""One transaction over one stack: what it is, what it has, and the way to ask for more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Result
from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.services.cloudformation.handles import heard
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import (
    SIGNALS,
    STACKS,
    Plan,
    Resource,
    Stack,
    resource_id,
    resources_of,
)
from aftershock.services.cloudformation.rules.functions import Scope
from aftershock.services.cloudformation.rules.template import Resource as Written
from aftershock.services.cloudformation.rules.template import Template
from aftershock.services.cloudformation.scopes import active_in, asking, doing, full_scope, template_of
from aftershock.services.cloudformation.types import TYPES, Doing, ResourceType

# What says that a thing cannot go yet, because another still holds it.
BUSY = frozenset(
    {
        "DependencyViolation",
        "DeleteConflict",
        "IncorrectState",
        "InvalidGroup.InUse",
        "InvalidIPAddress.InUse",
        "ResourceInUse",
        "ResourceInUseException",
        "ScalingActivityInProgress",
        "VolumeInUse",
    }
)


@dataclass(slots=True)
class Work:
    call: Call
    outside: Outside
    clock: Clock
    stack: Stack
    imports: set[str] = field(default_factory=set)

    @property
    def resources(self) -> dict[str, Resource]:
        return resources_of(self.call.tx, self.stack.id)

    @property
    def ask(self) -> Callable[..., Result]:
        return asking(self.outside.ask, self.call)

    def template(self, plan: Plan) -> Template:
        return template_of(plan)

    def active(self, plan: Plan) -> dict[str, Written]:
        return active_in(self.stack, plan, self.ask)

    def scope(self, plan: Plan) -> Scope:
        return full_scope(
            self.stack,
            plan,
            template_of(plan),
            self.resources,
            call=self.call,
            ask=self.outside.ask,
            imports=self.imports,
            marked=self.outside.marked,
        )

    def doing(self, resource: Resource, properties: Mapping[str, Any] | None = None) -> Doing:
        return doing(
            self.stack,
            resource,
            ask=self.ask,
            marked=self.outside.marked,
            properties=properties,
            signals=self.signals(resource),
            elapsed_s=(self.call.now - resource.since).total_seconds() * self.clock.pace,
            adopt=self._adopt,
            heard=partial(heard, self.call.tx),
        )

    def signals(self, resource: Resource) -> dict[str, str]:
        found = SIGNALS.where(self.call.tx, "resource", resource_id(self.stack.id, resource.logical_id))
        return {one.unique_id: one.status for one in found}

    def forget_signals(self, logical_id: str) -> None:
        for one in SIGNALS.where(self.call.tx, "resource", resource_id(self.stack.id, logical_id)):
            SIGNALS.forget(self.call.tx, one.id)

    def _adopt(self, stack_id: str) -> None:
        child = STACKS.get(self.call.tx, stack_id)
        assert child is not None
        STACKS.put(self.call.tx, replace(child, parent=self.stack.id, root=self.stack.root or self.stack.id))

    def passed(self, resource: Resource, nominal_s: float) -> bool:
        """Whether so much of the region's time has gone by since the attempt at it began."""
        return (self.call.now - resource.since).total_seconds() >= self.clock.paced(nominal_s)


def kind_of(resource: Resource) -> ResourceType:
    return TYPES[resource.type]


def spelt(error: Exception) -> str:
    """Why a resource failed, as its events say it."""
    if isinstance(error, AwsError):
        return f"{error.message} (Status Code: {error.status}; Error Code: {error.code})"
    return str(error)
