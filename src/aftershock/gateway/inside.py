"""The door for the region's own services: what they ask of one another takes the same way as a user's request."""

import uuid
from collections.abc import Mapping
from typing import Any

from aftershock import wire
from aftershock.aws.ask import Ask
from aftershock.aws.call import Call, Operation, Params, Principal, Result
from aftershock.aws.ids import new_id
from aftershock.clock import Clock
from aftershock.store import Store
from aftershock.wire import Models

from .refusals import not_here


class Inside:
    """Hands each service its own way to ask: `Inside(...).of("autoscaling", role="AWSServiceRoleForAutoScaling")`."""

    def __init__(
        self,
        *,
        store: Store,
        models: Models,
        services: Mapping[str, Mapping[str, Operation]],
        clock: Clock,
        region: str,
        account: str,
    ) -> None:
        """`services` may be filled later: those that ask are among them."""
        self._store, self._models, self._services = store, models, services
        self._clock, self._region, self._account = clock, region, account

    def of(self, service: str, *, role: str) -> Ask:
        """The way of one service, which acts by its service-linked role, as CloudTrail shows it on AWS."""
        own = Principal(
            account=self._account,
            arn=f"arn:aws:sts::{self._account}:assumed-role/{role}/{service}",
            user_id=f"{role}:{service}",
            access_key_id="",
            service=f"{service}.amazonaws.com",
        )

        def ask(service: str, operation: str, params: Params, *, within: Call | None = None) -> Result:
            return self._run(own, service, operation, params, within)

        return ask

    def _run(self, own: Principal, service: str, operation: str, params: Params, within: Call | None) -> Result:
        model = self._models.service(service).operation_model(operation)
        found = self._services.get(service, {}).get(operation)
        if found is None:
            raise not_here(model, model.service_model.metadata["protocol"])
        asked = _plain(params)
        wire.check(model, asked)
        if within is not None:
            return _plain_result(found(within, asked))
        now = self._clock.now()
        with self._store.transaction() as tx:
            call = Call(
                principal=own,
                region=self._region,
                request_id=str(uuid.uuid4()),
                now=now,
                tx=tx,
                new_id=new_id,
            )
            return _plain_result(found(call, asked))


def _plain_result(result: Result) -> Result:
    plain: Result = _plain(result)
    return plain


def _plain(value: Any) -> Any:
    """A copy as the wire would have delivered it: dicts and lists of its own, and no member that is None."""
    match value:
        case Mapping():
            return {name: _plain(inner) for name, inner in value.items() if inner is not None}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return value
