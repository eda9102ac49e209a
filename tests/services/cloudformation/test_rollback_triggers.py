"""Rollback triggers: alarms take an operation back, while it goes on and for some time afterwards."""

from datetime import timedelta

import pytest

from aftershock.services.cloudformation.records import Watch
from aftershock.services.cloudformation.rules import watching

ARN = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
TEMPLATE = """
Parameters: {Value: {Type: String, Default: a}}
Resources:
  One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Value}}
  Old: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: old}}
"""
SMALLER = TEMPLATE[: TEMPLATE.index("  Old")]


def trigger(name="errors", kind="AWS::CloudWatch::Alarm"):
    return {"Arn": f"{ARN}{name}", "Type": kind}


def watched(*triggers, minutes=None):
    times = {} if minutes is None else {"MonitoringTimeInMinutes": minutes}
    return {"RollbackConfiguration": {"RollbackTriggers": list(triggers), **times}}


def value(text):
    return {"Parameters": [{"ParameterKey": "Value", "ParameterValue": text}]}


@pytest.fixture
def alarm(cloud):
    """An alarm, and the way to put it into a state."""
    cloud.ask(
        "cloudwatch",
        "PutMetricAlarm",
        AlarmName="errors",
        Namespace="Site",
        MetricName="Errors",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=1.0,
    )

    def becomes(state, name="errors"):
        cloud.ask("cloudwatch", "SetAlarmState", AlarmName=name, StateValue=state, StateReason="a test says so")

    return becomes


def rounds(cloud, many=4):
    for _ in range(many):
        cloud.round()
        cloud.settle()
        cloud.now += timedelta(seconds=1)


def kept(cloud):
    return cloud.ask("ssm", "GetParameter", Name=cloud.physical("One"))["Parameter"]["Value"]


def reason(cloud, status):
    return next(why for name, told, why in cloud.events() if (name, told) == ("web", status))


def test_a_stack_shows_what_it_is_watched_by_and_keeps_it_through_updates(cloud, alarm):
    asked = watched(trigger(), minutes=0)
    cloud.create(TEMPLATE, **asked)
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert cloud.stack()["RollbackConfiguration"] == asked["RollbackConfiguration"]
    cloud.update(TEMPLATE, **value("b"))
    assert cloud.stack()["RollbackConfiguration"] == asked["RollbackConfiguration"]
    cloud.update(TEMPLATE, RollbackConfiguration={"RollbackTriggers": []})
    assert (cloud.status(), cloud.stack()["RollbackConfiguration"]) == ("UPDATE_COMPLETE", {})
    assert cloud.refused("UpdateStack", StackName="web", TemplateBody=TEMPLATE)[1] == "No updates are to be performed."


def test_a_creation_goes_back_when_an_alarm_fires_while_all_stands_and_is_watched(cloud, alarm):
    cloud.cfn("CreateStack", StackName="web", TemplateBody=TEMPLATE, **watched(trigger(), minutes=5))
    rounds(cloud)
    assert cloud.status() == "CREATE_IN_PROGRESS"
    assert set(cloud.resources().values()) == {"CREATE_COMPLETE"}
    alarm("ALARM")
    cloud.drive()
    assert cloud.status() == "ROLLBACK_COMPLETE"
    assert reason(cloud, "ROLLBACK_IN_PROGRESS") == (
        f"The following rollback trigger(s) went into ALARM state: [{ARN}errors]. Rollback requested by user."
    )


def test_a_creation_whose_alarm_is_silent_is_complete_after_the_time(cloud, alarm):
    cloud.cfn("CreateStack", StackName="web", TemplateBody=TEMPLATE, **watched(trigger(), minutes=5))
    rounds(cloud)
    cloud.now += timedelta(minutes=4)
    rounds(cloud, 2)
    assert cloud.status() == "CREATE_IN_PROGRESS"
    cloud.now += timedelta(minutes=1)
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE"
    alarm("ALARM")
    rounds(cloud)
    assert cloud.status() == "CREATE_COMPLETE"


def test_an_update_goes_back_before_what_it_no_longer_needs_is_removed(cloud, alarm):
    cloud.create(TEMPLATE)
    old = cloud.physical("Old")
    given = {**watched(trigger(), minutes=10), **value("b")}
    cloud.cfn("UpdateStack", StackName="web", TemplateBody=SMALLER, **given)
    rounds(cloud)
    assert (cloud.status(), kept(cloud)) == ("UPDATE_IN_PROGRESS", "b")
    assert cloud.ask("ssm", "GetParameter", Name=old)
    alarm("ALARM")
    cloud.drive()
    assert (cloud.status(), kept(cloud)) == ("UPDATE_ROLLBACK_COMPLETE", "a")
    assert cloud.physical("Old") == old and cloud.stack()["RollbackConfiguration"] == {}


