"""Stack policies: which updates of which resources may be.

AWS: "When you set a stack policy, all resources are protected by default"; a Deny goes before an Allow.
"""

import fnmatch
import json
from collections.abc import Mapping
from typing import Any

ACTIONS = {"Modify": "Update:Modify", "Replace": "Update:Replace", "Remove": "Update:Delete"}


OPERATORS = {"StringEquals", "StringLike"}


def valid(policy: Any) -> bool:
    """Whether it is a stack policy, every statement of which says something of updates."""
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    return isinstance(statements, list) and all(isinstance(one, dict) and _states(one) for one in statements)


def _states(one: Mapping[str, Any]) -> bool:
    if one.get("Effect") not in ("Allow", "Deny"):
        return False
    if ("Action" in one) == ("NotAction" in one) or ("Resource" in one) == ("NotResource" in one):
        return False
    actions = _listed(one.get("Action", one.get("NotAction")))
    if not actions or not all(any(_any(action, known) for known in ACTIONS.values()) for action in actions):
        return False
    condition = one.get("Condition", {})
    return isinstance(condition, dict) and all(
        operator in OPERATORS and isinstance(keys, dict) and set(keys) == {"ResourceType"}
        for operator, keys in condition.items()
    )


def denial(policy: str | None, action: str, logical_id: str, kind: str) -> str | None:
    """Why the policy does not let this be done ("Modify", "Replace" or "Remove"); None where it does."""
    if policy is None:
        return None
    resource = f"LogicalResourceId/{logical_id}"
    about = {
        number: one
        for number, one in enumerate(json.loads(policy)["Statement"], start=1)
        if _meets(one, ACTIONS[action], resource, kind)
    }
    for number, one in about.items():
        if one["Effect"] == "Deny":
            acts = ", ".join(_listed(one.get("Action", ACTIONS[action])))
            whose = ", ".join(_listed(one.get("Resource", resource)))
            return (
                f"Action denied by stack policy: Statement [#{number}] does not allow [{acts}] for resource [{whose}]"
            )
    if not about:
        return f"Action denied by stack policy: No statement allows [{ACTIONS[action]}] for resource [{resource}]"
    return None


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


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [given]


def _any(patterns: Any, text: str) -> bool:
    return any(isinstance(one, str) and fnmatch.fnmatchcase(text, one) for one in _listed(patterns))
