"""What Certificate Manager asks of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from aftershock.aws.call import Tx


class Answered(Protocol):
    @property
    def values(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Outside:
    users: Callable[[Tx, str], Sequence[str]]  # the ARNs of what has the certificate of this ARN in use
    ask: Callable[[str, str], Answered]  # what the public DNS answers for a name and a type; raises `EngineError`
    certify: Callable[[CertificatePublicKeyTypes, Sequence[str], datetime], bytes]  # for these names, PEM
    chain: Callable[[], bytes]  # of the authority that certifies, PEM
    tables: frozenset[str] = frozenset()  # whose changes say that the DNS may answer otherwise
