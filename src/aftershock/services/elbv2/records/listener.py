"""Listeners: a port of a load balancer, and what is done with what comes there."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table

from .action import Action, groups_of
from .condition import Condition


class Listener(Struct, frozen=True, kw_only=True):
    arn: str
    account: str
    load_balancer: str  # its ARN
    protocol: str  # "HTTP", "HTTPS", "TCP"
    port: int
    certificate: str | None = None  # the ARN of the default one
    more_certificates: tuple[str, ...] = ()  # for the names that they are for
    ssl_policy: str | None = None
    action: Action  # where no rule holds
    default_rule: str  # the ARN under which `action` is described as a rule
    attributes: dict[str, str] = {}  # those that were set
    tags: dict[str, str] = {}
    created_at: datetime

    @property
    def certificates(self) -> tuple[str, ...]:
        """All of them, the default one first."""
        return (self.certificate, *self.more_certificates) if self.certificate else ()


class Rule(Struct, frozen=True, kw_only=True):
    arn: str
    account: str
    listener: str  # its ARN
    load_balancer: str  # its ARN
    priority: int  # the lowest is asked first
    conditions: tuple[Condition, ...]  # all of them must hold
    action: Action
    tags: dict[str, str] = {}
    created_at: datetime


LISTENERS = Table(
    "elbv2_listener",
    Listener,
    key=lambda listener: listener.arn,
    indexes={
        "load_balancer": lambda listener: listener.load_balancer,
        "group": lambda listener: set(groups_of(listener.action)),
        "certificate": lambda listener: set(listener.certificates),
    },
)
RULES = Table(
    "elbv2_rule",
    Rule,
    key=lambda rule: rule.arn,
    indexes={
        "listener": lambda rule: rule.listener,
        "load_balancer": lambda rule: rule.load_balancer,
        "group": lambda rule: set(groups_of(rule.action)),
    },
)
