"""Who uses what: a target group stands in the actions of listeners and rules, and nowhere else."""

from aftershock.aws import arn as arns
from aftershock.aws.call import Tx

from .listener import LISTENERS, RULES
from .load_balancer import LOAD_BALANCERS

LINKED_ROLE = "role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing"


def load_balancers_of(tx: Tx, group: str) -> tuple[str, ...]:
    """The ARNs of the load balancers that forward to the target group."""
    listeners = {listener.load_balancer for listener in LISTENERS.where(tx, "group", group)}
    rules = {rule.load_balancer for rule in RULES.where(tx, "group", group)}
    return tuple(sorted(listeners | rules))


def users_of_certificate(tx: Tx, certificate: str) -> tuple[str, ...]:
    """The ARNs of the load balancers that have the certificate on a listener."""
    return tuple(sorted({listener.load_balancer for listener in LISTENERS.where(tx, "certificate", certificate)}))


def users_of_role(tx: Tx, role: str) -> tuple[str, ...]:
    """The ARNs of the load balancers of an account whose service-linked role has this ARN."""
    parsed = arns.parse(role)
    if parsed is None or parsed.resource != LINKED_ROLE:
        return ()
    return tuple(sorted(balancer.arn for balancer in LOAD_BALANCERS.where(tx, "account", parsed.account)))
