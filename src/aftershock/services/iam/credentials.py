"""Keys and sessions, for whoever checks signatures and whoever hands out credentials.

Services do not import one another: the region gives these functions to the gateway, to STS and to the instances'
metadata service.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from aftershock.aws.arn import parse
from aftershock.aws.call import Call, Principal, Tx
from aftershock.aws.ids import new_access_key_id, new_secret

from .records import (
    ACCESS_KEYS,
    INSTANCE_PROFILES,
    ROLES,
    SESSION_CREDENTIALS,
    USERS,
    AccessKey,
    InstanceProfile,
    Role,
    SessionCredential,
    arn,
    name_key,
    owner_key,
)
from .rules import trust

TOKEN_LENGTH = 320  # characters; AWS: the size of a session token is not fixed
# An expired session is remembered for a while, so that its holder hears that it expired, and not that it is unknown.
REMEMBERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Credential:
    """What the door needs of a key: what signs with it, who it speaks for, and whether it may."""

    access_key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(repr=False)
    expires_at: datetime | None
    active: bool
    expired: bool
    principal: Principal


class AttachedProfile(NamedTuple):
    arn: str
    id: str
    role: Role | None


def find_key(tx: Tx, access_key_id: str, now: datetime) -> Credential | None:
    """The key, long-term or of a session, also when it is inactive or expired; None if there is none.

    The key of a deleted user and the session of a deleted role do not exist any more.
    """
    if key := ACCESS_KEYS.get(tx, access_key_id):
        return _long_term(tx, key)
    session = SESSION_CREDENTIALS.get(tx, access_key_id)
    who = _speaks_for(tx, session) if session else None
    if session is None or who is None:
        return None
    return Credential(
        access_key_id=session.id,
        secret=session.secret,
        session_token=session.token,
        expires_at=session.expires_at,
        active=True,
        expired=now >= session.expires_at,
        principal=Principal(session.account, who, session.user_id, session.id),
    )


def _long_term(tx: Tx, key: AccessKey) -> Credential | None:
    who, user_id = f"arn:aws:iam::{key.account}:root", key.account
    if key.user_id is not None:
        user = USERS.get(tx, key.user_id)
        if user is None:
            return None
        who, user_id = arn("user", user), user.id
    return Credential(
        access_key_id=key.id,
        secret=key.secret,
        session_token=None,
        expires_at=None,
        active=key.active,
        expired=False,
        principal=Principal(key.account, who, user_id, key.id),
    )


def _speaks_for(tx: Tx, session: SessionCredential) -> str | None:
    """The ARN of the session's principal as it is now, or None if what it speaks for is gone."""
    owner = session.owner_id
    if owner is None or ROLES.get(tx, owner) is not None:
        return session.arn
    user = USERS.get(tx, owner)
    return arn("user", user) if user else None


def ensure_root_key(tx: Tx, account: str, now: datetime) -> tuple[str, str]:
    """The id and the secret of an active access key of the account's root, which is made if there is none."""
    keys = [key for key in ACCESS_KEYS.where(tx, "owner", owner_key(account, None)) if key.active]
    if not keys:
        keys = [AccessKey(new_access_key_id("AKIA"), new_secret(), account, None, now)]
        ACCESS_KEYS.put(tx, keys[0])
    oldest = min(keys, key=lambda key: (key.created_at, key.id))
    return oldest.id, oldest.secret


def forget_keys_of_users(tx: Tx, account: str) -> None:
    """Leave only the root's access keys; for an account that is being emptied by whoever holds one of these."""
    kept = {key.id for key in ACCESS_KEYS.where(tx, "owner", owner_key(account, None))}
    for key_id in ACCESS_KEYS.keys(tx) - kept:
        ACCESS_KEYS.forget(tx, key_id)


def account_of_key(tx: Tx, access_key_id: str) -> str | None:
    key = ACCESS_KEYS.get(tx, access_key_id) or SESSION_CREDENTIALS.get(tx, access_key_id)
    return key.account if key else None


