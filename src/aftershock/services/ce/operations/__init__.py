"""Cost Explorer's operations, one function each."""

from functools import partial

from aftershock.aws.call import Operation
from aftershock.services.ce.outside import Reservations

from .costs import get_cost_and_usage
from .reservations import get_reservation_coverage, get_reservation_utilization
from .values import get_dimension_values, get_tags

OPERATIONS = {
    "GetCostAndUsage": get_cost_and_usage,
    "GetDimensionValues": get_dimension_values,
    "GetReservationCoverage": get_reservation_coverage,
    "GetReservationUtilization": get_reservation_utilization,
    "GetTags": get_tags,
}


def operations(reservations: Reservations) -> dict[str, Operation]:
    return {name: partial(operation, reservations) for name, operation in OPERATIONS.items()}
