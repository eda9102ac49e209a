"""Looks at the region while somebody looks at the page, and tells every page what has changed.

The cost is bounded by construction: after each round of looks it rests so long that its own work stays below
`MOST_OF_A_CORE`, and the time in which the API works for it below `MOST_OF_THE_API`; the more there is to see, the
longer apart the looks, up to `MOST_REST_S`.  Nobody there, nothing asked.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from . import chronicle, picture
from .api import Api, Unreachable
from .looks import LOOKS, MINUTE_S, Look, minutes

log = logging.getLogger(__name__)

MOST_OF_A_CORE, MOST_OF_THE_API = 0.03, 0.15
TICK_S, MOST_REST_S = 0.1, 5.0
CALM_S = 5.0  # from look to look while something is measured, of which we must not be a part
AGAIN_S = 1.0  # while nobody answers
REFUSED_FOR_S = 30.0  # a service that the region does not have is asked for again so much later
KEPT = 200  # happenings, and samples of how many instances run
SAMPLE_S = 5.0
SILENT_S, LISTEN_S = 6.0, 1.0  # so long a question may go unanswered; how often that is looked at
STILL_S = 10.0  # a sign of life for pages, and how soon one that has gone is noticed
BEHIND = 64  # events that a page may be behind; then it begins anew
UNSET: Any = object()

Event = dict[str, Any]
END: Event = {}


@dataclass(eq=False)
class Page:
    """One open page's events, still to be sent."""

    events: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(BEHIND))


