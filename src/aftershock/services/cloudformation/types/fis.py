"""AWS::FIS: experiment templates."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    STRING,
    STRINGS,
    Need,
    changing,
    many,
    mapping,
    members,
)

from .model import Doing, ResourceType, Seen, found, unless_gone

NO_TEMPLATE = "ResourceNotFoundException"
_TARGETS = mapping(
    members(
        "ResourceType SelectionMode",
        Filters=many(members("Path Values", Path=STRING, Values=STRINGS)),
        Parameters=mapping(),
        ResourceArns=STRINGS,
        ResourceTags=mapping(),
        ResourceType=STRING,
        SelectionMode=STRING,
    )
)
_ACTIONS = mapping(
    members(
        "ActionId",
        ActionId=STRING,
        Description=STRING,
        Parameters=mapping(),
        StartAfter=STRINGS,
        Targets=mapping(),
    )
)
_FREE = ("Parameters", "ResourceTags", "Targets")  # members whose own members are named by whoever writes them


def _worded(given: Mapping[str, Any]) -> dict[str, Any]:
    """With the members as the API spells them, which begin in lower case."""
    return {_initial(name): value if name in _FREE else _inner(value) for name, value in given.items()}


def _inner(value: Any) -> Any:
    return [_worded(one) if isinstance(one, Mapping) else one for one in value] if isinstance(value, list) else value


def _initial(name: str) -> str:
    return name[:1].lower() + name[1:]


def _asked(doing: Doing) -> dict[str, Any]:
    properties = doing.properties
    return {
        "actions": {name: _worded(one) for name, one in properties.get("Actions", {}).items()},
        "description": properties["Description"],
        "roleArn": properties["RoleArn"],
        "stopConditions": [_worded(one) for one in properties["StopConditions"]],
        "targets": {name: _worded(one) for name, one in properties["Targets"].items()},
    }


def _create(doing: Doing) -> str:
    more: dict[str, Any] = {"tags": dict(doing.properties["Tags"])} if doing.properties.get("Tags") else {}
    if "ExperimentOptions" in doing.properties:
        more["experimentOptions"] = _worded(doing.properties["ExperimentOptions"])
    answer = doing.ask("fis", "CreateExperimentTemplate", clientToken=doing.token, **_asked(doing), **more)
    return str(answer["experimentTemplate"]["id"])


def _read(doing: Doing, template_id: str) -> Seen | None:
    answer = found(lambda: doing.ask("fis", "GetExperimentTemplate", id=template_id), NO_TEMPLATE)
    return Seen({"Id": template_id}) if answer else None


def _update(doing: Doing, template_id: str, before: Mapping[str, Any]) -> None:
    mode = doing.properties.get("ExperimentOptions", {}).get("EmptyTargetResolutionMode", "fail")
    asked = {**_asked(doing), "experimentOptions": {"emptyTargetResolutionMode": mode}}
    template = doing.ask("fis", "UpdateExperimentTemplate", id=template_id, **asked)["experimentTemplate"]
    was, now = before.get("Tags", {}), doing.properties.get("Tags", {})
    if gone := sorted(was.keys() - now.keys()):
        doing.ask("fis", "UntagResource", resourceArn=template["arn"], tagKeys=gone)
    if put := {key: value for key, value in now.items() if was.get(key) != value}:
        doing.ask("fis", "TagResource", resourceArn=template["arn"], tags=put)


def _delete(doing: Doing, template_id: str) -> None:
    unless_gone(lambda: doing.ask("fis", "DeleteExperimentTemplate", id=template_id), NO_TEMPLATE)


def _aimed_otherwise(before: Mapping[str, Any], after: Mapping[str, Any], _policy: Any) -> Need:
    """At how many accounts it aims is settled when it is made."""
    was, now = (one.get("ExperimentOptions", {}).get("AccountTargeting", "single-account") for one in (before, after))
    return Need.NOTHING if was == now else Need.REPLACEMENT


TEMPLATE = ResourceType(
    name="AWS::FIS::ExperimentTemplate",
    properties={
        "Actions": changing(_ACTIONS),
        "Description": changing(STRING, required=True),
        "ExperimentOptions": changing(members(AccountTargeting=STRING, EmptyTargetResolutionMode=STRING)),
        "RoleArn": changing(STRING, required=True),
        "StopConditions": changing(many(members("Source", Source=STRING, Value=STRING)), required=True),
        "Tags": changing(mapping()),
        "Targets": changing(_TARGETS, required=True),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("Id",),
    tags="map",
    need_of=_aimed_otherwise,
)

TYPES = (TEMPLATE,)
