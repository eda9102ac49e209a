"""Drift: how a stack's resources differ from what it wants of them, and what of that is told elsewhere."""

import json
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation.events import masked
from aftershock.services.cloudformation.handles import heard
from aftershock.services.cloudformation.outside import Outside
from aftershock.services.cloudformation.records import (
    DETECTIONS,
    DRIFTS,
    Detection,
    Drift,
    Resource,
    Stack,
    resources_of,
)
from aftershock.services.cloudformation.rules import drift, errors
from aftershock.services.cloudformation.scopes import asking, doing
from aftershock.services.cloudformation.types import TYPES
from aftershock.services.cloudformation.types.live import LIVE

from .found import paged, require, require_alive

# AWS: drift is detected on stacks that stand, whatever became of their last operation.
DETECTABLE = frozenset(
    {
        *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
        *("CREATE_FAILED", "UPDATE_FAILED"),
    }
)
MOST = 100  # AWS: MaxResults


def detect_stack_drift(outside: Outside, call: Call, params: Params) -> Result:
    stack = _detectable(call, params)
    there = _standing(call, stack)
    wanted = params.get("LogicalResourceIds") or sorted(there)
    for name in wanted:
        if name not in there:
            raise _no_resource(name, stack)
    found = [_detect(outside, call, stack, there[name]) for name in wanted]
    statuses = [one.status for one in found if one is not None]
    for old in DETECTIONS.where(call.tx, "stack", stack.id):
        DETECTIONS.forget(call.tx, old.id)
    made = Detection(
        id=str(uuid.uuid4()),
        stack_id=stack.id,
        turn=stack.turn,
        status=drift.of_stack(statuses),
        drifted=sum(status in (drift.MODIFIED, drift.DELETED) for status in statuses),
        at=call.now,
    )
    DETECTIONS.put(call.tx, made)
    return {"StackDriftDetectionId": made.id}


def describe_stack_drift_detection_status(outside: Outside, call: Call, params: Params) -> Result:
    found = DETECTIONS.get(call.tx, params["StackDriftDetectionId"])
    if found is None:
        raise errors.invalid(f"Drift detection [{params['StackDriftDetectionId']}] does not exist")
    return {
        "StackId": found.stack_id,
        "StackDriftDetectionId": found.id,
        "StackDriftStatus": found.status,
        "DetectionStatus": "DETECTION_COMPLETE",  # it was complete before its id was known
        "DriftedStackResourceCount": found.drifted,
        "Timestamp": found.at,
    }


def detect_stack_resource_drift(outside: Outside, call: Call, params: Params) -> Result:
    stack, name = _detectable(call, params), params["LogicalResourceId"]
    there = _standing(call, stack)
    if name not in there:
        raise _no_resource(name, stack)
    found = _detect(outside, call, stack, there[name])
    if found is None:
        raise errors.invalid(f"Drift detection is not supported for resource type {there[name].type}")
    return {"StackResourceDrift": _shown(stack, found)}


def describe_stack_resource_drifts(outside: Outside, call: Call, params: Params) -> Result:
    stack = require(call, params["StackName"])
    wanted = set(params.get("StackResourceDriftStatusFilters") or ())
    there = resources_of(call.tx, stack.id)
    found = [one for one in DRIFTS.where(call.tx, "stack", stack.id) if _holds(one, there.get(one.logical_id))]
    chosen = sorted((one for one in found if not wanted or one.status in wanted), key=lambda one: one.id)
    shown, token = paged(chosen, params, size=params.get("MaxResults", MOST), key=lambda one: one.id)
    return {"StackResourceDrifts": [_shown(stack, one) for one in shown], "NextToken": token}


def _detectable(call: Call, params: Params) -> Stack:
    stack = require_alive(call, params["StackName"])
    if stack.status not in DETECTABLE:
        raise errors.invalid(f"Stack:{stack.id} is in {stack.status} state and drift detection can not be performed.")
    return stack


def _standing(call: Call, stack: Stack) -> dict[str, Resource]:
    gone = ("DELETE_COMPLETE", "DELETE_SKIPPED")
    found = resources_of(call.tx, stack.id)
    return {name: one for name, one in found.items() if one.physical_id and one.status not in gone}


def _no_resource(name: str, stack: Stack) -> AwsError:
    return errors.invalid(f"Resource {name} does not exist for stack {stack.name}")


def _detect(outside: Outside, call: Call, stack: Stack, resource: Resource) -> Drift | None:
    """How it stands now, recorded; None for what nobody but the stack has, or whose service tells too little."""
    kind, live = TYPES[resource.type], LIVE.get(resource.type)
    physical_id = resource.physical_id
    assert physical_id is not None
    if kind.own or kind.generic:
        return None
    asked = doing(stack, resource, ask=asking(outside.ask, call), marked=outside.marked, heard=partial(heard, call.tx))
    if kind.read(asked, physical_id) is None:
        status, expected, actual = drift.DELETED, dict(resource.properties), None
    elif live is None:
        return None
    else:
        actual = dict(live(asked, physical_id))
        expected = {name: value for name, value in resource.properties.items() if name in actual}
        actual = {name: actual[name] for name in expected}
        status = drift.MODIFIED if drift.differences(expected, actual) else drift.IN_SYNC
    made = Drift(
        stack_id=stack.id,
        logical_id=resource.logical_id,
        physical_id=physical_id,
        type=resource.type,
        turn=resource.turn,
        status=status,
        expected=json.dumps(expected),
        actual=None if actual is None else json.dumps(actual),
        differences=[] if actual is None else drift.differences(expected, actual),
        at=call.now,
    )
    DRIFTS.put(call.tx, made)
    return made


def _holds(found: Drift, resource: Resource | None) -> bool:
    """Whether what was found is about the resource as the stack has it now."""
    return resource is not None and (resource.turn, resource.physical_id) == (found.turn, found.physical_id)


def _shown(stack: Stack, found: Drift) -> dict[str, Any]:
    def hidden(text: str | None) -> str | None:
        return None if text is None else masked(stack, text)

    return {
        "StackId": found.stack_id,
        "LogicalResourceId": found.logical_id,
        "PhysicalResourceId": found.physical_id,
        "ResourceType": found.type,
        "ExpectedProperties": hidden(found.expected),
        "ActualProperties": hidden(found.actual),
        "PropertyDifferences": [
            {name: masked(stack, value) for name, value in one.items()} for one in found.differences
        ],
        "StackResourceDriftStatus": found.status,
        "Timestamp": found.at,
    }


def of_stack(call: Call, stack: Stack) -> dict[str, Any]:
    """DriftInformation of a stack: of the last detection, if nothing was done to the stack since."""
    found = next((one for one in DETECTIONS.where(call.tx, "stack", stack.id) if one.turn == stack.turn), None)
    if found is None:
        return {"StackDriftStatus": drift.UNCHECKED}
    return {"StackDriftStatus": found.status, "LastCheckTimestamp": found.at}


def of_resource(call: Call, resource: Resource) -> dict[str, Any]:
    found = DRIFTS.get(call.tx, resource.id)
    if found is None or not _holds(found, resource):
        return {"StackResourceDriftStatus": drift.UNCHECKED}
    return {"StackResourceDriftStatus": found.status, "LastCheckTimestamp": found.at}


OPERATIONS: dict[str, Callable[[Outside, Call, Params], Result]] = {
    "DescribeStackDriftDetectionStatus": describe_stack_drift_detection_status,
    "DescribeStackResourceDrifts": describe_stack_resource_drifts,
    "DetectStackDrift": detect_stack_drift,
    "DetectStackResourceDrift": detect_stack_resource_drift,
}
