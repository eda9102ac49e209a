"""Namespaces, veth pairs, addresses and routes of routers and ports, as lines for `ip -batch`, and read back.

There is no bridge.  A machine has its segment's address and prefix length, but its way to everything, its own segment
too, is its gateway, so every packet meets the router's rules.  (An on-link segment, with the router answering ARP for
all of it, works as well and the router does answer; but then every machine keeps a neighbour entry for every other
one, in a table that the whole host shares and that is full at 1024.)  On the router's side each machine is a host
route and a permanent neighbour: no broadcast, and no answer to anyone who claims another's address.

Inside, packets are 9001 bytes long, as in the world that the machines' software comes from; outside, 1500.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from .firewall import UPLINK
from .spec import METADATA, RESOLVER, PortSpec, RouterSpec, port_device, router_device, router_netns

INSIDE_MTU = 9001
OUTSIDE_MTU = 1500

# The uplinks' own addresses are link-local, since any other may be a machine's.  Both ends are the same for all
# routers; besides, each router has one of its own there, which the resolver's answers find (`uplink_address`).
OUTSIDE_END = "169.254.128.1"
ROUTER_END = "169.254.128.2"

ROUTER_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/default/proxy_arp": "1",
    "net/ipv6/conf/all/disable_ipv6": "1",
    "net/ipv6/conf/default/disable_ipv6": "1",
}


@dataclass(frozen=True, slots=True)
class Wire:
    """The router's end of a port as the kernel has it."""

    port: str  # the alias
    up: bool  # both ends
    gateway: str | None
    address: str | None
    mac: str | None  # where packets for the address go


def uplink(spec: RouterSpec) -> list[str]:
    """In the internet segment, once the router's namespace is there."""
    device = router_device(spec.name)
    return [
        f"link add name {device} mtu {OUTSIDE_MTU} type veth"
        f" peer name {UPLINK} mtu {OUTSIDE_MTU} netns {router_netns(spec.name)}",
    ]


def uplink_address(index: int) -> str:
    """A router's own address on its uplink, from the index of the device at the other end: no two have the same."""
    if not 0 < index < 0x8000:
        raise ValueError(f"device index {index} is beyond the addresses of uplinks")
    return f"169.254.{index >> 8}.{index & 255}"


def outside_end(spec: RouterSpec, own: str) -> list[str]:
    device = router_device(spec.name)
    return [
        f"address replace {OUTSIDE_END}/32 peer {own}/32 dev {device}",
        f"link set {device} up alias {spec.name}",
    ]


def router_end(spec: RouterSpec, own: str, present_cidrs: Iterable[str]) -> list[str]:
    """In the router's namespace."""
    return [
        "link set lo up",
        f"address replace {METADATA}/32 dev lo",
        f"address replace {own}/32 peer {OUTSIDE_END}/32 dev {UPLINK}",
        f"address replace {ROUTER_END}/32 dev {UPLINK}",
        f"link set {UPLINK} up alias {spec.name}",
        f"route replace default via {OUTSIDE_END} dev {UPLINK}",
        f"route replace {RESOLVER}/32 via {OUTSIDE_END} dev {UPLINK}",
        f"route replace {spec.dns}/32 via {OUTSIDE_END} dev {UPLINK}",
        *(f"route del blackhole {cidr}" for cidr in present_cidrs if cidr not in spec.cidrs),
        # What no port has is nowhere; above all it is not on the internet.
        *(f"route replace blackhole {cidr}" for cidr in spec.cidrs),
    ]


def add_port(spec: PortSpec) -> str:
    """Both ends at once and in place: to move a device between namespaces afterwards costs more than to make it."""
    return (
        f"link add name {port_device(spec.name)} mtu {INSIDE_MTU} netns {router_netns(spec.router)} type veth"
        f" peer name eth0 mtu {INSIDE_MTU} address {spec.mac} netns {spec.netns}"
    )


