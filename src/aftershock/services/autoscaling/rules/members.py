"""One member's way through its lifecycle: what is to be done next, given what was seen of it."""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from aftershock.services.autoscaling.records import Action, Hook, Member

from . import causes
from .view import (
    LAUNCHING,
    TERMINATING,
    Change,
    Deregister,
    Gone,
    Hold,
    Register,
    Request,
    Seen,
    Step,
    Take,
    Terminate,
    View,
)

ENDED = frozenset({"shutting-down", "terminated"})
LIVING = frozenset({"pending", "running"})


def advance(view: View, member: Member) -> Step | None:
    """The member's next step, or None while there is nothing to do but wait."""
    seen = view.seen_of(member)
    match member.state:
        case "Pending" if member.instance_id is None:
            return Request(member)  # whatever was decided since: the instance may be there already
        case "Pending" | "Pending:Wait" | "Pending:Proceed":
            return _arriving(view, member, seen)
        case "InService":
            return _serving(view, member)
        case "EnteringStandby":
            if step := _unregister(member):
                return step
            if not draining(view, member, seen):
                return Change(member, replace(member, state="Standby", leaving=None), "Successful", 100)
        case "Detaching":
            if step := _unregister(member):
                return step
            if not draining(view, member, seen):
                return Gone(member)
        case "Terminating" | "Terminating:Wait" | "Terminating:Proceed":
            return _ending(view, member, seen)
    return None


def _arriving(view: View, member: Member, seen: Seen | None) -> Step | None:
    if seen is None or seen.state not in LIVING:
        return _failed(member, seen)
    if member.state == "Pending:Wait":
        return _waited(view, member)
    if seen.state != "running":
        return None
    if member.state == "Pending" and not member.hooked and (hooks := _hooks(view, LAUNCHING)):
        return Hold(member, "Pending:Wait", hooks)
    if missing := _to_register(view, member):
        return Register(member, missing)
    serving = replace(member, state="InService", in_service_at=view.now, actions=(), hooked=False, activity=None)
    return Change(member, serving, "Successful", 100)


def _failed(member: Member, seen: Seen | None) -> Step:
    """AWS cancels the launch, and says what EC2 said."""
    message = causes.BECAME_UNHEALTHY
    if seen is not None and seen.message:
        message += f" Termination Reason: {seen.message}"
    if seen is not None and seen.state not in ENDED:
        # It stopped, and is nobody's use, but it is still there.
        ending = replace(member, state="Terminating", leaving="terminate", actions=(), hooked=True, activity=None)
        return Change(member, ending, "Cancelled", 100, message)
    return Gone(member, "Cancelled", message, failed_launch=True)


def _serving(view: View, member: Member) -> Step | None:
    if gone := tuple(one for one in member.registered if one not in view.group.target_groups):
        return Deregister(member, gone)
    missing = _to_register(view, member)
    if not missing:
        return None
    seen = view.seen_of(member)
    return Register(member, missing) if seen is not None and seen.state == "running" else None


def _to_register(view: View, member: Member) -> tuple[str, ...]:
    if view.group.suspends("AddToLoadBalancer"):
        return ()
    return tuple(
        one for one in view.group.target_groups if one not in member.registered and view.targets.get(one) is not None
    )


def _unregister(member: Member) -> Step | None:
    return Deregister(member, member.registered) if member.registered else None


def draining(view: View, member: Member, seen: Seen | None) -> bool:
    """Whether a balancer still lets the member finish its requests; one that does not run has none."""
    if seen is None or seen.state != "running":
        return False
    return any(states.get(member.instance_id or "") == "draining" for states in view.targets.values())


def _ending(view: View, member: Member, seen: Seen | None) -> Step | None:
    if step := _unregister(member):
        return step
    if member.state == "Terminating":
        if draining(view, member, seen) and not view.group.deleting:
            return None
        if not member.hooked and not view.group.deleting and (hooks := _hooks(view, TERMINATING)):
            return Hold(member, "Terminating:Wait", hooks)
    if member.state == "Terminating:Wait" and not view.group.deleting:
        return _waited(view, member)
    if seen is None or seen.state == "terminated":
        return Gone(member)
    return None if seen.state == "shutting-down" else Terminate(member)


def _hooks(view: View, transition: str) -> tuple[Hook, ...]:
    return tuple(hook for hook in view.hooks if hook.transition == transition)


def _waited(view: View, member: Member) -> Step | None:
    """AWS: an instance waits until each of its hooks was completed or timed out; ABANDON ends the others' wait."""
    results = [result_of(view, action) for action in member.actions]
    leaving = member.state.startswith("Terminating")
    if "ABANDON" in results and not leaving:
        cause = causes.at(
            view.now, "an instance was taken out of service in response to an abandoned lifecycle action."
        )
        return Take(member, cause)
    if any(result is None for result in results) and "ABANDON" not in results:
        return None
    state = "Terminating:Proceed" if leaving else "Pending:Proceed"
    return Change(member, replace(member, state=state, actions=(), hooked=True), "InProgress")


def result_of(view: View, action: Action) -> str | None:
    """What the action came to, by its completion or by its time."""
    if action.result is not None:
        return action.result
    late = view.over(action.beat_at, action.heartbeat_s) or view.over(action.begun_at, action.global_s)
    return action.default_result if late else None


def deadlines(view: View) -> Iterable[datetime]:
    for member in view.members:
        for action in member.actions:
            if action.result is None:
                yield view.after(action.beat_at, action.heartbeat_s)
                yield view.after(action.begun_at, action.global_s)
