"""What an alarm's action is, by its ARN."""

import re
from dataclasses import dataclass
from typing import Literal

from aftershock.aws import arn as arns

from .errors import validation

Ec2Act = Literal["stop", "terminate", "reboot"]

_SWF = re.compile(r"action/actions/AWS_EC2\.InstanceId\.(Stop|Terminate|Reboot|Recover)/1\.0")
# AWS accepts these, and the region has nobody behind them: that the action failed stands in the alarm's history.
_ABSENT = ("sns", "lambda", "ssm", "ssm-incidents", "aiops")


@dataclass(frozen=True, slots=True)
class Scale:
    """Run an Auto Scaling policy."""


@dataclass(frozen=True, slots=True)
class Act:
    """Do something to the instance that the alarm's metric is of."""

    what: Ec2Act


@dataclass(frozen=True, slots=True)
class Absent:
    """Tell a service that the region does not have."""

    service: str


Action = Scale | Act | Absent

OPERATIONS: dict[Ec2Act, str] = {
    "stop": "StopInstances",
    "terminate": "TerminateInstances",
    "reboot": "RebootInstances",
}


def action(arn: str) -> Action:
    """
    Raises:
        AwsError: ValidationError, for what is no ARN of an alarm's action, and for `recover`, which would move an
            instance to other hardware: there is none
    """
    found = arns.parse(arn)
    if found is None:
        raise validation(f"Invalid arn syntax: {arn}")
    match found.service:
        case "autoscaling" if found.resource.startswith("scalingPolicy:"):
            return Scale()
        case "automate" if found.account == "ec2":
            return _instance_action(arn, found.resource)
        case "swf" if match := _SWF.fullmatch(found.resource):
            return _instance_action(arn, match[1].lower())
        case service if service in _ABSENT:
            return Absent(service)
    raise validation(f"Invalid action arn: {arn}")


def _instance_action(arn: str, name: str) -> Act:
    match name:
        case "stop" | "terminate" | "reboot":
            return Act(name)
        case "recover":
            raise validation(f"The action {arn} is not supported in this region.")
    raise validation(f"Invalid action arn: {arn}")
