"""What PutMetricData may say."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from aftershock.aws.call import Params
from aftershock.aws.metrics import Datum, Dimensions

from .errors import bad_value, invalid_combination, invalid_value, missing, too_many

MAX_DATA = 1000
MAX_VALUES = 150
MAX_DIMENSIONS = 30
LARGEST = 2.0**360  # AWS: "Values must be in the range of -2^360 to 2^360. Special values … are not supported."
PAST_S, FUTURE_S = 14 * 86400, 2 * 3600
AWS_PREFIX = "AWS/"


def dimensions(given: Sequence[Mapping[str, str]] | None, parameter: str) -> Dimensions:
    """
    Raises:
        AwsError: InvalidParameterValue, for a name given twice, or text that is none
    """
    pairs = [(one["Name"], one["Value"]) for one in given or ()]
    if len(pairs) > MAX_DIMENSIONS:
        raise too_many(parameter, MAX_DIMENSIONS)
    for position, (name, value) in enumerate(pairs, start=1):
        for text, what in ((name, "Name"), (value, "Value")):
            if not _is_plain(text):
                raise bad_value(text, f"{parameter}.member.{position}.{what}")
        if name.startswith(":"):
            raise bad_value(name, f"{parameter}.member.{position}.Name")
    if len({name for name, _ in pairs}) < len(pairs):
        raise invalid_value(f"The parameter {parameter} must not contain a dimension name more than once.")
    return tuple(sorted(pairs))


def _is_plain(text: str) -> bool:
    """AWS: "must contain only ASCII characters, must include at least one non-whitespace character"; "ASCII control
    characters are not supported"."""
    return text.isascii() and text.isprintable() and bool(text.strip())


def check_namespace(namespace: str, *, by_service: bool) -> None:
    """
    Raises:
        AwsError: InvalidParameterValue, for AWS's own namespaces unless one of AWS's services asks
    """
    if (namespace.startswith(AWS_PREFIX) and not by_service) or not _is_plain(namespace):
        raise bad_value(namespace, "Namespace")


def data(params: Params, now: datetime, pace: float, *, by_service: bool) -> list[tuple[Datum, int]]:
    """What is to be recorded, each with its resolution in nominal seconds.

    Raises:
        AwsError: AWS's refusals
    """
    check_namespace(params["Namespace"], by_service=by_service)
    if params.get("EntityMetricData"):
        raise invalid_value("The parameter EntityMetricData is not supported in this region.")
    given = params.get("MetricData")
    if not given:
        raise missing("The parameter MetricData is required.")
    if len(given) > MAX_DATA:
        raise too_many("MetricData", MAX_DATA)
    return [
        (_datum(params["Namespace"], one, f"MetricData.member.{position}", now, pace), _resolution(one, position))
        for position, one in enumerate(given, start=1)
    ]


def _resolution(one: Mapping[str, Any], position: int) -> int:
    """AWS: "Valid values are 1 and 60"."""
    resolution = int(one.get("StorageResolution") or 60)
    if resolution not in (1, 60):
        raise bad_value(resolution, f"MetricData.member.{position}.StorageResolution")
    return resolution


def _datum(namespace: str, one: Mapping[str, Any], path: str, now: datetime, pace: float) -> Datum:
    if not _is_plain(one["MetricName"]):
        raise bad_value(one["MetricName"], f"{path}.MetricName")
    at = one.get("Timestamp") or now
    if at < now - timedelta(seconds=PAST_S / pace):
        raise invalid_value(f"The parameter {path}.Timestamp must specify a time within the past two weeks.")
    if at > now + timedelta(seconds=FUTURE_S / pace):
        raise invalid_value(f"The parameter {path}.Timestamp must specify a time no more than two hours in the future.")
    count, total, minimum, maximum, values, counts = _samples(one, path)
    return Datum(
        namespace=namespace,
        name=one["MetricName"],
        dimensions=dimensions(one.get("Dimensions"), f"{path}.Dimensions"),
        unit=one.get("Unit") or "None",
        at=at,
        sample_count=count,
        sum=total,
        minimum=minimum,
        maximum=maximum,
        values=values,
        counts=counts,
    )


_Samples = tuple[float, float, float, float, tuple[float, ...], tuple[float, ...]]


def _samples(one: Mapping[str, Any], path: str) -> _Samples:
    ways = [name for name in ("Value", "Values", "StatisticValues") if one.get(name) not in (None, [])]
    if not ways:
        raise invalid_combination(
            f"At least one of the parameters {path}.Value and {path}.StatisticValues must be specified."
        )
    if len(ways) > 1:
        raise invalid_combination(
            f"The parameters {path}.{ways[0]} and {path}.{ways[1]} are mutually exclusive and you have specified both."
        )
    match ways[0]:
        case "Value":
            value = _number(one["Value"], f"{path}.Value")
            return 1.0, value, value, value, (), ()
        case "Values":
            return _listed(one, path)
    return _summed(one["StatisticValues"], f"{path}.StatisticValues")


def _listed(one: Mapping[str, Any], path: str) -> _Samples:
    given, times = one["Values"], one.get("Counts") or [1.0] * len(one["Values"])
    for name in ("Values", "Counts"):
        if len(one.get(name) or ()) > MAX_VALUES:
            raise too_many(f"{path}.{name}", MAX_VALUES)
    if len(given) != len(times):
        raise invalid_value(f"The parameters {path}.Values and {path}.Counts must be of the same size.")
    values = tuple(_number(value, f"{path}.Values.member.{at}") for at, value in enumerate(given, start=1))
    counts = tuple(_number(count, f"{path}.Counts.member.{at}") for at, count in enumerate(times, start=1))
    for position, count in enumerate(counts, start=1):
        if count <= 0:
            raise bad_value(_spelt(count), f"{path}.Counts.member.{position}")
    total = math.fsum(value * count for value, count in zip(values, counts, strict=True))
    return math.fsum(counts), total, min(values), max(values), values, counts


def _summed(given: Mapping[str, float], path: str) -> _Samples:
    numbers = {name: _number(given[name], f"{path}.{name}") for name in ("SampleCount", "Sum", "Minimum", "Maximum")}
    if numbers["SampleCount"] <= 0:
        raise bad_value(_spelt(numbers["SampleCount"]), f"{path}.SampleCount")
    if numbers["Minimum"] > numbers["Maximum"]:
        raise invalid_value(f"The parameter {path}.Maximum must be greater than {path}.Minimum.")
    return numbers["SampleCount"], numbers["Sum"], numbers["Minimum"], numbers["Maximum"], (), ()


def _number(value: float, parameter: str) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise bad_value(_spelt(value), parameter)
    return float(value)


def _spelt(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)
