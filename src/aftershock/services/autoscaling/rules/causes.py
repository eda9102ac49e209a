"""Why something was done, in AWS's sentences.  Two blanks follow each full stop inside a cause.

The wordings are those of answers that AWS gave, as people printed them; of rebalancing, of lifetimes and of scheduled
actions no printed answer was found, and theirs follow the user guide.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

EC2_GONE = "an EC2 health check indicating it has been terminated or stopped"
EC2_IMPAIRED = "an EC2 instance status check failure"
ELB_UNHEALTHY = "an ELB system health check failure"
USER_HEALTH = "a user health-check"
REFRESH = "an instance refresh"
LIFETIME = "a max instance lifetime action"
BECAME_UNHEALTHY = "Instance became unhealthy while waiting for instance to be in InService state."
ABANDONED = "an abandoned lifecycle action"


def at(now: datetime, sentence: str) -> str:
    return f"At {now:%Y-%m-%dT%H:%M:%SZ} {sentence}"


def joined(sentences: Iterable[str]) -> str:
    """AWS's member is 1,023 characters at most; the earliest causes are the ones to go."""
    kept = list(sentences)
    while len(text := "  ".join(kept)) > 1023 and len(kept) > 1:
        kept.pop(0)
    return text[:1023]


def created(now: datetime, desired: int) -> str:
    return at(now, f"a user request created an AutoScalingGroup changing the desired capacity from 0 to {desired}.")


def updated(now: datetime, *, low: int, high: int, before: int, after: int, who: str = "a user request") -> str:
    return at(
        now,
        f"{who} update of AutoScalingGroup constraints to min: {low}, max: {high}, desired: {after} "
        f"changing the desired capacity from {before} to {after}.",
    )


def set_explicitly(now: datetime, before: int, after: int) -> str:
    return at(
        now,
        f"a user request explicitly set group desired capacity changing the desired capacity from {before} to {after}.",
    )


def executed(now: datetime, policy: str, before: int, after: int) -> str:
    return at(now, f"a user request executed policy {policy} changing the desired capacity from {before} to {after}.")


def alarmed(now: datetime, alarm: str, policy: str, before: int, after: int) -> str:
    return at(
        now,
        f"a monitor alarm {alarm} in state ALARM triggered policy {policy} "
        f"changing the desired capacity from {before} to {after}.",
    )


def started(now: datetime, before: int, after: int, *, causes: Sequence[str] = ()) -> str:
    return joined(
        (
            *causes,
            at(
                now,
                "an instance was started in response to a difference between desired and actual capacity, "
                f"increasing the capacity from {before} to {after}.",
            ),
        )
    )


def shrunk(now: datetime, instance_id: str, before: int, after: int, *, causes: Sequence[str] = ()) -> str:
    return joined(
        (
            *causes,
            at(
                now,
                "an instance was taken out of service in response to a difference between desired and actual "
                f"capacity, shrinking the capacity from {before} to {after}.",
            ),
            at(now, f"instance {instance_id} was selected for termination."),
        )
    )


def replacing(now: datetime) -> str:
    return at(now, "an instance was launched in response to an unhealthy instance needing to be replaced.")


def refreshing(now: datetime) -> str:
    return at(now, "an instance was launched in response to an instance refresh.")


def rebalancing(now: datetime, zones: Iterable[str]) -> str:
    return at(
        now,
        f"instances were launched to balance instances in zones {' '.join(sorted(zones))} with other zones resulting "
        "in more than desired number of instances in the group.",
    )


def taken_out(now: datetime, why: str) -> str:
    return at(now, f"an instance was taken out of service in response to {why}.")


def by_user(now: datetime, instance_id: str, what: str, change: tuple[int, int] | None = None) -> str:
    """`what` is like "detached"; `change` the desired capacity before and after, where it changes."""
    text = f"instance {instance_id} was {what} in response to a user request"
    if change is not None:
        before, after = change
        text += f", {'shrinking' if after < before else 'increasing'} the capacity from {before} to {after}"
    return at(now, text + ".")


def attached(now: datetime, before: int, after: int) -> str:
    return at(
        now,
        f"an instance was attached in response to a user request, increasing the capacity from {before} to {after}.",
    )
