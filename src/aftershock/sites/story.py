"""How a story is told: the unmodified AWS CLI as a subprocess, each command printed with its real answer."""

import json
import os
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from aftershock.doors import web
from aftershock.doors.access import Access

AWS = Path(sys.executable).parent / "aws"
COMMAND_TIMEOUT_S = 120.0
PROBE_EVERY_S = 0.05
PROBE_TIMEOUT_S = 2.0


class StoryFailed(Exception):
    """The story did not go as it is told; the message says at which command, and what came instead."""


class RefusedError(StoryFailed):
    """The AWS CLI ended with an error; the message is its own."""


@dataclass(slots=True)
class Teller:
    """Runs the AWS CLI and says what happens."""

    access: Access
    directory: Path  # where commands run; `file://` names are relative to it
    commands_s: float = 0.0  # how long the AWS CLI itself ran, all commands together

    def say(self, text: str = "") -> None:
        print(f"# {text}" if text else "", flush=True)

    def aws(self, *arguments: str, query: str | None = None, quiet: bool = False) -> Any:
        """Run one command and return its answer; with a query for a single value or a row, as text or list of texts.

        Raises:
            RefusedError
        """
        argv = ["aws", *arguments]
        if query is not None:
            argv += ["--query", query, "--output", "text"]
        if not quiet:
            print(f"$ {shlex.join(argv)}", flush=True)
        # Built, not inherited: nothing that a user's own AWS settings say may play a part.
        environment = {
            "PATH": f"{AWS.parent}:/usr/bin:/bin",
            "HOME": os.environ.get("HOME", "/"),
            "LANG": "C.UTF-8",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            **self.access.environment(),
        }
        began = time.monotonic()
        done = subprocess.run(
            [str(AWS), *argv[1:]],
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        self.commands_s += time.monotonic() - began
        if done.returncode != 0:
            raise RefusedError(done.stderr.strip() or f"{shlex.join(argv)}: exit status {done.returncode}")
        if not quiet:
            print(done.stdout, end="", flush=True)
        if query is not None:
            return done.stdout.strip().replace("None", "")
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def refused(self, *arguments: str, with_code: str) -> None:
        """Run a command that AWS would refuse, and show the refusal.

        Raises:
            StoryFailed: it was accepted, or refused for another reason.
        """
        try:
            self.aws(*arguments)
        except RefusedError as error:
            print(error, flush=True)
            if f"({with_code})" not in str(error):
                raise StoryFailed(f"this should have been refused with {with_code}") from error
            return
        raise StoryFailed(f"this should have been refused with {with_code}, and was accepted")

    def aftershock(self, *arguments: str) -> None:
        """Run one of the region's own commands, for what AWS has no short form of.

        Raises:
            StoryFailed: it did not succeed; the message is its own.
        """
        print(f"$ {shlex.join(['aftershock', *arguments])}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "aftershock", *arguments, "--state", str(self.access.state)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise StoryFailed(done.stderr.strip() or f"{shlex.join(arguments)}: exit status {done.returncode}")
        print(done.stdout, end="", flush=True)

    def wait_state(self, instance: str, wanted: str, *, within_s: float = 60.0) -> None:
        """Ask until the instance is as wanted; `aws ec2 wait` would ask every 15 s only."""
        query = ("ec2", "describe-instances", "--instance-ids", instance)
        path = "Reservations[0].Instances[0].State.Name"
        now = until(lambda: self._is(query, path, wanted), within_s, f"{instance} is not {wanted}")
        print(f"$ {shlex.join(['aws', *query, '--query', path, '--output', 'text'])}\n{now}", flush=True)

    def page(self, address: str, *, within_s: float = 60.0) -> dict[str, str]:
        """What the site at this address says, asked by a client outside, through the SOCKS door."""
        url = f"http://{address}/"
        body = until(lambda: fetch(self.access, url), within_s, f"{url} does not answer")
        print(f"> GET {url}\n{body}", end="", flush=True)
        facts: dict[str, str] = json.loads(body)
        return facts

    def _is(self, query: tuple[str, ...], path: str, wanted: str) -> str | None:
        now = str(self.aws(*query, query=path, quiet=True))
        return now if now == wanted else None


def until(ask: Callable[[], str | None], within_s: float, otherwise: str) -> str:
    """Ask often, give up late.

    Raises:
        StoryFailed: nothing came within the time.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if (answer := ask()) is not None:
            return answer
        time.sleep(PROBE_EVERY_S)
    raise StoryFailed(f"{otherwise} after {within_s:.0f} s")


def fetch(access: Access, url: str, *, host: str | None = None, timeout_s: float = PROBE_TIMEOUT_S) -> str | None:
    """The page as a client outside gets it, or None; `host` is the name that the client asks by, if it has one."""
    headers = {"Accept": "application/json", **({"Host": host} if host else {})}
    try:
        answer = web.request("GET", url, headers=headers, door=access.socks_port, timeout_s=timeout_s)
    except OSError:
        return None
    return answer.body if answer.status == 200 else None


@dataclass
class Prober:
    """Asks for a page every 50 ms from another thread, and knows for how long nobody answered."""

    access: Access
    url: str
    answers: list[tuple[float, str]] = field(default_factory=list)  # when, on the monotonic clock, and what
    asked: int = 0

    def __enter__(self) -> Self:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._probe, name="prober", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def longest_silence_s(self) -> float:
        """The longest time between two answers that followed one another."""
        times = [at for at, _ in self.answers]
        return max((after - before for before, after in pairwise(times)), default=float("inf"))

    def _probe(self) -> None:
        due = time.monotonic()
        while not self._end.is_set():
            self.asked += 1
            if (body := fetch(self.access, self.url)) is not None:
                self.answers.append((time.monotonic(), body))
            due = max(due + PROBE_EVERY_S, time.monotonic())
            self._end.wait(max(0.0, due - time.monotonic()))
