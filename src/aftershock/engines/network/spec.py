"""What routers, firewall groups and ports should be, and how their names look to the kernel.  No I/O.

A spec that cannot be built raises `ValueError`; what was built is in one canonical form, so that two specs that mean
the same are equal, and what is read back from the kernel equals what was asked for.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, collapse_addresses
from itertools import pairwise
from typing import Literal

ICMP, TCP, UDP = 1, 6, 17  # IANA protocol numbers

EVERYWHERE = "0.0.0.0/0"
METADATA = "169.254.169.254"
RESOLVER = "169.254.169.253"

# Names become chains, sets and comments of nftables; an element's comment holds 127 bytes, and two names and what
# else it says must fit.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_ROUTER_NETNS = "router-"

Via = tuple[tuple[str, str], ...]  # network, and the address of the port that leads there


@dataclass(frozen=True, slots=True)
class Cidr:
    """The addresses of a network, `10.0.0.0/8` or one address as a /32."""

    network: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", str(IPv4Network(self.network)))


@dataclass(frozen=True, slots=True)
class Members:
    """The private addresses of all ports that carry a group, whichever these are at the time of the packet."""

    group: str

    def __post_init__(self) -> None:
        require_name("group", self.group)


@dataclass(frozen=True, slots=True)
class Rule:
    """What may pass: from the peer in an ingress rule, to the peer in an egress rule."""

    peer: Cidr | Members
    protocol: int | None = None  # IANA number; None is every protocol
    ports: tuple[int, int] | None = None  # first and last destination port, of TCP and UDP; None is every port
    icmp: tuple[int, int | None] | None = None  # type and code; no code is every code, None is every type

    def __post_init__(self) -> None:
        if self.protocol is not None and not 0 <= self.protocol <= 255:
            raise ValueError(f"protocol {self.protocol} is not a number from 0 to 255")
        if self.ports and self.protocol not in (TCP, UDP):
            raise ValueError(f"ports {self.ports} with protocol {self.protocol}, which has none")
        if self.ports and not 0 <= self.ports[0] <= self.ports[1] <= 65535:
            raise ValueError(f"ports {self.ports} are not a range within 0 to 65535")
        if self.icmp and self.protocol != ICMP:
            raise ValueError(f"an ICMP type with protocol {self.protocol}")
        if self.icmp and not all(0 <= number <= 255 for number in self.icmp if number is not None):
            raise ValueError(f"ICMP type and code {self.icmp} are not numbers from 0 to 255")


@dataclass(frozen=True, slots=True)
class RouterSpec:
    name: str
    cidrs: tuple[str, ...]  # what is behind it; an address of these that no port has is nowhere
    dns: str  # where the resolver answers besides `RESOLVER`
    gateway_attached: bool  # whether it has a way to the internet segment at all

    def __post_init__(self) -> None:
        require_name("router", self.name)
        object.__setattr__(self, "cidrs", networks(self.cidrs))
        object.__setattr__(self, "dns", str(IPv4Address(self.dns)))


@dataclass(frozen=True, slots=True)
class GroupSpec:
    name: str
    router: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        require_name("group", self.name)
        require_name("router", self.router)


@dataclass(frozen=True, slots=True)
class PortSpec:
    name: str
    router: str
    netns: str  # the machine's
    mac: str
    address: str
    prefix_len: int  # of the segment, as the machine sees it
    gateway: str  # the segment's first address, which the router answers for
    zone: str
    groups: tuple[str, ...] = ()  # none passes nothing
    public: str | None = None
    internet: tuple[str, ...] = ()  # destinations that the segment's routes send to the internet gateway
    via: Via = ()  # destinations that they send through another port of the router, and its address
    forwards: bool = False  # packets of other senders may come from it
    # The kernel itself sends on what comes, under the port's address, and forgets connections that were idle so long.
    translates_idle_s: int | None = None

    def __post_init__(self) -> None:
        for kind in ("name", "router", "netns", "zone"):
            require_name(kind, getattr(self, kind))
        if self.netns.startswith(_ROUTER_NETNS):
            raise ValueError(f"netns {self.netns!r} would be a router's")
        for group in self.groups:
            require_name("group", group)
        if not _MAC.fullmatch(self.mac):
            raise ValueError(f"mac {self.mac!r} is not six lower-case hexadecimal pairs")
        if IPv4Address(self.gateway) not in IPv4Network(f"{self.address}/{self.prefix_len}", strict=False):
            raise ValueError(f"gateway {self.gateway} is outside {self.address}/{self.prefix_len}")
        if self.public is not None:
            IPv4Address(self.public)
        object.__setattr__(self, "groups", tuple(sorted(set(self.groups))))
        object.__setattr__(self, "internet", networks(self.internet))
        object.__setattr__(self, "via", _ways(self.via, apart_from=self.internet))
        if self.translates_idle_s is not None and (not self.forwards or self.translates_idle_s < 1):
            raise ValueError("a port that translates forwards, and remembers connections for a second at least")

    @property
    def segment(self) -> str:
        """The network that it shares with the other ports of its segment."""
        return str(IPv4Network(f"{self.gateway}/{self.prefix_len}", strict=False))


@dataclass(frozen=True, slots=True)
class Barrier:
    """Nothing passes between the networks inside it and what is outside, in either direction, open flows included.

    Inside, everything goes on.
    """

    inside: tuple[str, ...]
    against: tuple[str, ...] | Literal["everything", "internet"] = "everything"
    # Whether the resolver and the router's own pings are on its far side as well.  The metadata service never is: it
    # is each machine's own.
    whole: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", networks(self.inside))
        if isinstance(self.against, tuple):
            object.__setattr__(self, "against", networks(self.against))

    @property
    def digest(self) -> str:
        """What it is known by in the kernel, where a comment has little room."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Packets to one port vanish at a machine's own end: those that come in, or those that go out."""

    protocol: Literal["tcp", "udp"]
    port: int
    direction: Literal["ingress", "egress"]

    def __post_init__(self) -> None:
        if self.protocol not in ("tcp", "udp") or self.direction not in ("ingress", "egress"):
            raise ValueError(f"{self.protocol} {self.direction} is neither tcp nor udp, or neither in nor out")
        if not 0 < self.port <= 65535:
            raise ValueError(f"port {self.port} is not within 1 to 65535")


