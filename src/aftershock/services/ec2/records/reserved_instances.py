"""Reserved instances that were bought.  What may be bought is in the data file, and is never stored."""

from datetime import datetime
from decimal import Decimal

from aftershock.store import Table

from .resource import Resource


class ReservedInstances(Resource, frozen=True, kw_only=True):
    """One purchase.  The prices are those of the moment it was made."""

    offering_id: str
    instance_type: str
    zone: str | None  # None: the whole region
    count: int
    payment: str  # "No Upfront"
    years: int
    upfront: Decimal  # of one instance, USD
    hourly: Decimal  # of one instance, USD
    bought_at: datetime

    # Written by the controller of reserved instances.
    pace: float = 1.0  # at which the term runs: nominal seconds in a real one
    ends_at: datetime | None = None  # when the term is over; None: it is not paid yet


RESERVED_INSTANCES = Table("ec2_reserved_instances", ReservedInstances)
