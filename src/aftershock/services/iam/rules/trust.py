"""Who may assume a role: its trust policy, evaluated.

Only what a trust policy can look at is here: the principal, the action, and conditions on the caller, the session
name and the external id.  A condition on anything else is not known to hold, so it allows nothing, and denies.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import documents
from .documents import Statement


@dataclass(frozen=True, slots=True)
class Asker:
    """Who wants to assume the role, and how.  A service has a `service` and no account."""

    account: str = ""
    arn: str = ""
    principal_arn: str = ""  # of a role's session it is the role's ARN
    user_id: str = ""
    service: str | None = None
    session_name: str = ""
    external_id: str | None = None

    @property
    def identity_id(self) -> str:
        """The unique id of the user or role behind the caller."""
        return self.user_id.partition(":")[0]


def allows(document: str, trusted_ids: Mapping[str, str], asker: Asker, action: str = "sts:AssumeRole") -> bool:
    """Whether the trust policy lets the caller in: some statement allows it and none denies it."""
    allowed = False
    for statement in documents.statements_of(document):
        if not _names_action(statement, action) or not _names_principal(statement, trusted_ids, asker):
            continue
        holds = _condition_holds(statement.get("Condition", {}), asker)
        if statement["Effect"] == "Deny" and holds is not False:
            return False
        allowed = allowed or (statement["Effect"] == "Allow" and holds is True)
    return allowed


def _names_action(statement: Statement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_like(one, action.lower()) for one in _lower(statement["NotAction"]))
    return any(_like(one, action.lower()) for one in _lower(statement["Action"]))


def _lower(actions: Any) -> list[str]:
    return [action.lower() for action in documents.as_list(actions)]


def _names_principal(statement: Statement, trusted_ids: Mapping[str, str], asker: Asker) -> bool:
    named = any(_is(kind, name, trusted_ids, asker) for kind, name in documents.named_principals(statement))
    return not named if "NotPrincipal" in statement else named


def _is(kind: str, name: str, trusted_ids: Mapping[str, str], asker: Asker) -> bool:
    if kind == "Service":
        return name == asker.service
    if kind != "AWS" or asker.service is not None:
        return False
    if name == "*" or name in (asker.account, f"arn:aws:iam::{asker.account}:root"):
        return True
    # AWS: "AWS transforms the ARN to the unique principal ID when you save the policy", so that a user or role made
    # later under the same name is somebody else.
    return trusted_ids.get(name) == asker.identity_id if name in trusted_ids else name == asker.arn


def _condition_holds(condition: Mapping[str, Mapping[str, Any]], asker: Asker) -> bool | None:
    """Whether all of it holds; None where that cannot be known here."""
    results = [
        _test(operator, key, [_text(value) for value in documents.as_list(values)], asker)
        for operator, tests in condition.items()
        for key, values in tests.items()
    ]
    if False in results:
        return False
    return None if None in results else True


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _test(operator: str, key: str, wanted: list[str], asker: Asker) -> bool | None:
    known, actual = _lookup(key.lower(), asker)
    if not known:
        return None
    if operator == "Null":
        return (actual is None) == (wanted == ["true"])
    bare = operator.removesuffix("IfExists")
    if actual is None:
        return bare != operator or "Not" in bare
    match bare:
        case "StringEquals":
            return actual in wanted
        case "StringNotEquals":
            return actual not in wanted
        case "StringEqualsIgnoreCase" | "Bool":
            return actual.lower() in [one.lower() for one in wanted]
        case "StringNotEqualsIgnoreCase":
            return actual.lower() not in [one.lower() for one in wanted]
        case "StringLike" | "ArnLike" | "ArnEquals":
            return any(_like(one, actual) for one in wanted)
        case "StringNotLike" | "ArnNotLike" | "ArnNotEquals":
            return not any(_like(one, actual) for one in wanted)
    return None


def _lookup(key: str, asker: Asker) -> tuple[bool, str | None]:
    """Whether we know of this condition key, and the caller's value, None where the caller has none."""
    match key:
        case "sts:externalid":
            return True, asker.external_id
        case "sts:rolesessionname":
            return True, asker.session_name
        case "aws:principalarn":
            return True, asker.principal_arn or None
        case "aws:principalaccount":
            return True, asker.account or None
        case "aws:userid":
            return True, asker.user_id or None
    return False, None


def _like(pattern: str, text: str) -> bool:
    """`*` is any characters, `?` is one."""
    parts = (".*" if part == "*" else "." if part == "?" else re.escape(part) for part in re.split(r"([*?])", pattern))
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
