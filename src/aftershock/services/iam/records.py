"""IAM: what is stored.  Every record names its account; a reference is by unique id, so that names can change."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.store import Table


class Named(Struct, frozen=True, kw_only=True):
    """What has a name, a path and an ARN."""

    id: str  # AIDA…, AGPA…, AROA…, AIPA…, ANPA…
    account: str
    name: str
    path: str
    created_at: datetime
    tags: dict[str, str] = {}


class Identity(Named, frozen=True, kw_only=True):
    """What policies can be given to: a user, a group, a role."""

    inline: dict[str, str] = {}  # name of the policy -> document, as it was given
    attached: tuple[str, ...] = ()  # ARNs of managed policies, in the order they were attached
    boundary: str | None = None  # ARN of a managed policy


class User(Identity, frozen=True, kw_only=True):
    groups: tuple[str, ...] = ()  # ids


class Group(Identity, frozen=True, kw_only=True):
    pass


class Role(Identity, frozen=True, kw_only=True):
    trust: str  # the document, as it was given
    trusted_ids: dict[str, str] = {}  # ARN of a user or role that `trust` names -> whom it named at that time
    description: str | None = None
    max_session_duration_s: int = 3600
    linked_service: str | None = None  # of a service-linked role


class PolicyVersion(Struct, frozen=True):
    number: int
    document: str
    created_at: datetime


class Policy(Named, frozen=True, kw_only=True):
    """A managed policy; those of AWS belong to the account "aws" and are in no table."""

    description: str | None = None
    versions: tuple[PolicyVersion, ...]  # the oldest first
    default: int  # the number of a version
    last: int  # the highest number ever given: numbers are not given twice
    updated_at: datetime


class InstanceProfile(Named, frozen=True, kw_only=True):
    role_id: str | None = None


class AccountAlias(Struct, frozen=True):
    id: str  # the account
    alias: str


class AccessKey(Struct, frozen=True):
    """A long-term key.  The secret is kept as it is, because SigV4 is verified with it."""

    id: str
    secret: str
    account: str
    user_id: str | None  # None: the account's root
    created_at: datetime
    active: bool = True

    def __repr__(self) -> str:  # without the secret: what is printed may end in a log
        return f"AccessKey({self.id!r})"


class SessionCredential(Struct, frozen=True):
    """A temporary key.  It is good until `expires_at` and only as long as the one it speaks for exists."""

    id: str
    secret: str
    token: str
    account: str
    arn: str  # of the principal
    user_id: str  # of the principal: "AROA…:name" for a role's session
    owner_id: str | None  # the role or user that it speaks for; None: the account's root
    issued_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        return f"SessionCredential({self.id!r}, {self.arn!r})"


class RoleDeletion(Struct, frozen=True, kw_only=True):
    """What became of the request to delete a service-linked role."""

    id: str  # "task/aws-service-role/<service>/<role>/<uuid>"
    account: str
    reason: str | None = None  # why it failed; None: the role is gone
    used: tuple[str, ...] = ()  # ARNs of what the service has under the role
    region: str


def arn(kind: str, named: Named) -> str:
    return f"arn:aws:iam::{named.account}:{kind}{named.path}{named.name}"


def name_key(account: str, name: str) -> str:
    """AWS: "Names are not distinguished by case"."""
    return f"{account}/{name.lower()}"


def _by_name(named: Named) -> str:
    return name_key(named.account, named.name)


_of_account: dict[str, Callable[[Named], str]] = {"name": _by_name, "account": lambda named: named.account}
_of_identity: dict[str, Callable[[Identity], str | tuple[str, ...] | None]] = {
    "policy": lambda identity: identity.attached,
    "boundary": lambda identity: identity.boundary,
}

USERS = Table("iam_user", User, indexes={**_of_account, **_of_identity, "group": lambda user: user.groups})
GROUPS = Table("iam_group", Group, indexes={**_of_account, **_of_identity})
ROLES = Table("iam_role", Role, indexes={**_of_account, **_of_identity})
POLICIES = Table("iam_policy", Policy, indexes={**_of_account, "arn": lambda policy: arn("policy", policy)})
INSTANCE_PROFILES = Table(
    "iam_instance_profile", InstanceProfile, indexes={**_of_account, "role": lambda profile: profile.role_id}
)
ACCOUNT_ALIASES = Table("iam_account_alias", AccountAlias)
ACCESS_KEYS = Table("iam_access_key", AccessKey, indexes={"owner": lambda key: owner_key(key.account, key.user_id)})
SESSION_CREDENTIALS = Table(
    "iam_session_credential", SessionCredential, indexes={"principal": lambda session: session.user_id}
)

ROLE_DELETIONS = Table("iam_role_deletion", RoleDeletion)


def owner_key(account: str, user_id: str | None) -> str:
    return f"{account}/{user_id or 'root'}"


TABLES: tuple[Table[Any], ...] = (
    USERS,
    GROUPS,
    ROLES,
    POLICIES,
    INSTANCE_PROFILES,
    ACCOUNT_ALIASES,
    ACCESS_KEYS,
    SESSION_CREDENTIALS,
    ROLE_DELETIONS,
)
