"""Visitors of a site: each looks its name up, remembers the answer as long as its time to live says, and asks."""

import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Self

import dns.exception
import dns.inet
import dns.resolver

from aftershock.doors.access import Access

from .story import fetch

ASK_EVERY_S = 0.6
PATIENCE_S = 3.0  # what a visitor waits for an answer before it counts as none


@dataclass(frozen=True, slots=True)
class Visit:
    visitor: int
    began: float  # on the monotonic clock
    address: str | None  # None: the name was not answered
    took_s: float
    instance: str | None  # which machine served the page; None: nobody did

    @property
    def served(self) -> bool:
        return self.instance is not None


@dataclass
class Visitors:
    """So many visitors, in a thread and with a memory of names each, for as long as the block runs."""

    access: Access
    name: str  # or an address, which needs no looking up
    count: int
    every_s: float = ASK_EVERY_S
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
        names.nameservers, names.port = [self.access.nameserver], self.access.dns_port
        names.cache = dns.resolver.Cache()
        while not self._end.wait(self.every_s * random.uniform(0.5, 1.5)):  # noqa: S311  # visitors come at any time
            began = time.monotonic()
            try:
                address = self._address(names)
            except dns.exception.DNSException:
                self.visits.append(Visit(visitor, began, None, time.monotonic() - began, None))
                continue
            page = fetch(self.access, f"http://{address}/", host=self.name, timeout_s=PATIENCE_S)
            instance = json.loads(page)["instance"] if page else None
            self.visits.append(Visit(visitor, began, address, time.monotonic() - began, instance))

    def _address(self, names: dns.resolver.Resolver) -> str:
        if dns.inet.is_address(self.name):
            return self.name
        # The first address, as most programs take it; the resolver answers in another order each time.
        return str(names.resolve(self.name, "A")[0])