def test_an_update_that_is_watched_can_be_cancelled(cloud):
    cloud.create(TEMPLATE)
    cloud.cfn(
        "UpdateStack",
        StackName="web",
        TemplateBody=TEMPLATE,
        **value("b"),
        RollbackConfiguration={"MonitoringTimeInMinutes": 180},
    )
    rounds(cloud)
    assert (cloud.status(), kept(cloud)) == ("UPDATE_IN_PROGRESS", "b")
    cloud.cfn("CancelUpdateStack", StackName="web")
    cloud.drive()
    assert (cloud.status(), kept(cloud)) == ("UPDATE_ROLLBACK_COMPLETE", "a")


def test_each_update_is_watched_anew(cloud, alarm):
    asked = watched(trigger(), minutes=1)
    cloud.create(TEMPLATE, **asked)
    for text in ("b", "c"):
        cloud.cfn("UpdateStack", StackName="web", TemplateBody=TEMPLATE, **value(text))
        rounds(cloud)
        assert cloud.status() == "UPDATE_IN_PROGRESS"
        cloud.drive()
        assert (cloud.status(), kept(cloud)) == ("UPDATE_COMPLETE", text)


def test_an_update_under_an_alarm_that_fires_already_goes_back(cloud, alarm):
    cloud.create(TEMPLATE, **watched(trigger()))
    alarm("ALARM")
    cloud.update(TEMPLATE, **value("b"))
    assert (cloud.status(), kept(cloud)) == ("UPDATE_ROLLBACK_COMPLETE", "a")


def test_an_alarm_that_is_not_there_takes_the_operation_back(cloud):
    cloud.create(TEMPLATE, **watched(trigger("nobodys")))
    assert cloud.status() == "ROLLBACK_COMPLETE"
    why = reason(cloud, "ROLLBACK_IN_PROGRESS")
    assert why.startswith(f"The following rollback trigger(s) do not exist: [{ARN}nobodys].")


def test_a_composite_alarm_is_watched_as_well(cloud, alarm):
    cloud.ask("cloudwatch", "PutCompositeAlarm", AlarmName="any", AlarmRule="ALARM(errors)")
    any_of = trigger("any", "AWS::CloudWatch::CompositeAlarm")
    cloud.create(TEMPLATE, **watched(any_of))
    assert cloud.status() == "CREATE_COMPLETE"
    alarm("ALARM", "any")
    cloud.update(TEMPLATE, **value("b"))
    assert cloud.status() == "UPDATE_ROLLBACK_COMPLETE"


def test_a_change_set_carries_its_triggers_to_the_stack(cloud, alarm):
    asked = watched(trigger(), minutes=3)
    named = {"StackName": "web", "ChangeSetName": "first"}
    cloud.cfn("CreateChangeSet", **named, ChangeSetType="CREATE", TemplateBody=TEMPLATE, **asked)
    assert cloud.cfn("DescribeChangeSet", **named)["RollbackConfiguration"] == asked["RollbackConfiguration"]
    cloud.cfn("ExecuteChangeSet", **named)
    rounds(cloud)
    assert cloud.status() == "CREATE_IN_PROGRESS"
    cloud.now += timedelta(minutes=3)
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE"
    assert cloud.stack()["RollbackConfiguration"] == asked["RollbackConfiguration"]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (trigger(kind="AWS::SNS::Topic"), "AWS::SNS::Topic"),
        ({"Arn": "errors", "Type": "AWS::CloudWatch::Alarm"}, "errors"),
        ({"Arn": f"{ARN}{'x' * 256}", "Type": "AWS::CloudWatch::Alarm"}, "xxx"),
    ],
)
def test_what_is_no_trigger_is_refused(cloud, wrong, named):
    code, message = cloud.refused("CreateStack", StackName="web", TemplateBody=TEMPLATE, **watched(wrong))
    assert code == "ValidationError" and named in message


A, B = (f"{ARN}a", "AWS::CloudWatch::Alarm"), (f"{ARN}b", "AWS::CloudWatch::Alarm")


@pytest.mark.parametrize(
    ("states", "back"),
    [
        ({A[0]: "OK", B[0]: "INSUFFICIENT_DATA"}, None),
        ({A[0]: "OK", B[0]: "ALARM"}, "[arn:aws:cloudwatch:us-east-1:123456789012:alarm:b]"),
        ({A[0]: "ALARM", B[0]: "ALARM"}, "alarm:a, arn"),
        ({A[0]: "ALARM"}, "do not exist: [arn:aws:cloudwatch:us-east-1:123456789012:alarm:b]"),
    ],
)
def test_why_an_operation_goes_back(states, back):
    why = watching.why_back(Watch(alarms=(A, B)), states)
    assert (why is None) == (back is None) and (back or "") in (why or "")
