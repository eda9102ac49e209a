"""SSH keys: made, read, and named by the fingerprints that AWS gives them.

AWS, "Verify the fingerprint of your key pair": of an RSA pair that AWS made, the SHA-1 of the private key in PKCS#8
DER; of an imported RSA key, the MD5 of the public key in DER; of an ED25519 key either way, the SHA-256 that OpenSSH
shows, which AWS writes in base64 with its padding.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from aftershock.aws.errors import AwsError

RSA_BITS = 2048  # of the pairs that AWS makes
# AWS's guide: "The supported lengths are 1024, 2048, and 4096"; it takes others as well (8192:
# terraform-aws-modules/terraform-aws-key-pair#16), and ssh-keygen's own choice is 3072.
IMPORTED_RSA_BITS = range(1024, 16384 + 1)


@dataclass(frozen=True, slots=True)
class PublicKey:
    kind: str  # "rsa" or "ed25519"
    line: str  # type and base64, as in authorized_keys
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NewPair:
    public: PublicKey
    private_pem: str


def generate(kind: str) -> NewPair:
    """A new pair of the kind "rsa" or "ed25519"."""
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if kind == "ed25519":
        private = ed25519.Ed25519PrivateKey.generate()
        style = serialization.PrivateFormat.OpenSSH
        line = _line(private.public_key())
        fingerprint = _sha256(line)
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
        style = serialization.PrivateFormat.TraditionalOpenSSL
        line = _line(private.public_key())
        der = private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        fingerprint = _colons(hashlib.sha1(der, usedforsecurity=False).digest())
    pem = private.private_bytes(serialization.Encoding.PEM, style, serialization.NoEncryption())
    # OpenSSH does not read its own format without the end of the last line; of the other, AWS leaves that out.
    text = pem.decode() if kind == "ed25519" else pem.decode().rstrip("\n")
    return NewPair(PublicKey(kind, line, fingerprint), text)


def imported(material: bytes) -> PublicKey:
    """The public key that a caller brings: an OpenSSH line, an RFC 4716 file, PEM or DER, the line
    and DER also in base64.

    Raises:
        AwsError: InvalidKey.Format, for what is none of these, and for DSA, ECDSA and odd lengths.
    """
    key = _read(material.strip())
    if isinstance(key, ed25519.Ed25519PublicKey):
        line = _line(key)
        return PublicKey("ed25519", line, _sha256(line))
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in IMPORTED_RSA_BITS:
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return PublicKey("rsa", _line(key), _colons(hashlib.md5(der, usedforsecurity=False).digest()))
    raise AwsError("InvalidKey.Format", "Key is not in valid OpenSSH public key format")


def _read(material: bytes) -> object:
    if material.startswith(b"---- BEGIN SSH2 PUBLIC KEY ----"):
        material = _from_rfc4716(material)
    readers: tuple[Callable[[], object], ...] = (
        lambda: serialization.load_ssh_public_key(material),
        lambda: serialization.load_pem_public_key(material),
        lambda: serialization.load_der_public_key(material),
        lambda: serialization.load_der_public_key(base64.b64decode(material, validate=True)),
        lambda: serialization.load_ssh_public_key(base64.b64decode(material, validate=True)),
    )
    for read in readers:
        try:
            return read()
        except (ValueError, UnsupportedAlgorithm, binascii.Error):
            continue
    return None


def _from_rfc4716(material: bytes) -> bytes:
    """The same key as an OpenSSH line.  RFC 4716 §3: headers, continued by a backslash, then base64."""
    body: list[bytes] = []
    in_header = False
    for line in material.splitlines()[1:-1]:
        is_header = in_header or b":" in line
        in_header = is_header and line.endswith(b"\\")
        if not is_header:
            body.append(line.strip())
    blob = b"".join(body)
    try:
        decoded = base64.b64decode(blob, validate=True)
    except binascii.Error:
        return b""
    length = int.from_bytes(decoded[:4])
    return decoded[4 : 4 + length] + b" " + blob


def _line(key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def _sha256(line: str) -> str:
    return base64.b64encode(hashlib.sha256(base64.b64decode(line.split()[1])).digest()).decode()


def _colons(digest: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in digest)
