"""Carries out a plan's steps: intent first, then the question to EC2, then what was answered.

Each step changes a record only if it is still as it was when the step was decided.  Whoever comes after a death in
between finds the intent, and asks again with the same token.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.services.autoscaling.operations.found import begin, end
from aftershock.services.autoscaling.operations.groups import forget
from aftershock.services.autoscaling.operations.hooks import global_s
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import (
    ACTIVITIES,
    GROUPS,
    MEMBERS,
    REFRESHES,
    Action,
    Activity,
    Blocked,
    Group,
    Member,
    Place,
)
from aftershock.services.autoscaling.rules import capacity, launching
from aftershock.services.autoscaling.rules.view import (
    Change,
    Deregister,
    Forget,
    Gone,
    Hold,
    Launch,
    Mark,
    Register,
    Request,
    Settle,
    Step,
    Take,
    Terminate,
    Turn,
    Unlaunched,
    View,
)
from aftershock.store import Store, Transaction

LAUNCHING = "Launching a new EC2 instance"
DIED = "InsufficientInstanceCapacity"  # a launch that dies is taken for a lack of capacity where it was


class Doing:
    def __init__(self, store: Store, clock: Clock, outside: Outside, new_uuid: Callable[[], str]) -> None:
        self._store, self._clock, self._outside, self._new_uuid = store, clock, outside, new_uuid

    def do(self, step: Step, view: View) -> bool:
        """Whether the rest of the plan still stands."""
        match step:
            case Launch():
                return self._launch(step, view)
            case Request():
                return self._request(step.member)
            case Register():
                self._register(step.member, step.groups)
            case Deregister():
                self._deregister(step.member, step.groups)
            case Terminate():
                self._terminate(step.member)
            case _:
                with self._store.transaction() as tx:
                    self._record(tx, step, view)
        return True

    def _record(self, tx: Transaction, step: Step, view: View) -> None:
        match step:
            case Unlaunched():
                self._unlaunched(tx, step, view.group)
            case Mark(member, cause):
                self._put(tx, member, health="Unhealthy", unhealthy_cause=cause)
            case Take():
                self._take(tx, step)
            case Change():
                self._change(tx, step)
            case Hold():
                self._hold(tx, step)
            case Gone():
                self._gone(tx, step)
            case Settle():
                self._settle(tx, view.group)
            case Turn():
                self._turn(tx, step, view.group)
            case Forget():
                group = GROUPS.get(tx, view.group.key)
                if group is not None and group.deleting:
                    forget(tx, group)

    def _put(self, tx: Transaction, member: Member, **changes: Any) -> Member | None:
        """The member as it is now, or None where it is not what was looked at any more."""
        if MEMBERS.get(tx, member.id) != member:
            return None
        changed = replace(member, **changes)
        MEMBERS.put(tx, changed)
        return changed

    # Launching

    def _launch(self, step: Launch, view: View) -> bool:
        made = view.wanted[step.choice]
        token = self._new_uuid()
        now = self._clock.now()
        with self._store.transaction() as tx:
            group = GROUPS.get(tx, view.group.key)
            if group is None or group.deleting or group.desired != view.group.desired or group.suspends("Launch"):
                return False
            begin(
                tx,
                group,
                activity_id=token,
                now=now,
                description=LAUNCHING,
                cause=step.cause,
                zone=step.place.zone,
                subnet=step.place.subnet,
                status="PreInService",
                progress=30,
            )
            member = Member(
                id=token,
                group=group.key,
                zone=step.place.zone,
                subnet=step.place.subnet,
                made=made,
                weight=view.weights[step.choice],
                protected=group.protect_new,
                purpose=step.purpose,  # type: ignore[arg-type]
                request=launching.request(group, step.place, made, view.configuration, token),
                asked_at=now,
                activity=token,
            )
            MEMBERS.put(tx, member)
        return self._request(member)

    def _request(self, member: Member) -> bool:
        try:
            answer = self._outside.ask("ec2", "RunInstances", member.request or {})
        except AwsError as error:
            self._failed(member, error)
            return False
        instances = answer.get("Instances") or [{}]
        instance_id = instances[0].get("InstanceId")
        with self._store.transaction() as tx:
            now = MEMBERS.get(tx, member.id)
            if now is None or now.instance_id is not None:
                return True
            if instance_id is None:  # it was launched, and has been gone for so long that EC2 forgot it
                self._gone(tx, Gone(now, "Cancelled"))
                return False
            MEMBERS.put(
                tx,
                replace(
                    now,
                    instance_id=instance_id,
                    subnet=instances[0].get("SubnetId", now.subnet),
                    launched_at=instances[0].get("LaunchTime", self._clock.now()),
                    request=None,
                ),
            )
            self._launched(tx, member, instance_id)
        return True

    def _launched(self, tx: Transaction, member: Member, instance_id: str) -> None:
        activity = ACTIVITIES.get(tx, member.activity or "")
        if activity is not None:
            ACTIVITIES.put(tx, replace(activity, description=f"{LAUNCHING}: {instance_id}"))
        group = GROUPS.get(tx, member.group)
        if group is not None and member.purpose == "replace":
            GROUPS.put(tx, replace(group, owed=max(0, group.owed - 1)))

    def _failed(self, member: Member, error: AwsError) -> None:
        place = Place(member.zone, member.subnet)
        with self._store.transaction() as tx:
            if MEMBERS.get(tx, member.id) is None:
                return
            MEMBERS.forget(tx, member.id)
            activity = ACTIVITIES.get(tx, member.activity or "")
            if activity is not None:
                self._tell_failed(tx, activity, error.message)
            self._block(tx, member.group, capacity.block(place, member.made.instance_type, error.code))

    def _unlaunched(self, tx: Transaction, step: Unlaunched, before: Group) -> None:
        group = GROUPS.get(tx, before.key)
        if group is None or group != before:
            return
        activity = begin(
            tx,
            group,
            activity_id=self._new_uuid(),
            now=self._clock.now(),
            description=LAUNCHING,
            cause=step.cause,
            zone=step.place.zone,
            subnet=step.place.subnet,
        )
        self._tell_failed(tx, activity, step.why)
        self._block(tx, group.key, "")

    def _tell_failed(self, tx: Transaction, activity: Activity, message: str) -> None:
        """AWS: "…  Status Reason: The image id 'ami-…' does not exist. Launching EC2 instance failed."."""
        why = f"{message.rstrip('.')}. Launching EC2 instance failed."
        ACTIVITIES.put(tx, replace(activity, description=f"{LAUNCHING}.  Status Reason: {why}"))
        end(tx, activity.id, self._clock.now(), "Failed", why[:255])

    def _block(self, tx: Transaction, group_key: str, what: str) -> None:
        group = GROUPS.get(tx, group_key)
        if group is None:
            return
        failures = group.blocked[what].failures + 1 if what in group.blocked else 1
        until = self._later(capacity.backoff_s(failures))
        GROUPS.put(tx, replace(group, blocked={**group.blocked, what: Blocked(until, failures)}))

    def _later(self, nominal_s: float) -> datetime:
        return self._clock.now() + timedelta(seconds=self._clock.paced(nominal_s))

    # Members

    def _take(self, tx: Transaction, step: Take) -> None:
        member, group = step.member, GROUPS.get(tx, step.member.group)
        if group is None or MEMBERS.get(tx, member.id) != member:
            return
        now = self._clock.now()
        end(tx, member.activity, now, "Cancelled")
        activity = begin(
            tx,
            group,
            activity_id=self._new_uuid(),
            now=now,
            description=f"Terminating EC2 instance: {member.instance_id}",
            cause=step.cause,
            zone=member.zone,
            subnet=member.subnet,
        )
        self._put(
            tx,
            member,
            state="Terminating",
            leaving="terminate",
            actions=(),
            hooked=False,
            activity=activity.id,
        )
        if step.replaced:
            GROUPS.put(tx, replace(group, owed=group.owed + 1))

    def _change(self, tx: Transaction, step: Change) -> None:
        if MEMBERS.get(tx, step.member.id) != step.member:
            return
        MEMBERS.put(tx, step.after)
        if step.status in ("Successful", "Cancelled"):
            end(tx, step.member.activity, self._clock.now(), step.status, step.message)
        elif step.status is not None:
            self._tell(tx, step.member, step.status, step.progress)
        if step.after.state == "InService":
            self._unblock(tx, step.after)

    def _unblock(self, tx: Transaction, member: Member) -> None:
        """What could be launched there did come up: failures are counted afresh."""
        group = GROUPS.get(tx, member.group)
        if group is None or not group.blocked:
            return
        gone = ("", f"{member.zone} {member.made.instance_type}")
        GROUPS.put(tx, replace(group, blocked={key: one for key, one in group.blocked.items() if key not in gone}))

    def _tell(self, tx: Transaction, member: Member, status: str, progress: int | None) -> None:
        activity = ACTIVITIES.get(tx, member.activity or "")
        if activity is not None and activity.ended_at is None:
            ACTIVITIES.put(
                tx,
                replace(activity, status=status, progress=activity.progress if progress is None else progress),
            )

    def _hold(self, tx: Transaction, step: Hold) -> None:
        now = self._clock.now()
        actions = tuple(
            Action(
                hook=hook.name,
                token=self._new_uuid(),
                begun_at=now,
                beat_at=now,
                heartbeat_s=hook.heartbeat_s,
                global_s=global_s(hook.heartbeat_s),
                default_result=hook.default_result,
            )
            for hook in step.hooks
        )
        if self._put(tx, step.member, state=step.state, actions=actions):
            self._tell(tx, step.member, "MidLifecycleAction", None)

    def _gone(self, tx: Transaction, step: Gone) -> None:
        member = step.member
        if MEMBERS.get(tx, member.id) != member:
            return
        MEMBERS.forget(tx, member.id)
        end(tx, member.activity, self._clock.now(), step.status, step.message or None)
        if step.failed_launch:
            place = Place(member.zone, member.subnet)
            self._block(tx, member.group, capacity.block(place, member.made.instance_type, DIED))

    def _register(self, member: Member, arns: tuple[str, ...]) -> None:
        for arn in arns:
            try:
                self._outside.ask(
                    "elbv2", "RegisterTargets", {"TargetGroupArn": arn, "Targets": [{"Id": member.instance_id}]}
                )
            except AwsError as error:
                if error.code != "TargetGroupNotFound":
                    raise
        self._note_targets(member, add=arns)

    def _deregister(self, member: Member, arns: tuple[str, ...]) -> None:
        for arn in arns:
            try:
                self._outside.ask(
                    "elbv2", "DeregisterTargets", {"TargetGroupArn": arn, "Targets": [{"Id": member.instance_id}]}
                )
            except AwsError as error:
                if error.code not in ("TargetGroupNotFound", "InvalidTarget"):
                    raise
        self._note_targets(member, gone=arns)

    def _note_targets(self, member: Member, *, add: tuple[str, ...] = (), gone: tuple[str, ...] = ()) -> None:
        with self._store.transaction() as tx:
            now = MEMBERS.get(tx, member.id)
            if now is None:
                return
            kept = tuple(arn for arn in dict.fromkeys((*now.registered, *add)) if arn not in gone)
            MEMBERS.put(tx, replace(now, registered=kept))
            if gone and now.leaving == "terminate":
                self._tell(tx, now, "WaitingForELBConnectionDraining", 50)

    def _terminate(self, member: Member) -> None:
        """AWS: an instance's protection from being terminated by the API does not keep its group from doing so."""
        ids = {"InstanceIds": [member.instance_id]}
        try:
            self._outside.ask("ec2", "TerminateInstances", ids)
        except AwsError as error:
            if error.code == "InvalidInstanceID.NotFound":
                return
            if error.code != "OperationNotPermitted":
                raise
            unprotected = {"InstanceId": member.instance_id, "DisableApiTermination": {"Value": False}}
            self._outside.ask("ec2", "ModifyInstanceAttribute", unprotected)
            self._outside.ask("ec2", "TerminateInstances", ids)

    # Groups

    def _settle(self, tx: Transaction, before: Group) -> None:
        group = GROUPS.get(tx, before.key)
        if group is None or group != before:
            return
        cooling = group.cooling
        if cooling is not None and cooling.since is None:
            cooling = replace(cooling, since=self._clock.now())
        GROUPS.put(tx, replace(group, causes=(), owed=0, cooling=cooling))

    def _turn(self, tx: Transaction, step: Turn, before: Group) -> None:
        if REFRESHES.get(tx, step.before.id) != step.before:
            return
        REFRESHES.put(tx, step.after)
        group = GROUPS.get(tx, before.key)
        if step.adopt and group is not None and step.after.source is not None:
            GROUPS.put(tx, replace(group, source=step.after.source))
