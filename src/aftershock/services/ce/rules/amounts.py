"""Amounts as Cost Explorer writes them, and the metrics that they are of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

from aftershock.aws.call import Result

from .errors import invalid
from .lines import Line

PLACES = Decimal("1E-10")
PRECISION = 50

# There is one account, without discounts: blended and net costs are the unblended ones.
METRICS: Mapping[str, Callable[[Line], Fraction]] = {
    "AmortizedCost": lambda line: line.amortized,
    "BlendedCost": lambda line: line.unblended,
    "NetAmortizedCost": lambda line: line.amortized,
    "NetUnblendedCost": lambda line: line.unblended,
    "NormalizedUsageAmount": lambda line: line.units,
    "UnblendedCost": lambda line: line.unblended,
    "UsageQuantity": lambda line: line.quantity,
}


def written(amount: Fraction) -> str:
    """A decimal number of at most ten places, as in "0.0104"."""
    with localcontext() as context:
        context.prec = PRECISION
        number = (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(PLACES)
        text = f"{number.normalize():f}"
    return "0" if text == "-0" else text


def checked(names: Sequence[str] | None) -> list[str]:
    """The metrics asked for, in the service's spelling; it takes "UNBLENDED_COST" as well.

    Raises:
        AwsError: ValidationException
    """
    if not names:
        raise invalid("At least one metric has to be given.")
    known = {name.lower(): name for name in METRICS}
    found = [known.get(name.replace("_", "").lower()) for name in names]
    if None in found:
        raise invalid(f"Metrics are invalid. Valid metrics are: {', '.join(METRICS)}")
    return [name for name in dict.fromkeys(found) if name is not None]


def metrics(names: Iterable[str], found: Sequence[Line]) -> dict[str, Result]:
    return {
        name: {
            "Amount": written(sum((METRICS[name](line) for line in found), Fraction(0))),
            "Unit": _unit(name, found),
        }
        for name in names
    }


def _unit(name: str, found: Sequence[Line]) -> str:
    """AWS: quantities of several units are added up all the same, and have none."""
    if name.endswith("Cost"):
        return "USD"
    units = {line.unit for line in found}
    return units.pop() if len(units) == 1 and name == "UsageQuantity" else "N/A"
