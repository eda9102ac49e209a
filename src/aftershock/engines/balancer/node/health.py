"""Who is healthy, who gets requests, and how large a share.  Pure: time and results come in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

FULL_WEIGHT = 100
CODE, TIMEOUT, FAILED = "code", "timeout", "failed"


@dataclass(frozen=True, slots=True)
class Result:
    """Of one check."""

    passed: bool
    fault: str = ""
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one server, by all its checks so far."""

    state: Literal["initial", "healthy", "unhealthy"] = "initial"
    streak: int = 0  # checks in a row that speak against the state
    fault: str = ""
    code: int | None = None
    warm_since: float | None = None  # when its slow start began; None if it has none, or it is over


def judged(before: Verdict, result: Result, *, healthy_threshold: int, unhealthy_threshold: int) -> Verdict:
    """The verdict after one more check.

    One passed check brings a new server into service; after a failure it takes as many as the threshold says.
    """
    seen = replace(before, fault=result.fault, code=result.code)
    if before.state == ("healthy" if result.passed else "unhealthy"):
        return replace(seen, streak=0)
    if result.passed:
        needed = 1 if before.state == "initial" else healthy_threshold
        after: Literal["healthy", "unhealthy"] = "healthy"
    else:
        needed, after = unhealthy_threshold, "unhealthy"
    if before.streak + 1 >= needed:
        return Verdict(after, 0, result.fault, result.code)
    return replace(seen, streak=before.streak + 1)


def in_service(verdicts: Mapping[str, Verdict], *, minimum_healthy: int) -> frozenset[str]:
    """The servers that get requests, of those which are registered and not draining.

    With too few healthy ones it is all of them: a wrong check must not turn everybody away.  A group that is only
    new has nobody yet: its first checks are a moment away.
    """
    healthy = frozenset(server for server, verdict in verdicts.items() if verdict.state == "healthy")
    if len(healthy) >= minimum_healthy:
        return healthy
    if not any(verdict.state == "unhealthy" for verdict in verdicts.values()):
        return healthy
    return frozenset(verdicts)


def warming(verdicts: Mapping[str, Verdict], server: str, *, slow_start_s: float, now: float) -> float | None:
    """When the slow start of a server that has just become healthy begins: now, or not at all.

    There is none unless somebody else is healthy and over his own: there would be nobody to take the rest.
    """
    if slow_start_s <= 0:
        return None
    others = (verdict for other, verdict in verdicts.items() if other != server)
    ready = any(each.state == "healthy" and not is_warming(each, slow_start_s=slow_start_s, now=now) for each in others)
    return now if ready else None


def is_warming(verdict: Verdict, *, slow_start_s: float, now: float) -> bool:
    return verdict.warm_since is not None and now < verdict.warm_since + slow_start_s


def weight(verdict: Verdict, *, slow_start_s: float, now: float) -> int:
    """A server's share, from 1 to `FULL_WEIGHT`: it grows in a line over the slow start."""
    if verdict.warm_since is None or not is_warming(verdict, slow_start_s=slow_start_s, now=now):
        return FULL_WEIGHT
    return max(1, round(FULL_WEIGHT * (now - verdict.warm_since) / slow_start_s))


def matches(code: int, ranges: list[list[int]]) -> bool:
    return any(low <= code <= high for low, high in ranges)
