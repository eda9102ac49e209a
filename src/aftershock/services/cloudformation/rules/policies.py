"""CreationPolicy and UpdatePolicy: what a resource waits for besides itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import TemplateError
from .functions import spelt

_DURATION = re.compile(r"P(?=.)(?:T(?=.)(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)")
DEFAULT_TIMEOUT_S = 300.0  # AWS: "By default, this is PT5M"
MOST_S = 12 * 3600.0  # AWS: "The maximum duration is 12 hours"
ROLLING = "AutoScalingRollingUpdate"
REPLACING = "AutoScalingReplacingUpdate"
SCHEDULED = "AutoScalingScheduledAction"


def duration_s(text: str) -> float:
    """An ISO 8601 duration of hours, minutes and seconds.

    Raises:
        TemplateError
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise TemplateError(f"Invalid timeout format. Timeout must be in ISO8601 duration format; found {text}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)


@dataclass(frozen=True, slots=True)
class Awaited:
    """Signals that a resource needs to be complete."""

    count: int
    timeout_s: float
    percent: int = 100  # of successes, that make a group good


def awaited(policy: Any) -> Awaited | None:
    """
    Raises:
        TemplateError: the CreationPolicy is not as it may be
    """
    if policy is None:
        return None
    if not isinstance(policy, Mapping) or policy.keys() - {"ResourceSignal", "AutoScalingCreationPolicy"}:
        raise TemplateError("CreationPolicy may have ResourceSignal and AutoScalingCreationPolicy only")
    signal = policy.get("ResourceSignal", {})
    group = policy.get("AutoScalingCreationPolicy", {})
    if not isinstance(signal, Mapping) or signal.keys() - {"Count", "Timeout"}:
        raise TemplateError("ResourceSignal may have Count and Timeout only")
    if not isinstance(group, Mapping) or group.keys() - {"MinSuccessfulInstancesPercent"}:
        raise TemplateError("AutoScalingCreationPolicy may have MinSuccessfulInstancesPercent only")
    timeout_s = duration_s(str(signal["Timeout"])) if "Timeout" in signal else DEFAULT_TIMEOUT_S
    return Awaited(
        count=whole(signal.get("Count", 1), "Count"),
        timeout_s=min(timeout_s, MOST_S),
        percent=whole(group.get("MinSuccessfulInstancesPercent", 100), "MinSuccessfulInstancesPercent"),
    )


def whole(value: Any, name: str) -> int:
    text = spelt(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise TemplateError(f"{name} must be a whole number; found {text}")
    return int(text)


def judged(wanted: Awaited, statuses: Mapping[str, str], *, group: bool) -> tuple[bool, str | None]:
    """Whether the signals that came are enough, and, if they never will be, why."""
    bad = [who for who, status in statuses.items() if status == "FAILURE"]
    good = len(statuses) - len(bad)
    if not group:
        if bad:
            return False, f"Received FAILURE signal with UniqueId {bad[0]}"
        return good >= wanted.count, None
    needed = -(-wanted.count * wanted.percent // 100)
    if good >= needed and len(statuses) >= min(wanted.count, needed):
        return True, None
    if len(bad) > wanted.count - needed:
        return False, (
            f"Received {len(bad)} FAILURE signal(s) out of {wanted.count}. Unable to satisfy {wanted.percent}% "
            "MinSuccessfulInstancesPercent requirement"
        )
    return False, None
