"""Rollback triggers: which alarms take a stack's operation back."""

import re
from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.records import Watch

from . import errors

KINDS = {"AWS::CloudWatch::Alarm": "MetricAlarms", "AWS::CloudWatch::CompositeAlarm": "CompositeAlarms"}
ARN = re.compile(r"arn:aws:cloudwatch:[a-z0-9-]+:\d{12}:alarm:(.{1,255})", re.DOTALL)


def given(asked: Mapping[str, Any] | None, before: Watch | None) -> Watch | None:
    """AWS: the triggers of a stack are kept by updates that give none, and an empty list removes them.

    Raises:
        AwsError: ValidationError
    """
    if asked is None:
        return before
    listed, kept = asked.get("RollbackTriggers"), before.alarms if before else ()
    alarms = kept if listed is None else tuple((one["Arn"], one["Type"]) for one in listed)
    for arn, kind in alarms:
        if kind not in KINDS:
            raise errors.invalid(
                f"Rollback trigger type {kind} is not supported: it must be one of {', '.join(sorted(KINDS))}."
            )
        if not ARN.fullmatch(arn):
            raise errors.invalid(f"Rollback trigger {arn} is not the ARN of an alarm.")
    made = Watch(alarms=alarms, minutes=asked.get("MonitoringTimeInMinutes"))
    return None if made == Watch() else made


def name_of(arn: str) -> str:
    found = ARN.fullmatch(arn)
    assert found is not None
    return found[1]


def why_back(watch: Watch, states: Mapping[str, str]) -> str | None:
    """Why an operation is taken back, if it is; `states` has those of the alarms that there are, by their ARNs."""
    missing = [arn for arn, _ in watch.alarms if arn not in states]
    if missing:
        return f"The following rollback trigger(s) do not exist: [{', '.join(missing)}]."
    alarmed = [arn for arn, _ in watch.alarms if states[arn] == "ALARM"]
    return f"The following rollback trigger(s) went into ALARM state: [{', '.join(alarmed)}]." if alarmed else None


def view(watch: Watch | None) -> dict[str, Any]:
    if watch is None:
        return {}
    return {
        "RollbackTriggers": [{"Arn": arn, "Type": kind} for arn, kind in watch.alarms] or None,
        "MonitoringTimeInMinutes": watch.minutes,
    }