def instance_profile(tx: Tx, account: str, name_or_arn: str) -> AttachedProfile | None:
    """The instance profile and the role it carries now, if any."""
    name = name_or_arn
    if parsed := parse(name_or_arn):
        name = parsed.resource.rpartition("/")[2]
    found = INSTANCE_PROFILES.where(tx, "name", name_key(account, name))
    if not found or (name != name_or_arn and _profile_arn(found[0]) != name_or_arn):
        return None
    profile = found[0]
    role = ROLES.get(tx, profile.role_id) if profile.role_id else None
    return AttachedProfile(_profile_arn(profile), profile.id, role)


def _profile_arn(profile: InstanceProfile) -> str:
    return arn("instance-profile", profile)


def trusts(role: Role, service: str) -> bool:
    """Whether a service, say "ec2.amazonaws.com", may take on the role for its instances."""
    return trust.allows(role.trust, role.trusted_ids, trust.Asker(service=service))


def service_may_assume(tx: Tx, account: str, role_arn: str, service: str) -> bool:
    """Whether the account has a role of this ARN that the service, say "fis.amazonaws.com", may take on."""
    named = ROLES.where(tx, "name", name_key(account, role_arn.rpartition("/")[2]))
    return any(arn("role", role) == role_arn and trusts(role, service) for role in named)


def assumable_role(call: Call, role_arn: str, session_name: str, external_id: str | None) -> Role | None:
    """The role, if it exists and its trust policy lets the caller assume it in this way."""
    principal = call.principal
    asker = trust.Asker(
        account=principal.account,
        arn=principal.arn,
        principal_arn=_principal_arn(call.tx, principal),
        user_id=principal.user_id,
        session_name=session_name,
        external_id=external_id,
    )
    named = ROLES.where(call.tx, "name", name_key(call.account, role_arn.rpartition("/")[2]))
    for role in named:
        if arn("role", role) == role_arn and trust.allows(role.trust, role.trusted_ids, asker):
            return role
    return None


def _principal_arn(tx: Tx, principal: Principal) -> str:
    role = ROLES.get(tx, principal.user_id.partition(":")[0])
    return arn("role", role) if role else principal.arn


def issue_role_session(tx: Tx, role: Role, session_name: str, duration_s: int, now: datetime) -> SessionCredential:
    """New credentials of a role, good for so long.  Whether the asker may have them was decided before."""
    return _issue(
        tx,
        account=role.account,
        who=f"arn:aws:sts::{role.account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        owner_id=role.id,
        duration_s=duration_s,
        now=now,
    )


def current_role_session(
    tx: Tx, role: Role, session_name: str, now: datetime, *, at_least_s: int
) -> SessionCredential | None:
    """The session of this role and name that lasts longest, if it lasts that much longer."""
    sessions = SESSION_CREDENTIALS.where(tx, "principal", f"{role.id}:{session_name}")
    latest = max(sessions, key=lambda session: session.expires_at, default=None)
    return latest if latest and latest.expires_at >= now + timedelta(seconds=at_least_s) else None


def issue_own_session(call: Call, duration_s: int) -> SessionCredential:
    """New credentials for the caller, who is a user or the account's root."""
    principal = call.principal
    return _issue(
        call.tx,
        account=principal.account,
        who=principal.arn,
        user_id=principal.user_id,
        owner_id=principal.user_id if USERS.get(call.tx, principal.user_id) else None,
        duration_s=duration_s,
        now=call.now,
    )


def _issue(
    tx: Tx, *, account: str, who: str, user_id: str, owner_id: str | None, duration_s: int, now: datetime
) -> SessionCredential:
    _forget_old_sessions(tx, now)
    session = SessionCredential(
        id=new_access_key_id("ASIA"),
        secret=new_secret(),
        token=new_secret(TOKEN_LENGTH),
        account=account,
        arn=who,
        user_id=user_id,
        owner_id=owner_id,
        issued_at=now,
        expires_at=now + timedelta(seconds=duration_s),
    )
    SESSION_CREDENTIALS.put(tx, session)
    return session


def _forget_old_sessions(tx: Tx, now: datetime) -> None:
    for session in SESSION_CREDENTIALS.every(tx):
        if session.expires_at < now - REMEMBERED:
            SESSION_CREDENTIALS.forget(tx, session.id)
