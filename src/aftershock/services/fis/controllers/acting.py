"""What an effect is given: one action of one experiment, and the call in which the experiment's role asks others."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aftershock.aws.call import Call, Principal
from aftershock.aws.ids import new_id
from aftershock.services.fis.records import Action, Experiment
from aftershock.store import Transaction

SERVICE = "fis.amazonaws.com"


@dataclass(frozen=True, slots=True)
class Act:
    experiment: Experiment
    name: str
    action: Action

    @property
    def cause(self) -> str:
        """Under which whatever it does is recorded; short, and safe in any name."""
        return f"{self.experiment.id}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"

    @property
    def targets(self) -> tuple[str, ...]:
        """The ARNs of what it acts on."""
        return tuple(arn for name in self.action.targets.values() for arn in self.experiment.resolved.get(name, ()))

    @property
    def ids(self) -> list[str]:
        """The last parts of these ARNs."""
        return [arn.rpartition("/")[2] for arn in self.targets]


class Effect(Protocol):
    """How one kind of action acts, and how that is taken back.

    `begin` and `end` are part of a transaction, in which it is recorded that they happened.  `holds` and `is_lifted`
    are asked again and again until they say yes; what they do themselves may be repeated.

    Raises (each):
        AwsError, EngineError: the action has failed.
    """

    def begin(self, call: Call, act: Act) -> None: ...

    async def holds(self, act: Act) -> bool:
        """Whether what was begun is in force."""
        ...

    def is_over(self, call: Call, act: Act) -> bool:
        """Whether an action without a duration has ended."""
        ...

    def can_end(self, call: Call, act: Act) -> bool:
        """Whether what it acts on is in a state from which it can be taken back."""
        ...

    def end(self, call: Call, act: Act) -> None: ...

    async def is_lifted(self, act: Act) -> bool:
        """Whether nothing of it is left."""
        ...


class Instant:
    """An effect that is there when it has begun, and has nothing to take back; others differ from it."""

    def begin(self, call: Call, act: Act) -> None: ...

    async def holds(self, act: Act) -> bool:
        return True

    def is_over(self, call: Call, act: Act) -> bool:
        return True

    def can_end(self, call: Call, act: Act) -> bool:
        return True

    def end(self, call: Call, act: Act) -> None: ...

    async def is_lifted(self, act: Act) -> bool:
        return True


def as_role(tx: Transaction, experiment: Experiment, now: datetime) -> Call:
    """A call of the experiment's role, as CloudTrail shows them on AWS."""
    role = experiment.plan.role_arn.rpartition("/")[2]
    principal = Principal(
        account=experiment.account,
        arn=f"arn:aws:sts::{experiment.account}:assumed-role/{role}/{experiment.id}",
        user_id=f"{role}:{experiment.id}",
        access_key_id="",
        service=SERVICE,
    )
    return Call(principal=principal, region=experiment.region, request_id=experiment.id, now=now, tx=tx, new_id=new_id)
