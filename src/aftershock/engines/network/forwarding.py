"""Ways through other ports: destinations that a router sends to a port of its own, and not to the internet segment.

The rules mark what comes from a port by the ports that its destinations go through: all that go the same ways have
the same mark.  Routing looks into its main table first, but without the default route, so that what is behind the
router, the resolver and the uplink are found as ever; then into the table of the mark.  What is in neither goes to the
internet segment, if the rules let it.  So a way whose port has no device leads nowhere: the kernel takes its route
away with the device, and ranges do not overlap, so that no wider one takes its place.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .spec import PortSpec, Via, port_device

PROTOCOL = 177  # by which our routes are told from others and listed alone; not in iproute2's table of protocols
FIRST, SECOND = 100, 200  # preferences of the rules: main without its default, then a mark's table
_NUMBERS = 1 << 30  # of tables; from here on, where none of the kernel's own is

LOOKS = ("rule show", f"route show table all proto {PROTOCOL}")


@dataclass(frozen=True, slots=True, order=True)
class Rule:
    preference: int
    number: int = 0  # of a mark and its table; 0 is the main table without its default
    odd: str = ""  # what it says, if it is none of ours in a place of ours


@dataclass(frozen=True, slots=True, order=True)
class Route:
    number: int
    destination: str
    address: str
    device: str


@dataclass(frozen=True, slots=True)
class Ways:
    """What there is, or should be, in a router; rules and routes of others are of no concern, but for their place."""

    rules: frozenset[Rule] = frozenset()
    routes: frozenset[Route] = frozenset()


def number(via: Via) -> int:
    """The mark, and table, of what goes these ways."""
    return _NUMBERS | int.from_bytes(hashlib.sha256(repr(via).encode()).digest()[:4]) >> 2


def looks(ports: Iterable[PortSpec]) -> list[str]:
    """What has to be listed to tell whether these ports' ways are there: nothing, mostly."""
    return [*LOOKS] if any(port.via for port in ports) else []


def targets(ports: Iterable[PortSpec]) -> set[str]:
    """The addresses that something goes through."""
    return {address for port in ports for _, address in port.via}


def wanted(ports: Iterable[PortSpec], devices: Mapping[str, str]) -> Ways:
    """What there should be for all ports of a router; `devices` are those that there are, by their ports' address."""
    numbers = {number(port.via): port.via for port in ports if port.via}
    return Ways(
        rules=frozenset([Rule(FIRST), *(Rule(SECOND, one) for one in numbers)] if numbers else []),
        routes=frozenset(
            Route(one, destination, address, devices[address])
            for one, via in numbers.items()
            for destination, address in via
            if address in devices
        ),
    )


def batch(seen: Ways, want: Ways) -> list[str]:
    """Lines for `ip -batch` that make of one the other."""
    places = {(route.number, route.destination) for route in want.routes}
    # An odd rule can be named by its place only, of which the kernel takes whichever is first: all of it goes.
    cleared = {rule.preference for rule in seen.rules if rule.odd}
    gone = {rule for rule in seen.rules if rule.preference in cleared or rule not in want.rules}
    return [
        *(f"rule del {f'pref {one.preference}' if one.preference in cleared else _rule(one)}" for one in sorted(gone)),
        *(
            f"route del {route.destination} table {route.number} proto {PROTOCOL}"
            for route in sorted(seen.routes - want.routes)
            if (route.number, route.destination) not in places
        ),
        *(
            f"route replace {route.destination} via {route.address} dev {route.device} onlink"
            f" table {route.number} proto {PROTOCOL}"
            for route in sorted(want.routes - seen.routes)
        ),
        *(f"rule add {_rule(rule)}" for rule in sorted(want.rules - (seen.rules - gone))),
    ]


def missing(spec: PortSpec, ports: Iterable[PortSpec], seen: Ways) -> str:
    """What of a port's ways is not there, in one sentence; empty if nothing."""
    if not spec.via:
        return ""
    devices = {port.address: port_device(port.name) for port in ports}
    want = wanted([spec], devices)
    for destination, address in spec.via:
        if address not in devices:
            return f"no port has {address}, which {destination} is to go through"
    if want.rules <= seen.rules and want.routes <= seen.routes and not any(rule.odd for rule in seen.rules):
        return ""
    return f"its way to {spec.via[0][0]} through {spec.via[0][1]} is not there as it should be"


def read(shown: str) -> Ways:
    """From what `ip -j -batch` prints for `LOOKS`, among other things."""
    rules, routes = set(), set()
    for item in (item for line in shown.splitlines() for item in json.loads(line)):
        match item:
            case {"priority": int(preference), "table": str(table)} if preference in (FIRST, SECOND):
                rules.add(_read_rule(preference, table, item))
            case {"dst": str(destination), "gateway": str(address), "dev": str(device), "table": str(table)}:
                if table.isdigit():
                    whole = "0.0.0.0/0" if destination == "default" else destination
                    routes.add(Route(int(table), whole if "/" in whole else f"{whole}/32", address, device))
    return Ways(frozenset(rules), frozenset(routes))


def _read_rule(preference: int, table: str, item: Mapping[str, Any]) -> Rule:
    rest = {key: value for key, value in item.items() if key not in ("priority", "table", "protocol")}
    if preference == FIRST and table == "main" and rest == {"src": "all", "suppress_prefixlen": 0}:
        return Rule(preference)
    if preference == SECOND and table.isdigit() and rest == {"src": "all", "fwmark": f"{int(table):#x}"}:
        return Rule(preference, int(table))
    return Rule(preference, odd=json.dumps(item, sort_keys=True))


def _rule(rule: Rule) -> str:
    if rule.preference == FIRST:
        return f"pref {rule.preference} lookup main suppress_prefixlength 0"
    return f"pref {rule.preference} fwmark {rule.number:#x} lookup {rule.number}"
