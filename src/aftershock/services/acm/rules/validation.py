"""Proof that a domain is the requester's: a record in the public DNS.  And what to do about a requested certificate.

Source: "DNS validation" in the user guide.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from aftershock.services.acm.records import Certificate

TIMEOUT_S = 72 * 3600  # AWS: "If ACM is not able to validate the domain name within 72 hours ... Validation timed out"
RENEWED_BEFORE = timedelta(days=60)  # AWS: "60 days prior to expiration"
RECHECK_S = 60.0  # while a record is missing; changes of the region's own zones are noticed at once
MAX_NAMES = 10  # AWS: "Domain names per ACM certificate"
MAX_DOMAIN = 64  # AWS: "the first domain name you enter cannot exceed 64 octets, including periods"


@dataclass(frozen=True, slots=True)
class Proof:
    """The CNAME record that has to be there."""

    name: str
    value: str


def proof(account: str, domain: str) -> Proof:
    """The same for all certificates of an account with the name, and for a name and its wildcard."""
    base = domain.lower().removeprefix("*.")
    own, other, zone = (
        hashlib.sha256(f"acm {account} {base} {what}".encode()).hexdigest() for what in ("name", "value", "zone")
    )
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in zone[:10])
    return Proof(f"_{own[:32]}.{base}.", f"_{other[:32]}.{letters}.acm-validations.aws.")


def is_proof(wanted: Proof, values: Collection[str]) -> bool:
    """Whether these values of CNAME records prove it."""
    return {value.lower().removesuffix(".") for value in values} == {wanted.value.removesuffix(".")}


Step = Literal["issue", "time out"]


@dataclass(frozen=True, slots=True)
class Plan:
    reason: str
    step: Step | None = None
    again: bool = False


def needs_proof(certificate: Certificate, now: datetime) -> bool:
    """Whether it is worth while to look for its records."""
    if certificate.kind != "AMAZON_ISSUED" or certificate.timed_out:
        return False
    return certificate.not_after is None or certificate.not_after - RENEWED_BEFORE <= now


def plan(certificate: Certificate, proven: Collection[str], now: datetime, timeout_s: float) -> Plan:
    """`proven` are the names whose records were seen just now; `timeout_s` is how long they are waited for, here."""
    if not needs_proof(certificate, now):
        return Plan("timed out" if certificate.timed_out else "as wanted")
    missing = [name for name in certificate.names if name not in proven]
    if not missing:
        return Plan("every name is proven", "issue")
    waiting = f"the record that proves {missing[0]} is not in the DNS"
    if certificate.certificate is None and now >= certificate.created_at + timedelta(seconds=timeout_s):
        return Plan(waiting, "time out")
    return Plan(waiting, again=True)
