"""Runs experiments in the region that this program is in: `python -m aftershock.lab --state DIR --id ID ...`.

It is started by the console, and what it does and what came of it stands in the state directory (`records`).  It ends,
and takes back what it has done, when its standard input does: so no experiment goes on without whoever began it.
"""

import argparse
import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aftershock.doors.access import Access, inside

from . import catalogue
from .account import in_the_way
from .clients import Clients
from .deployment import Stack
from .experiment import Experiment, Quake
from .hands import hands
from .records import REPORT, Claim, Record, Records, write
from .report import Report, html, plain
from .run import STOPS, Outcome
from .site import Site
from .story import tell

CLEAN_WITHIN_S = 300.0  # a region that has just been started answers long before
AGAIN_S = 1.0
STOPPED, INTERRUPTED = "it was stopped", "it was interrupted"
FAILED = "the program failed; output.log beside the report says why"


class Ended(BaseException):
    """Whoever began it wants it to end, or is no more."""


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    records = Records(options.state)
    with records.alone():
        chosen = [one for one in catalogue.experiments() if one.name in options.only]
        teller = Teller(records, options.id, tuple(one.name for one in chosen))
        with _until_told(options.clean):
            access = inside(options.state, options.endpoint, options.pace)
            if not options.clean:
                teller.begin()
                try:
                    _run(access, chosen, teller)
                except Ended:
                    teller.failed(STOPPED)
                finally:
                    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what follows is what an end is for
                    teller.ended()
        for one in _interrupted(records, options.id) if options.clean else [teller]:
            if not one.record.clean:
                _clean(access, one)
    return 0


def _interrupted(records: Records, name: str) -> list["Teller"]:
    """Of all runs that were interrupted, the one that is named first: nobody else runs experiments here now."""
    names = [name, *(one.id for one in records.unfinished() if one.id != name)]
    found = [Teller(records, one, ()) for one in names]
    for teller in found:
        teller.resume()
    return found


class Teller:
    """Keeps the record of a run, and has it on the disk whenever it is another."""

    def __init__(self, records: Records, name: str, names: tuple[str, ...]) -> None:
        self._records, self._lock = records, threading.Lock()
        self._began = time.monotonic()
        self.record = Record(name, names, time.time())

    def begin(self) -> None:
        self._records.forget_old()
        self._put(replace(self.record, why=FAILED))

    def resume(self) -> None:
        """Go on with a record that somebody else began."""
        found = self._records.get(self.record.id)
        if found is not None:
            self._began -= time.time() - found.began
            self._put(found if found.ended is not None else replace(found, ended=time.time(), why=INTERRUPTED))

    def say(self, text: str) -> None:
        with self._lock:
            self._put(self.record.told(time.monotonic() - self._began, text))

    def show(self, text: str) -> None:
        """Told twice a second, and not by the thread that says."""
        with self._lock:
            self._put(replace(self.record, now=text))

    def keep(self, report: Report) -> None:
        directory = self._records.directory(self.record.id)
        write(directory / REPORT, html(report).encode())
        write((directory / REPORT).with_suffix(".json"), plain(report))
        with self._lock:
            self._put(replace(self.record, claims=tuple(_claim(one) for one in report.outcomes)))

    def failed(self, why: str) -> None:
        with self._lock:
            self._put(replace(self.record, why=why))

    def ended(self) -> None:
        with self._lock:
            self._put(replace(self.record, ended=time.time(), now=""))

    def clean(self, clean: bool) -> None:
        with self._lock:
            self._put(replace(self.record, clean=clean, now=""))

    def _put(self, record: Record) -> None:
        self.record = record
        self._records.put(record)


def _claim(outcome: Outcome) -> Claim:
    return Claim(outcome.experiment.name, outcome.holds, outcome.broken)


def _run(access: Access, chosen: Sequence[Experiment], teller: Teller) -> None:
    if there := in_the_way(access):
        teller.failed(f"the account is not empty: {', '.join(there)}")
        return
    teller.clean(False)
    clients = Clients(access)
    site = Site(access, clients, Stack(clients, catalogue.STACK), hands(access, teller.say, teller.show))
    report = tell(catalogue.TITLE, chosen, site, teller.keep)
    teller.failed(f"not run: {', '.join(report.left_out)}" if report.left_out else "")


def _clean(access: Access, teller: Teller) -> None:
    """Have no stack of the story's, and no zone out that an experiment takes the power from."""
    stack = Stack(Clients(access), catalogue.STACK)
    site_hands = hands(access, teller.say, teller.show)
    events = [one.said.event for one in catalogue.experiments() if one.name in teller.record.names]
    zones = {event.zone for event in events if isinstance(event, Quake)}

    def act() -> None:
        for zone in zones:
            site_hands.heal(zone)
        there = stack.described()
        # One that somebody has made since is not ours.
        if there is not None and there["CreationTime"].timestamp() <= (teller.record.ended or math.inf):
            stack.remove()

    teller.show("the stack is being removed")
    _persist(act, teller)


def _persist(act: Callable[[], None], teller: Teller) -> None:
    deadline = time.monotonic() + CLEAN_WITHIN_S
    while True:
        try:
            act()
        except STOPS as error:
            if time.monotonic() > deadline:
                teller.say(f"what it has left could not be removed: {error}")
                return
            time.sleep(AGAIN_S)
        else:
            teller.say("the stack is removed")
            teller.clean(True)
            return


@contextmanager
def _until_told(cleaning: bool) -> Iterator[None]:
    """Raise `Ended` in the block at SIGTERM, and when standard input ends; never while what was done is taken back."""
    if cleaning:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        yield
        return
    signal.signal(signal.SIGTERM, _end)
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        with contextlib.suppress(ProcessLookupError):
            signal.pthread_kill(main_thread, signal.SIGTERM)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
    yield


def _end(*_: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Ended


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m aftershock.lab", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True, help="the region's directory")
    parser.add_argument("--endpoint", required=True, help="where the AWS API answers")
    parser.add_argument("--pace", type=float, required=True, help="how many of AWS's seconds pass in one")
    parser.add_argument("--id", required=True, help="of the run, in the state directory")
    parser.add_argument("--only", action="append", default=[], help="an experiment to run; may be repeated")
    parser.add_argument("--clean", action="store_true", help="remove what this and other interrupted runs have left")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
