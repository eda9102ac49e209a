"""What operations look up before they decide, and how a change of a load balancer's wishes is marked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.outside import Outside, Vpc
from aftershock.services.elbv2.records.listener import LISTENERS, RULES, Listener, Rule
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, LoadBalancer
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TargetGroup
from aftershock.services.elbv2.rules import errors


@dataclass(frozen=True, slots=True)
class Sources:
    """What an operation may ask besides its records."""

    outside: Outside


Handler = Callable[[Sources, Call, Params], Result]


def find_load_balancer(call: Call, arn: str) -> LoadBalancer | None:
    found = LOAD_BALANCERS.get(call.tx, arn)
    return found if found and found.wanted and found.account == call.account else None


def require_load_balancer(call: Call, arn: str) -> LoadBalancer:
    found = find_load_balancer(call, arn)
    if found is None:
        raise errors.no_load_balancer(arn)
    return found


def require_listener(call: Call, arn: str) -> Listener:
    found = LISTENERS.get(call.tx, arn)
    if found is None or found.account != call.account:
        raise errors.no_listener()
    return found


def require_rule(call: Call, arn: str) -> Rule:
    found = RULES.get(call.tx, arn)
    if found is None or found.account != call.account:
        raise errors.no_rule()
    return found


def default_rule_of(call: Call, arn: str) -> Listener | None:
    """The listener whose default rule this is."""
    found = LISTENERS.get(call.tx, arn.rpartition("/")[0].replace(":listener-rule/", ":listener/", 1))
    return found if found and found.account == call.account and found.default_rule == arn else None


def require_target_group(call: Call, arn: str) -> TargetGroup:
    found = TARGET_GROUPS.get(call.tx, arn)
    if found is None or found.account != call.account:
        raise errors.no_target_group(arn)
    return found


def require_vpc(sources: Sources, call: Call, vpc_id: str) -> Vpc:
    found = sources.outside.vpc(call.tx, call.account, vpc_id)
    if found is None:
        raise errors.invalid(f"The VPC ID '{vpc_id}' is not found")
    return found


def require_security_groups(
    sources: Sources, call: Call, vpc_id: str, group_ids: Sequence[str], most: int
) -> tuple[str, ...]:
    """The groups, each once, in the order given.

    Raises:
        AwsError: InvalidConfigurationRequest
    """
    chosen = tuple(dict.fromkeys(group_ids))
    if any(sources.outside.security_group_vpc(call.tx, call.account, one) != vpc_id for one in chosen):
        raise errors.invalid_groups()
    if len(chosen) > most:
        raise errors.configuration(f"Up to '{most}' security groups can be specified")
    return chosen


def touch(call: Call, arn: str) -> None:
    """A load balancer's listeners or their rules are wanted otherwise than before."""
    balancer = LOAD_BALANCERS.get(call.tx, arn)
    if balancer is not None:
        LOAD_BALANCERS.put(call.tx, replace(balancer, generation=balancer.generation + 1))
