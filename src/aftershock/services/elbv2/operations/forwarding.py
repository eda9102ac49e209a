"""What an action of a listener or a rule may forward to."""

from collections.abc import Iterable, Sequence

from aftershock.aws.call import Call
from aftershock.services.elbv2.records.action import Action, groups_of
from aftershock.services.elbv2.records.listener import LISTENERS, RULES
from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.records.target_group import TARGETS
from aftershock.services.elbv2.records.use import load_balancers_of
from aftershock.services.elbv2.rules import errors, quotas
from aftershock.services.elbv2.rules.target_groups import is_http

from .found import require_target_group


def require_groups(call: Call, balancer: LoadBalancer, protocol: str, actions: Sequence[Action]) -> None:
    """The load balancer may forward to all target groups of these actions, beside those that it has.

    Raises:
        AwsError: TargetGroupNotFound, IncompatibleProtocols, TargetGroupAssociationLimit,
            TooManyUniqueTargetGroupsPerLoadBalancer, TooManyTargets, InvalidConfigurationRequest
    """
    asked = tuple(dict.fromkeys(arn for action in actions for arn in groups_of(action)))
    for arn in asked:
        group = require_target_group(call, arn)
        if is_http(group.protocol) != is_http(protocol):
            raise errors.incompatible_protocols(arn)
        if group.vpc_id != balancer.vpc_id:
            raise errors.configuration(
                f"The target group '{arn}' and the load balancer '{balancer.arn}' must be in the same VPC"
            )
    if others := [arn for arn in asked if set(load_balancers_of(call.tx, arn)) - {balancer.arn}]:
        raise errors.other_load_balancer(others)
    every = groups_used_by(call, balancer.arn).union(asked)
    quotas.require_within("TooManyUniqueTargetGroupsPerLoadBalancer", len(every), quotas.TARGET_GROUPS_PER_BALANCER)
    require_targets(call, every)


def require_targets(call: Call, groups: Iterable[str]) -> None:
    """A load balancer may have the targets of all these groups.

    Raises:
        AwsError: TooManyTargets
    """
    count = sum(TARGETS.count(call.tx, "group", arn) for arn in groups)
    quotas.require_within("TooManyTargets", count, quotas.TARGETS_PER_BALANCER)


def groups_used_by(call: Call, balancer: str) -> set[str]:
    actions = [listener.action for listener in LISTENERS.where(call.tx, "load_balancer", balancer)]
    actions += [rule.action for rule in RULES.where(call.tx, "load_balancer", balancer)]
    return {arn for action in actions for arn in groups_of(action)}
