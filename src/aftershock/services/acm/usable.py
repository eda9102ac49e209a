"""Certificates as other services use them: with their keys."""

from dataclasses import dataclass

from aftershock.aws.call import Tx

from .records import CERTIFICATES


@dataclass(frozen=True, slots=True)
class Usable:
    arn: str
    pem: str  # the certificate, its chain and its private key in one
    names: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Usable({self.arn})"  # and no key, wherever it is printed


def usable(tx: Tx, account: str, arn: str) -> Usable | None:
    """The account's certificate of this ARN, once it has been issued."""
    found = CERTIFICATES.get(tx, arn)
    if found is None or found.account != account or found.certificate is None or found.key is None:
        return None
    return Usable(arn, f"{found.certificate}{found.chain or ''}{found.key}", found.names)
