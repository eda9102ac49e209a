"""A change as DescribeChangeSet shows it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import Need

from .changes import Change


def view(
    change: Change, imports: Mapping[str, str], hide: Callable[[str], str], nested: str | None = None
) -> dict[str, Any]:
    """As DescribeChangeSet shows it with `IncludePropertyValues`; `hide` masks what nobody is to be shown, and `nested`
    is the change set of a nested stack."""
    imported = imports.get(change.logical_id)
    shown: dict[str, Any] = {
        "Action": "Import" if imported else change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": imported or change.physical_id,
        "ResourceType": change.type,
        "ChangeSetId": nested,
        "Scope": [],
        "Details": [],
        "BeforeContext": change.before and hide(change.before.context()),
        "AfterContext": change.after and hide(change.after.context()),
    }
    if change.action == "Remove":
        shown["PolicyAction"] = "Delete"
    if change.action == "Modify":
        shown["Replacement"] = change.replacement
        shown["Scope"] = [*(["Properties"] if change.properties else []), *(["Metadata"] if change.metadata else [])]
        shown["Details"] = [_detail(change, *one, hide) for one in change.properties]
    return {"Type": "Resource", "ResourceChange": shown}


def _detail(change: Change, name: str, need: Need, dynamic: bool, hide: Callable[[str], str]) -> dict[str, Any]:
    assert change.before is not None and change.after is not None
    before, after = change.before.properties.get(name), change.after.properties.get(name)
    kind = "Add" if before is None else "Remove" if after is None else "Modify"
    return {
        "Target": {
            "Attribute": "Tags" if name == "Tags" else "Properties",
            "Name": None if name == "Tags" else name,
            "RequiresRecreation": _RECREATION[need, dynamic],
            "Path": f"/Properties/{name}",
            "BeforeValue": None if before is None else hide(_text(before)),
            "AfterValue": None if after is None else hide(_text(after)),
            "AttributeChangeType": kind,
        },
        "Evaluation": "Dynamic" if dynamic else "Static",
        "ChangeSource": "ResourceReference" if dynamic else "DirectModification",
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def without_values(shown: Mapping[str, Any]) -> dict[str, Any]:
    """One change as DescribeChangeSet shows it by itself."""
    change = {
        name: one for name, one in shown["ResourceChange"].items() if name not in ("BeforeContext", "AfterContext")
    }
    change["Details"] = [
        {**one, "Target": {name: value for name, value in one["Target"].items() if name not in _VALUES}}
        for one in change["Details"]
    ]
    return {**shown, "ResourceChange": change}


_VALUES = ("Path", "BeforeValue", "AfterValue", "AttributeChangeType")
_RECREATION = {
    (Need.NOTHING, False): "Never",
    (Need.NOTHING, True): "Never",
    (Need.INTERRUPTION, False): "Never",
    (Need.INTERRUPTION, True): "Never",
    (Need.REPLACEMENT, False): "Always",
    (Need.REPLACEMENT, True): "Conditionally",
}
