"""Route 53's controllers: the resolver's snapshot, and the health of endpoints."""

from collections.abc import Callable

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.errors import EngineError
from aftershock.engines.resolver import Answer, Resolver
from aftershock.services.route53.outside import Outside
from aftershock.store import Store

from .health import HealthCheckController
from .names import NameController
from .probes import probe

__all__ = ["asker", "controllers"]


def controllers(
    store: Store, clock: Clock, region: str, outside: Outside, resolver: Resolver
) -> tuple[Controller, ...]:
    return (
        NameController(store, clock, region, outside, resolver),
        HealthCheckController(store, clock, lambda check: probe(check, clock, resolver.ask)),
    )


def asker(resolver: Resolver) -> Callable[[str, str], Answer]:
    """What `Outside.ask` is to be."""

    def ask(name: str, kind: str) -> Answer:
        try:
            return resolver.ask(name, kind)
        except EngineError as error:
            text = "The resolver does not answer."
            raise AwsError("ServiceUnavailable", text, status=503, context=str(error)) from error

    return ask
