"""The region's certificate authority: what machines inside the region trust, and nobody outside it.

The authority is made once per state directory.  Its key never leaves that directory; its certificate is for everybody.
"""

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
# CA/Browser Forum: a leaf is good for at most 398 days; clients that enforce it refuse more.
LEAF_DAYS = 397
RENEW_DAYS = 30  # a leaf with less than this left is issued anew
BACKDATE = datetime.timedelta(hours=1)  # a guest whose clock is a little behind still accepts it


@dataclass(frozen=True, slots=True)
class Issued:
    """Paths of PEM files: the certificate with its chain, and its private key (mode 0600)."""

    chain: Path
    key: Path


class CertificateAuthority:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key, self._certificate = directory / "authority.key", directory / "authority.crt"

    @property
    def certificate(self) -> Path:
        """The authority's own certificate, PEM: what a client has to trust."""
        return self._certificate

    def ensure(self, now: datetime.datetime) -> None:
        """Have an authority; an existing one is kept."""
        if self._certificate.exists():
            return
        self._directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Aftershock region authority")])
        certificate = (
            _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        # The key first: an authority counts as made when its certificate is there.
        _write(self._key, _pem(key), 0o600)
        _write(self._certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def issue(self, name: str, hosts: Sequence[str], now: datetime.datetime) -> Issued:
        """A server certificate for these DNS names (a leading `*.` is a wildcard) and addresses.

        `name` names the files.  What was issued for the same hosts and is good for a while yet is given again.
        """
        issued = Issued(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        if _serves(issued, hosts, now):
            return issued
        key = ec.generate_private_key(ec.SECP256R1())
        chain = self.certify(key.public_key(), hosts, now) + self._certificate.read_bytes()
        _write(issued.key, _pem(key), 0o600)
        _write(issued.chain, chain, 0o644)
        return issued

    def certify(self, key: CertificatePublicKeyTypes, hosts: Sequence[str], now: datetime.datetime) -> bytes:
        """A server certificate for the owner of the key, PEM, without the authority's own."""
        authority = x509.load_pem_x509_certificate(self._certificate.read_bytes())
        authority_key = serialization.load_pem_private_key(self._key.read_bytes(), password=None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64])])
        certificate = (
            _builder(subject, authority.subject, key, now, LEAF_DAYS)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM)


def _serves(issued: Issued, hosts: Sequence[str], now: datetime.datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(issued.chain.read_bytes())
        key = serialization.load_pem_private_key(issued.key.read_bytes(), password=None)
    except (OSError, ValueError):
        return False
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(names) == {_general_name(host) for host in hosts}
        and certificate.public_key() == key.public_key()
        and certificate.not_valid_after_utc > now + datetime.timedelta(days=RENEW_DAYS)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, now: datetime.datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all, and never readable by more than it should be."""
    draft = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
