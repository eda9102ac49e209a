"""What an alarm's action does: it carries out a scaling policy."""

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.store import Store, Transaction

from .operations.found import members, resize
from .outside import Outside
from .records import GROUPS, POLICIES, Group, Policy
from .rules import causes, scaling
from .rules.view import View


class Alarmed:
    """Called with an alarm's action, at each change of its state and, while it is in ALARM, each minute again."""

    def __init__(self, store: Store, clock: Clock, outside: Outside) -> None:
        self._store, self._clock, self._outside = store, clock, outside

    def __call__(
        self,
        policy_arn: str,
        alarm_name: str,
        new_state: str,
        *,
        metric_value: float | None = None,
        threshold: float | None = None,
    ) -> str:
        """What came of it, in one sentence, for the alarm's history.  `metric_value` is the latest datapoint.

        A policy without a step for the value, in its cooldown, or at the group's limit, changes nothing.

        Raises:
            AwsError: there is no such policy
        """
        with self._store.snapshot() as tx:
            policy = next(iter(POLICIES.where(tx, "arn", policy_arn)), None)
        if policy is None:
            raise AwsError("ValidationError", f"Cannot find the scaling policy {policy_arn}.")
        if new_state != "ALARM":
            return "nothing is to be done"
        # Asked before the transaction opens: the answer needs one of its own.
        others = self._others_agree(policy) if alarm_name == policy.low else True
        with self._store.transaction() as tx:
            group = GROUPS.get(tx, policy.group)
            if group is None or group.deleting:
                return "the group is gone"
            if group.suspends("AlarmNotification"):
                return "the process AlarmNotification is suspended"
            if not policy.enabled:
                return "the policy is disabled"
            wanted = self._wanted(
                tx, group, policy, alarm_name, metric_value=metric_value, threshold=threshold, others=others
            )
            if isinstance(wanted, str):
                return wanted
            return self._carried_out(tx, group, policy, alarm_name, wanted)

    def _wanted(
        self,
        tx: Transaction,
        group: Group,
        policy: Policy,
        alarm: str,
        *,
        metric_value: float | None,
        threshold: float | None,
        others: bool,
    ) -> int | str:
        """The capacity that the policy makes of the present one, or why it makes none."""
        if policy.kind == scaling.SIMPLE:
            if scaling.is_cooling(group.cooling, self._clock.now(), self._clock.pace):
                return "the cooldown is not over"
            return scaling.adjusted(policy.given, int(policy.given["ScalingAdjustment"]), group.desired)
        if metric_value is None:
            return "the metric has no value"
        view = View(group=group, members=tuple(members(tx, group)), now=self._clock.now(), pace=self._clock.pace)
        fleet = scaling.fleet(view, scaling.warmup_s(group, policy))
        if policy.kind == scaling.STEP:
            stepped = scaling.stepped(policy, fleet, metric_value - (threshold or 0.0))
            return "no step covers the value" if stepped is None else stepped
        tracking = policy.given["TargetTrackingConfiguration"]
        target = float(tracking["TargetValue"])
        if alarm != policy.low:
            return scaling.tracked_out(fleet, metric_value, target)
        if tracking.get("DisableScaleIn"):
            return "scaling in is disabled"
        return scaling.tracked_in(fleet, metric_value, target) if others else "other policies need the capacity"

    def _others_agree(self, policy: Policy) -> bool:
        """AWS: with several target tracking policies, a group shrinks only if all of them would have it so."""
        with self._store.snapshot() as tx:
            others = [
                one.low
                for one in POLICIES.where(tx, "group", policy.group)
                if one.kind == scaling.TRACKING and one.key != policy.key and one.enabled and one.low
                if not one.given["TargetTrackingConfiguration"].get("DisableScaleIn")
            ]
        if not others:
            return True
        answer = self._outside.ask("cloudwatch", "DescribeAlarms", {"AlarmNames": others, "StateValue": "ALARM"})
        return len(answer.get("MetricAlarms", ())) == len(others)

    def _carried_out(self, tx: Transaction, group: Group, policy: Policy, alarm: str, wanted: int) -> str:
        desired = scaling.bounded(group, wanted)
        if desired == group.desired:
            return f"the desired capacity stays {desired}"
        cause = causes.alarmed(self._clock.now(), alarm, policy.name, group.desired, desired)
        cooldown_s = policy.given.get("Cooldown", group.cooldown_s) if policy.kind == scaling.SIMPLE else None
        resize(tx, group, desired, cause, cooldown_s=cooldown_s)
        return f"the desired capacity is changed from {group.desired} to {desired}"
