"""Alarms and their histories, described."""

from collections.abc import Iterable, Sequence

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.cloudwatch.records.alarm import ALARMS, HISTORY, Alarm, HistoryItem, alarm_key
from aftershock.services.cloudwatch.rules import errors
from aftershock.services.cloudwatch.rules.data import dimensions
from aftershock.services.cloudwatch.rules.views import alarm_type, brief, view

from .found import get_alarm, state_of
from .settings import Handler, Settings

PAGE = 50  # AWS: as many where MaxRecords does not say
MAX_PAGE = 100
_OF_FAMILY = ("ChildrenOfAlarmName", "ParentsOfAlarmName")
_TYPES = {"MetricAlarm": "MetricAlarms", "CompositeAlarm": "CompositeAlarms"}


def describe_alarms(settings: Settings, call: Call, params: Params) -> Result:
    if any(params.get(name) for name in _OF_FAMILY):
        return _family(call, params)
    wanted, state = params.get("AlarmTypes") or ["MetricAlarm"], params.get("StateValue")
    found = [
        alarm
        for alarm in _asked(call, params)
        if alarm_type(alarm) in wanted
        and _acts(alarm, params.get("ActionPrefix"))
        and (state is None or state_of(call, alarm).value == state)
    ]
    shown, token = _page(found, params)
    return {**_by_type((alarm, view(alarm, state_of(call, alarm), call.region)) for alarm in shown), "NextToken": token}


def _asked(call: Call, params: Params) -> list[Alarm]:
    names, prefix = params.get("AlarmNames"), params.get("AlarmNamePrefix")
    if names and prefix:
        raise errors.validation("AlarmNames and AlarmNamePrefix are mutually exclusive and you have specified both.")
    if names:
        found = [alarm for name in dict.fromkeys(names) if (alarm := get_alarm(call, name)) is not None]
    else:
        found = [
            alarm
            for alarm in ALARMS.where(call.tx, "account", call.account)
            if prefix in (None, "*") or alarm.name.startswith(prefix)
        ]
    return sorted(found, key=lambda alarm: alarm.name)


def _acts(alarm: Alarm, prefix: str | None) -> bool:
    if prefix is None:
        return True
    actions = (*alarm.ok_actions, *alarm.alarm_actions, *alarm.insufficient_data_actions)
    return any(action.startswith(prefix) for action in actions)


def _page(found: Sequence[Alarm], params: Params) -> tuple[Sequence[Alarm], str | None]:
    size = params.get("MaxRecords") or PAGE
    try:
        return page(found, key=lambda alarm: alarm.name, token=params.get("NextToken"), size=size)
    except InvalidToken:
        raise errors.invalid_token() from None


def _by_type(shown: Iterable[tuple[Alarm, Result]]) -> Result:
    lists: Result = {"MetricAlarms": [], "CompositeAlarms": []}
    for alarm, one in shown:
        lists[_TYPES[alarm_type(alarm)]].append(one)
    return lists


def _family(call: Call, params: Params) -> Result:
    """AWS: with these "you cannot specify any other parameters in the request except for MaxRecords and NextToken"."""
    others = [name for name, value in params.items() if value and name not in (*_OF_FAMILY, "MaxRecords", "NextToken")]
    if others or all(params.get(name) for name in _OF_FAMILY):
        named = next(name for name in _OF_FAMILY if params.get(name))
        raise errors.validation(f"{named} cannot be specified together with other parameters.")
    parent = params.get("ChildrenOfAlarmName")
    if parent:
        of = get_alarm(call, parent)
        names = of.composite.children if of is not None and of.composite is not None else ()
        found = [alarm for name in names if (alarm := get_alarm(call, name)) is not None]
    else:
        found = ALARMS.where(call.tx, "child", alarm_key(call.account, params["ParentsOfAlarmName"]))
    shown, token = _page(sorted(found, key=lambda alarm: alarm.name), params)
    told = ((one, brief(one, state_of(call, one), call.region, with_state=bool(parent))) for one in shown)
    return {**_by_type(told), "NextToken": token}


def describe_alarms_for_metric(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: "only standard alarms that are based on the specified metric"; without dimensions, those without any."""
    wanted = dimensions(params.get("Dimensions"), "Dimensions")
    found = []
    for alarm in ALARMS.where(call.tx, "account", call.account):
        if alarm.metric is None or not alarm.metric.plain:
            continue
        query = alarm.metric.queries[0]
        metric = query.metric
        if metric is None or (metric.namespace, metric.name) != (params["Namespace"], params["MetricName"]):
            continue
        stat = params.get("Statistic") or params.get("ExtendedStatistic")
        asked = ((stat, query.stat), (params.get("Period"), query.period_s), (params.get("Unit"), query.unit))
        if metric.dimensions == wanted and all(one in (None, own) for one, own in asked):
            found.append(view(alarm, state_of(call, alarm), call.region))
    return {"MetricAlarms": found}


def describe_alarm_history(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: "If an alarm name is not specified, the histories for either all metric alarms or all composite alarms"."""
    if params.get("AlarmContributorId"):
        raise errors.unsupported("AlarmContributorId")
    name = params.get("AlarmName")
    if name is None:
        items = HISTORY.where(call.tx, "account", call.account)
    else:
        items = HISTORY.where(call.tx, "alarm", alarm_key(call.account, name))
    types = params.get("AlarmTypes") or ["MetricAlarm"]
    found = [item for item in items if item.alarm_type in types and _in_range(item, params)]
    descending = params.get("ScanBy") != "TimestampAscending"
    found.sort(key=lambda item: _rank(item, descending=descending))
    try:
        shown, token = page(
            found,
            key=lambda item: _rank(item, descending=descending),
            token=params.get("NextToken"),
            size=params.get("MaxRecords") or MAX_PAGE,
        )
    except InvalidToken:
        raise errors.invalid_token() from None
    return {"AlarmHistoryItems": [_item(one) for one in shown], "NextToken": token}


def _in_range(item: HistoryItem, params: Params) -> bool:
    start, end = params.get("StartDate"), params.get("EndDate")
    return (
        params.get("HistoryItemType") in (None, item.type)
        and (start is None or item.at >= start)
        and (end is None or item.at <= end)
    )


# What happened at one moment, in the order in which it did.
_ORDER = {"ConfigurationUpdate": 0, "StateUpdate": 1, "Action": 2}


def _rank(item: HistoryItem, *, descending: bool) -> str:
    milliseconds, order = int(item.at.timestamp() * 1000), _ORDER[item.type]
    if descending:
        return f"{10**15 - milliseconds:016d} {9 - order} {item.id}"
    return f"{milliseconds:016d} {order} {item.id}"


def _item(item: HistoryItem) -> Result:
    return {
        "AlarmName": item.alarm,
        "AlarmType": item.alarm_type,
        "Timestamp": item.at,
        "HistoryItemType": item.type,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }


OPERATIONS: dict[str, Handler] = {
    "DescribeAlarms": describe_alarms,
    "DescribeAlarmsForMetric": describe_alarms_for_metric,
    "DescribeAlarmHistory": describe_alarm_history,
}
