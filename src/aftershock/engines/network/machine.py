"""A port's other end, in its machine's namespace, as the machine sees it."""

import json
from dataclasses import dataclass

from aftershock.engines.errors import EngineError
from aftershock.engines.process import run

from .inside import NETNS, call_inside, has_device
from .spec import PortSpec, port_device, router_netns

COMMAND_S = 20.0


@dataclass(frozen=True, slots=True)
class End:
    mac: str
    up: bool
    addresses: tuple[str, ...]  # with prefix length
    peer_index: int | None  # of the device at the other end of the pair, in its own namespace
    gateways: tuple[str, ...]  # of its default routes


async def leads_to(spec: PortSpec) -> bool:
    """Whether the port's device in the router has its other end in what is the machine's namespace now."""
    end = await _observe(spec.netns)
    return end is not None and end.peer_index == await _index(spec)


async def missing(spec: PortSpec) -> str:
    """What the machine's end lacks of the spec, in one sentence; empty if nothing.

    A machine may change its own end as it likes, so this is no sign that somebody failed.
    """
    end = await _observe(spec.netns)
    if end is None or end.peer_index != await _index(spec):
        return f"no device of namespace {spec.netns} belongs to the port"
    if not end.up or end.mac != spec.mac:
        return f"eth0 is {'up' if end.up else 'down'} and has the address {end.mac}"
    if f"{spec.address}/{spec.prefix_len}" not in end.addresses:
        return f"eth0 has not {spec.address}/{spec.prefix_len}, but {' '.join(end.addresses) or 'no address'}"
    if spec.gateway not in end.gateways:
        return f"there is no way out through {spec.gateway}"
    return ""


def parse(addresses: str, routes: str) -> End | None:
    """From `ip -j address show` and `ip -j route show default`."""
    link = next((link for link in json.loads(addresses) if link.get("ifname") == "eth0"), None)
    if link is None:
        return None
    return End(
        mac=link["address"],
        up="UP" in link["flags"],
        addresses=tuple(f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["family"] == "inet"),
        peer_index=link.get("link_index"),
        gateways=tuple(route["gateway"] for route in json.loads(routes or "[]") if "gateway" in route),
    )


async def _observe(netns: str) -> End | None:
    if not (NETNS / netns).exists():
        return None
    show = ["ip", "-n", netns, "-j"]
    try:
        addresses = await run([*show, "address", "show"], timeout_s=COMMAND_S)
        routes = await run([*show, "route", "show", "default"], timeout_s=COMMAND_S)
    except EngineError:
        if (NETNS / netns).exists():
            raise
        return None  # it went while we looked
    return parse(addresses, routes)


async def _index(spec: PortSpec) -> int | None:
    return await call_inside(router_netns(spec.router), lambda: has_device(port_device(spec.name)))
