"""The actions that the region has: what each takes, and on what it acts.

Ids and parameters are AWS's, but for those that begin with `aftershock:`: AWS has no single action for a zone's loss.
Source: AWS FIS user guide, "Actions reference".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aftershock.services.fis.records import Action

from . import documents
from .durations import seconds
from .errors import invalid, not_found

INSTANCE, SUBNET, ROLE = "aws:ec2:instance", "aws:ec2:subnet", "aws:iam:role"
SCOPES = ("all", "availability-zone", "vpc")

DURATION = "The duration, from one minute to 12 hours."
ZONE = "The Availability Zone, by its name or its id."
PERCENTAGE = "The percentage (1-100) of calls to inject the fault into."


@dataclass(frozen=True, slots=True)
class Parameter:
    description: str
    check: Callable[[str, str], object]  # name and value; raises `AwsError`
    required: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    id: str
    description: str
    parameters: Mapping[str, Parameter]
    targets: Mapping[str, str]  # its word for them -> their resource type
    lasts: str | None = None  # the parameter that says how long


def _duration(name: str, value: str) -> object:
    return seconds(value, parameter=name)


def _one_of(*allowed: str) -> Callable[[str, str], object]:
    def check(name: str, value: str) -> None:
        if value not in allowed:
            raise invalid(
                f'Parameter "{name}" has the value "{value}"; the supported values are: {", ".join(allowed)}.'
            )

    return check


def _percentage(name: str, value: str) -> None:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value) <= 100:
        raise invalid(f'Parameter "{name}" has the value "{value}", which is not a number from 1 to 100.')


def _anything(name: str, value: str) -> None:
    """What it must be, only the state of the region can tell."""


_DURATION = Parameter(DURATION, _duration)
_PERCENTAGE = Parameter(PERCENTAGE, _percentage)
_ZONE = Parameter(ZONE, _anything)
_API = {
    "duration": _DURATION,
    "operations": Parameter("The operations to inject the fault into, separated using commas.", _anything),
    "percentage": _PERCENTAGE,
    "service": Parameter("The target AWS API namespace.", _one_of("ec2")),
}
_COMMAND = {
    "documentArn": Parameter("The Amazon Resource Name (ARN) of the document.", documents.check_arn),
    "documentParameters": Parameter(
        "The required and optional parameters that the document accepts.", _anything, required=False
    ),
    "documentVersion": Parameter("The version of the document.", _one_of("$DEFAULT", "$LATEST", "1"), required=False),
    "duration": _DURATION,
}


def _api_error(name: str, what: str) -> Kind:
    return Kind(
        f"aws:fis:inject-api-{name}-error",
        f"Injects {what} into requests made by the target IAM role.",
        _API,
        {"Roles": ROLE},
        lasts="duration",
    )


KINDS: Mapping[str, Kind] = {
    kind.id: kind
    for kind in (
        Kind(
            "aftershock:zone:network-isolation",
            "Cuts an Availability Zone off from everything that is not in it. Not an action of AWS's.",
            {"availabilityZoneIdentifier": _ZONE, "duration": _DURATION},
            {},
            lasts="duration",
        ),
        Kind(
            "aftershock:zone:power-interruption",
            "Takes the power from everything in an Availability Zone at one instant. Not an action of AWS's.",
            {"availabilityZoneIdentifier": _ZONE, "duration": _DURATION},
            {},
            lasts="duration",
        ),
        Kind(
            "aws:ec2:api-insufficient-instance-capacity-error",
            "Returns InsufficientInstanceCapacity errors on requests made by the target IAM roles.",
            {
                "availabilityZoneIdentifiers": Parameter(
                    "The comma separated list of Availability Zones, by their names or ids.", _anything
                ),
                "duration": _DURATION,
                "percentage": _PERCENTAGE,
            },
            {"Roles": ROLE},
            lasts="duration",
        ),
        Kind("aws:ec2:reboot-instances", "Reboot the specified EC2 instances.", {}, {"Instances": INSTANCE}),
        Kind(
            "aws:ec2:stop-instances",
            "Stop the specified EC2 instances.",
            {
                "completeIfInstancesTerminated": Parameter(
                    "Whether the action completes if target instances were terminated meanwhile.",
                    _one_of("true", "false"),
                    required=False,
                ),
                "startInstancesAfterDuration": Parameter(
                    "The time to wait before starting the instances, from one minute to 12 hours.",
                    _duration,
                    required=False,
                ),
            },
            {"Instances": INSTANCE},
            lasts="startInstancesAfterDuration",
        ),
        Kind("aws:ec2:terminate-instances", "Terminate the specified EC2 instances.", {}, {"Instances": INSTANCE}),
        _api_error("internal", "Internal Errors"),
        _api_error("throttle", "Throttle Errors"),
        _api_error("unavailable", "Unavailable Errors"),
        Kind("aws:fis:wait", "Wait for the specified duration.", {"duration": _DURATION}, {}, lasts="duration"),
        Kind(
            "aws:network:disrupt-connectivity",
            "Deny the specified traffic to and from the target subnets.",
            {
                "duration": _DURATION,
                "scope": Parameter("The type of traffic to deny.", _one_of(*SCOPES)),
            },
            {"Subnets": SUBNET},
            lasts="duration",
        ),
        Kind(
            "aws:ssm:send-command",
            "Run a Systems Manager command document on the specified EC2 instances.",
            _COMMAND,
            {"Instances": INSTANCE},
            lasts="duration",
        ),
    )
}


def require(action_id: str) -> Kind:
    """
    Raises:
        AwsError: ResourceNotFoundException, as AWS answers for an action that it does not have.
    """
    if action_id not in KINDS:
        raise not_found(f"Action with ID {action_id} not found.")
    return KINDS[action_id]


def check(name: str, action: Action) -> None:
    """
    Raises:
        AwsError: the action takes no such parameter or target, or lacks one that it needs.
    """
    kind = require(action.action_id)
    for parameter, value in action.parameters.items():
        if parameter not in kind.parameters:
            raise invalid(f'Unexpected parameter "{parameter}" found in action "{name}".')
        kind.parameters[parameter].check(parameter, value)
    for parameter, wanted in kind.parameters.items():
        if wanted.required and parameter not in action.parameters:
            raise invalid(f'Missing required parameter "{parameter}" in action "{name}".')
    for target in action.targets:
        if target not in kind.targets:
            raise invalid(f'Unexpected target "{target}" found in action "{name}".')
    for target in kind.targets:
        if target not in action.targets:
            raise invalid(f'Missing required target "{target}" in action "{name}".')
    if action.action_id == "aws:ssm:send-command":
        documents.command(action.parameters)


def lasts_s(action: Action) -> float | None:
    """How long it goes on, in nominal seconds; None for one that ends with what it does."""
    parameter = require(action.action_id).lasts
    value = action.parameters.get(parameter) if parameter else None
    if parameter is None or value is None:
        return None
    nominal_s = seconds(value, parameter=parameter)
    if action.action_id != "aws:ssm:send-command":
        return nominal_s
    # FIS waits for the command for that long, and the command has a length of its own.
    return min(nominal_s, documents.command(action.parameters).lasts_s)
