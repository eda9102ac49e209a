"""Certificate Manager: what is stored."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from aftershock.store import Table

Kind = Literal["IMPORTED", "AMAZON_ISSUED"]


class Certificate(Struct, frozen=True, kw_only=True):
    arn: str
    account: str
    kind: Kind
    domain: str
    names: tuple[str, ...]  # all that it is, or shall be, good for; `domain` among them
    created_at: datetime
    tags: dict[str, str] = {}
    transparency: str = "ENABLED"  # recorded only: nobody logs certificates of the region
    key_algorithm: str  # as AWS calls it: "RSA_2048"
    token: str | None = None  # the idempotency token that it was requested with
    generation: int = 1  # goes up with every change of what is wanted

    # Of an imported one what was given.  Of a requested one written by the controller.
    certificate: str | None = None  # PEM
    chain: str | None = None  # PEM, without the certificate itself
    key: str | None = None  # PEM; secret
    issued_at: datetime | None = None  # or imported
    not_after: datetime | None = None
    proven: tuple[str, ...] = ()  # the names whose validation record was seen in the DNS
    timed_out: bool = False
    reason: str = "not looked at yet"

    def __repr__(self) -> str:
        return f"Certificate({self.arn})"  # and no key, wherever it is printed


CERTIFICATES = Table(
    "acm_certificate",
    Certificate,
    key=lambda certificate: certificate.arn,
    indexes={
        "account": lambda certificate: certificate.account,
        "pending": lambda certificate: None if certificate.certificate or certificate.timed_out else "pending",
    },
)

TABLES: tuple[Table[Any], ...] = (CERTIFICATES,)
