"""What costs money, on its way to the bill.

A service whose resources cost something offers a `Source`: it reads its own records and says what of a resource is
billed now.  The meter asks again whenever a record of the source's tables has changed, keeps what it heard in its own
records, and puts prices to nothing before somebody asks for the bill.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from .call import Tx

HOURS_PER_MONTH = 730  # of AWS's price lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """Something that costs by the time that it is there."""

    resource: str  # "i-0123", "eipalloc-0123"
    account: str
    region: str
    zone: str | None = None
    service: str  # as bills name it: "Amazon Elastic Compute Cloud - Compute"
    usage_type: str  # "BoxUsage:t3.micro"
    operation: str  # "RunInstances"
    per_hour: Decimal = Decimal(1)  # how much of the usage type an hour is: 1 hour, or a volume's GiB by 730
    instance_type: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = None  # None: since it is first heard of
    until: datetime | None = None  # when it was over, where that is known; what is no longer named is over as well
    least_s: int = 0  # nominal seconds that are billed at least
    step_s: int = 0  # nominal seconds of which any part is billed as the whole; 0: as long as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a part of a load balancer or NAT gateway has carried since its beginning, by what its price goes by.

    Counts never go back.  Whoever counts anew, from zero, is another part.
    """

    resource: str  # the load balancer, or NAT gateway
    part: str  # one node of it, and when that began
    account: str
    region: str
    service: str  # "Amazon Elastic Load Balancing"
    usage_type: str  # "LCUUsage"
    operation: str  # "LoadBalancing:Application"
    new_connections: int
    open_connections: int  # now
    processed_bytes: int
    rule_evaluations: int = 0  # beyond the free ones
    tags: Mapping[str, str] = field(default_factory=dict)


async def no_loads() -> Iterable[Load]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One service's part.  All but `loads` work inside the transaction given."""

    name: str  # "ec2"
    tables: frozenset[str]  # whose changes concern the bill
    concerned: Callable[[Tx, str, str], Iterable[str]]
    """A table's name and a key -> the resources that may be billed otherwise now."""

    resources: Callable[[Tx], Iterable[str]]
    """All that may cost something."""

    billed: Callable[[Tx, str], Iterable[Billed]]
    """What of this resource is billed, or was until a known moment.  Nothing, for one that is not there."""

    loads: Callable[[], Awaitable[Iterable[Load]]] = no_loads


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Reserved instances of one purchase that were paid, whether or not their term is over.  Linux, shared tenancy."""

    id: str
    account: str
    region: str
    zone: str | None  # None: anywhere in the region, and for every size of the family
    instance_type: str
    count: int
    payment: str  # "No Upfront"
    years: int
    upfront: Decimal  # of one instance
    hourly: Decimal  # of one instance
    start: datetime
    end: datetime
    pace: float  # nominal seconds of the term in a real one

    @property
    def term_hours(self) -> int:
        return self.years * 8760
