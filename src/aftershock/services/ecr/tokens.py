"""What opens the registry: passwords for a client to log in with, and keys of single layers."""

import hashlib
from datetime import datetime, timedelta

from aftershock.aws.call import Call, Principal, Tx
from aftershock.aws.ids import new_secret
from aftershock.services.ecr.records import TOKENS, Token

PASSWORD_GOOD = timedelta(hours=12)  # AWS: "valid for 12 hours".  Not paced: clients keep them until then.
LAYER_GOOD = timedelta(hours=1)  # as long as AWS's presigned URLs of layers
_SECRET_CHARACTERS = 64


def issue(call: Call, good: timedelta, layer: str = "") -> tuple[str, datetime]:
    """A new secret for the caller, and until when it is good.  What is no longer good is forgotten."""
    for old in TOKENS.every(call.tx):
        if old.expires_at + PASSWORD_GOOD <= call.now:
            TOKENS.forget(call.tx, old.id)
    secret, expires_at = new_secret(_SECRET_CHARACTERS), call.now + good
    who = call.principal
    token = Token(
        id=_id(secret),
        account=who.account,
        arn=who.arn,
        user_id=who.user_id,
        access_key_id=who.access_key_id,
        expires_at=expires_at,
        layer=layer,
    )
    TOKENS.put(call.tx, token)
    return secret, expires_at


def find(tx: Tx, secret: str) -> Token | None:
    """The token, good or not any more."""
    return TOKENS.get(tx, _id(secret))


def principal(token: Token) -> Principal:
    return Principal(account=token.account, arn=token.arn, user_id=token.user_id, access_key_id=token.access_key_id)


def _id(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
