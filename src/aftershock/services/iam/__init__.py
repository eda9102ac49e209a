"""AWS Identity and Access Management: who there is, with which keys, and which roles can be taken on."""

from .credentials import (
    AttachedProfile,
    Credential,
    account_of_key,
    assumable_role,
    current_role_session,
    ensure_root_key,
    find_key,
    forget_keys_of_users,
    instance_profile,
    issue_own_session,
    issue_role_session,
    service_may_assume,
    trusts,
)
from .operations import OPERATIONS, operations
from .records import ACCESS_KEYS, TABLES, Role, SessionCredential

__all__ = [
    "ACCESS_KEYS",
    "OPERATIONS",
    "TABLES",
    "AttachedProfile",
    "Credential",
    "Role",
    "SessionCredential",
    "account_of_key",
    "assumable_role",
    "current_role_session",
    "ensure_root_key",
    "find_key",
    "forget_keys_of_users",
    "instance_profile",
    "issue_own_session",
    "issue_role_session",
    "operations",
    "service_may_assume",
    "trusts",
]
