"""Puts the console together and serves it on a socket that is bound already."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from aftershock.doors.access import read_key

from .api import Api, Unreachable
from .server import Console
from .watch import Watch

LEAVE_S = 1


class Server(uvicorn.Server):
    """Signals are the caller's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(door: socket.socket, state: Path, endpoint: str, pace: float, token: str) -> None:
    """Until SIGTERM."""

    def key() -> tuple[str, str]:
        try:
            return read_key(state)
        except (OSError, ValueError, KeyError) as error:
            raise Unreachable(f"the region has not made its first key yet: {error}") from error

    asyncio.run(_serve(door, Watch(Api(endpoint, key), pace=pace), Api(endpoint, key), pace, token))


async def _serve(door: socket.socket, watch: Watch, api: Api, pace: float, token: str) -> None:
    config = uvicorn.Config(
        Console(watch, api, token=token, pace=pace),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=LEAVE_S,
    )
    server = Server(config)

    def end() -> None:
        watch.end()
        server.should_exit = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end)
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch.run(), name="watch")
        await server.serve(sockets=[door])
        watching.cancel()
