"""What has happened between two pictures, in sentences that a person would say.  Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from .picture import Fact, Picture

BAD = frozenset({"impaired", "unhealthy", "stopped", "stopping", "terminated", "shutting-down", "unavailable", "ALARM"})
MANY = 4  # so many things to which the same has happened are one sentence


@dataclass(frozen=True, slots=True)
class Happening:
    kind: str  # of the thing: instance, target, zone, alarm
    thing: str  # its key in the picture
    says: str
    bad: bool


@dataclass(frozen=True, slots=True)
class _Told:
    """To whom it has happened, and what; together they are a sentence.  What is the same of many is said once."""

    kind: str
    thing: str
    who: str
    what: str
    bad: bool


def told(before: Picture, after: Picture) -> Iterator[Happening]:
    """In the order of the picture; nothing that is only told by AWS's own feeds (activities, stack events)."""
    alike: dict[tuple[str, str], list[_Told]] = {}
    for key in {**after, **before}:  # a dictionary: of a set, the order would be another one every time
        if before.get(key) is after.get(key) or before.get(key) == after.get(key):
            continue
        kind, _, name = key.partition(":")
        tell = _TELLERS.get(kind)
        if tell is not None:
            for one in tell(key, name, before.get(key), after.get(key)):
                alike.setdefault((one.kind, one.what), []).append(one)
    for (kind, what), some in alike.items():
        if len(some) >= MANY:
            says = f"{len(some)} {kind}s{what.replace(' is ', ' are ', 1)}"
            yield Happening(kind, some[0].thing, says, some[0].bad)
        else:
            for one in some:
                yield Happening(one.kind, one.thing, f"{one.who}{what}", one.bad)


def _instance(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[_Told]:
    called = (after or before or {}).get("name") or name
    shown = f"{called} ({name})" if called != name else name
    state, was = (after or {"state": "terminated"})["state"], (before or {"state": ""})["state"]
    if state != was:
        where = f" in {after['zone']}" if after is not None and before is None else ""
        yield _Told("instance", key, shown, f" is {state}{where}", state in BAD)
    check, had = (after or {}).get("check", ""), (before or {}).get("check", "")
    if check and check != had and "impaired" in (check, had):
        yield _Told("instance", key, shown, f": status checks say {check}", check in BAD)


def _targets(key: str, _: str, before: Fact | None, after: Fact | None) -> Iterator[_Told]:
    group = (after or before or {})["name"]
    now, had = (after or {}).get("health", {}), (before or {}).get("health", {})
    for target in {**had, **now}:
        state, reason = now.get(target, ["deregistered", ""])
        if state != had.get(target, [None])[0]:
            why = f" ({reason})" if reason else ""
            yield _Told("target", key, target, f" is {state} in {group}{why}", state in BAD)


def _zone(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[_Told]:
    if before is None or after is None:
        return
    words = {"power": " has lost its power", "network": " is cut off"}
    for kind in sorted({*after["out"]} - {*before["out"]}):
        yield _Told("zone", key, name, words[kind], True)
    if before["out"] and not after["out"]:
        yield _Told("zone", key, name, " is back", False)


def _alarm(key: str, name: str, before: Fact | None, after: Fact | None) -> Iterator[_Told]:
    if after is not None and (before is None or before["state"] != after["state"]):
        yield _Told("alarm", key, f"alarm {name}", f" is {after['state']}", after["state"] in BAD)


_TELLERS = {"instance": _instance, "targets": _targets, "zone": _zone, "alarm": _alarm}
