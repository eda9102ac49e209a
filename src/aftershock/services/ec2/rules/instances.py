"""What an instance is called in which state, and what may be asked of it then."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.instance import Instance, Wish

State = Literal["pending", "running", "shutting-down", "terminated", "stopping", "stopped"]
CODES: Mapping[State, int] = {
    "pending": 0,
    "running": 16,
    "shutting-down": 32,
    "terminated": 48,
    "stopping": 64,
    "stopped": 80,
}
USER_SHUTDOWN = "Client.UserInitiatedShutdown"
OWN_SHUTDOWN = "Client.InstanceInitiatedShutdown"
INTERNAL_ERROR = "Server.InternalError"


def wish(instance: Instance) -> Wish:
    """What is wanted in the end: what was asked for, unless the machine itself decided otherwise meanwhile.

    A machine that shuts itself down does what `InstanceInitiatedShutdownBehavior` says.  One that was killed from
    outside is left stopped, with its disk, for its owner to look at.  One that could not even be started for the
    first time is given up, as AWS gives up a launch that fails.
    """
    if instance.wanted != "running" or instance.ended_boot != instance.boot:
        return instance.wanted
    if instance.ended_how == "poweroff":
        return "terminated" if instance.shutdown_behavior == "terminate" else "stopped"
    if instance.ended_how == "failed" and instance.boot == 1:
        return "terminated"
    return "stopped"


def state(instance: Instance) -> State:
    """The state AWS would show.  It says "running" only of a machine that was seen to run."""
    match wish(instance):
        case "running":
            return "running" if instance.up_boot == instance.boot else "pending"
        case "stopped":
            return "stopped" if instance.down_boot == instance.boot else "stopping"
        case "terminated":
            return "terminated" if instance.terminated_at else "shutting-down"


@dataclass(frozen=True, slots=True)
class Run:
    """A time for which the machine ran, and which is billed."""

    since: datetime
    until: datetime | None  # None: it still runs


def run(instance: Instance) -> Run | None:
    """The run of the present boot, as far as it was observed; None before it began, and after it was lost."""
    if instance.up_at is None or instance.up_boot != instance.boot:
        return None
    if wish(instance) == "running":
        return Run(instance.up_at, None)
    ended = instance.ended_at if instance.ended_boot == instance.boot else None
    asked = instance.asked_at if instance.wanted != "running" else None
    known = [moment for moment in (ended, asked) if moment is not None]
    return Run(instance.up_at, max(instance.up_at, min(known))) if known else None


def state_view(name: State) -> dict[str, int | str]:
    return {"Code": CODES[name], "Name": name}


def state_reason(instance: Instance) -> dict[str, str] | None:
    """Why it is not running."""
    if instance.wanted == "running" and wish(instance) == "running":
        return {"Code": "pending", "Message": "pending"} if state(instance) == "pending" else None
    if instance.wanted == "running" and instance.ended_how == "poweroff":
        return {"Code": OWN_SHUTDOWN, "Message": f"{OWN_SHUTDOWN}: Instance initiated shutdown"}
    if instance.wanted == "running" and instance.ended_how == "failed":
        return {"Code": INTERNAL_ERROR, "Message": f"{INTERNAL_ERROR}: Internal error on launch"}
    if instance.wanted == "running":
        return {"Code": INTERNAL_ERROR, "Message": f"{INTERNAL_ERROR}: The instance ended unexpectedly"}
    return {"Code": USER_SHUTDOWN, "Message": f"{USER_SHUTDOWN}: User initiated shutdown"}


def transition_reason(instance: Instance) -> str:
    """AWS: "User initiated (2026-11-22 12:00:00 GMT)", and nothing for what nobody asked for."""
    if instance.wanted == "running":
        reason = state_reason(instance)
        return reason["Message"] if reason and reason["Code"] == INTERNAL_ERROR else ""
    return f"User initiated ({instance.asked_at:%Y-%m-%d %H:%M:%S} GMT)"


def not_found(ids: Iterable[str]) -> AwsError:
    missing = list(ids)
    if len(missing) == 1:
        return AwsError("InvalidInstanceID.NotFound", f"The instance ID '{missing[0]}' does not exist")
    return AwsError("InvalidInstanceID.NotFound", f"The instance IDs '{', '.join(missing)}' do not exist")


def check_may_stop(instance: Instance) -> None:
    match state(instance):
        case "pending" if instance.boot == 1:
            raise _wrong_state(
                f"Instance '{instance.id}' cannot be stopped as it has never reached the 'running' state."
            )
        case "terminated" | "shutting-down":
            raise _wrong_state(f"This instance '{instance.id}' is not in a state from which it can be stopped.")
    if instance.stop_protected:
        raise AwsError(
            "OperationNotPermitted",
            f"The instance '{instance.id}' may not be stopped. Modify its 'disableApiStop' instance attribute and "
            "try again.",
        )


def check_may_start(instance: Instance) -> None:
    if state(instance) not in ("stopped", "running", "pending"):
        raise _wrong_state(f"The instance '{instance.id}' is not in a state from which it can be started.")


def check_may_reboot(instance: Instance) -> None:
    if state(instance) not in ("running", "pending"):
        raise _wrong_state(f"Instance '{instance.id}' is not in a state from which it can be rebooted.")


def check_may_terminate(instance: Instance) -> None:
    if instance.termination_protected and wish(instance) != "terminated":
        raise AwsError(
            "OperationNotPermitted",
            f"The instance '{instance.id}' may not be terminated. Modify its 'disableApiTermination' instance "
            "attribute and try again.",
        )


def check_stopped(instance: Instance) -> None:
    """AWS changes a type, user data and the like of a stopped instance only."""
    if state(instance) != "stopped":
        raise _wrong_state(f"The instance '{instance.id}' is not in the 'stopped' state.")


def check_alive(instance: Instance) -> None:
    if state(instance) in ("terminated", "shutting-down"):
        raise _wrong_state(
            f"The instance '{instance.id}' is not in a valid state for this operation: {state(instance)}."
        )


def _wrong_state(message: str) -> AwsError:
    return AwsError("IncorrectInstanceState", message)


def until_forgotten_s(terminated_at: datetime, now: datetime, shown_s: float) -> float:
    """How long a terminated instance goes on being shown, in seconds of the region's clock."""
    return shown_s - (now - terminated_at).total_seconds()
