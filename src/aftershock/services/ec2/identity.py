"""The signature of an instance's identity document, and who shows one.

The key is the region's own; AWS's public certificates do not vouch for it.
"""

import base64
import binascii
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from aftershock.aws.call import Principal, Tx
from aftershock.services.ec2.lookups import instance_seen
from aftershock.services.ec2.records.metadata_key import METADATA_KEYS

KEY_ID = "identity"
KEY_BITS = 2048
ROLE = "aws:ec2-instance"  # AWS: the role of an instance's own identity, as CloudTrail shows it
GONE = ("shutting-down", "terminated")


def new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sign(document: str, key: bytes) -> str:
    """As the metadata service shows it: base64, in lines of 76 characters."""
    signature = _private(key).sign(document.encode(), padding.PKCS1v15(), hashes.SHA256())
    return base64.encodebytes(signature).decode().rstrip("\n")


def holds(document: bytes, signature: str, key: bytes) -> bool:
    try:
        shown = base64.b64decode("".join(signature.split()), validate=True)
        _private(key).public_key().verify(shown, document, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def _private(key: bytes) -> rsa.RSAPrivateKey:
    loaded = serialization.load_der_private_key(key, password=None)
    assert isinstance(loaded, rsa.RSAPrivateKey)
    return loaded


def instance_shown(tx: Tx, shown: str) -> Principal | None:
    """The instance that shows `base64(document):signature`, if both are this region's and it is still there."""
    encoded, _, signature = shown.partition(":")
    kept = METADATA_KEYS.get(tx, KEY_ID)
    try:
        document = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if kept is None or not holds(document, signature, kept.key):
        return None
    said = json.loads(document)
    account = said["accountId"]
    instance = instance_seen(tx, account, said["instanceId"])
    if instance is None or instance.state in GONE:
        return None
    return Principal(
        account=account,
        arn=f"arn:aws:sts::{account}:assumed-role/{ROLE}/{instance.id}",
        user_id=f"{ROLE}:{instance.id}",
        access_key_id="",
    )
