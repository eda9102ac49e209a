"""How a resource differs from what its stack wants of it.

AWS: "CloudFormation only determines drift for property values that are explicitly set"; the order of what stands in a
list says nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

IN_SYNC, MODIFIED, DELETED, UNCHECKED = "IN_SYNC", "MODIFIED", "DELETED", "NOT_CHECKED"


def differences(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[dict[str, str]]:
    """What is another way than expected, of the properties that both name."""
    found = []
    for name in sorted(expected.keys() & actual.keys()):
        wanted, there = expected[name], actual[name]
        if plain(wanted) == plain(there):
            continue
        kind = "REMOVE" if there in (None, [], {}, "") else "NOT_EQUAL"
        found.append(
            {
                "PropertyPath": f"/{name}",
                "ExpectedValue": text(wanted),
                "ActualValue": "null" if there is None else text(there),
                "DifferenceType": kind,
            }
        )
    return found


def plain(value: Any) -> Any:
    """The value, so that equal ones are equal however they are written."""
    if isinstance(value, Mapping):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return sorted((plain(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(float(value)) if isinstance(value, int | float) else str(value)


def text(value: Any) -> str:
    """As AWS shows one property's value."""
    return value if isinstance(value, str) else json.dumps(value)


def of_stack(statuses: list[str]) -> str:
    """AWS: a stack has drifted when one of its resources has."""
    return "DRIFTED" if {MODIFIED, DELETED} & set(statuses) else "IN_SYNC"
