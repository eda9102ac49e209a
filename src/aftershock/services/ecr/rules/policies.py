"""The form of a repository's policy; what it grants is not looked at."""

import json
from typing import Any

from . import errors

_VERSIONS = (None, "2012-10-17", "2008-10-17")
_PRINCIPALS, _ACTIONS = ("Principal", "NotPrincipal"), ("Action", "NotAction")


def check(text: str) -> None:
    """
    Raises:
        AwsError: InvalidParameterException
    """
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid() from None
    if not isinstance(policy, dict) or policy.get("Version") not in _VERSIONS:
        raise _invalid()
    statements = policy.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements or not all(_is_statement(one) for one in statements):
        raise _invalid()


def _is_statement(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and one.get("Effect") in ("Allow", "Deny")
        and sum(name in one for name in _PRINCIPALS) == 1
        and sum(name in one for name in _ACTIONS) == 1
        and all(isinstance(one[name], str | list) for name in _ACTIONS if name in one)
        and all(isinstance(one[name], str | dict) for name in _PRINCIPALS if name in one)
    )


def _invalid() -> Exception:
    return errors.invalid("PolicyText", "Invalid repository policy provided")
