"""Forgets client tokens that nobody can mean any more, and notes down whose instances are gone."""

from collections.abc import Iterable
from datetime import datetime

from aftershock.clock import Clock
from aftershock.control import ForgettingController
from aftershock.services.ec2.records.client_token import CLIENT_TOKENS
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.ec2.rules.client_tokens import plan
from aftershock.store import Store, Transaction


def client_token_controller(store: Store, clock: Clock) -> ForgettingController:
    return ForgettingController("ec2.client-tokens", store, clock.now, {CLIENT_TOKENS: outlived})


def outlived(tx: Transaction, now: datetime) -> Iterable[str]:
    decided = plan(CLIENT_TOKENS.every(tx), INSTANCES.values(tx, "reservation"), now)
    for one in decided.note:
        CLIENT_TOKENS.put(tx, one)
    return decided.forget
