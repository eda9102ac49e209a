"""The one door through which the region starts programs."""

import asyncio
import logging
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from aftershock.engines.errors import EngineError

log = logging.getLogger(__name__)

# Debian keeps ip, nft, runc and the like in sbin, which is not on every user's PATH.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/"}
LAST_WORDS = 500  # characters of standard error that an error message carries


async def run(
    argv: Sequence[str | Path],
    *,
    timeout_s: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    pass_fds: Sequence[int] = (),
) -> str:
    """Run a program to its end and return its standard output.

    There is no shell, and of our own environment nothing is passed on but `ENVIRONMENT`.  The program is killed
    when it takes too long and when the caller is cancelled.

    Raises:
        EngineError: it could not be started, did not exit with 0, or not within `timeout_s`; the message ends
            with its last words.
    """
    command = [os.fspath(arg) for arg in argv]
    log.debug("+ %s", shlex.join(command))
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=cwd,
            env={**ENVIRONMENT, **(env or {})},
            pass_fds=pass_fds,
        )
    except OSError as error:
        raise EngineError(f"{shlex.join(command)}: cannot be started: {error}") from error
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await process.communicate(None if stdin is None else stdin.encode())
    except TimeoutError:
        raise EngineError(f"{shlex.join(command)}: no end within {timeout_s} s") from None
    finally:
        if process.returncode is None:  # timed out, or we were cancelled
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last_words = err.decode(errors="replace").strip()[-LAST_WORDS:]
        raise EngineError(f"{shlex.join(command)}: exit status {process.returncode}: {last_words}")
    return out.decode(errors="replace")
