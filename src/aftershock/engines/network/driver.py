"""Brings routers, firewall groups and ports to their specs, and says what the kernel has of them.

It runs in the internet segment's namespace.  The register of what there is are the routers' nftables tables, which
hold a port from before its devices are made until after they are gone (`tables`).
"""

import asyncio
import socket
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from aftershock.engines.errors import EngineError
from aftershock.engines.process import run

from . import acls, blackholes, firewall, forwarding, machine, outside, table, translator, wiring
from .acls import AclSpec
from .echo import Echoes
from .flows import forget_private, forget_public
from .inside import NETNS, call_inside, has_device, set_sysctls
from .spec import (
    Barrier,
    Blackhole,
    GroupSpec,
    PortSpec,
    RouterSpec,
    port_device,
    router_device,
    router_netns,
    router_of_netns,
)
from .tables import COMMAND_S, Tables, nft_in

FEW = 4  # one of so many ports asked for by itself costs what all of them cost together


@dataclass(frozen=True, slots=True)
class ObservedPort:
    spec: PortSpec
    missing: str  # what of it is not as the spec says, in one sentence; empty if nothing


class Network:
    """All routers of the namespace it runs in.

    Each method may be called any number of times and interrupted anywhere; the next call ends in the same place.
    Different names may be worked on at once.

    Raises (each method):
        EngineError: the kernel refused; the message ends with the last words of the program that asked it.
    """

    def __init__(self, segment: outside.Outside | None = None) -> None:
        self._outside = segment or outside.Outside()
        self._changes = asyncio.Lock()  # of what is read first and written then
        self._tables = Tables()
        self._echoes = Echoes()

    # --- routers -----------------------------------------------------------------------------------------------

    async def ensure_outside(self) -> None:
        """Have the internet segment itself: forwarding, its host's address, its rules."""
        await asyncio.to_thread(set_sysctls, outside.SYSCTLS)
        await run(["nft", "-f", "-"], stdin=outside.rules(self._outside), timeout_s=COMMAND_S)
        await _ip(outside.batch(self._outside, present=has_device(outside.NOWHERE) is not None))

    async def ensure_router(self, spec: RouterSpec) -> None:
        await self.ensure_outside()
        netns, device = router_netns(spec.name), router_device(spec.name)
        if not _has_netns(netns):
            self._echoes.leave(netns)
            await _ip(_new_netns(netns))
        # Before there is any device: each takes over what stands under `default` when it comes.
        await call_inside(netns, lambda: set_sysctls(wiring.ROUTER_SYSCTLS))
        await self._tables.transact(spec.name, firewall.router(spec))
        if has_device(device) and not await call_inside(netns, lambda: has_device(firewall.UPLINK)):
            await _remove_device(device)  # it leads into a namespace that lost its name
        if not has_device(device):
            await _ip(wiring.uplink(spec))
        own = wiring.uplink_address(socket.if_nametoindex(device))
        await _ip(wiring.outside_end(spec, own))
        await _ip(wiring.router_end(spec, own, await _blackholes(spec.name)), netns)

    async def remove_router(self, name: str) -> None:
        """Refused while it has ports; its groups go with it.  Removing what is not there is no error."""
        if _has_netns(router_netns(name)):
            found = await self._table(name)
            if found and found.ports:
                raise EngineError(f"router {name} still has ports: {', '.join(sorted(found.ports))}")
        # By itself, since a socket that someone has in there keeps the namespace and its end alive.
        await _remove_device(router_device(name))
        self._echoes.leave(router_netns(name))
        await _remove_netns(router_netns(name))
        self._tables.forget(name)

    async def list_routers(self) -> tuple[RouterSpec, ...]:
        tables = await asyncio.gather(*(self._table(name, with_cidrs=True) for name in _routers()))
        return tuple(found.spec for found in tables if found)

    async def ping(self, router: str, address: str, timeout_s: float) -> bool:
        """Whether a machine answers its router.  Firewall groups do not stand between the two; a cut zone does."""
        return await self._echoes.ping(router_netns(router), address, timeout_s)

    # --- groups ------------------------------------------------------------------------------------------------

    async def ensure_group(self, spec: GroupSpec) -> None:
        """New flows of the ports that carry the group meet its rules at once; tracked ones go on."""
        await self._tables.transact(spec.router, firewall.group(spec), lambda now: now.with_group(spec))
        await self._drop_loose_members(spec.router)

    async def remove_group(self, router: str, name: str) -> None:
        """Refused by the kernel while a port carries it; as a peer in other groups' rules it has no members."""
        if not _has_netns(router_netns(router)):
            return
        found = await self._table(router)
        if found and name in found.groups:
            await self._tables.transact(router, firewall.remove_group(name), lambda now: now.without_group(name))
        await self._drop_loose_members(router)

    async def list_groups(self) -> tuple[GroupSpec, ...]:
        tables = await asyncio.gather(*map(self._table, _routers()))
        return tuple(group for found in tables if found for group in found.groups.values())

    async def _drop_loose_members(self, router: str) -> None:
        found = await self._tables.of(router)
        if found is None or not found.loose_members:
            return
        async with self._changes:
            loose = sorted((await self._require_table(router)).loose_members)
            if loose:
                text = firewall.remove_members(loose)
                await self._tables.transact(router, text, lambda now: now.without_members(loose))

    # --- ports -------------------------------------------------------------------------------------------------

    async def ensure_port(self, spec: PortSpec) -> None:
        """Have the machine's namespace, its device and way out, and the rules of exactly this spec.

        A change of groups leaves tracked flows alone; a change of the public address ends those over the old one.  A
        public address that another port has is taken from it.
        """
        device = port_device(spec.name)
        there = await call_inside(router_netns(spec.router), lambda: has_device(device))
        # The rules come first: whenever we are stopped, the port passes nothing rather than everything, and is found.
        await (self._change_rules(spec) if there else self._add_rules(spec))
        if there and not await machine.leads_to(spec):
            await _remove_device(device, router_netns(spec.router))
            there = False
        lines = [] if _has_netns(spec.netns) else _new_netns(spec.netns)
        lines += [] if there else [wiring.add_port(spec)]
        lines += [wiring.public_route(spec.public, spec.router, self._outside.host)] if spec.public else []
        if lines:
            await _ip(lines)
        ends = await asyncio.gather(
            _ip(wiring.port_end(spec), router_netns(spec.router)),
            _ip(wiring.machine_end(spec), spec.netns),
            return_exceptions=True,  # so that neither is still at work when the other has failed
        )
        for error in ends:
            if error is not None:
                raise error
        if spec.translates_idle_s is not None:
            await translator.ensure(spec, spec.translates_idle_s)
        await self._settle_ways(spec)

    async def remove_port(self, name: str, *, router: str | None = None) -> None:
        """Take the port away, and the machine's namespace with it; removing what is not there is no error."""
        for where in [router] if router else _routers():
            old = await self._port(where, name)
            if old is None:
                continue
            if old.public:
                await self._unroute(old.public, where)
            await _remove_device(port_device(name), router_netns(where))
            await _remove_netns(old.netns)
            # Once it has no device, nothing can track a flow of it again.
            await call_inside(router_netns(where), partial(forget_private, old.address))
            await self._tables.transact(where, firewall.remove_port(old), lambda now: now.without_port(name))
            if old.via:
                await self._settle_ways(old)

    async def list_ports(self) -> tuple[ObservedPort, ...]:
        per_router = await asyncio.gather(*map(self._observe_router, _routers()))
        return tuple(port for ports in per_router for port in ports)

    async def observe_ports(self, names: Collection[str]) -> tuple[ObservedPort, ...]:
        """Those of `list_ports` that have these names, for what they are and not for what all are."""
        per_router = await asyncio.gather(*(self._observe_some(router, names) for router in _routers()))
        return tuple(port for ports in per_router for port in ports)

    async def observe_port(self, name: str, *, router: str | None = None) -> ObservedPort | None:
        """One of `list_ports`, and besides what its machine's own end looks like."""
        for where in [router] if router else _routers():
            for port in await self._observe_some(where, [name]):
                return ObservedPort(port.spec, port.missing or await machine.missing(port.spec))
        return None

    async def carried(self, netns: str) -> translator.Carried | None:
        """What a port that translates has sent on; None if there is none in that namespace."""
        return await translator.carried(netns)

    async def _settle_ways(self, changed: PortSpec) -> None:
        """Have the router's ways as its rules say, if they concern this port; what nobody goes leads nowhere."""
        async with self._changes:
            ports = (await self._require_table(changed.router)).ports.values()
            through = forwarding.targets(ports)
            if not changed.via and changed.address not in through:
                return
            netns = router_netns(changed.router)
            named = {port.address: port_device(port.name) for port in ports if port.address in through}
            there = await call_inside(netns, lambda: {device for device in named.values() if has_device(device)})
            devices = {address: device for address, device in named.items() if device in there}
            seen = forwarding.read(await _shown(forwarding.LOOKS, netns))
            if lines := forwarding.batch(seen, forwarding.wanted(ports, devices)):
                await _ip(lines, netns)

    async def _add_rules(self, spec: PortSpec) -> None:
        """The rules of a port that has no device, so that most likely there is nothing to be read and compared."""
        try:
            await self._tables.transact(spec.router, firewall.port(None, spec), lambda now: now.with_port(spec))
        except EngineError:  # there are some after all (we were stopped half way, or it is another's), or no group yet
            await self._change_rules(spec)

    async def _change_rules(self, spec: PortSpec) -> None:
        async with self._changes:
            found = await self._require_table(spec.router)
            old = present = found.ports.get(spec.name)
            if old and _fixed(old) != _fixed(spec):
                raise EngineError(f"port {spec.name} is {_fixed(old)}; to make it {_fixed(spec)}, remove it first")
            for other in found.ports.values():
                if other.name != spec.name and other.address == spec.address:
                    raise EngineError(f"address {spec.address} of port {spec.name} is still that of port {other.name}")
            holder = found.holder_of(spec.public) if spec.public else None
            if holder and holder.name != spec.name:
                await self._drop_public(holder)
            if old and old.public and old.public != spec.public:
                await self._unroute(old.public, old.router)  # first, while the rules still tell that there is a route
                present = await self._drop_public(old)
            for public in sorted(found.forgetting):  # where somebody was stopped on the way
                await self._forget_public(spec.router, public)
            if present != spec:
                new_groups = [name for name in spec.groups if name not in found.groups]
                text = firewall.port(present, spec, new_groups)
                await self._tables.transact(spec.router, text, None if new_groups else lambda now: now.with_port(spec))

    async def _drop_public(self, port: PortSpec) -> PortSpec:
        without = replace(port, public=None)
        await self._tables.transact(port.router, firewall.port(port, without))
        if port.public:
            # While no one has it, so that nothing tracks a flow to its former holder again.
            await self._forget_public(port.router, port.public)
        return without

    async def _forget_public(self, router: str, public: str) -> None:
        await call_inside(router_netns(router), lambda: forget_public(public))
        await self._tables.transact(router, firewall.forgotten(public))

    async def _unroute(self, public: str, router: str) -> None:
        """Not if its route leads elsewhere by now."""
        device = router_device(router)
        shown = await run(["ip", "-j", "route", "show", f"{public}/32", "dev", device], timeout_s=COMMAND_S)
        if shown.strip() not in ("", "[]", "[ ]"):
            await _ip([f"route del {public}/32 dev {device}"])

    async def _observe_some(self, router: str, names: Collection[str]) -> list[ObservedPort]:
        ports = found.ports if (found := await self._table(router)) else {}
        some = [ports[name] for name in names if name in ports]
        if not some:
            return []
        if len(some) * FEW < len(ports):
            try:
                return await self._observe(router, ports, some, wiring.wires_of(some), wiring.public_routes_of(some))
            except EngineError:
                pass  # one of them has no device, which only the list of all tells from the others
        everything = await self._observe_router(router)
        return [port for port in everything if port.spec.name in names]

    async def _observe_router(self, router: str) -> list[ObservedPort]:
        found = await self._table(router)
        ports = found.ports if found else {}
        routes = [f"route show dev {router_device(router)}"]
        try:
            return await self._observe(router, ports, ports.values(), wiring.WIRES, routes)
        except EngineError:
            if _has_netns(router_netns(router)):
                raise
            return []  # the router went while it was looked at

    async def _observe(
        self,
        router: str,
        everyone: Mapping[str, PortSpec],
        ports: Collection[PortSpec],
        wires: Iterable[str],
        routes: Iterable[str],
    ) -> list[ObservedPort]:
        looks = [*wires, *forwarding.looks(ports)]
        devices, routed = await asyncio.gather(_shown(looks, router_netns(router)), _shown(routes))
        found, reachable = wiring.read_wires(devices), wiring.read_destinations(routed)
        ways, lacking = forwarding.read(devices), await translator.lacking(ports)
        return [
            ObservedPort(
                spec,
                wiring.missing(spec, found.get(port_device(spec.name)), reachable)
                or forwarding.missing(spec, everyone.values(), ways)
                or lacking.get(spec.name, ""),
            )
            for spec in ports
        ]

    # --- zones -------------------------------------------------------------------------------------------------

    async def set_zones_cut(self, router: str, zones: Iterable[str]) -> None:
        """Drop every packet from and to the ports of exactly these zones, those of established flows too."""
        async with self._changes:
            if text := firewall.cut((await self._require_table(router)).cut, zones):
                await self._tables.transact(router, text)

    async def zones_cut(self, router: str) -> frozenset[str]:
        return (await self._require_table(router)).cut

    async def set_barriers(self, router: str, barriers: Collection[Barrier]) -> None:
        """Have exactly these barriers in the router; ports that come later are behind them, too."""
        async with self._changes:
            if (await self._require_table(router)).barriers != {one.digest for one in barriers if one.inside}:
                await self._tables.transact(router, firewall.barriers(barriers))

    async def set_acls(self, router: str, wanted: Collection[AclSpec]) -> None:
        """Have exactly these lists at the edges of the router's segments; open flows meet them at once, too."""
        async with self._changes:
            found = await self._require_table(router)
            if not found.lists.are(wanted):
                await self._tables.transact(router, acls.text(found.lists, found.ports, wanted))

    async def list_acls(self) -> dict[str, tuple[AclSpec, ...] | None]:
        """Each router's lists; None where not all of what they need is there."""
        routers = _routers()
        tables = await asyncio.gather(*map(self._table, routers))
        pairs = zip(routers, tables, strict=True)
        return {name: found.lists.seen() for name, found in pairs if found}

    # --- faults at a machine's own end -------------------------------------------------------------------------

    async def ensure_blackhole(self, netns: str, name: str, blackhole: Blackhole) -> None:
        """Have it at this machine, under this name; it goes with the machine's namespace, too."""
        await nft_in(netns, blackholes.text(name, blackhole))

    async def remove_blackhole(self, netns: str, name: str) -> None:
        """Removing what is not there, or of a machine that is not there, is no error."""
        if name in await self.blackholes(netns):
            await nft_in(netns, blackholes.removed(name))

    async def blackholes(self, netns: str) -> frozenset[str]:
        """The names of those that a machine has."""
        if not _has_netns(netns):
            return frozenset()
        argv = ["nsenter", f"--net={NETNS / netns}", "nft", "--json", "list", "tables"]
        return blackholes.names(await run(argv, timeout_s=COMMAND_S))

    # --- reading -----------------------------------------------------------------------------------------------

    async def _port(self, router: str, name: str) -> PortSpec | None:
        found = await self._table(router) if _has_netns(router_netns(router)) else None
        return found.ports.get(name) if found else None

    async def _require_table(self, router: str) -> table.Table:
        found = await self._table(router)
        if found is None:
            raise EngineError(f"router {router} has no rules")
        return found

    async def _table(self, router: str, *, with_cidrs: bool = False) -> table.Table | None:
        """None as well if the router goes while it is looked at."""
        try:
            found = await self._tables.of(router)
            if found and with_cidrs:
                return replace(found, spec=replace(found.spec, cidrs=await _blackholes(router)))
        except EngineError:
            if _has_netns(router_netns(router)):
                raise
            return None
        return found


