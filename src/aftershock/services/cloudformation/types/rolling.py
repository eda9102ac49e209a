"""AutoScalingRollingUpdate: a group's instances replaced a few at a time, each batch seen to stand before the next.

What is known between steps is the old instances still there and the batch under way; how things stand is read from
the group each time.
"""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.errors import TemplateError
from aftershock.services.cloudformation.rules.policies import ROLLING, duration_s, whole

from .model import Doing, FailedError

MEMBERS = frozenset(
    {
        "MaxBatchSize",
        "MinActiveInstancesPercent",
        "MinInstancesInService",
        "MinSuccessfulInstancesPercent",
        "PauseTime",
        "SuspendProcesses",
        "WaitOnResourceSignals",
    }
)
SIGNAL_WAIT_S = 300.0  # AWS: PauseTime is PT5M where signals are waited for


def begin(doing: Doing, name: str, policy: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
    """
    Raises:
        TemplateError: the policy has what is not honoured
    """
    unknown = sorted(policy.keys() - MEMBERS)
    if unknown:
        raise TemplateError(f"Encountered unsupported property {ROLLING}.{unknown[0]}")
    for member in ("MinActiveInstancesPercent", "MinSuccessfulInstancesPercent"):
        _percent(policy, member)
    kept = whole(policy.get("MinInstancesInService", 0), "MinInstancesInService")
    if kept >= group["MaxSize"] and group["MaxSize"] > 0:
        raise FailedError("MinInstancesInService must be less than the autoscaling group's MaxSize")
    processes = list(policy.get("SuspendProcesses", []))
    if processes:
        doing.ask("autoscaling", "SuspendProcesses", AutoScalingGroupName=name, ScalingProcesses=processes)
    old = [one["InstanceId"] for one in group.get("Instances", [])]
    return {
        "old": old,
        "known": old,
        "batch": [],
        "at": 0.0,
        "desired": group["DesiredCapacity"],
        "all": len(old),
        "failed": 0,  # of those replaced so far, how many never said that they had succeeded
    }


def _percent(policy: Mapping[str, Any], name: str) -> int:
    found = whole(policy.get(name, 100), name)
    if found > 100:
        raise TemplateError(f"{name} must be between 0 and 100; found {found}")
    return found


def roll(doing: Doing, name: str, policy: Mapping[str, Any], group: Mapping[str, Any]) -> Mapping[str, Any]:
    """One look: the state afterwards, {} when all instances are new.

    Raises:
        FailedError: an instance signalled failure, or none came in time
    """
    state = dict(doing.state)
    states = {one["InstanceId"]: one["LifecycleState"] for one in group.get("Instances", [])}
    serving = {one for one, status in states.items() if status == "InService"}
    old = [one for one in state["old"] if one in states]
    if state["batch"]:
        failed = _failed(doing, policy, group, state, states)
        if failed is None:
            return state
        state |= {"batch": [], "failed": state["failed"] + failed}
    if not old:
        return _end(doing, name, policy, group, state)
    batch = _next(policy, group, old, serving)
    if not batch:
        return _grow(doing, name, group, state)
    for instance in batch:
        doing.ask(
            "autoscaling",
            "TerminateInstanceInAutoScalingGroup",
            InstanceId=instance,
            ShouldDecrementDesiredCapacity=False,
        )
    left = [one for one in old if one not in batch]
    return {**state, "old": left, "batch": batch, "known": sorted(states), "at": doing.elapsed_s}


def _next(policy: Mapping[str, Any], group: Mapping[str, Any], old: list[str], serving: set[str]) -> list[str]:
    """The old instances that may go now, so that enough stay in service."""
    most = whole(policy.get("MaxBatchSize", 1), "MaxBatchSize")
    least = whole(policy.get("MinInstancesInService", 0), "MinInstancesInService")
    idle = [one for one in old if one not in serving]
    spare = max(0, len(serving) - least)
    return [*idle, *[one for one in old if one in serving][:spare]][:most]


def _grow(doing: Doing, name: str, group: Mapping[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """None may go yet: one more is launched first, if the group's size allows, and waited for."""
    wanted = state["desired"] + 1
    if group["DesiredCapacity"] < min(wanted, group["MaxSize"]):
        doing.ask("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=wanted)
    return state


def _failed(
    doing: Doing, policy: Mapping[str, Any], group: Mapping[str, Any], state: dict[str, Any], states: Mapping[str, str]
) -> int | None:
    """How many of the batch failed; None while it is still to be waited for.

    Raises:
        FailedError: more than MinSuccessfulInstancesPercent lets fail
    """
    waited_s = doing.elapsed_s - state["at"]
    signals = str(policy.get("WaitOnResourceSignals", "false")).lower() == "true"
    pause_s = duration_s(str(policy["PauseTime"])) if "PauseTime" in policy else SIGNAL_WAIT_S if signals else 0.0
    failed = 0
    if signals:
        said = [doing.signals[one] for one in states if one not in state["known"] and one in doing.signals]
        failed = said.count("FAILURE")
        percent = _percent(policy, "MinSuccessfulInstancesPercent")
        may_fail = state["all"] - -(-state["all"] * percent // 100) - state["failed"]
        if failed > may_fail:
            raise FailedError(
                f"Received {state['failed'] + failed} FAILURE signal(s) out of {state['all']}. Unable to satisfy "
                f"{percent}% MinSuccessfulInstancesPercent requirement"
            )
        missing = len(state["batch"]) - len(said)
        if missing > 0:
            if waited_s < pause_s:
                return None
            failed += missing
            if failed > may_fail:
                raise FailedError(f"Failed to receive {missing} resource signal(s) within the specified duration")
    gone = all(one not in states for one in state["batch"])
    serving = sum(status == "InService" for status in states.values())
    needed = -(-group["DesiredCapacity"] * _percent(policy, "MinActiveInstancesPercent") // 100)
    waiting = not gone or serving < needed or (not signals and waited_s < pause_s)
    return None if waiting else failed


def _end(
    doing: Doing, name: str, policy: Mapping[str, Any], group: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, Any]:
    if group["DesiredCapacity"] > state["desired"]:
        doing.ask("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=state["desired"])
    processes = list(policy.get("SuspendProcesses", []))
    if processes:
        doing.ask("autoscaling", "ResumeProcesses", AutoScalingGroupName=name, ScalingProcesses=processes)
    return {}
