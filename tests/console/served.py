"""A console on a free port, whose looks see what a test says: for its page and its door, without a region."""

import asyncio
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from aftershock.console.api import Api
from aftershock.console.desk import Desk, Place
from aftershock.console.looks import LOOKS, Look
from aftershock.console.serve import Server
from aftershock.console.server import Console
from aftershock.console.watch import Watch
from tests.conftest import eventually

TOKEN = "t" * 43


class Served:
    """`seen` may be changed at any time; the next look sees it."""

    def __init__(self, seen: dict[str, Any], state: Path) -> None:
        self.seen, self.state = seen, state
        self.asked = 0  # looks that were taken
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/#token={TOKEN}"

    def look(self, name: str) -> Callable[..., Any]:
        def ask(*_: object) -> Any:
            self.asked += 1
            return self.seen.get(name)

        return ask


@contextmanager
def a_console(
    seen: dict[str, Any], *, endpoint: str = "http://127.0.0.1:9", state: Path | None = None
) -> Iterator[Served]:
    """Details and acts go to `endpoint`, where usually nobody answers; `state` has the runs that are kept."""
    with tempfile.TemporaryDirectory() as home:
        yield from _serve(Served(seen, state or Path(home)), endpoint)


def _serve(served: Served, endpoint: str) -> Iterator[Served]:
    looks = [Look(look.name, 0.1, served.look(look.name)) for look in LOOKS]
    api = Api(endpoint, lambda: ("AKIAEXAMPLE", "secret"))
    watch = Watch(api, pace=1.0, looks=looks)
    desk = Desk(Place(served.state, endpoint, 1.0, served.state), TOKEN, watch.tell)
    with socket.create_server(("127.0.0.1", 0)) as door:
        served.port = door.getsockname()[1]
        config = uvicorn.Config(
            Console(watch, api, desk, token=TOKEN, pace=1.0),
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = Server(config)

        loops: list[asyncio.AbstractEventLoop] = []

        async def run() -> None:
            loops.append(asyncio.get_running_loop())
            watching = asyncio.create_task(watch.run())
            await asyncio.to_thread(desk.begin)
            await server.serve(sockets=[door])
            watching.cancel()

        thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
        thread.start()

        def up() -> None:
            assert server.started

        eventually(up)
        try:
            yield served
        finally:
            desk.end()
            loops[0].call_soon_threadsafe(watch.end)
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()
