"""An account whose network controllers run over the real kernel, and sockets in its machines' namespaces."""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from aftershock.clock import Clock
from aftershock.control import Controller, Loop
from aftershock.engines.errors import EngineError
from aftershock.engines.network import AclSpec, GroupSpec, Network, PortSpec, RouterSpec, open_in
from aftershock.services.ec2.controllers.groups import GroupController
from aftershock.services.ec2.controllers.nat_gateways import NatGatewayController
from aftershock.services.ec2.controllers.network_acls import NetworkAclController
from aftershock.services.ec2.controllers.ports import PortController
from aftershock.services.ec2.controllers.routers import RouterController
from aftershock.services.ec2.operations import wiring
from aftershock.services.ec2.records.network_acl import NETWORK_ACLS
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import VPCS
from tests.services.ec2.net_account import NetworkAccount

T = TypeVar("T")
SILENCE_S = 0.4  # how long nothing has to come before we call it blocked
PORT = 8080
KINDS = (RouterController, GroupController, NetworkAclController, PortController)


class Site:
    """Use as an async context manager: controllers run inside, and the kernel is empty again after it."""

    def __init__(self, path: Path, network: Network | None = None) -> None:
        assert "AFTERSHOCK_INSIDE" in os.environ, "this would change the host's own network"
        self.account = NetworkAccount(path / "region.db")
        self.network = network or Network()
        self._sockets = ExitStack()
        self._running: asyncio.Task[None] | None = None
        self.loop: Loop

    async def __aenter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        """A control plane that knows nothing but the records."""
        self.loop = Loop(*self.controllers(), resync_s=5.0)
        self.account.store.after_commit = [self.loop.changed]
        self._running = asyncio.create_task(self.loop.run())

    def controllers(self) -> list[Controller]:
        store = self.account.store
        gateways = NatGatewayController(store, Clock(), "us-east-1")
        return [*(kind(store, self.network) for kind in KINDS), gateways]

    async def die(self) -> None:
        """The control plane ends here and now."""
        self.account.store.after_commit = []
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None

    async def __aexit__(self, *_: object) -> None:
        await self.die()
        self._sockets.close()
        with self.account.store.transaction() as tx:
            self.account.store.clear(tx)
        self.start()
        try:
            await self.eventually(self._is_empty)
        finally:
            await self.die()
            self.account.store.close()

    async def _is_empty(self) -> None:
        left = (await self.network.list_routers(), await self.network.list_groups(), await self.network.list_ports())
        if any(left):
            await self.loop.resync()
        assert left == ((), (), ())

    async def eventually(self, check: Callable[[], Any], *, within_s: float = 20.0) -> Any:
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            try:
                found = check()
                return await found if asyncio.iscoroutine(found) else found
            except (AssertionError, EngineError):  # the latter where something went while it was listed
                if asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(0.02)

    async def settled(self) -> None:
        """Nothing is under way, and every record says what the kernel shows."""

        def check() -> None:
            assert self.loop.idle
            assert not self.loop.due()
            with self.account.store.snapshot() as tx:
                assert all(vpc.ready for vpc in VPCS.every(tx))
                assert all(group.seen_generation == group.generation for group in SECURITY_GROUPS.every(tx))
                assert all(acl.ready for acl in NETWORK_ACLS.every(tx))
                assert all(eni.ready or (not eni.plug and not eni.plugged) for eni in NETWORK_INTERFACES.every(tx))

        await self.eventually(check)

    # --- machines, which are no more than namespaces -----------------------------------------------------------

    def launch(self, name: str, **params: Any) -> NetworkInterface:
        with self.account.store.transaction() as tx:
            call = self.account.context(tx)
            subnet_id = params.pop("subnet_id", None) or self.account.default_subnet_in(tx)
            subnet = SUBNETS.get(tx, subnet_id)
            assert subnet is not None
            params.setdefault("group_ids", ())
            params.setdefault("auto_public", True)
            return wiring.plug(call, wiring.create(call, subnet=subnet, instance_id=f"i-{name}", **params))

    async def machine(self, name: str, **params: Any) -> NetworkInterface:
        """An instance's interface, plugged, and a server in its namespace that says who asks."""
        eni = self.launch(name, **params)
        await self.settled()
        self.serve(eni)
        return self.now(eni)

    def now(self, eni: NetworkInterface) -> NetworkInterface:
        return self.account.record(eni.id)

    def serve(self, eni: NetworkInterface) -> None:
        listener = self._socket(eni)
        listener.bind(("0.0.0.0", PORT))
        listener.listen()
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()

    async def reach(self, start: NetworkInterface | None, address: str | None, port: int = PORT) -> str:
        """As whom the other end sees a machine, or a host on the internet where there is none; or "blocked"."""
        assert address is not None
        connection = self._socket(start)
        connection.settimeout(SILENCE_S)

        def connect() -> str:
            try:
                connection.connect((address, port))
                return connection.recv(100).decode()
            except (TimeoutError, OSError):
                return "blocked"
            finally:
                connection.close()

        return await asyncio.to_thread(connect)

    def _socket(self, eni: NetworkInterface | None) -> socket.socket:
        made = socket.socket() if eni is None else open_in(str(eni.instance_id), kind=socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return self._sockets.enter_context(made)


class Halting(Network):
    """Hangs for good before or after its nth act, as seen by whoever waits for `halted`."""

    def __init__(self, nth: int, *, before: bool) -> None:
        super().__init__()
        self._left, self._before = nth, before
        self.halted = asyncio.Event()

    async def ensure_router(self, spec: RouterSpec) -> None:
        await self._act(lambda: super(Halting, self).ensure_router(spec))

    async def ensure_group(self, spec: GroupSpec) -> None:
        await self._act(lambda: super(Halting, self).ensure_group(spec))

    async def set_acls(self, router: str, wanted: Collection[AclSpec]) -> None:
        await self._act(lambda: super(Halting, self).set_acls(router, wanted))

    async def ensure_port(self, spec: PortSpec) -> None:
        await self._act(lambda: super(Halting, self).ensure_port(spec))

    async def remove_port(self, name: str, *, router: str | None = None) -> None:
        await self._act(lambda: super(Halting, self).remove_port(name, router=router))

    async def _act(self, act: Callable[[], Awaitable[None]]) -> None:
        self._left -= 1
        last = self._left == 0
        if last and self._before:
            await self._halt()
        await act()
        if last:
            await self._halt()

    async def _halt(self) -> None:
        self.halted.set()
        await asyncio.Event().wait()


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, (address, _) = listener.accept()
        except OSError:
            return
        with connection:
            connection.sendall(address.encode())
