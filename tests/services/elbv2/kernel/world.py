"""Load balancers over the real kernel: EC2's network, nodes that are machines, and web servers in namespaces."""

import asyncio
import http.client
import itertools
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace as changed

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.balancer import Balancers
from aftershock.engines.network import open_in
from aftershock.services import ec2
from aftershock.services.ec2.lookups import InstanceSeen
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.tables import TABLES as EC2_TABLES
from aftershock.services.elbv2.controllers import Sights, controllers
from aftershock.services.elbv2.known_names import known_names
from aftershock.services.elbv2.outside import Outside
from aftershock.services.elbv2.records.action import Forward, Share
from aftershock.services.elbv2.records.listener import LISTENERS, Listener
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES, LoadBalancer, Node, ZonePlace
from aftershock.services.elbv2.records.tables import TABLES
from aftershock.services.elbv2.records.target_group import (
    TARGET_GROUPS,
    TARGETS,
    HealthCheck,
    Target,
    TargetGroup,
    target_key,
)
from aftershock.store import Store
from tests.engines.lab import CACHE, STATE
from tests.services.account import ROOT
from tests.services.ec2.kernel.site import Site

_numbers = itertools.count(1)
PACE = 50.0  # a health check every 0.2 s
WEB_PORT = 8080
PORT = 80
ANSWER_S = 5.0  # less than that is the machine having other things to do


class Certificate(NamedTuple):
    pem: str


class Web:
    """A web server in a machine's namespace that says its name; whoever checks it hears whether it is well."""

    def __init__(self, listener: socket.socket, name: str) -> None:
        self.name, self.healthy, self.peers = name, True, set[str]()
        self._listener = listener
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, (peer, _) = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection, peer), daemon=True).start()

    def _answer(self, connection: socket.socket, peer: str) -> None:
        with connection:
            asked = connection.recv(4096).decode()
            self.peers.add(peer)
            checked = "ELB-HealthChecker" in asked
            status = "503 Bad" if checked and not self.healthy else "200 OK"
            body = self.name.encode()
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + body)


