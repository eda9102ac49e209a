"""The console's program, kept running by the keeper: `python -m aftershock.console --fd N --state DIR ...`."""

import argparse
import logging
import select
import socket
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m aftershock.console", description=__doc__.partition("\n")[0])
    parser.add_argument("--fd", type=int, required=True, help="the listening socket of the console's door")
    parser.add_argument("--state", type=Path, required=True, help="the region's directory, which has the account's key")
    parser.add_argument("--place", type=Path, default=None, help="that directory as people on the host name it")
    parser.add_argument("--endpoint", required=True, help="where the AWS API answers")
    parser.add_argument("--pace", type=float, required=True, help="how many of AWS's seconds pass in one")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    from .guard import ensure_token  # noqa: PLC0415

    token = ensure_token(options.state)
    from aftershock.lab.records import Records  # noqa: PLC0415

    # Most regions are never looked at: until somebody knocks there is a socket and little more in memory.
    if not Records(options.state).unfinished():
        select.select([options.fd], [], [])
    from .desk import Place  # noqa: PLC0415
    from .serve import serve  # noqa: PLC0415

    place = Place(options.state, options.endpoint, options.pace, options.place or options.state)
    with socket.socket(fileno=options.fd) as door:
        serve(door, place, token)


if __name__ == "__main__":
    main()
