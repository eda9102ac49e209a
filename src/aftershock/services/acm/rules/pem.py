"""Certificates, chains and keys as somebody imports them: what must hold of them, and what they say of themselves.

Source: "Prerequisites for importing ACM certificates" and "Certificate and key format for importing".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from . import errors

MAX_KEY_BYTES = 5120
# AWS takes RSA_1024 as well, which the region's load balancers refuse to serve (OpenSSL's security level 2).
RSA_BITS = (2048, 3072, 4096)
CURVES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\s*", re.DOTALL)
_WEAK = ("md5", "sha1")


@dataclass(frozen=True, slots=True)
class Imported:
    certificate: str
    chain: str | None
    key: str
    names: tuple[str, ...]  # the common name first
    key_algorithm: str
    not_after: datetime


def imported(certificate: bytes, key: bytes, chain: bytes | None, now: datetime) -> Imported:
    """What was imported, in the canonical form.

    Raises:
        AwsError: ValidationException
    """
    found = _certificates(certificate, "certificate")
    if len(found) > 1:
        raise errors.validation(
            "The certificate field contains more than one certificate. You can specify only one certificate in this "
            "field."
        )
    own = found[0]
    others = _certificates(chain, "certificate chain") if chain else []
    algorithm = _require_key(own, key)
    _require_times(own, now)
    _require_chain(own, others)
    names = names_of(own)
    if not names:
        raise errors.validation("The certificate must contain a fully qualified domain name or an IP address.")
    return Imported(
        certificate=_pem(own),
        chain="".join(_pem(one) for one in others) or None,
        key=_key_pem(key),
        names=names,
        key_algorithm=algorithm,
        not_after=own.not_valid_after_utc,
    )


def _certificates(text: bytes, what: str) -> list[x509.Certificate]:
    blocks = _BLOCK.findall(text)
    if not blocks or _BLOCK.sub(b"", text).strip():
        raise errors.not_pem(what)
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError:
        raise errors.not_pem(what) from None


def _key(text: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        found = serialization.load_pem_private_key(text, password=None)
    except TypeError:
        raise errors.validation("The private key must not be encrypted.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise errors.not_pem("private key") from None
    if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise errors.validation("The private key is not supported.")
    return found


def _require_key(certificate: x509.Certificate, text: bytes) -> str:
    """The key's algorithm, as AWS calls it."""
    if len(text) > MAX_KEY_BYTES:
        raise errors.validation(f"The private key must be no larger than {MAX_KEY_BYTES} bytes.")
    key = _key(text)
    algorithm = algorithm_of(key.public_key())
    if algorithm is None:
        raise errors.validation(f"The private key length {key.key_size} is not supported for key algorithm.")
    if key.public_key() != certificate.public_key():
        raise errors.validation("The private key does not match the public key of the certificate.")
    return algorithm


def algorithm_of(key: object) -> str | None:
    """None for one that the region does not take."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA_{key.key_size}" if key.key_size in RSA_BITS else None
    return CURVES.get(key.curve.name) if isinstance(key, ec.EllipticCurvePublicKey) else None


def _require_times(certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        raise errors.validation("The certificate has expired.")
    if certificate.not_valid_before_utc > now:
        raise errors.validation("The certificate is not valid yet.")


def _require_chain(certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
    if certificate.version is not x509.Version.v3:
        raise errors.validation("The certificate must be an X.509 version 3 certificate.")
    if not certificate.issuer.rdns:
        raise errors.validation("The issuer of the certificate must not be empty.")
    if not chain and certificate.issuer == certificate.subject and not _certifies(certificate, certificate):
        raise errors.validation(
            "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or "
            "certificate chain."
        )
    if certificate in chain:
        raise errors.validation("The certificate chain must not contain the certificate itself.")
    below = certificate
    for one in chain:
        if not _certifies(one, below):
            raise errors.validation("Could not validate the certificate with the certificate chain.")
        below = one
    for one in (certificate, *chain):
        weak = one.signature_hash_algorithm is not None and one.signature_hash_algorithm.name in _WEAK
        if weak and one.issuer != one.subject:
            raise errors.validation("Certificates that are signed with MD5 or SHA-1 are not supported in this region.")


def _certifies(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names that it is good for, the common name first."""
    common = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        more = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return tuple(common)
    addresses = (str(address) for address in more.get_values_for_type(x509.IPAddress))
    return tuple(dict.fromkeys((*common, *more.get_values_for_type(x509.DNSName), *addresses)))


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(text: bytes) -> str:
    return private_pem(_key(text))


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def signature_algorithm(certificate: x509.Certificate) -> str:
    """As AWS says it: "SHA256WITHRSA"."""
    digest = certificate.signature_hash_algorithm or hashes.SHA256()
    is_rsa = certificate.signature_algorithm_oid in _RSA_SIGNATURES
    return f"{digest.name.upper()}WITH{'RSA' if is_rsa else 'ECDSA'}"


_RSA_SIGNATURES = (
    x509.SignatureAlgorithmOID.RSA_WITH_SHA1,
    x509.SignatureAlgorithmOID.RSA_WITH_SHA224,
    x509.SignatureAlgorithmOID.RSA_WITH_SHA256,
    x509.SignatureAlgorithmOID.RSA_WITH_SHA384,
    x509.SignatureAlgorithmOID.RSA_WITH_SHA512,
    x509.SignatureAlgorithmOID.RSASSA_PSS,
)
