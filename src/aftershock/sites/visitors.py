"""Visitors of a site: each looks its name up, remembers the answer as long as its time to live says, and asks."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Self

import dns.exception
import dns.resolver

from aftershock.doors.access import Access

from .story import fetch

ASK_EVERY_S = 0.6
PATIENCE_S = 1.0  # what a visitor waits for an answer before it counts as none


@dataclass(frozen=True, slots=True)
class Visit:
    visitor: int
    began: float  # on the monotonic clock
    address: str | None  # None: the name was not answered
    served: bool


@dataclass
class Visitors:
    """So many visitors, in a thread and with a memory of names each, for as long as the block runs."""

    access: Access
    name: str
    count: int
    visits: list[Visit] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._end = threading.Event()
        self._threads = [
            threading.Thread(target=self._visit, args=(number,), daemon=True) for number in range(self.count)
        ]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def failed(self, since: float = 0.0) -> list[Visit]:
        """The visits that began at or after a moment and got no page."""
        return [visit for visit in self.visits if visit.began >= since and not visit.served]

    def _visit(self, visitor: int) -> None:
        names = dns.resolver.Resolver(configure=False)
        names.nameservers, names.port = ["127.0.0.1"], self.access.dns_port
        names.cache = dns.resolver.Cache()
        while not self._end.wait(ASK_EVERY_S * random.uniform(0.5, 1.5)):  # noqa: S311  # visitors come at any time
            began = time.monotonic()
            try:
                # The first address, as most programs take it; the resolver answers in another order each time.
                address = str(names.resolve(self.name, "A")[0])
            except dns.exception.DNSException:
                self.visits.append(Visit(visitor, began, None, served=False))
                continue
            page = fetch(self.access, f"http://{address}/", timeout_s=PATIENCE_S)
            self.visits.append(Visit(visitor, began, address, served=page is not None))
