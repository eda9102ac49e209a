"""What is said of a target's health, by what the nodes of its load balancer see.  Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aftershock.engines.balancer import Target as Sight
from aftershock.services.elbv2.records.target_group import Health, Target

from .located import Located

REGISTERING = ("Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = ("Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = ("Target.DeregistrationInProgress", "Target deregistration is in progress")


@dataclass(frozen=True, slots=True)
class Shown:
    state: Health
    fault: str | None = None  # AWS's reason code
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing is left to do with the target; its record goes."""

    reason: str


def judge(
    located: Located, sights: Sequence[Sight], *, now: datetime, delay_s: float, let_go: bool, known: bool
) -> Shown | Over:
    """`sights` are what each node that was seen lately sees of the target; `delay_s` is how long it drains, here.

    `let_go` says that every node that serves was seen to send nothing new to it: before that it drains, however late it
    is, for whoever waits for its end switches its machine off.  `known` says that every node that serves, and would
    send to it, was seen to know it: before that it does not become healthy, for whoever waits for that sends requests,
    and a node that does not know it yet has nobody for them.
    """
    target = located.target
    if located.gone:
        return Over("its instance was terminated")
    if target.deregistering_at is not None:
        if located.unused is not None:
            return Over("it was deregistered, and nobody sends to it")
        if let_go and now >= target.deregistering_at + timedelta(seconds=delay_s):
            return Over("it was deregistered, and its deregistration delay is over")
        return Shown("draining", *DRAINING)
    if located.unused is not None:
        return Shown("unused", located.unused.fault, located.unused.description)
    return _by_sight(target, [sight for sight in sights if sight.state != "draining"], known)


def _by_sight(target: Target, sights: Sequence[Sight], known: bool) -> Shown:
    """By what most nodes see: each checks by itself, and one of them may have been cut off.

    Where as many say one thing as another it stays as it was, and so it does where nobody was seen to look: neither
    tells anything about the target.
    """
    healthy = sum(sight.state == "healthy" for sight in sights)
    faulty = [sight for sight in sights if sight.state == "unhealthy"]
    judged = target.state in ("healthy", "unhealthy")
    if healthy > len(faulty) and (judged or (known and healthy + len(faulty) == len(sights))):
        return Shown("healthy")
    if len(faulty) > healthy:
        return _unhealthy(faulty[0])
    if judged:
        return Shown(target.state, target.fault, target.description)
    return Shown("initial", *(CHECKING if sights else REGISTERING))


def _unhealthy(sight: Sight) -> Shown:
    match sight.fault:
        case "code":
            said = f"Health checks failed with these codes: [{sight.code}]"
            return Shown("unhealthy", "Target.ResponseCodeMismatch", said)
        case "timeout":
            return Shown("unhealthy", "Target.Timeout", "Request timed out")
    return Shown("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
