"""Whom a trust policy means: users, roles, accounts and services by the names they have there."""

import re

from aftershock.aws.call import Call
from aftershock.services.iam.records import Role, User, arn

from .kinds import ROLE, USER

# AWS: "Principal": {"Federated": …} may name these without a provider in the account; there are no providers here.
WEB_IDENTITIES = ("accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com")


def is_account(name: str) -> bool:
    """Whether the principal is everybody, or an account as a whole; another account's people never come here."""
    return name == "*" or re.fullmatch(r"(arn:aws:iam::)?\d{12}(:root)?", name) is not None


def resolve(call: Call, kind: str, name: str) -> str | None:
    """The unique id of the user or role that a trust policy names; "" for what has none; None for nobody."""
    match kind:
        case "Service":
            return "" if re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", name) else None
        case "Federated":
            return "" if name in WEB_IDENTITIES else None
        case "AWS":
            if session := re.fullmatch(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/[^/]+", name):
                return "" if session[1] == call.account and ROLE.find(call, session[2]) else None
            found = by_arn(call, name)
            return found.id if found else None
    return None


def by_arn(call: Call, text: str) -> User | Role | None:
    named = re.fullmatch(r"arn:aws:iam::\d{12}:(user|role)/(?:.*/)?([^/]+)", text)
    if named is None:
        return None
    found: User | Role | None
    found = USER.find(call, named[2]) if named[1] == "user" else ROLE.find(call, named[2])
    return found if found and arn(named[1], found) == text else None
