"""Keys, certificates and chains to import, and an account to import them into."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aftershock.aws.call import Tx
from aftershock.engines.certificates import CertificateAuthority
from aftershock.engines.errors import EngineError
from aftershock.services.acm import Outside
from aftershock.services.acm.operations import operations
from aftershock.services.acm.records import TABLES
from tests.services.modelled import Modelled

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@cache
def rsa_key(bits: int = 2048, number: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: Key, password: bytes | None = None) -> bytes:
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return pem_of(self.key)


def made(
    common: str | None = "example.com",
    names: Sequence[str] = (),
    *,
    key: Key | None = None,
    issuer: Made | None = None,
    days: tuple[int, int] = (-1, 90),
    authority: bool = False,
) -> Made:
    """A certificate, self-signed unless somebody issues it."""
    key = key or ec_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    signer = issuer.key if issuer else key
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, digest), key)


@dataclass
class Names:
    """What the public DNS answers; tests change it."""

    cnames: dict[str, str] = field(default_factory=dict)
    down: bool = False

    def ask(self, name: str, kind: str) -> "Answer":
        assert kind == "CNAME"
        if self.down:
            raise EngineError("the resolver does not answer")
        return Answer((self.cnames[name],) if name in self.cnames else ())


@dataclass(frozen=True)
class Answer:
    values: tuple[str, ...]


class Certificates(Modelled):
    def __init__(self, path: Path) -> None:
        self.names, self.users = Names(), dict[str, list[str]]()
        self.authority = CertificateAuthority(path.parent / "authority")
        self.authority.ensure(datetime.now(UTC))
        self.outside = Outside(
            users=self._users,
            ask=self.names.ask,
            certify=self.authority.certify,
            chain=self.authority.certificate.read_bytes,
        )
        super().__init__(path, "acm", operations(self.outside), list(TABLES))

    def _users(self, tx: Tx, arn: str) -> Sequence[str]:
        return self.users.get(arn, [])

    def imported(self, one: Made, chain: bytes | None = None, **more: Any) -> str:
        asked = {"Certificate": one.pem, "PrivateKey": one.key_pem, **more}
        if chain:
            asked["CertificateChain"] = chain
        return str(self.call("ImportCertificate", **asked)["CertificateArn"])

    def described(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("DescribeCertificate", CertificateArn=arn)["Certificate"]
        return found
