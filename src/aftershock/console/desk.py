"""The lab at the console: starts experiments in a process of their own, follows what it writes down, and buries it.

Everything that is to outlive this process stands in the state directory, and is the lab's (`aftershock.lab.records`).
A run ends with the console, since its standard input does; one that was killed is cleaned up after here.
"""

import hmac
import logging
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aftershock.lab import catalogue
from aftershock.lab.account import in_the_way
from aftershock.lab.experiment import Experiment
from aftershock.lab.intent import intent
from aftershock.lab.records import Record, Records

from .bill import Clients
from .picture import Picture
from .plans import Impossible
from .stacks import stages

log = logging.getLogger(__name__)

FOLLOW_EVERY_S = 0.5
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REPORTS = "/report/"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the region is, for programs in it and for people outside."""

    state: Path
    endpoint: str
    pace: float
    outside: Path  # the state directory as the host names it


class Desk:
    def __init__(self, place: Place, token: str, tell: Callable[[Picture, bool], None]) -> None:
        """`tell` is given, from any thread, what there is to show, and whether experiments are under way."""
        self._place, self._token, self._tell = place, token, tell
        self._records = Records(place.state)
        self._experiments = catalogue.experiments()
        self._fixed: Picture = stages()
        for one in self._experiments:
            said = one.said
            self._fixed[f"claim:{one.name}"] = {"stage": said.stage, "title": said.title, "claim": said.claim}
        self._kept: dict[str, Record] = {}
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._current = ""  # which run it is about
        self._orphaned = False  # it was begun by a console that is no more
        self._ending = False

    def begin(self) -> None:
        """Show what there is, and remove what an interrupted run has left in the region."""
        left = self._records.unfinished()
        if left:
            self._current, self._orphaned = left[0].id, True
            threading.Thread(target=self._take_up, name="lab", daemon=True).start()
        self._look()

    def end(self) -> None:
        """Let a run end; it takes back what it has done, by itself."""
        with self._lock:
            self._ending = True
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def planned(self, act: str, args: Mapping[str, Any], api: Any) -> dict[str, Any]:
        """What this act would do, and the command that does the same.

        Raises:
            Impossible
            ClientError, Unreachable: the account cannot be looked at.
        """
        if act == "stop-run":
            self._require_running()
            says = "The experiment ends now, its stack is removed, and what was measured until then is kept."
            return {"says": says, "commands": []}
        chosen = self._chosen(act, args)
        self.require_free()
        if there := in_the_way(Clients(api)):
            raise Impossible(
                f"The lab needs an empty account, for what it measures is the whole account's. There are: "
                f"{', '.join(there[:8])}{' …' if len(there) > 8 else ''}. Delete the stacks and instances; "
                f"`aftershock reset --state {self._place.outside}` removes everything, reservations too."
            )
        only = "" if act == "run-story" else "".join(f" --only {one.name}" for one in chosen)
        return {
            "says": "In this region: " + " ".join(intent(one) for one in chosen) + " At the end the stack is removed. "
            "Nothing else should be done here meanwhile: it would be measured, too.",
            "commands": [f"aftershock lab whatisthetime --state {self._place.outside}{only}"],
        }

    def do(self, act: str, args: Mapping[str, Any], api: Any) -> dict[str, Any]:
        """
        Raises:
            Impossible
            ClientError, Unreachable
        """
        planned = self.planned(act, args, api)
        with self._lock:
            if act == "stop-run":
                if self._process is not None and self._process.poll() is None:
                    self._process.terminate()
            else:
                self.require_free()
                chosen = [one.name for one in self._chosen(act, args)]
                stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
                record = Record(f"{stamp}-{secrets.token_hex(4)}", tuple(chosen), time.time())
                self._records.put(record)  # also of one that does not even come to write its own
                self._kept[record.id] = record
                self._start(record.id, [word for name in chosen for word in ("--only", name)])
        self._show()
        return {"commands": planned["commands"], "answers": [], "again": {}}

    def require_free(self) -> None:
        """
        Raises:
            Impossible: an experiment has the account for itself.
        """
        if self._process is not None or self._orphaned or self._records.busy():
            raise Impossible("an experiment is under way")

    def report(self, path: str) -> bytes | None:
        """The report at an address that `_address` has made; None for every other."""
        name, _, given = path.removeprefix(REPORTS).partition("/")
        if not hmac.compare_digest(given.encode(), self._proof(name).encode()):
            return None
        return self._records.report(name)

    def _chosen(self, act: str, args: Mapping[str, Any]) -> Sequence[Experiment]:
        if act == "run-story":
            return self._experiments
        found = [one for one in self._experiments if one.name == args.get("name")]
        if not found:
            raise Impossible("there is no such experiment")
        return found

    def _require_running(self) -> None:
        if self._process is None:
            raise Impossible("no experiment is under way")

    def _start(self, name: str, more: Sequence[str]) -> None:
        place, directory = self._place, self._records.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        asked = ["--state", str(place.state), "--endpoint", place.endpoint, "--pace", str(place.pace), "--id", name]
        with (directory / "output.log").open("ab") as output:
            # Built, not inherited: no setting of AWS's may play a part.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aftershock.lab", *asked, *more],
                env={"PATH": PATH, "LANG": "C.UTF-8", "HOME": "/", "AWS_EC2_METADATA_DISABLED": "true"},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        self._current = name
        followed = (self._process, name, "--clean" in more)
        threading.Thread(target=self._follow, args=followed, name="lab", daemon=True).start()

    def _follow(self, process: subprocess.Popen[bytes], name: str, cleaning: bool) -> None:
        seen: Record | None = None
        while True:
            over = process.poll() is not None
            now = self._records.get(name)
            if now is not None and now != seen:
                seen = now
                self._kept[name] = now
                self._show()
            if over:
                break
            time.sleep(FOLLOW_EVERY_S)
        log.info("the lab's run %s ended with status %s", name, process.returncode)
        with self._lock:
            self._process = None
            killed = process.returncode != 0 and seen is not None and (seen.ended is None or not seen.clean)
            if killed and not cleaning and not self._ending:
                self._start(name, ["--clean"])
        self._look()

    def _take_up(self) -> None:
        """A run whose console was killed takes back what it has done by itself; of one that is no more we do that."""
        while self._records.busy() and not self._ending:
            time.sleep(FOLLOW_EVERY_S)
            self._look()
        left = self._records.unfinished()
        with self._lock:
            self._orphaned = False
            if left and not self._ending:
                self._start(left[0].id, ["--clean"])
        self._look()

    def _look(self) -> None:
        """At all that is kept; a run keeps its own only, and forgets the oldest."""
        self._kept = {one.id: one for one in self._records.all()}
        self._show()

    def _show(self) -> None:
        running = self._process is not None or self._orphaned
        facts = dict(self._fixed)
        latest = sorted([*self._kept.values()], key=lambda one: one.id, reverse=True)
        for index, record in enumerate(latest):
            facts[f"run:{record.id}"] = {
                "names": record.names,
                "began": record.began,
                "ended": record.ended,
                "claims": [[one.name, one.holds, one.broken] for one in record.claims],
                "why": record.why if record.ended is not None else "",
                "now": record.now,
                "clean": record.clean,
                "lines": record.lines if index == 0 else [],
                "live": running and record.id == self._current,
                "report": self._address(record.id) if record.reported else "",
            }
        self._tell(facts, running)

    def _address(self, name: str) -> str:
        return f"{REPORTS}{name}/{self._proof(name)}"

    def _proof(self, name: str) -> str:
        """What only we can have told: a link carries no header, and must not carry the token itself."""
        return hmac.digest(self._token.encode(), f"report {name}".encode(), "sha256").hex()
