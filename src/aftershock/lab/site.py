"""The site under experiment: its stack, its visitors' way to it, and the waiting for it to be as it should."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aftershock.doors.access import Access
from aftershock.sites.story import fetch

from .clients import Clients
from .deployment import Stack
from .scene import Scene, look

ASK_EVERY_S = 0.2
SETTLED_WITHIN_S = 120.0


class NotInTime(Exception):
    """What was waited for did not come; the message says what was seen last."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a month costs if all goes on as it is, USD."""

    on_demand_usd: float
    as_reserved_usd: float  # with the reservations that are held


@dataclass(frozen=True, slots=True)
class Hands:
    """What an experiment does by more than one call, and where it tells what goes on."""

    quake: Callable[[str], None]  # an availability zone goes down; on return it is down
    heal: Callable[[str], None]
    month: Callable[[], Cost]
    say: Callable[[str], None]
    show: Callable[[str], None]  # what is true just now, to be overwritten by the next


@dataclass(frozen=True, slots=True)
class Site:
    access: Access
    clients: Clients
    stack: Stack
    hands: Hands

    def scene(self) -> Scene:
        return look(self.clients)

    def host(self) -> str:
        """The name or address under which the site is."""
        return urlsplit(self.stack.output("Url")).hostname or ""

    def subnets(self, count: int) -> str:
        """The default VPC's subnets in so many zones, as a template takes a list of them."""
        filters = [{"Name": "default-for-az", "Values": ["true"]}]
        found = self.clients("ec2").describe_subnets(Filters=filters)["Subnets"]
        ordered = sorted(found, key=lambda one: str(one["AvailabilityZone"]))
        return ",".join(one["SubnetId"] for one in ordered[:count])

    def paced(self, nominal_s: float) -> float:
        return nominal_s / self.access.pace

    def wait(self, wanted: Callable[[Scene], str | None], within_s: float = SETTLED_WITHIN_S) -> Scene:
        """The scene as soon as nothing is said to be missing from it.

        Raises:
            NotInTime
        """
        deadline = time.monotonic() + within_s
        while True:
            scene = self.scene()
            missing = wanted(scene)
            if missing is None:
                return scene
            if time.monotonic() > deadline:
                raise NotInTime(f"after {within_s:.0f} s: {missing}")
            time.sleep(ASK_EVERY_S)

    def wait_settled(self) -> Scene:
        """Wait until nothing is under way and the page is served by its address or by the address of its name."""
        host = self.host()
        return self.wait(lambda scene: scene.unsettled() or self._unserved(host))

    def _unserved(self, host: str) -> str | None:
        return None if fetch(self.access, f"http://{host}/") else f"http://{host}/ is not served"