def networks(cidrs: Iterable[str]) -> tuple[str, ...]:
    """The fewest networks that hold the same addresses, in order; nftables refuses networks that overlap."""
    return tuple(str(network) for network in collapse_addresses(IPv4Network(cidr) for cidr in cidrs))


def _ways(via: Via, *, apart_from: Iterable[str]) -> Via:
    """In canonical form: of each address the fewest networks, all in order."""
    by_address: dict[str, list[str]] = {}
    for network, address in via:
        by_address.setdefault(str(IPv4Address(address)), []).append(network)
    found = [(network, address) for address, those in by_address.items() for network in networks(those)]
    found.sort(key=lambda one: (IPv4Network(one[0]), one[1]))
    everything = sorted(IPv4Network(one) for one in [*apart_from, *(network for network, _ in found)])
    for one, following in pairwise(everything):
        if one.overlaps(following):
            raise ValueError(f"{one} and {following} overlap, and go different ways")
    return tuple(found)


def router_netns(router: str) -> str:
    return f"{_ROUTER_NETNS}{router}"


def router_of_netns(netns: str) -> str | None:
    return netns.removeprefix(_ROUTER_NETNS) if netns.startswith(_ROUTER_NETNS) else None


def port_device(port: str) -> str:
    """The router's end of a port's veth pair.  A device's name has at most 15 characters; the alias is whole."""
    return f"p{_short(port)}"


def router_device(router: str) -> str:
    """The internet segment's end of a router's uplink."""
    return f"r{_short(router)}"


def zone_mark(zone: str) -> int:
    """The packet mark that stands for a zone.  CRC-32 tells names apart for sure that differ within four letters."""
    return zlib.crc32(zone.encode()) or 1


def segment_mark(segment: str) -> int:
    """The packet mark that stands for a segment, which shares no address with another one of its router."""
    return int(IPv4Network(segment).network_address)


def _short(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:14]


def require_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{kind} {name!r} is not 1 to 40 letters, digits, '.', '_' and '-', the first a letter or digit"
        )