class Watch:
    def __init__(
        self, api: Api, *, pace: float, wall: Callable[[], float] = time.time, looks: Sequence[Look] = LOOKS
    ) -> None:
        """`wall` is asked for the time of what is seen, seconds since the epoch."""
        self._looks = looks
        self._api, self._pace, self._wall = api, pace, wall
        self.seen: dict[str, Any] = {}
        self.picture: picture.Picture = {}
        self.refused: dict[str, str] = {}  # by look, with the API's own words
        self._due: dict[str, float] = {}
        self._pages: set[Page] = set()
        self._awake = asyncio.Event()
        self._happened: deque[Event] = deque(maxlen=KEPT)
        self._samples: deque[tuple[float, int]] = deque(maxlen=KEPT)
        self._answers, self._cold = True, True
        self._asked_at = 0.0  # when the last question was put
        self._facts: picture.Picture = {}  # what is not the API's to tell
        self._calm = False
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextlib.contextmanager
    def page(self) -> Iterator[Page]:
        """A page, for as long as it is open."""
        page = Page()
        page.events.put_nowait(self._whole())
        self._pages.add(page)
        self._awake.set()
        try:
            yield page
        finally:
            self._pages.discard(page)

    async def events(self, page: Page) -> AsyncIterator[Event | None]:
        """What to send, until the console ends; None where there was nothing for a while."""
        while True:
            try:
                async with asyncio.timeout(STILL_S):
                    event = await page.events.get()
            except TimeoutError:
                yield None
                continue
            if event is END:
                return
            yield event

    def end(self) -> None:
        """Let every page's events come to their end."""
        for page in self._pages:
            _put(page, END)

    def hurry(self) -> None:
        """Somebody has just done something: look at all that an act can change.  From any thread."""
        self._due.clear()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._awake.set)

    def tell(self, facts: picture.Picture, calm: bool) -> None:
        """Show these facts beside those of the API, instead of the last such.  From any thread.

        `calm`: look as seldom as can be for as long as it is so.
        """
        calmed, self._calm = self._calm, calm
        if calmed and not calm:
            self.hurry()
        if self._loop is None:
            self._told(facts)  # nobody looks yet
        else:
            self._loop.call_soon_threadsafe(self._told, facts)

    def _told(self, facts: picture.Picture) -> None:
        changed, gone = picture.difference(self._facts, facts)
        self._facts = facts
        self.picture = {key: fact for key, fact in self.picture.items() if key not in gone} | changed
        if changed or gone:
            self._send({"set": changed, "gone": gone})

    async def run(self) -> None:
        """Look, for as long as the task lives."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._awake.clear()
            if not self._pages:
                await self._awake.wait()
                continue
            began, own = time.monotonic(), time.process_time()
            changed = await self._listened()
            asked_s = time.monotonic() - began
            self._publish(changed)
            rest_s = self._rest_s(time.process_time() - own, asked_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest_s):
                    await self._awake.wait()

    async def _listened(self) -> bool:
        """A round.  While a question of it goes unanswered the pages are told so, and not when it is given up."""
        looking = asyncio.create_task(asyncio.to_thread(self._round))
        silent, self._asked_at = False, time.monotonic()
        while not (await asyncio.wait([looking], timeout=LISTEN_S))[0]:
            if not silent and time.monotonic() - self._asked_at > SILENT_S and "region:" in self.picture:
                silent = True
                self.picture = self.picture | {"region:": self.picture["region:"] | {"answers": False}}
                self._send({"set": {"region:": self.picture["region:"]}, "gone": []})
        return looking.result() or silent

    def _rest_s(self, own_s: float, asked_s: float) -> float:
        """Until the next look is due, and longer where the last round was dear."""
        due_s = min(self._due.values(), default=0.0) - time.monotonic()
        if self._cold:
            self._cold = False  # it has read the services' models, which is done once
            return max(TICK_S, due_s)
        least_s = CALM_S if self._calm else TICK_S
        return max(least_s, due_s, min(MOST_REST_S, max(own_s / MOST_OF_A_CORE, asked_s / MOST_OF_THE_API)))

    def _round(self) -> bool:
        """Take every look that is due, and return whether anything is another than before."""
        changed: set[str] = set()
        stood = self._answers, set(self.refused)
        try:
            for look in self._looks:
                due = self._due.get(look.name, 0.0) <= time.monotonic() or changed & {*look.after}
                if due and self._take(look):
                    changed.add(look.name)
            self._answers = True
        except Unreachable:
            self._answers = False
            self._due = {look.name: time.monotonic() + AGAIN_S for look in self._looks}
        return bool(changed) or stood != (self._answers, set(self.refused))

    def _take(self, look: Look) -> bool:
        """Whether what is seen is another than before."""
        every_s = max(1.0, look.every_s / self._pace) if look.nominal else look.every_s
        now = datetime.fromtimestamp(self._wall(), UTC)
        self._asked_at = time.monotonic()
        try:
            found = look.ask(self._api, self.seen, now, self._pace)
            self.refused.pop(look.name, None)
        except (ClientError, BotoCoreError, ResponseParserError, KeyError) as error:
            # What was seen stays: that it was not told again does not mean that it is gone.
            found = self.seen.get(look.name)
            every_s = every_s if found is not None else REFUSED_FOR_S
            if look.name not in self.refused:
                log.info("%s: %s", look.name, error)
            self.refused[look.name] = str(error)
        self._due[look.name] = time.monotonic() + every_s
        if self.seen.get(look.name, UNSET) == found:
            return False
        self.seen[look.name] = found
        return True

    def _publish(self, seen_anew: bool) -> None:
        """Tell every page the difference, and what happened in words."""
        now = self._wall()
        drawn = self._drawn() if seen_anew else self.picture
        changed, gone = picture.difference(self.picture, drawn)
        first = "region:" not in self.picture  # we have not looked yet
        said = [] if first else [{"at": now, **asdict(one)} for one in chronicle.told(self.picture, drawn)]
        self.picture = drawn
        event: Event = {}
        if changed or gone:
            event = {"set": changed, "gone": gone}
        if said:
            event["happened"] = said
            self._happened.extend(said)
        if self._sample(now):
            event["sample"] = self._samples[-1]
        if event:
            self._send(event)

    def _drawn(self) -> picture.Picture:
        drawn = picture.draw(self.seen) | self._facts
        drawn["region:"] = {
            "answers": self._answers,
            "pace": self._pace,
            "window_s": minutes(self._pace) * MINUTE_S / self._pace,
            "stale": sorted(name for name in self.refused if self.seen.get(name) is not None),
        }
        if bill := self.seen.get("bill"):
            drawn["bill:"] = bill
        return drawn

    def _sample(self, now: float) -> bool:
        running = sum(key.startswith("instance:") and fact["state"] == "running" for key, fact in self.picture.items())
        last = self._samples[-1] if self._samples else (0.0, -1)
        if not self._answers or (last[1] == running and abs(now - last[0]) < SAMPLE_S):  # a clock may go back
            return False
        self._samples.append((now, running))
        return True

    def _send(self, event: Event) -> None:
        for page in [*self._pages]:
            try:
                page.events.put_nowait(event)
            except asyncio.QueueFull:
                _put(page, self._whole())

    def _whole(self) -> Event:
        return {
            "whole": True,
            "at": self._wall(),
            "still_s": STILL_S,
            "set": self.picture,
            "happened": [*self._happened],
            "samples": [*self._samples],
        }


def _put(page: Page, event: Event) -> None:
    """Instead of all that the page has not had yet."""
    while not page.events.empty():
        page.events.get_nowait()
    page.events.put_nowait(event)
