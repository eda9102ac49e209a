"""What has happened between two pictures, in sentences that a person would say.  Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from .picture import Fact, Picture

BAD = frozenset({"impaired", "unhealthy", "stopped", "stopping", "terminated", "shutting-down", "unavailable", "ALARM"})


@dataclass(frozen=True, slots=True)
class Happening:
    kind: str  # of the thing: instance, target, zone, alarm
    thing: str  # its key in the picture
    says: str
    bad: bool


def told(before: Picture, after: Picture) -> Iterator[Happening]:
    """In the order of the picture; nothing that is only told by AWS's own feeds (activities, stack events)."""
    for key in before.keys() | after.keys():
        if before.get(key) is after.get(key) or before.get(key) == after.get(key):
            continue
        kind, _, name = key.partition(":")
        tell = _TELLERS.get(kind)
        if tell is not None:
            yield from tell(key, name, before.get(key), after.get(key))


def _instance(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[Happening]:
    called = (after or before or {}).get("name") or name
    shown = f"{called} ({name})" if called != name else name
    state, was = (after or {"state": "terminated"})["state"], (before or {"state": ""})["state"]
    if state != was:
        where = f" in {after['zone']}" if after is not None and before is None else ""
        yield Happening("instance", key, f"{shown} is {state}{where}", state in BAD)
    check, had = (after or {}).get("check", ""), (before or {}).get("check", "")
    if check and check != had and "impaired" in (check, had):
        yield Happening("instance", key, f"{shown}: status checks say {check}", check in BAD)


def _targets(key: str, _: str, before: Fact | None, after: Fact | None) -> Iterator[Happening]:
    group = (after or before or {})["name"]
    now, had = (after or {}).get("health", {}), (before or {}).get("health", {})
    for target in now.keys() | had.keys():
        state, reason = now.get(target, ["deregistered", ""])
        if state != had.get(target, [None])[0]:
            why = f" ({reason})" if reason else ""
            yield Happening("target", key, f"{target} is {state} in {group}{why}", state in BAD)


def _zone(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[Happening]:
    if before is None or after is None:
        return
    words = {"power": "has lost its power", "network": "is cut off"}
    for kind in sorted({*after["out"]} - {*before["out"]}):
        yield Happening("zone", key, f"{name} {words[kind]}", True)
    if before["out"] and not after["out"]:
        yield Happening("zone", key, f"{name} is back", False)


def _alarm(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[Happening]:
    if after is not None and (before is None or before["state"] != after["state"]):
        yield Happening("alarm", key, f"alarm {name} is {after['state']}", after["state"] in BAD)


_TELLERS = {"instance": _instance, "targets": _targets, "zone": _zone, "alarm": _alarm}
