"""What a template gives away: the values of its outputs, and the names of its exports."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .errors import TemplateError
from .functions import NoValue, Scope, Unknown, condition, evaluate, spelt

_EXPORT = re.compile(r"[A-Za-z0-9:-]+")


def active(outputs: Mapping[str, Mapping[str, Any]], scope: Scope) -> dict[str, Mapping[str, Any]]:
    """The outputs whose condition holds."""
    return {name: one for name, one in outputs.items() if "Condition" not in one or condition(one["Condition"], scope)}


def value(name: str, written: Mapping[str, Any], scope: Scope) -> str:
    """
    Raises:
        TemplateError: it is no text, or it cannot be had
        Unknown: it hangs on a resource that is not there yet
    """
    found = evaluate(written["Value"], scope)
    if isinstance(found, dict | list | NoValue):
        raise TemplateError(
            f"Template format error: The Value field of every Outputs member must evaluate to a String; {name}"
        )
    return spelt(found)


def export(name: str, written: Mapping[str, Any], scope: Scope) -> str | None:
    """
    Raises:
        TemplateError: it is no name of an export
        Unknown: it hangs on a resource that is not there yet
    """
    if "Export" not in written:
        return None
    found = evaluate(written["Export"]["Name"], scope)
    if isinstance(found, dict | list | NoValue) or not _EXPORT.fullmatch(spelt(found)):
        raise TemplateError(
            f"Template format error: Output {name} is malformed. The Name field of every Export member must be "
            "specified and consist only of alphanumeric characters, colons, or hyphens."
        )
    return spelt(found)


def check(outputs: Mapping[str, Mapping[str, Any]], scope: Scope) -> None:
    """
    Raises:
        TemplateError: what can be seen to be wrong before there are any resources
    """
    exported: dict[str, str] = {}
    for name, written in active(outputs, scope).items():
        with suppress(Unknown):
            value(name, written, scope)
        try:
            called = export(name, written, scope)
        except Unknown:
            raise TemplateError(
                f"Template format error: Output {name} is malformed.  The Name field of Export must not depend on any "
                "resources, imported values, or Fn::GetAZs."
            ) from None
        if called is None:
            continue
        if called in exported:
            raise TemplateError(
                f"Template format error: Outputs {exported[called]} and {name} have the same Export name {called}."
            )
        exported[called] = name
