"""Key pairs: the public half.  The private half is answered once and never stored."""

from datetime import datetime

from aftershock.store import Table

from .resource import Resource


class KeyPair(Resource, frozen=True, kw_only=True):
    name: str
    kind: str  # "rsa" or "ed25519"
    public_key: str  # one line as in authorized_keys: type, base64, comment
    fingerprint: str
    created_at: datetime


KEY_PAIRS = Table("ec2_key_pair", KeyPair, indexes={"name": lambda pair: pair.name})
