"""Stack policies: which updates of which resources may be.

AWS: "When you set a stack policy, all resources are protected by default"; a Deny goes before an Allow.
"""

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

ACTIONS = {"Modify": "Update:Modify", "Replace": "Update:Replace", "Remove": "Update:Delete"}


def allows(policy: str | None, action: str, logical_id: str, kind: str) -> bool:
    """Whether the policy lets this be done ("Modify", "Replace" or "Remove")."""
    if policy is None:
        return True
    effects = {
        one.get("Effect")
        for one in json.loads(policy)["Statement"]
        if _meets(one, ACTIONS[action], f"LogicalResourceId/{logical_id}", kind)
    }
    return "Deny" not in effects and "Allow" in effects


def _meets(one: Mapping[str, Any], action: str, resource: str, kind: str) -> bool:
    acts = not _any(one["NotAction"], action) if "NotAction" in one else _any(one.get("Action", []), action)
    about = not _any(one["NotResource"], resource) if "NotResource" in one else _any(one.get("Resource", []), resource)
    return acts and about and _condition(one.get("Condition", {}), kind)


def _condition(condition: Mapping[str, Any], kind: str) -> bool:
    for operator, keys in condition.items():
        wanted = keys.get("ResourceType", []) if isinstance(keys, Mapping) else []
        if operator == "StringEquals" and kind not in ([wanted] if isinstance(wanted, str) else wanted):
            return False
        if operator == "StringLike" and not _any(wanted, kind):
            return False
    return True


def _any(patterns: Any, text: str) -> bool:
    given = [patterns] if isinstance(patterns, str) else patterns
    return any(isinstance(one, str) and fnmatch.fnmatchcase(text, one) for one in given)
