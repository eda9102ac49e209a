"""What stacks have, and what became of it: resources, events, exports, signals."""

import json
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.cloudformation import exports
from aftershock.services.cloudformation.events import masked, tell
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import (
    EVENTS,
    EXPORTS,
    RESOURCES,
    SIGNALS,
    STACKS,
    Event,
    Resource,
    Signal,
    Stack,
    resources_of,
)
from aftershock.services.cloudformation.rules import errors
from aftershock.services.cloudformation.scopes import template_of

from . import drifts
from .found import paged, require, require_alive


def list_stacks(outside: Outside, call: Call, params: Params) -> Result:
    wanted = set(params.get("StackStatusFilter") or ())
    stacks = [one for one in STACKS.every(call.tx) if not wanted or one.status in wanted]
    chosen, token = paged(stacks, params, key=lambda one: one.id)
    return {"StackSummaries": [_summary(call, one) for one in chosen], "NextToken": token}


def _summary(call: Call, stack: Stack) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "TemplateDescription": template_of(stack.plan).description if stack.plan.template else None,
        "CreationTime": stack.created_at,
        "LastUpdatedTime": stack.updated_at,
        "DeletionTime": stack.deleted_at,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "ParentId": stack.parent,
        "RootId": stack.root,
        "DriftInformation": drifts.of_stack(call, stack),
    }


def describe_stack_events(outside: Outside, call: Call, params: Params) -> Result:
    stack = require(call, params["StackName"])
    # The newest come first; a token names the event it follows, whose key sorts as its number does.
    newest = sorted(EVENTS.where(call.tx, "stack", stack.id), key=_backwards)
    chosen, token = paged(newest, params, key=_backwards)
    return {"StackEvents": [_event(one) for one in chosen], "NextToken": token}


def _backwards(event: Event) -> str:
    return f"{10**9 - event.number:010}"


def _event(event: Event) -> dict[str, Any]:
    return {
        "StackId": event.stack_id,
        "EventId": event.id_text,
        "StackName": event.stack_name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.at,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    }


def describe_stack_resources(outside: Outside, call: Call, params: Params) -> Result:
    physical_id = params.get("PhysicalResourceId")
    if (params.get("StackName") is None) == (physical_id is None):
        raise errors.invalid("Specify either StackName or PhysicalResourceId, and not both.")
    if physical_id is not None:
        holders = [one for one in RESOURCES.where(call.tx, "physical", physical_id) if not _gone(one)]
        if not holders:
            raise errors.invalid(f"Stack for {physical_id} does not exist")
        stack = STACKS.get(call.tx, holders[0].stack_id)
        assert stack is not None
    else:
        stack = require(call, params["StackName"])
    logical_id = params.get("LogicalResourceId")
    there = [one for one in resources_of(call.tx, stack.id).values() if logical_id in (None, one.logical_id)]
    if logical_id is not None and not there:
        raise _no_resource(logical_id, stack)
    return {
        "StackResources": [{**_resource(call, stack, one), "Timestamp": one.updated_at} for one in there[:100]],
    }


def _gone(resource: Resource) -> bool:
    return resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED")


def _no_resource(logical_id: str, stack: Stack) -> Exception:
    return errors.invalid(f"Resource {logical_id} does not exist for stack {stack.name}")


def _resource(call: Call, stack: Stack, resource: Resource) -> dict[str, Any]:
    return {
        "StackName": stack.name,
        "StackId": stack.id,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": drifts.of_resource(call, resource),
    }


def describe_stack_resource(outside: Outside, call: Call, params: Params) -> Result:
    stack = require(call, params["StackName"])
    found = resources_of(call.tx, stack.id).get(params["LogicalResourceId"])
    if found is None:
        raise _no_resource(params["LogicalResourceId"], stack)
    metadata = None if found.metadata is None else masked(stack, json.dumps(found.metadata))
    detail = {**_resource(call, stack, found), "LastUpdatedTimestamp": found.updated_at, "Metadata": metadata}
    return {"StackResourceDetail": detail}


def list_stack_resources(outside: Outside, call: Call, params: Params) -> Result:
    stack = require(call, params["StackName"])
    every = sorted(resources_of(call.tx, stack.id).values(), key=lambda one: one.id)
    chosen, token = paged(every, params, key=lambda one: one.id)
    own = {"StackName", "StackId"}
    return {
        "StackResourceSummaries": [
            {name: value for name, value in _resource(call, stack, one).items() if name not in own}
            | {"LastUpdatedTimestamp": one.updated_at}
            for one in chosen
        ],
        "NextToken": token,
    }


def list_exports(outside: Outside, call: Call, params: Params) -> Result:
    mine = sorted(EXPORTS.where(call.tx, "account", call.account), key=lambda one: one.name)
    chosen, token = paged(mine, params, key=lambda one: one.name)
    return {
        "Exports": [{"ExportingStackId": one.stack_id, "Name": one.name, "Value": one.value} for one in chosen],
        "NextToken": token,
    }


def list_imports(outside: Outside, call: Call, params: Params) -> Result:
    name = params["ExportName"]
    users = exports.importers(call.tx, name)
    if not users:
        raise errors.invalid(f"Export '{name}' is not imported by any stack.")
    chosen, token = paged(users, params, key=str)
    return {"Imports": list(chosen), "NextToken": token}


def signal_resource(outside: Outside, call: Call, params: Params) -> Result:
    stack = require_alive(call, params["StackName"])
    logical_id, unique_id, status = params["LogicalResourceId"], params["UniqueId"], params["Status"]
    resource = resources_of(call.tx, stack.id).get(logical_id)
    if resource is None:
        raise _no_resource(logical_id, stack)
    if not resource.status.endswith("_IN_PROGRESS"):
        raise errors.invalid(f"Resource {logical_id} is in {resource.status} state and can not be signaled.")
    signal = Signal(stack_id=stack.id, logical_id=logical_id, unique_id=unique_id, status=status, at=call.now)
    before = SIGNALS.get(call.tx, signal.id)
    if before is not None:
        if before.status != status:
            raise errors.invalid(
                f"Signal for {logical_id} with UniqueId {unique_id} was sent already, as {before.status}."
            )
        return {}
    SIGNALS.put(call.tx, signal)
    tell(call, stack, resource, resource.status, f"Received {status} signal with UniqueId {unique_id}")
    return {}


OPERATIONS = {
    "DescribeStackEvents": describe_stack_events,
    "DescribeStackResource": describe_stack_resource,
    "DescribeStackResources": describe_stack_resources,
    "ListExports": list_exports,
    "ListImports": list_imports,
    "ListStackResources": list_stack_resources,
    "ListStacks": list_stacks,
    "SignalResource": signal_resource,
}
