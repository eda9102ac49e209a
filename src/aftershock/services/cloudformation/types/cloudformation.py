"""AWS::CloudFormation: nested stacks, and what waits for signals."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation import handles
from aftershock.services.cloudformation.rules.schema import (
    INTEGER,
    STRING,
    TAGS,
    changing,
    mapping,
)

from .model import Doing, FailedError, ResourceType, Seen

NOTHING_TO_DO = "No updates are to be performed."


def asked_of(properties: Mapping[str, Any], capabilities: Iterable[str]) -> dict[str, Any]:
    """What CreateStack and UpdateStack are given for a nested stack with these properties."""
    given = properties.get("Parameters", {})
    return {
        "TemplateURL": properties["TemplateURL"],
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        "Capabilities": list(capabilities),
        "Tags": list(properties.get("Tags", [])),
    }


def _asked(doing: Doing) -> dict[str, Any]:
    return asked_of(doing.properties, doing.capabilities)


def _create(doing: Doing) -> str:
    if doing.reserved is not None:
        stack_id, change_set = doing.reserved
        if _stack(doing, stack_id)["StackStatus"] == "REVIEW_IN_PROGRESS":
            doing.ask("cloudformation", "ExecuteChangeSet", ChangeSetName=change_set)
            return stack_id
    timeout = (
        {"TimeoutInMinutes": doing.properties["TimeoutInMinutes"]} if "TimeoutInMinutes" in doing.properties else {}
    )
    answer = doing.ask("cloudformation", "CreateStack", StackName=doing.name(128), **_asked(doing), **timeout)
    doing.adopt(answer["StackId"])
    return str(answer["StackId"])


def _stack(doing: Doing, stack_id: str) -> Mapping[str, Any]:
    stacks = doing.ask("cloudformation", "DescribeStacks", StackName=stack_id)["Stacks"]
    stack: Mapping[str, Any] = stacks[0]
    return stack


def _why(doing: Doing, stack_id: str) -> str:
    """What the stack last said of itself: where it ends after a failure it gives no reason any more."""
    more: dict[str, Any] = {}
    while True:
        page = doing.ask("cloudformation", "DescribeStackEvents", StackName=stack_id, **more)
        for event in page["StackEvents"]:
            if event["PhysicalResourceId"] == stack_id and "ResourceStatusReason" in event:
                return str(event["ResourceStatusReason"]).removesuffix(" Rollback requested by user.").strip()
        if "NextToken" not in page:
            return ""
        more = {"NextToken": page["NextToken"]}


def _not_updated(doing: Doing, stack_id: str, status: str) -> str:
    why = _why(doing, stack_id)
    return f"Embedded stack {stack_id} was not successfully updated. Currently in {status} with reason: {why}"


def _read(doing: Doing, stack_id: str) -> Seen | None:
    stack = _stack(doing, stack_id)
    status = stack["StackStatus"]
    if status == "DELETE_COMPLETE":
        return None
    attributes = {f"Outputs.{one['OutputKey']}": one["OutputValue"] for one in stack.get("Outputs", [])}
    failed = None
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"):
        failed = f"Embedded stack {stack_id} was not successfully created: {_why(doing, stack_id)}"
    elif status == "DELETE_FAILED":
        failed = f"Embedded stack {stack_id} was not successfully deleted: {_why(doing, stack_id)}"
    elif status == "UPDATE_ROLLBACK_FAILED":
        failed = _not_updated(doing, stack_id, status)
    return Seen(
        attributes, waiting=f"the stack is {status}" if status.endswith("_IN_PROGRESS") else None, failed=failed
    )


def _update(doing: Doing, stack_id: str, _before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return _take_back(doing, stack_id) if doing.taking_back else _to_properties(doing, stack_id)


def _to_properties(doing: Doing, stack_id: str) -> Mapping[str, Any] | None:
    try:
        doing.ask("cloudformation", "UpdateStack", StackName=stack_id, **_asked(doing))
    except AwsError as error:
        if error.message == NOTHING_TO_DO:
            return None
        raise
    return {"updating": True}


def _take_back(doing: Doing, stack_id: str) -> Mapping[str, Any] | None:
    """A step of the stack's way to what it was; what it has begun itself is not begun again.

    Raises:
        FailedError: it has failed to take its update back
    """
    stack = _stack(doing, stack_id)
    match stack["StackStatus"]:
        case "UPDATE_ROLLBACK_COMPLETE" if doing.state or not doing.continued:
            return None  # it has taken its own update back
        case "UPDATE_ROLLBACK_FAILED" as status:
            if doing.state or not doing.continued:
                raise FailedError(_not_updated(doing, stack_id, status))
            skipped = _skipped_in(doing.skipped, stack["StackName"])
            doing.ask("cloudformation", "ContinueUpdateRollback", StackName=stack_id, ResourcesToSkip=skipped)
        case "UPDATE_IN_PROGRESS":
            doing.ask("cloudformation", "CancelUpdateStack", StackName=stack_id)
        case status if not status.endswith("_IN_PROGRESS"):
            return _to_properties(doing, stack_id)
    return {"taking back": True}


def _skipped_in(names: Iterable[str], stack_name: str) -> list[str]:
    """What a nested stack is told to skip: its own resources by their ids, and those of other nested stacks, of which
    it takes what is nested in itself."""
    return [name.removeprefix(f"{stack_name}.") for name in names if "." in name]


def _advance(doing: Doing, stack_id: str) -> Mapping[str, Any]:
    status = _stack(doing, stack_id)["StackStatus"]
    if status.endswith("_IN_PROGRESS"):
        return doing.state
    if "taking back" in doing.state:
        return _take_back(doing, stack_id) or {}
    if status != "UPDATE_COMPLETE":
        raise FailedError(_not_updated(doing, stack_id, status))
    return {}


def _delete(doing: Doing, stack_id: str) -> None:
    if _stack(doing, stack_id)["StackStatus"] not in ("DELETE_COMPLETE", "DELETE_IN_PROGRESS"):
        doing.ask("cloudformation", "DeleteStack", StackName=stack_id)


STACK = ResourceType(
    name="AWS::CloudFormation::Stack",
    properties={
        "Parameters": changing(mapping()),
        "Tags": changing(TAGS),
        "TemplateURL": changing(STRING, required=True),
        "TimeoutInMinutes": changing(INTEGER),
    },
    create=_create,
    read=_read,
    update=_update,
    advance=_advance,
    delete=_delete,
    tags="list",
    generic=True,
)


def _placeholder(doing: Doing) -> str:
    return f"arn:aws:cloudformation:{doing.region}:{doing.account}:handle/{doing.name(128)}"


HANDLE = ResourceType(
    name="AWS::CloudFormation::WaitConditionHandle",
    properties={},
    create=lambda doing: handles.url(doing.region, doing.stack_id, doing.logical_id, doing.token),
    read=lambda _doing, url: Seen({"Id": url}),
    delete=lambda _doing, _id: None,
    attributes=("Id",),
    own=True,
)

LONGEST_S = 43200  # AWS: "The maximum time you can specify is 43200"


def _wrong_condition(properties: Mapping[str, Any]) -> str | None:
    if ("Handle" in properties) != ("Timeout" in properties):
        return f"Property {'Timeout' if 'Handle' in properties else 'Handle'} cannot be empty."
    if not 0 <= properties.get("Timeout", 0) <= LONGEST_S:
        return f"Invalid timeout value {properties['Timeout']}: it may be at most {LONGEST_S} seconds"
    if "Handle" in properties and handles.START not in properties["Handle"]:
        return f"Invalid wait condition handle {properties['Handle']}"
    return None


def _condition(doing: Doing, physical_id: str) -> Seen:
    """AWS: with a CreationPolicy it has no handle, and waits for what that says."""
    if "Handle" not in doing.properties:
        return Seen({"Id": physical_id})
    heard, count = doing.heard(doing.properties["Handle"]), doing.properties.get("Count", 1)
    data = {who: data for who, (_, _, data) in sorted(heard.items())}
    attributes = {"Id": physical_id, "Data": json.dumps(data, separators=(",", ":"))}
    for who, (status, reason, _) in sorted(heard.items()):
        if status == "FAILURE":
            return Seen(attributes, failed=f"WaitCondition received failed message: '{reason}' for uniqueId: {who}")
    if len(heard) >= count:
        return Seen(attributes)
    if doing.elapsed_s >= doing.properties["Timeout"]:
        return Seen(
            attributes,
            failed=f"WaitCondition timed out. Received {len(heard)} conditions when expecting {count}",
        )
    return Seen(attributes, waiting=f"{len(heard)} of {count} conditions came")


CONDITION = ResourceType(
    name="AWS::CloudFormation::WaitCondition",
    properties={"Count": changing(INTEGER), "Handle": changing(STRING), "Timeout": changing(INTEGER)},
    create=lambda doing: f"{doing.stack_id}/{doing.logical_id}",
    read=_condition,
    attributes=("Data", "Id"),
    check=_wrong_condition,
    delete=lambda _doing, _id: None,
    creation_policy=True,
    own=True,
)

# What the CDK tells AWS of its own libraries; it stands for nothing, here as there.
CDK_METADATA = ResourceType(
    name="AWS::CDK::Metadata",
    properties={"Analytics": changing(STRING), "Modules": changing(STRING)},
    create=_placeholder,
    read=lambda _doing, physical_id: Seen({"Id": physical_id}),
    update=lambda _doing, _id, _before: None,
    delete=lambda _doing, _id: None,
    attributes=("Id",),
    own=True,
)

TYPES = (STACK, HANDLE, CONDITION, CDK_METADATA)