class BalancedSite(Site):
    """Use as an async context manager."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.account.store.close()
        self.account.store = Store(path / "region.db", [*EC2_TABLES, *TABLES])
        number = next(_numbers)
        self.state = STATE / f"elb{number}"
        self.state.mkdir()
        self.clock = Clock(PACE)
        self.balancers = Balancers(self.state, CACHE, runtime_root=Path(f"/run/elb{number}"))
        self.instances: dict[str, InstanceSeen] = {}
        self.certificates: dict[str, Certificate] = {}
        self.dark: set[str] = set()
        self.cut: set[str] = set()
        self.sights = Sights()
        self.struck = asyncio.Event()
        self.own: tuple[Controller, ...] = ()
        self.first: Web
        self.second: Web

    @property
    def outside(self) -> Outside:
        return Outside(
            subnet=ec2.subnet_seen,
            vpc=lambda tx, account, name: None,
            instance=lambda tx, account, name: self.instances.get(name),
            security_group_vpc=ec2.vpc_of_group,
            zones=lambda: ("us-east-1a", "us-east-1b", "us-east-1c"),
            certificate=lambda tx, account, arn: self.certificates.get(arn),
            interfaces=ec2.ServiceInterfaces("amazon-elb", "us-east-1", self.clock),
            dark_zones=lambda tx: frozenset(self.dark),
            cut_zones=lambda tx: frozenset(self.cut),
            tables=frozenset({ec2.INTERFACE_TABLE}),
        )

    def controllers(self) -> list[Controller]:
        self.sights = Sights()
        found = controllers(
            self.account.store,
            self.clock,
            self._wake,
            outside=self.outside,
            balancers=self.balancers,
            sights=self.sights,
        )
        self.own = found
        return [*super().controllers(), *found]

    def _wake(self, kind: str, key: str) -> None:
        self.loop.wake(kind, key)

    async def die(self) -> None:
        await super().die()
        for controller in self.own:
            close = getattr(controller, "close", None)
            if close is not None:
                await close()

    async def dies_at_commit(self, nth: int) -> None:
        """From now on, the control plane dies when it, or somebody else, commits for the nth time."""
        left = itertools.count(nth - 1, -1)

        def count(_: object) -> None:
            if next(left) == 0:
                self.struck.set()

        self.struck.clear()
        self.account.store.after_commit.append(count)

    async def is_reborn(self, balancer: LoadBalancer) -> None:
        """Wait until the control plane has died, or has nothing left to die at; then there is another."""

        def check() -> None:
            found = self.seen(balancer)
            settled = found is None or (found.wanted and found.state == "active")
            assert self.struck.is_set() or settled

        await self.eventually(check, within_s=60.0)
        await self.die()
        self.start()

    async def _is_empty(self) -> None:
        await super()._is_empty()
        assert await self.balancers.list() == set()

    # --- what is wanted ----------------------------------------------------------------------------------------

    def balancer(self, *zones: str, group_ids: tuple[str, ...], **changes: Any) -> LoadBalancer:
        with self.account.store.transaction() as tx:
            subnets = {subnet.zone: subnet for subnet in SUBNETS.every(tx) if subnet.default_for_az}
            places = tuple(ZonePlace(zone=zone, subnet_id=subnets[zone].id) for zone in zones)
            balancer = LoadBalancer(
                arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188",
                account=ROOT.account,
                region="us-east-1",
                id="50dc6c495c0c9188",
                name="web",
                kind="application",
                scheme="internet-facing",
                vpc_id=self.account.default_vpc.id,
                zones=places,
                group_ids=group_ids,
                dns_name="web-1.us-east-1.elb.amazonaws.com",
                key="0123456789abcdef0123456789abcdef",
                created_at=self.clock.now(),
            )
            balancer = changed(balancer, **changes)
            LOAD_BALANCERS.put(tx, balancer)
        return balancer

    def group(self, *, attributes: Mapping[str, str] | None = None, **changes: Any) -> TargetGroup:
        group = TargetGroup(
            arn="arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/73e2d6bc24d8a067",
            account=ROOT.account,
            id="73e2d6bc24d8a067",
            name="web",
            target_type="instance",
            protocol="HTTP",
            protocol_version="HTTP1",
            port=WEB_PORT,
            vpc_id=self.account.default_vpc.id,
            check=HealthCheck(protocol="HTTP", path="/", matcher="200", interval_s=10),
            attributes=dict(attributes or {}),
            created_at=self.clock.now(),
        )
        group = changed(group, **changes)
        with self.account.store.transaction() as tx:
            TARGET_GROUPS.put(tx, group)
        return group

    def listen(self, balancer: LoadBalancer, group: TargetGroup, port: int = PORT, **changes: Any) -> None:
        arn = f"{balancer.arn.replace(':loadbalancer/', ':listener/')}/{port}"
        with self.account.store.transaction() as tx:
            listener = Listener(
                arn=arn,
                account=balancer.account,
                load_balancer=balancer.arn,
                protocol="HTTP",
                port=port,
                action=Forward(shares=(Share(group.arn),)),
                default_rule=f"{arn}/1",
                created_at=self.clock.now(),
            )
            LISTENERS.put(tx, changed(listener, **changes))
        self.change(balancer)

    def change(self, balancer: LoadBalancer, **changes: Any) -> None:
        with self.account.store.transaction() as tx:
            now = LOAD_BALANCERS.get(tx, balancer.arn)
            assert now is not None
            LOAD_BALANCERS.put(tx, changed(now, generation=now.generation + 1, **changes))

    def register(self, group: TargetGroup, *instance_ids: str) -> None:
        with self.account.store.transaction() as tx:
            for one in instance_ids:
                target = Target(group=group.arn, id=one, port=WEB_PORT, registered_at=self.clock.now())
                TARGETS.put(tx, target)

    def deregister(self, group: TargetGroup, instance_id: str) -> None:
        with self.account.store.transaction() as tx:
            target = TARGETS.get(tx, target_key(group.arn, instance_id, WEB_PORT))
            assert target is not None
            wish = changed(target, deregistering_at=self.clock.now(), generation=target.generation + 1)
            TARGETS.put(tx, wish)

    async def web(self, name: str, zone: str, group_id: str) -> Web:
        """An instance in the zone with a web server in it."""
        with self.account.store.snapshot() as tx:
            subnet = next(one for one in SUBNETS.every(tx) if one.default_for_az and one.zone == zone)
        eni = self.launch(name, subnet_id=subnet.id, group_ids=[group_id])
        await self.eventually(lambda: self._is_ready(eni))
        self.instances[f"i-{name}"] = InstanceSeen(f"i-{name}", subnet.vpc_id, zone, eni.private_ip, "running")
        listener = self._sockets.enter_context(open_in(f"i-{name}", kind=socket.SOCK_STREAM))
        listener.bind(("0.0.0.0", WEB_PORT))
        listener.listen(64)
        return Web(listener, name)

    def stop(self, name: str) -> None:
        self.instances[f"i-{name}"] = replace(self.instances[f"i-{name}"], state="stopped")

    def _is_ready(self, eni: NetworkInterface) -> None:
        assert self.now(eni).ready

    # --- what is seen ------------------------------------------------------------------------------------------

    def seen(self, balancer: LoadBalancer) -> LoadBalancer | None:
        with self.account.store.snapshot() as tx:
            return LOAD_BALANCERS.get(tx, balancer.arn)

    def nodes(self) -> list[Node]:
        with self.account.store.snapshot() as tx:
            return NODES.every(tx)

    def states(self, group: TargetGroup) -> dict[str, tuple[str, str | None]]:
        with self.account.store.snapshot() as tx:
            return {one.id.removeprefix("i-"): (one.state, one.fault) for one in TARGETS.where(tx, "group", group.arn)}

    def addresses(self) -> tuple[str, ...]:
        """What the load balancer's name stands for."""
        with self.account.store.snapshot() as tx:
            found = list(known_names(tx))
        return found[0].addresses if found else ()

    def interfaces(self) -> list[NetworkInterface]:
        with self.account.store.snapshot() as tx:
            return [eni for eni in NETWORK_INTERFACES.every(tx) if eni.requester]

    async def active(self, balancer: LoadBalancer) -> LoadBalancer:
        def check() -> LoadBalancer:
            found = self.seen(balancer)
            assert found is not None
            assert (found.state, found.seen_generation) == ("active", found.generation), found.reason
            return found

        found: LoadBalancer = await self.eventually(check, within_s=90.0)  # the node's image is built first
        return found

    async def machine_ends(self, name: str) -> None:
        async def check() -> None:
            assert name not in await self.balancers.machines.list()

        await self.eventually(check)

    async def settled_network(self) -> None:
        """Every group's rules are enforced as they are wanted now."""

        def check() -> None:
            with self.account.store.snapshot() as tx:
                assert all(group.seen_generation == group.generation for group in SECURITY_GROUPS.every(tx))

        await self.eventually(check)

    async def until(self, check: Callable[[], bool], *, within_s: float = 30.0) -> None:
        def holds() -> None:
            assert check(), (self.nodes(), self.loop.reasons)

        await self.eventually(holds, within_s=within_s)

    async def gives(self, pages: set[str]) -> None:
        """Wait until every node in the name gives just these."""

        async def check() -> None:
            for address in self.addresses():
                assert {await self.ask(address) for _ in range(6)} == pages

        await self.eventually(check)

    async def ask(self, address: str, port: int = PORT) -> str:
        """What a browser on the internet gets: the page, the status of an answer without one, or "silence"."""
        return await asyncio.to_thread(_ask, address, port)


def _ask(address: str, port: int) -> str:
    connection = http.client.HTTPConnection(address, port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else str(answer.status)
    except OSError:
        return "silence"
    finally:
        connection.close()
