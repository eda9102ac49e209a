"""Who uses what: a target group stands in the actions of listeners and rules, and nowhere else."""

from aftershock.aws.call import Tx

from .listener import LISTENERS, RULES


def load_balancers_of(tx: Tx, group: str) -> tuple[str, ...]:
    """The ARNs of the load balancers that forward to the target group."""
    listeners = {listener.load_balancer for listener in LISTENERS.where(tx, "group", group)}
    rules = {rule.load_balancer for rule in RULES.where(tx, "group", group)}
    return tuple(sorted(listeners | rules))


def users_of_certificate(tx: Tx, certificate: str) -> tuple[str, ...]:
    """The ARNs of the load balancers that have the certificate on a listener."""
    return tuple(sorted({listener.load_balancer for listener in LISTENERS.where(tx, "certificate", certificate)}))
