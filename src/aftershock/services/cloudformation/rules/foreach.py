"""The transform AWS::LanguageExtensions: `Fn::ForEach` loops are unrolled, and names that functions give are written
out, before anything else is read.

AWS: "Fn::ForEach: takes a collection and a fragment, and applies the items in the collection to the identifier in
the provided fragment", in Conditions, Outputs, Resources and resource properties; and "You can use intrinsic functions
as the reference within Ref and Fn::GetAtt."
"""

import json
from collections.abc import Mapping
from typing import Any

from .errors import TemplateError
from .functions import NO_VALUE, Scope, Unknown, evaluate, spelt

PREFIX = "Fn::ForEach::"
MAX_DEPTH = 5  # AWS: "nested up to five times"


def unrolled(template: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """The template without loops; one over what the scope says is unknown is gone through once, with its own
    identifier, so that its form can be looked at.

    Raises:
        TemplateError: a loop is not as AWS has it
    """
    made: dict[str, Any] = _unrolled(template, scope, {}, 0)
    return made


def _unrolled(value: Any, scope: Scope, names: Mapping[str, str], depth: int) -> Any:
    if isinstance(value, str):
        return _named(value, names)
    if isinstance(value, list):
        return [_unrolled(one, scope, names, depth) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"} and isinstance(value["Ref"], str) and value["Ref"] in names:
        return names[value["Ref"]]
    if set(value) == {"Ref"} and isinstance(value["Ref"], dict):
        return {"Ref": _written_out(value["Ref"], scope, names, depth)}
    if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], list):
        return {"Fn::GetAtt": [_written_out(one, scope, names, depth) for one in value["Fn::GetAtt"]]}
    made: dict[str, Any] = {}
    for key, inner in value.items():
        if key.startswith(PREFIX):
            for name, one in _loop(key, inner, scope, names, depth):
                if name in made:
                    raise _wrong(key, f"it makes {name} twice")
                made[name] = one
        else:
            made[_named(key, names)] = _unrolled(inner, scope, names, depth)
    return made


def _written_out(name: Any, scope: Scope, names: Mapping[str, str], depth: int) -> Any:
    found = _unrolled(name, scope, names, depth)
    try:
        return evaluate(found, scope)
    except Unknown:
        return found


def _loop(key: str, argument: Any, scope: Scope, names: Mapping[str, str], depth: int) -> list[tuple[str, Any]]:
    if depth >= MAX_DEPTH:
        raise _wrong(key, f"loops are nested deeper than {MAX_DEPTH} levels")
    if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
        raise _wrong(key, "it takes an identifier, a collection and a fragment")
    identifier, collection, fragment = argument
    try:
        items = evaluate(_unrolled(collection, scope, names, depth), scope)
    except Unknown:
        items = [identifier]
    if not isinstance(items, list) or not isinstance(fragment, dict):
        raise _wrong(key, "it takes an identifier, a collection and a fragment")
    made: list[tuple[str, Any]] = []
    for item in items:
        inside = {**names, identifier: spelt(item)}
        made += _unrolled(fragment, scope, inside, depth + 1).items()
    return made


def _named(text: str, names: Mapping[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("${" + name + "}", value)
        # AWS: "&{Identifier}" passes alphanumeric characters only, for logical ids.
        text = text.replace("&{" + name + "}", "".join(filter(str.isalnum, value)))
    return text


def with_policies(resources: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """AWS: with the language extensions, DeletionPolicy and UpdateReplacePolicy may be functions."""
    made: dict[str, Any] = {}
    for name, one in resources.items():
        made[name] = one
        for member in ("DeletionPolicy", "UpdateReplacePolicy"):
            if isinstance(one, dict) and isinstance(one.get(member), dict):
                made[name] = {**made[name], member: _policy(one[member], scope)}
    return made


def _policy(written: Any, scope: Scope) -> Any:
    try:
        found = evaluate(written, scope)
    except Unknown:
        return None
    return None if found is NO_VALUE else found


def _wrong(key: str, problem: str) -> TemplateError:
    return TemplateError(f"Template error: {json.dumps(key)} layout is incorrect: {problem}")
