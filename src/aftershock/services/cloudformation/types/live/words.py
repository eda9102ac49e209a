"""The words that live properties are put in."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from aftershock.services.cloudformation.types.model import Doing

Live = Callable[[Doing, str], Mapping[str, Any]]
"""The properties of the resource of this physical id, of those that its service tells; it was there a moment ago."""


def tags(described: Mapping[str, Any], member: str = "Tags") -> list[dict[str, str]]:
    """Those that are not AWS's own."""
    found = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in described.get(member, [])]
    return [tag for tag in found if not tag["Key"].startswith("aws:")]


def named(described: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: described.get(name) for name in names}


def told(given: Any, there: Any) -> Any:
    """What is there of what was given: services show defaults beside it, of which a template says nothing."""
    if isinstance(given, Mapping) and isinstance(there, Mapping):
        return {name: told(inner, there.get(name)) for name, inner in given.items()}
    return there


def policy(document: str) -> Any:
    """A policy document, as IAM sends it."""
    return json.loads(unquote(document))
