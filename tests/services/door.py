"""The real API door before some services' operations, for clients that are the real ones too."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore.config import Config

from aftershock.aws.call import Operation, Tx
from aftershock.clock import Clock
from aftershock.gateway import Credential, Data, Gateway, Site
from aftershock.store import Store
from aftershock.wire import Models, Secret
from tests.services.account import ROOT

SECRET = "secret"
REGION = "us-east-1"


@asynccontextmanager
async def served(gateway: Gateway, *beside: Coroutine[Any, Any, None]) -> AsyncIterator[str]:
    """Serves a gateway, and runs what is to run beside it, for as long as the block does; gives the gateway's URL."""
    server = uvicorn.Server(uvicorn.Config(gateway, port=0, log_config=None, lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(one) for one in beside]
        serving = tasks.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        await serving
        for task in running:
            task.cancel()


class Door:
    """Serves in a thread of its own until it is closed; the account's root asks."""

    def __init__(
        self,
        state: Path,
        services: Mapping[str, Mapping[str, Operation]],
        tables: list[Any],
        data: Mapping[str, Data] | None = None,
        sites: Sequence[Site] = (),
    ) -> None:
        self._data, self._sites = data, sites
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(state, services, tables)), name="door")
        self._thread.start()
        assert self._started.wait(20)

    async def _serve(self, state: Path, services: Mapping[str, Mapping[str, Operation]], tables: list[Any]) -> None:
        self.store = store = Store(state / "door.db", tables)
        gateway = Gateway(
            store=store,
            models=Models(),
            services=services,
            authenticate=authenticate,
            clock=Clock(),
            region=REGION,
            health=dict,
            acts={},
            data=self._data,
            sites=self._sites,
        )
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with served(gateway) as self.url:
            self._started.set()
            await self._ended.wait()
        store.close()

    def client(self, service: str) -> Any:
        return self.session_client(service, self.url, Config(retries={"total_max_attempts": 1}))

    def session_client(self, service: str, url: str, config: Config) -> Any:
        """A client that calls the door by another name, or is set up otherwise."""
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=ROOT.access_key_id,
            aws_secret_access_key=SECRET,
            config=config,
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        assert not self._thread.is_alive()


def authenticate(tx: Tx, access_key_id: str, now: datetime) -> Credential | None:
    return Credential(Secret(SECRET), ROOT) if access_key_id == ROOT.access_key_id else None
