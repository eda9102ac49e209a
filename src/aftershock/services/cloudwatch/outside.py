"""What CloudWatch asks of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from aftershock.aws.ask import Ask
from aftershock.aws.metrics import Source


@dataclass(frozen=True, slots=True)
class Fired:
    """An alarm that calls for an Auto Scaling policy."""

    action: str  # the policy's ARN
    alarm_name: str
    alarm_arn: str
    state: str  # "ALARM", "OK" or "INSUFFICIENT_DATA"
    reason: str
    metric_value: float | None  # of the newest datapoint that was evaluated; None where SetAlarmState did it
    threshold: float | None
    at: datetime  # when the alarm came into the state
    again: bool  # the state lasts: AWS calls for the policy once a minute until it ends


# Runs the policy and says in one sentence what came of it; that, or the `AwsError` that it refuses with, stands in the
# alarm's history.
Scaling = Callable[[Fired], str]


@dataclass(frozen=True, slots=True)
class Outside:
    sources: tuple[Source, ...]
    ask: Ask  # for what alarms do to instances
    scaling: Scaling