def port_end(spec: PortSpec) -> list[str]:
    """In the router's namespace."""
    device = port_device(spec.name)
    return [
        f"address replace {spec.gateway}/32 peer {spec.address}/32 dev {device}",
        f"neighbour replace {spec.address} lladdr {spec.mac} dev {device} nud permanent",
        # For machines that were told that their segment is on-link: the router answers for it, and without waiting
        # up to 0.8 s for somebody else.
        f"ntable change name arp_cache dev {device} proxy_delay 0",
        f"link set {device} up alias {spec.name}",
    ]


def machine_end(spec: PortSpec) -> list[str]:
    """In the machine's namespace."""
    return [
        "link set lo up",
        "link set eth0 up",
        f"address replace {spec.address}/{spec.prefix_len} dev eth0 noprefixroute",
        f"route replace {spec.gateway}/32 dev eth0 scope link src {spec.address}",
        f"route replace default via {spec.gateway} dev eth0 src {spec.address}",
    ]


def public_route(public: str, router: str, source: str) -> str:
    """In the internet segment; `source` is what the segment's own host is seen as."""
    return f"route replace {public}/32 via {ROUTER_END} dev {router_device(router)} onlink src {source}"


WIRES = ("address show", "neighbour show nud permanent")  # in a router; one program less than asked one by one


def wires_of(ports: Iterable[PortSpec]) -> list[str]:
    """`WIRES`, of these ports alone; an error if one of them has no device."""
    return [f"{line} dev {port_device(port.name)}" for port in ports for line in WIRES]


def read_wires(shown: str) -> dict[str, Wire]:
    """From what `ip -j -d -batch` prints for `WIRES` or `wires_of`, by device.

    Each command prints a list, or nothing.  A neighbour that was asked for by its device does not tell it again, but
    comes behind it.
    """
    links: dict[str, dict[str, Any]] = {}
    macs: dict[tuple[str, str], str | None] = {}
    device = ""
    for item in (item for line in shown.splitlines() for item in json.loads(line)):
        if "ifname" in item:
            device = item["ifname"]
            links[device] = item
        elif "PERMANENT" in item.get("state", []):
            macs[item.get("dev", device), item["dst"]] = item.get("lladdr")
    return {device: _wire(link, macs) for device, link in links.items()}


def _wire(link: dict[str, Any], macs: dict[tuple[str, str], str | None]) -> Wire:
    inet: dict[str, Any] = next((address for address in link["addr_info"] if address["family"] == "inet"), {})
    peer = inet.get("address")
    return Wire(
        port=link.get("ifalias", ""),
        up={"UP", "LOWER_UP"} <= set(link["flags"]),
        gateway=inet.get("local") if peer else None,
        address=peer,
        mac=macs.get((link["ifname"], peer)) if peer else None,
    )


def missing(spec: PortSpec, wire: Wire | None, routed: Collection[str]) -> str:
    """What the router's end and the internet segment lack of the spec, in one sentence; empty if nothing."""
    if wire is None or wire.port != spec.name:
        return "the router has no device for it"
    if (wire.gateway, wire.address, wire.mac) != (spec.gateway, spec.address, spec.mac):
        return f"its device leads from {wire.gateway} to {wire.address} at {wire.mac}"
    if not wire.up:
        return "its device is down, or the machine's"
    if spec.public and spec.public not in routed:
        return f"{spec.public} is not routed to its router"
    return ""


def public_routes_of(ports: Iterable[PortSpec]) -> list[str]:
    """In the internet segment, what leads to these ports' public addresses."""
    return [f"route show {port.public}/32 dev {router_device(port.router)}" for port in ports if port.public]


def read_destinations(routes: str) -> frozenset[str]:
    """From what `ip -j -batch` prints for some `route show`."""
    return frozenset(route["dst"] for line in routes.splitlines() for route in json.loads(line))


def read_blackholes(routes: str) -> tuple[str, ...]:
    """From `ip -j route show type blackhole`."""
    return tuple(r["dst"] if "/" in r["dst"] else f"{r['dst']}/32" for r in json.loads(routes or "[]"))
