"""How far reservations were used, and what that saved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from aftershock.aws.call import Result
from aftershock.aws.usage import Reservation

from .amounts import written
from .lines import COVERED, RECURRING, USAGE, Line, effective
from .prices import rate
from .reserved import units

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Utilization:
    """Sums over some reservations and a time; the members of AWS's ReservationAggregates follow from them."""

    purchased_hours: Fraction = ZERO
    purchased_units: Fraction = ZERO
    used_hours: Fraction = ZERO
    used_units: Fraction = ZERO
    on_demand_cost: Fraction = ZERO  # of what was covered
    on_demand_cost_of_all: Fraction = ZERO  # if all hours had been used by instances of the reservations' own types
    upfront: Fraction = ZERO
    recurring: Fraction = ZERO
    fee_used: Fraction = ZERO

    def __add__(self, other: "Utilization") -> "Utilization":
        return Utilization(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


def utilization(reservation: Reservation, found: Iterable[Line]) -> Utilization:
    """Of one reservation, from the lines of a bill."""
    own = [line for line in found if line.reservation == reservation.id]
    size = units(reservation.instance_type)
    purchased = sum((line.quantity for line in own if line.record_type == RECURRING), ZERO)
    covered = [line for line in own if line.record_type == COVERED]
    used_units = sum((line.units for line in covered), ZERO)
    hourly = Fraction(rate("", reservation.instance_type).usd)
    return Utilization(
        purchased_hours=purchased,
        purchased_units=purchased * size,
        used_hours=used_units / size,
        used_units=used_units,
        on_demand_cost=sum((line.quantity * Fraction(rate("", line.instance_type).usd) for line in covered), ZERO),
        on_demand_cost_of_all=purchased * hourly,
        upfront=purchased * Fraction(reservation.upfront) / reservation.term_hours,
        recurring=purchased * Fraction(reservation.hourly),
        fee_used=used_units / size * effective(reservation),
    )


def total(several: Iterable[Utilization]) -> Utilization:
    return sum(several, Utilization())


def view(one: Utilization) -> Result:
    fee = one.upfront + one.recurring
    unused = one.purchased_hours - one.used_hours
    potential = one.on_demand_cost_of_all - fee
    realized = one.on_demand_cost - one.fee_used
    shown = {
        "UtilizationPercentage": percentage(one.used_hours, one.purchased_hours),
        "UtilizationPercentageInUnits": percentage(one.used_units, one.purchased_units),
        "PurchasedHours": one.purchased_hours,
        "PurchasedUnits": one.purchased_units,
        "TotalActualHours": one.used_hours,
        "TotalActualUnits": one.used_units,
        "UnusedHours": unused,
        "UnusedUnits": one.purchased_units - one.used_units,
        "OnDemandCostOfRIHoursUsed": one.on_demand_cost,
        "NetRISavings": one.on_demand_cost - fee,
        "TotalPotentialRISavings": potential,
        "AmortizedUpfrontFee": one.upfront,
        "AmortizedRecurringFee": one.recurring,
        "TotalAmortizedFee": fee,
        "RICostForUnusedHours": fee - one.fee_used,
        "RealizedSavings": realized,
        "UnrealizedSavings": potential - realized,
    }
    return {name: written(amount) for name, amount in shown.items()}


def percentage(part: Fraction, whole: Fraction) -> Fraction:
    return 100 * part / whole if whole else ZERO


def attributes(reservation: Reservation, status: str) -> dict[str, str]:
    """What is said of a reservation beside its numbers."""
    form = "%Y-%m-%dT%H:%M:%S.000Z"
    return {
        "accountId": reservation.account,
        "availabilityZone": reservation.zone or "",
        "endDateTime": reservation.end.strftime(form),
        "instanceType": reservation.instance_type,
        "leaseId": reservation.id,
        "numberOfInstances": str(reservation.count),
        "offeringType": reservation.payment,
        "platform": "Linux/UNIX",
        "region": reservation.region,
        "scope": "Availability Zone" if reservation.zone else "Region",
        "startDateTime": reservation.start.strftime(form),
        "subscriptionId": reservation.id,
        "subscriptionStatus": status,
        "subscriptionType": reservation.payment,
        "tenancy": "Shared",
    }


def coverage(found: Sequence[Line]) -> Result:
    """How much of what ran was covered; of the lines of instances."""
    ran = [line for line in found if line.instance_type is not None and line.record_type in (USAGE, COVERED)]
    covered = [line for line in ran if line.record_type == COVERED]
    hours, covered_hours = _sum(ran, "quantity"), _sum(covered, "quantity")
    size, covered_size = _sum(ran, "units"), _sum(covered, "units")
    return {
        "CoverageHours": _texts(
            OnDemandHours=hours - covered_hours,
            ReservedHours=covered_hours,
            TotalRunningHours=hours,
            CoverageHoursPercentage=percentage(covered_hours, hours),
        ),
        "CoverageNormalizedUnits": _texts(
            OnDemandNormalizedUnits=size - covered_size,
            ReservedNormalizedUnits=covered_size,
            TotalRunningNormalizedUnits=size,
            CoverageNormalizedUnitsPercentage=percentage(covered_size, size),
        ),
        "CoverageCost": _texts(OnDemandCost=_sum(ran, "unblended")),
    }


def _sum(found: Iterable[Line], name: str) -> Fraction:
    return sum((getattr(line, name) for line in found), ZERO)


def _texts(**amounts: Fraction) -> Mapping[str, str]:
    return {name: written(amount) for name, amount in amounts.items()}