async def _ip(lines: Iterable[str], netns: str | None = None) -> None:
    """Several commands of `ip` in one process; the first that fails is the last."""
    where = ["-n", netns] if netns else []
    await run(["ip", *where, "-batch", "-"], stdin="".join(f"{line}\n" for line in lines), timeout_s=COMMAND_S)


async def _show(netns: str, *what: str) -> str:
    return await run(["ip", "-n", netns, "-j", *what], timeout_s=COMMAND_S)


async def _shown(lines: Iterable[str], netns: str | None = None) -> str:
    """A line for each of these commands that has something to show."""
    if not (batch := "".join(f"{line}\n" for line in lines)):
        return ""
    where = ["-n", netns] if netns else []
    # Without details it does not tell aliases.
    return await run(["ip", *where, "-json", "-details", "-batch", "-"], stdin=batch, timeout_s=COMMAND_S)


async def _blackholes(router: str) -> tuple[str, ...]:
    return wiring.read_blackholes(await _show(router_netns(router), "route", "show", "type", "blackhole"))


async def _remove_device(device: str, netns: str | None = None) -> None:
    async def there() -> bool:
        found = await call_inside(netns, lambda: has_device(device)) if netns else has_device(device)
        return found is not None

    try:
        if await there():
            await _ip([f"link del {device}"], netns)
    except EngineError:
        if await there():
            raise  # else its other end's namespace went meanwhile, and took it along


async def _remove_netns(netns: str) -> None:
    if _has_netns(netns):
        await run(["ip", "netns", "del", netns], timeout_s=COMMAND_S)


def _fixed(spec: PortSpec) -> tuple[str, ...]:
    """What is the same for all of a port's life."""
    return spec.address, str(spec.prefix_len), spec.gateway, spec.mac


def _routers() -> list[str]:
    names = sorted(path.name for path in NETNS.iterdir()) if NETNS.exists() else []
    return [router for name in names if (router := router_of_netns(name)) and _has_netns(name)]


def _has_netns(netns: str) -> bool:
    path = NETNS / netns
    # A mere file is one where `ip netns add` has not mounted the namespace yet, or never came to it.
    return path.exists() and path.stat().st_dev != NETNS.stat().st_dev


def _new_netns(netns: str) -> list[str]:
    """What makes a namespace, as lines for `_ip`; what is left of an interrupted attempt would be in the way."""
    (NETNS / netns).unlink(missing_ok=True)
    return [f"netns add {netns}"]
