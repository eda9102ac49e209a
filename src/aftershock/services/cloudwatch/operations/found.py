"""Alarms, as they are asked for."""

from aftershock.aws.call import Call
from aftershock.services.cloudwatch.records.alarm import ALARM_STATES, ALARMS, Alarm, AlarmState, alarm_key
from aftershock.services.cloudwatch.rules.errors import no_such_alarm


def get_alarm(call: Call, name: str) -> Alarm | None:
    return ALARMS.get(call.tx, alarm_key(call.account, name))


def require_alarm(call: Call, name: str) -> Alarm:
    """
    Raises:
        AwsError: ResourceNotFound
    """
    found = get_alarm(call, name)
    if found is None:
        raise no_such_alarm(name)
    return found


def state_of(call: Call, alarm: Alarm) -> AlarmState:
    found = ALARM_STATES.get(call.tx, alarm.id)
    return found or initial_state(alarm)


def initial_state(alarm: Alarm) -> AlarmState:
    made = alarm.created_at
    return AlarmState(id=alarm.id, updated_at=made, transitioned_at=made, acted_at=made)
