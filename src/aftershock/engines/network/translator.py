"""A machine that is none: a port's namespace in which the kernel alone sends on what comes, under its own address.

Nothing runs in it, and nobody is answered: what is addressed to itself is dropped, unless it belongs to a connection
that it has sent on.  It forgets a connection that was idle for so long; whoever goes on with one of TCP that it does
not know is told so by a reset, as by AWS's.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from aftershock.engines.errors import EngineError
from aftershock.engines.process import run

from .inside import NETNS, call_inside, set_sysctls
from .known import namespace_number
from .spec import PortSpec

COMMAND_S = 20.0
COUNTER = "carried"  # what was sent on, in either direction

_CONNTRACK = "net/netfilter/nf_conntrack"


@dataclass(frozen=True, slots=True)
class Carried:
    """What a translator has sent on since it was made; another one, or the same made anew, has another `since`."""

    since: int
    bytes: int
    packets: int


def sysctls(idle_s: int) -> dict[str, str]:
    return {
        "net/ipv4/ip_forward": "1",
        # What it sends on goes back the way that it came, which is nothing to tell the sender.
        "net/ipv4/conf/all/send_redirects": "0",
        "net/ipv4/conf/eth0/send_redirects": "0",
        # Packets in the middle of a connection that it does not know are invalid, and not the beginning of one.
        f"{_CONNTRACK}_tcp_loose": "0",
        f"{_CONNTRACK}_tcp_timeout_established": str(idle_s),
        f"{_CONNTRACK}_udp_timeout": str(idle_s),
        f"{_CONNTRACK}_udp_timeout_stream": str(idle_s),
    }


def rules(spec: PortSpec) -> str:
    """As one transaction: the rules whole, and the counter as it stands."""
    table = "ip translator"
    chains = {
        "to-us": "type filter hook input priority filter; policy drop;",
        "through": "type filter hook forward priority filter; policy accept;",
        "translate": "type nat hook postrouting priority srcnat; policy accept;",
    }
    lines = [
        f"add table {table}",
        f"add counter {table} {COUNTER}",
        *(f"add chain {table} {name} {{ {hook} }}" for name, hook in chains.items()),
        *(f"flush chain {table} {name}" for name in chains),
        *(f'add rule {table} {rule} comment "{_digest(rule)}"' for rule in _rules(spec)),
    ]
    return "".join(f"{line}\n" for line in lines)


def parse(text: str) -> tuple[str, ...]:
    """What each rule says of itself, from `nft -j list ruleset`."""
    found = (item["rule"] for item in json.loads(text)["nftables"] if "rule" in item)
    return tuple(rule.get("comment", "") for rule in found)


async def ensure(spec: PortSpec, idle_s: int) -> None:
    """Any number of times; what it knows of connections stays."""
    await call_inside(spec.netns, lambda: set_sysctls(sysctls(idle_s)))
    await run(_nft(spec.netns, "-f", "-"), stdin=rules(spec), timeout_s=COMMAND_S)


async def lacking(ports: Iterable[PortSpec]) -> dict[str, str]:
    """What those that translate lack, by name and in one sentence; nobody is asked where there are none."""
    those = [(port, port.translates_idle_s) for port in ports if port.translates_idle_s is not None]
    missing = await asyncio.gather(*(_missing(port, idle_s) for port, idle_s in those))
    return {port.name: lack for (port, _), lack in zip(those, missing, strict=True)}


async def _missing(spec: PortSpec, idle_s: int) -> str:
    if not (NETNS / spec.netns).exists():
        return f"there is no namespace {spec.netns}"
    try:
        if wrong := await call_inside(spec.netns, lambda: _differing(idle_s)):
            return f"its setting {wrong} is another"
        found = parse(await run(_nft(spec.netns, "--json", "list", "ruleset"), timeout_s=COMMAND_S))
    except EngineError:
        if (NETNS / spec.netns).exists():
            raise
        return "its namespace went while it was looked at"
    return "" if found == tuple(map(_digest, _rules(spec))) else "its rules for translation are others"


async def carried(netns: str) -> Carried | None:
    """None if there is no such translator."""
    if not (NETNS / netns).exists():
        return None
    argv = _nft(netns, "--json", "list", "counters")
    try:
        since, shown = await call_inside(netns, namespace_number), await run(argv, timeout_s=COMMAND_S)
    except EngineError:
        if (NETNS / netns).exists():
            raise
        return None  # it went while we looked
    for item in json.loads(shown)["nftables"]:
        match item:
            case {"counter": {"name": name, "bytes": int(octets), "packets": int(packets)}} if name == COUNTER:
                return Carried(since, octets, packets)
    return None


def _rules(spec: PortSpec) -> tuple[str, ...]:
    return (
        "to-us ct state established,related accept",
        "through meta l4proto tcp ct state invalid reject with tcp reset",
        "through ct state invalid drop",
        f"through counter name {COUNTER}",
        f"translate snat to {spec.address}",
    )


def _digest(rule: str) -> str:
    return hashlib.sha256(rule.encode()).hexdigest()[:32]


def _nft(netns: str, *words: str) -> list[str]:
    return ["nsenter", f"--net={NETNS / netns}", "nft", *words]


def _differing(idle_s: int) -> str:
    for name, value in sysctls(idle_s).items():
        try:
            if (Path("/proc/sys") / name).read_text().strip() != value:
                return name
        except OSError:
            return name
    return ""
