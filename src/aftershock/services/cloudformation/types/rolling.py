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
    if whole(policy.get("MinSuccessfulInstancesPercent", 100), "MinSuccessfulInstancesPercent") != 100:
        raise TemplateError("MinSuccessfulInstancesPercent of AutoScalingRollingUpdate must be 100 in this region")
    kept = whole(policy.get("MinInstancesInService", 0), "MinInstancesInService")
    if kept >= group["MaxSize"] and group["MaxSize"] > 0:
        raise FailedError("MinInstancesInService must be less than the autoscaling group's MaxSize")
    processes = list(policy.get("SuspendProcesses", []))
    if processes:
        doing.ask("autoscaling", "SuspendProcesses", AutoScalingGroupName=name, ScalingProcesses=processes)
    old = [one["InstanceId"] for one in group.get("Instances", [])]
    return {"old": old, "known": old, "batch": [], "at": 0.0, "desired": group["DesiredCapacity"]}


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
        if _under_way(doing, policy, group, state, states):
            return state
        state["batch"] = []
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


def _under_way(
    doing: Doing, policy: Mapping[str, Any], group: Mapping[str, Any], state: dict[str, Any], states: Mapping[str, str]
) -> bool:
    """Whether the batch is still to be waited for."""
    waited_s = doing.elapsed_s - state["at"]
    signals = str(policy.get("WaitOnResourceSignals", "false")).lower() == "true"
    pause_s = duration_s(str(policy["PauseTime"])) if "PauseTime" in policy else SIGNAL_WAIT_S if signals else 0.0
    fresh = [one for one in states if one not in state["known"]]
    if signals:
        bad = [one for one in fresh if doing.signals.get(one) == "FAILURE"]
        if bad:
            raise FailedError(f"Received FAILURE signal with UniqueId {bad[0]}")
        came = sum(doing.signals.get(one) == "SUCCESS" for one in fresh)
        if came < len(state["batch"]):
            if waited_s >= pause_s:
                missing = len(state["batch"]) - came
                raise FailedError(f"Failed to receive {missing} resource signal(s) within the specified duration")
            return True
    gone = all(one not in states for one in state["batch"])
    serving = sum(status == "InService" for status in states.values())
    return not gone or serving < group["DesiredCapacity"] or (not signals and waited_s < pause_s)


def _end(
    doing: Doing, name: str, policy: Mapping[str, Any], group: Mapping[str, Any], state: Mapping[str, Any]
) -> dict[str, Any]:
    if group["DesiredCapacity"] > state["desired"]:
        doing.ask("autoscaling", "SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=state["desired"])
    processes = list(policy.get("SuspendProcesses", []))
    if processes:
        doing.ask("autoscaling", "ResumeProcesses", AutoScalingGroupName=name, ScalingProcesses=processes)
    return {}
