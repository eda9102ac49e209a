"""An account with EC2, the meter and Cost Explorer over one file."""

import asyncio
from pathlib import Path
from typing import Any

from aftershock.services import ce, ec2
from aftershock.services.ce.controllers.meter import MeterController
from aftershock.services.ec2.controllers.reserved_instances import ReservedInstanceController
from aftershock.services.ec2.usage import USAGE
from tests.services.ec2.compute import Compute, SetClock
from tests.services.modelled import Modelled


class World:
    """Its time is EC2's account's: every call takes a second, and `wait` lets time pass."""

    def __init__(self, path: Path) -> None:
        self.ce = Modelled(path, "ce", ce.operations(ec2.reservations), [*ce.TABLES, *ec2.TABLES])
        self.ec2 = Compute(path)
        self.sources = (USAGE,)
        self.clock: SetClock = self.ec2.clock
        self.began, self.ground = self.clock.now(), "one"

    def meter(self) -> MeterController:
        """A new one, that knows nothing of those before it."""
        metered = ce.Metered(sources=self.sources, ground=self.ground, began=self.began)
        return MeterController(self.ce.store, self.clock, metered)

    def look(self) -> None:
        """Let everything be that controllers do, the meter last."""
        self.ec2.settle()
        asyncio.run(self._look())

    async def _look(self) -> None:
        for controller in (ReservedInstanceController(self.ec2.store, self.clock), self.meter()):
            for key in sorted(await controller.keys()):
                await controller.reconcile(key)

    def ask(self, operation: str, **params: Any) -> dict[str, Any]:
        self.ce.now = self.ec2.now
        return self.ce.call(operation, **params)

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        self.ce.now = self.ec2.now
        return self.ce.refusal(operation, **params)

    def close(self) -> None:
        self.ce.store.close()
        self.ec2.store.close()
