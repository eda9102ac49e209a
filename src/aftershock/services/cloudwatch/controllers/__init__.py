"""CloudWatch's controllers: measuring, judging, acting, forgetting."""

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.services.cloudwatch.outside import Outside
from aftershock.store import Store

from .actions import ActionController
from .alarms import AlarmController
from .later import Wake
from .pruning import PruningController
from .sampling import SamplingController

__all__ = ["controllers"]


def controllers(
    store: Store, clock: Clock, region: str, wake: Wake, *, account: str, outside: Outside
) -> tuple[Controller, ...]:
    """`wake` is the control loop's; `account` is whose metrics the region's own are."""
    return (
        SamplingController(store, clock, account, outside.sources, wake),
        AlarmController(store, clock, region),
        ActionController(store, clock, region, outside),
        PruningController(store, clock, wake),
    )
