"""Puts the console together and serves it on a socket that is bound already."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn

from aftershock.doors.access import read_key

from .api import Api, Unreachable
from .desk import Desk, Place
from .server import Console
from .watch import Watch

LEAVE_S = 1


class Server(uvicorn.Server):
    """Signals are the caller's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(door: socket.socket, place: Place, token: str) -> None:
    """Until SIGTERM."""

    def key() -> tuple[str, str]:
        try:
            return read_key(place.state)
        except (OSError, ValueError, KeyError) as error:
            raise Unreachable(f"the region has not made its first key yet: {error}") from error

    watch = Watch(Api(place.endpoint, key), pace=place.pace)
    desk = Desk(place, token, watch.tell)
    asyncio.run(_serve(door, Console(watch, Api(place.endpoint, key), desk, token=token, pace=place.pace), watch, desk))


async def _serve(door: socket.socket, console: Console, watch: Watch, desk: Desk) -> None:
    config = uvicorn.Config(
        console,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=LEAVE_S,
    )
    server = Server(config)

    def end() -> None:
        desk.end()
        watch.end()
        server.should_exit = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch.run(), name="watch")
        await asyncio.to_thread(desk.begin)
        await server.serve(sockets=[door])
        watching.cancel()
