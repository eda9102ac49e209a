"""What Cost Explorer and its meter ask of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from aftershock.aws.call import Tx
from aftershock.aws.usage import Reservation, Source

Reservations = Callable[[Tx, str], Iterable[Reservation]]
"""Those of an account."""


@dataclass(frozen=True, slots=True)
class Metered:
    """What the meter watches."""

    sources: tuple[Source, ...]
    ground: str  # tells one start of the region from another: what ran on another ground has ended
    began: datetime  # when this control plane began; on a new ground nothing is older
