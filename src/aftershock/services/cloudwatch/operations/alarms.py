"""Alarms: made, changed, forced into a state, deleted."""

import json
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.cloudwatch.history import configured, move, moved
from aftershock.services.cloudwatch.reading import fetcher
from aftershock.services.cloudwatch.records.alarm import (
    ALARM_STATES,
    ALARMS,
    PENDING_ACTIONS,
    Alarm,
    CompositeRule,
    MetricRule,
    alarm_key,
)
from aftershock.services.cloudwatch.rules import alarm_settings, errors
from aftershock.services.cloudwatch.rules.composite import circle
from aftershock.services.cloudwatch.rules.math import Grid, Series
from aftershock.services.cloudwatch.rules.queries import computed
from aftershock.services.cloudwatch.rules.tags import tagged
from aftershock.services.cloudwatch.rules.views import view

from .found import get_alarm, initial_state, require_alarm, state_of
from .settings import Handler, Settings

MAX_ALARMS = 5000  # AWS: of each region and account, adjustable


def put_metric_alarm(settings: Settings, call: Call, params: Params) -> Result:
    alarm_settings.refuse_not_offered(params)
    rule = alarm_settings.metric_rule(params, call.account)
    _check_result(settings, call, rule)
    return _put(call, params, rule, None)


def _check_result(settings: Settings, call: Call, rule: MetricRule) -> None:
    """AWS: an alarm's expression has one time series for its result; what kind it is does not depend on data."""
    fetch = fetcher(call.tx, call.account, call.now, call.now, settings.pace)
    values = computed(rule.queries, fetch, Grid(call.now, call.now, settings.pace))
    watched = next(query for query in rule.queries if query.return_data)
    if not isinstance(values[watched.id], Series):
        raise errors.validation(f"The expression '{watched.id}' of an alarm must return a single time series.")


def put_composite_alarm(settings: Settings, call: Call, params: Params) -> Result:
    alarm_settings.refuse_not_offered(params)
    rule = alarm_settings.composite_rule(params)
    unknown = [name for name in rule.children if get_alarm(call, name) is None and name != params["AlarmName"]]
    if unknown:
        raise errors.validation(
            f"Could not save the composite alarm as alarms [{', '.join(unknown)}] in the alarm rule do not exist"
        )
    if circle(params["AlarmName"], rule.children, lambda name: _children(call, name)):
        raise errors.validation(f"The alarm rule of {params['AlarmName']} must not depend on the alarm itself.")
    return _put(call, params, None, rule)


def _children(call: Call, name: str) -> tuple[str, ...]:
    found = get_alarm(call, name)
    return found.composite.children if found is not None and found.composite is not None else ()


def _put(call: Call, params: Params, metric: MetricRule | None, composite: CompositeRule | None) -> Result:
    """AWS: "When you update an existing alarm, its state is left unchanged", and its tags too."""
    name = params["AlarmName"]
    alarm_settings.check_name(name)
    actions = alarm_settings.actions(params, metric)
    before = get_alarm(call, name)
    if before is not None and (before.metric is None) != (metric is None):
        raise errors.validation(f"The alarm {name} exists already and is of the other type.")
    if before is None and ALARMS.count(call.tx, "account", call.account) >= MAX_ALARMS:
        raise errors.limit(f"The maximum number of alarms ({MAX_ALARMS}) has been reached.")
    by_service = bool(call.principal.service)
    alarm = Alarm(
        id=alarm_key(call.account, name),
        account=call.account,
        name=name,
        metric=metric,
        composite=composite,
        ok_actions=actions["OKActions"],
        alarm_actions=actions["AlarmActions"],
        insufficient_data_actions=actions["InsufficientDataActions"],
        created_at=before.created_at if before else call.now,
        configured_at=call.now,
        tags=before.tags if before else tagged({}, params.get("Tags") or (), by_service=by_service),
        generation=before.generation + 1 if before else 1,
        **alarm_settings.described(params),
    )
    ALARMS.put(call.tx, alarm)
    if before is None:
        ALARM_STATES.put(call.tx, initial_state(alarm))
    configured(call.tx, alarm, "Update" if before else "Create", call.now, _shown(call, alarm))
    return {}


def _shown(call: Call, alarm: Alarm) -> Mapping[str, Any]:
    """The settings alone, as the history has them."""
    told = view(alarm, state_of(call, alarm), call.region)
    return {name: value for name, value in told.items() if not name.startswith("State")}


def delete_alarms(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: "If you specify any incorrect alarm names, the alarms you specify with correct names are still deleted"."""
    names = list(dict.fromkeys(params["AlarmNames"]))
    found = [alarm for name in names if (alarm := get_alarm(call, name)) is not None]
    if names and not found:
        raise errors.no_such_alarm(names[0])
    if sum(alarm.composite is not None for alarm in found) > 1:
        raise errors.validation("You cannot delete more than one composite alarm in one operation.")
    for alarm in found:
        if any(parent.name not in names for parent in ALARMS.where(call.tx, "child", alarm.id)):
            raise errors.validation(f"Cannot delete {alarm.name} as there are composite alarm(s) depending on it.")
    for alarm in found:
        configured(call.tx, alarm, "Delete", call.now, _shown(call, alarm))
        ALARMS.forget(call.tx, alarm.id)
        ALARM_STATES.forget(call.tx, alarm.id)
        for pending in PENDING_ACTIONS.where(call.tx, "alarm", alarm.id):
            PENDING_ACTIONS.forget(call.tx, pending.id)
    return {}


def set_alarm_state(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: a "temporary state change", which "lasts only until the next alarm comparison occurs"."""
    alarm = require_alarm(call, params["AlarmName"])
    data = params.get("StateReasonData")
    if data is not None:
        try:
            json.loads(data)
        except ValueError:
            raise AwsError("InvalidFormat", "StateReasonData must be JSON.") from None
    before = state_of(call, alarm)
    move(call.tx, alarm, before, moved(before, params["StateValue"], params["StateReason"], data, call.now))
    return {}


def _enable(*, enabled: bool) -> Handler:
    def operation(settings: Settings, call: Call, params: Params) -> Result:
        for name in params["AlarmNames"]:
            alarm = get_alarm(call, name)
            if alarm is not None and alarm.actions_enabled != enabled:
                after = replace(alarm, actions_enabled=enabled, configured_at=call.now, generation=alarm.generation + 1)
                ALARMS.put(call.tx, after)
                configured(call.tx, after, "Update", call.now, _shown(call, after))
        return {}

    return operation


OPERATIONS: dict[str, Handler] = {
    "PutMetricAlarm": put_metric_alarm,
    "PutCompositeAlarm": put_composite_alarm,
    "DeleteAlarms": delete_alarms,
    "SetAlarmState": set_alarm_state,
    "EnableAlarmActions": _enable(enabled=True),
    "DisableAlarmActions": _enable(enabled=False),
}
