"""A stack's story, told in AWS's words: every status that a stack or a resource takes is an event."""

import json
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call

from .records import EVENTS, RESOURCES, STACKS, TOLD, Event, Resource, Stack, Told
from .rules.parameters import HIDDEN

STACK_TYPE = "AWS::CloudFormation::Stack"
USER = "User Initiated"
TICK = timedelta(milliseconds=1)  # as exactly as AWS tells the time of an event


def stack_status(call: Call, stack: Stack, status: str, reason: str | None = None, **more: Any) -> Stack:
    """The stack with this status, stored and told."""
    changed = replace(stack, status=status, reason=reason, **more)
    STACKS.put(call.tx, changed)
    _tell(
        call,
        changed,
        logical_id=changed.name,
        physical_id=changed.id,
        kind=STACK_TYPE,
        status=status,
        reason=reason,
        properties=None,
    )
    return changed


def resource_status(
    call: Call, stack: Stack, resource: Resource, status: str, reason: str | None = None, **more: Any
) -> Resource:
    """The resource with this status, stored and told."""
    changed = replace(resource, status=status, reason=reason, updated_at=call.now, **more)
    RESOURCES.put(call.tx, changed)
    tell(call, stack, changed, status, reason)
    return changed


def tell(
    call: Call, stack: Stack, resource: Resource, status: str, reason: str | None, *, physical_id: str | None = None
) -> None:
    """An event of a resource that does not change its status, or is about something that it replaced."""
    properties = masked(stack, json.dumps(resource.properties)) if resource.properties else None
    physical = physical_id if physical_id is not None else resource.physical_id or ""
    _tell(
        call,
        stack,
        logical_id=resource.logical_id,
        physical_id=physical,
        kind=resource.type,
        status=status,
        reason=reason,
        properties=properties,
    )


def masked(stack: Stack, text: str) -> str:
    """The text without the values of parameters that nobody is to be shown."""
    for plan in (stack.plan, stack.wanted):
        for name in plan.hidden if plan else ():
            secret = json.dumps(str(plan.values.get(name, "")))[1:-1] if plan else ""
            text = text.replace(secret, HIDDEN) if secret else text
    return text


def _tell(
    call: Call,
    stack: Stack,
    *,
    logical_id: str,
    physical_id: str,
    kind: str,
    status: str,
    reason: str | None,
    properties: str | None,
) -> None:
    told = TOLD.get(call.tx, stack.id)
    number = told.events if told is not None else EVENTS.count(call.tx, "stack", stack.id)
    # Clients sort by time: what one step tells is told one after the other.
    at = call.now if told is None else max(call.now, told.at + TICK)
    TOLD.put(call.tx, Told(id=stack.id, events=number + 1, at=at))
    EVENTS.put(
        call.tx,
        Event(
            stack_id=stack.id,
            number=number,
            id_text=f"{logical_id}-{status}-{call.new_id('e')[2:]}",
            stack_name=stack.name,
            logical_id=logical_id,
            physical_id=physical_id,
            type=kind,
            status=status,
            reason=reason,
            properties=properties,
            token=stack.token,
            at=at,
        ),
    )
