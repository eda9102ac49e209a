"""The resolver as a program: `python -m aftershock.engines.resolver --snapshot FILE --address ADDRESS`.

It answers from the file as it is, and from the one that replaces it; nobody needs to run beside it.
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

import uvloop

from aftershock.engines.process import run

from .resolver import ADDRESS, PORT
from .server import Server, adopt, datagram_socket, listening_socket

COMMAND_S = 10.0


async def serve(options: argparse.Namespace) -> None:
    if options.own_address:
        await run(["ip", "address", "replace", f"{options.address}/32", "dev", "lo"], timeout_s=COMMAND_S)
    adopted = [adopt(descriptor) for descriptor in options.udp_fd], [adopt(descriptor) for descriptor in options.tcp_fd]
    server = Server(options.snapshot, options.upstream)
    serving = asyncio.create_task(
        server.serve(
            [datagram_socket(options.address, options.port), *adopted[0]],
            [listening_socket(options.address, options.port), *adopted[1]],
        ),
        name="server",
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    description = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m aftershock.engines.resolver", description=description)
    parser.add_argument("--snapshot", type=Path, required=True, help="the file to answer from; it may come later")
    parser.add_argument("--address", default=ADDRESS)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--own-address", action="store_true", help="put the address on the loopback device first")
    parser.add_argument("--upstream", action="append", default=[], help="a server to ask for everything else")
    parser.add_argument("--udp-fd", type=int, action="append", default=[], help="a bound socket to answer on as well")
    parser.add_argument("--tcp-fd", type=int, action="append", default=[], help="a bound socket to answer on as well")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
