"""What becomes of experiments and of what they act on, with EC2's own operations and controllers beside them."""

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.errors import AwsError
from aftershock.services.cloudwatch import ALARM_STATE_TABLE
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.fis.controllers.experiments import ExperimentController
from aftershock.services.fis.records import API_FAULTS
from aftershock.store import Change
from tests.services.ec2.test_zone_outages import Died, dying
from tests.services.fis.lab import ALARM, ROLE, WAIT, Lab, act, instances, power

A, B = "us-east-1a", "us-east-1b"
STOP = "aws:ec2:stop-instances"


def in_zone(lab: Lab, zone: str, **tags: str) -> str:
    specified = [{"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]
    given: dict[str, Any] = {"TagSpecifications": specified} if tags else {}
    return lab.running(Placement={"AvailabilityZone": zone}, **given)


def test_an_experiment_runs_its_actions_in_their_order(lab: Lab) -> None:
    actions = {
        "third": {**WAIT, "startAfter": ["second"]},
        "second": {**WAIT, "startAfter": ["first"]},
        "first": WAIT,
        "beside": {**WAIT, "parameters": {"duration": "PT2M"}},
    }
    experiment = lab.began(actions)
    assert lab.actions(experiment) == {"first": "running", "beside": "running", "second": "pending", "third": "pending"}
    assert lab.experiment(experiment)["state"] == {"status": "running", "reason": "Experiment is running."}
    lab.later(61)
    assert lab.actions(experiment)["second"] == "running"
    lab.later(61)
    assert lab.actions(experiment) == {
        "first": "completed",
        "second": "completed",
        "third": "running",
        "beside": "completed",
    }
    lab.later(61)
    shown = lab.experiment(experiment)
    assert shown["state"] == {"status": "completed", "reason": "Experiment completed."}
    for one in shown["actions"].values():
        assert one["state"]["reason"] == "Action was completed." and one["startTime"] < one["endTime"]
    assert shown["startTime"] < shown["endTime"]


def test_stopped_instances_start_again_after_their_duration(lab: Lab) -> None:
    there = lab.running()
    experiment = lab.began(act(STOP, startInstancesAfterDuration="PT5M"), instances([there]))
    assert (lab.state(there), lab.state(experiment)) == ("stopped", "running")
    lab.later(301)
    assert (lab.state(there), lab.state(experiment)) == ("running", "completed")


def test_stopped_instances_stay_so_without_a_duration(lab: Lab) -> None:
    there = lab.running()
    experiment = lab.began(act(STOP), instances([there]))
    assert (lab.state(there), lab.state(experiment)) == ("stopped", "completed")


def test_a_stopped_experiment_starts_its_instances_at_once(lab: Lab) -> None:
    there = lab.running()
    experiment = lab.began(act(STOP, startInstancesAfterDuration="PT5M"), instances([there]))
    shown = lab.fis("StopExperiment", id=experiment)["experiment"]
    assert shown["state"] == {"status": "stopping", "reason": "Stopping Experiment."}
    lab.settle()
    assert (lab.state(there), lab.state(experiment)) == ("running", "stopped")
    assert lab.actions(experiment) == {"act": "stopped"}


@pytest.mark.parametrize(("complete", "status"), [("true", "completed"), ("false", "failed")])
def test_an_instance_that_was_terminated_meanwhile_cannot_start(lab: Lab, complete: str, status: str) -> None:
    there = lab.running()
    parameters = {"startInstancesAfterDuration": "PT5M", "completeIfInstancesTerminated": complete}
    experiment = lab.began(act(STOP, **parameters), instances([there]))
    lab.call("TerminateInstances", InstanceIds=[there])
    lab.later(301)
    assert lab.state(experiment) == status


def test_terminated_and_rebooted_ones(lab: Lab) -> None:
    there, other = lab.running(), lab.running()
    experiment = lab.began(act("aws:ec2:terminate-instances"), instances([there]))
    assert (lab.state(there), lab.state(other), lab.state(experiment)) == ("terminated", "running", "completed")
    starts = len(lab.ground.starts)
    lab.began(act("aws:ec2:reboot-instances"), instances([other]))
    assert lab.ground.starts[starts:] == [other]


def test_a_zone_loses_its_power_for_as_long_as_the_action_lasts(lab: Lab) -> None:
    there, elsewhere = in_zone(lab, A), in_zone(lab, B)
    experiment = lab.began(power(A, "PT10M"))
    assert set(lab.ground.running) == {elsewhere}
    assert lab.actions(experiment) == {"power": "running"}
    lab.later(500)
    assert lab.state(experiment) == "running" and set(lab.ground.running) == {elsewhere}
    lab.later(101)
    assert lab.state(experiment) == "completed"
    assert set(lab.ground.running) == {there, elsewhere} and lab.state(there) == "running"


def test_a_stopped_experiment_heals_its_zone_at_once(lab: Lab) -> None:
    there = in_zone(lab, A)
    experiment = lab.began({**power(A), "then": {**WAIT, "startAfter": ["power"]}})
    lab.fis("StopExperiment", id=experiment)
    lab.settle()
    assert lab.actions(experiment) == {"power": "stopped", "then": "cancelled"}
    assert lab.experiment(experiment)["state"] == {"status": "stopped", "reason": "Experiment stopped by user."}
    assert set(lab.ground.running) == {there}


def test_an_experiment_stopped_before_it_began_does_nothing(lab: Lab) -> None:
    there = in_zone(lab, A)
    experiment = lab.start(lab.template(power(A)))
    lab.fis("StopExperiment", id=experiment)
    lab.settle()
    assert lab.state(experiment) == "stopped" and lab.actions(experiment) == {"power": "cancelled"}
    assert set(lab.ground.running) == {there}


def test_an_alarm_stops_an_experiment(lab: Lab) -> None:
    there = in_zone(lab, A)
    lab.alarms["too-much"] = "OK"
    conditions = [{"source": "aws:cloudwatch:alarm", "value": ALARM}]
    experiment = lab.began(power(A), stopConditions=conditions)
    assert lab.state(experiment) == "running"
    lab.alarms["too-much"] = "ALARM"
    lab.settle()
    shown = lab.experiment(experiment)["state"]
    assert shown["status"] == "stopped" and "alarm too-much" in shown["reason"]
    assert set(lab.ground.running) == {there}
    del lab.alarms["too-much"]
    experiment = lab.began(power(A), stopConditions=conditions)
    assert "there is no alarm" in lab.experiment(experiment)["state"]["reason"]


def test_an_alarm_is_seen_at_once_though_it_may_be_over_soon(lab: Lab) -> None:
    in_zone(lab, A)
    lab.alarms["too-much"] = "OK"
    experiment = lab.began(power(A), stopConditions=[{"source": "aws:cloudwatch:alarm", "value": ALARM}])
    (experiments,) = (one for one in lab.controllers() if isinstance(one, ExperimentController))
    assert list(experiments.concerned(Change(ALARM_STATE_TABLE, "too-much"))) == [experiment]


def test_targets_are_found_by_tags_and_filters(lab: Lab) -> None:
    web = [in_zone(lab, zone, role="web*") for zone in (A, A, B)]
    other = in_zone(lab, A, role="webber")
    target = {
        "them": {
            "resourceType": "aws:ec2:instance",
            "resourceTags": {"role": "web*"},
            "filters": [
                {"path": "Placement.AvailabilityZone", "values": [A]},
                {"path": "State.Name", "values": ["running", "pending"]},
            ],
            "selectionMode": "ALL",
        }
    }
    experiment = lab.began(act(STOP), target)
    assert [lab.state(one) for one in (*web, other)] == ["stopped", "stopped", "running", "running"]
    found = lab.fis("ListExperimentResolvedTargets", experimentId=experiment)["resolvedTargets"]
    assert {one["targetInformation"]["arn"].rpartition("/")[2] for one in found} == set(web[:2])
    assert lab.fis("ListExperimentResolvedTargets", experimentId=experiment, targetName="them")["resolvedTargets"]


@pytest.mark.parametrize(
    ("selection", "stopped"), [("ALL", 3), ("COUNT(2)", 2), ("COUNT(9)", 3), ("PERCENT(70)", 2), ("PERCENT(100)", 3)]
)
def test_as_many_targets_are_taken_as_the_mode_says(lab: Lab, selection: str, stopped: int) -> None:
    three = [lab.running() for _ in range(3)]
    lab.began(act(STOP), instances(three, selection))
    assert sum(lab.state(one) == "stopped" for one in three) == stopped


@pytest.mark.parametrize(
    ("mode", "status", "action"), [("fail", "failed", "cancelled"), ("skip", "completed", "skipped")]
)
def test_a_target_without_resources_fails_the_experiment_or_is_skipped(
    lab: Lab, mode: str, status: str, action: str
) -> None:
    target = {
        "them": {"resourceType": "aws:ec2:instance", "resourceTags": {"no": "one"}, "selectionMode": "ALL"},
    }
    experiment = lab.began(act(STOP), target, experimentOptions={"emptyTargetResolutionMode": mode})
    assert lab.state(experiment) == status and lab.actions(experiment) == {"act": action}
    if mode == "fail":
        assert "Target resolution returned empty set" in lab.experiment(experiment)["state"]["reason"]


def test_a_preview_resolves_targets_and_does_nothing_to_them(lab: Lab) -> None:
    there = lab.running()
    template = lab.template(act(STOP), instances([there]))
    experiment = lab.start(template, experimentOptions={"actionsMode": "skip-all"})
    lab.settle()
    assert lab.state(experiment) == "completed" and lab.actions(experiment) == {"act": "skipped"}
    assert lab.state(there) == "running"
    assert len(lab.fis("ListExperimentResolvedTargets", experimentId=experiment)["resolvedTargets"]) == 1


def test_a_role_that_the_service_may_not_take_on_fails_the_experiment(lab: Lab) -> None:
    experiment = lab.began(power(A), roleArn="arn:aws:iam::123456789012:role/nobody")
    assert lab.experiment(experiment)["state"] == {"status": "failed", "reason": "Unable to assume role."}


def test_an_action_that_is_refused_fails_the_experiment_and_the_others_are_taken_back(lab: Lab) -> None:
    there, protected = in_zone(lab, A), in_zone(lab, B)
    lab.call("ModifyInstanceAttribute", InstanceId=protected, DisableApiTermination={"Value": True})
    actions = {**power(A), **act("aws:ec2:terminate-instances")}
    experiment = lab.began(actions, instances([protected]))
    assert lab.state(experiment) == "failed"
    assert lab.actions(experiment) == {"power": "stopped", "act": "failed"}
    assert "OperationNotPermitted" in lab.experiment(experiment)["actions"]["act"]["state"]["reason"]
    assert set(lab.ground.running) == {there, protected}


# --- calls that fail -------------------------------------------------------------------------------------------


def as_role(lab: Lab, operation: str, request: str = "r", role: str = "shaker", **params: Any) -> Any:
    with lab.store.transaction() as tx:
        call = lab.context(tx)
        principal = replace(call.principal, arn=f"arn:aws:sts::123456789012:assumed-role/{role}/someone")
        return lab.services["ec2"][operation](replace(call, principal=principal, request_id=request), params)


ROLES = {"them": {"resourceType": "aws:iam:role", "resourceArns": [ROLE], "selectionMode": "ALL"}}


@pytest.mark.parametrize(
    ("name", "code"),
    [("throttle", "RequestLimitExceeded"), ("unavailable", "Unavailable"), ("internal", "InternalError")],
)
def test_a_role_s_calls_fail_for_as_long_as_the_action_lasts(lab: Lab, name: str, code: str) -> None:
    parameters = {
        "duration": "PT1M",
        "service": "ec2",
        "operations": "DescribeVpcs,DescribeSubnets",
        "percentage": "100",
    }
    action = {"actionId": f"aws:fis:inject-api-{name}-error", "parameters": parameters, "targets": {"Roles": "them"}}
    lab.began({"fault": action}, ROLES)
    with pytest.raises(AwsError) as caught:
        as_role(lab, "DescribeVpcs")
    assert caught.value.code == code
    as_role(lab, "DescribeInstances")
    as_role(lab, "DescribeVpcs", role="another")
    lab.later(61)
    as_role(lab, "DescribeVpcs")


def test_a_share_of_a_role_s_calls_fails(lab: Lab) -> None:
    parameters = {"duration": "PT1M", "service": "ec2", "operations": "DescribeVpcs", "percentage": "40"}
    action = {"actionId": "aws:fis:inject-api-throttle-error", "parameters": parameters, "targets": {"Roles": "them"}}
    lab.began({"fault": action}, ROLES)
    failed = 0
    for request in range(300):
        try:
            as_role(lab, "DescribeVpcs", request=str(request))
        except AwsError:
            failed += 1
    assert 80 < failed < 160


def test_a_role_finds_no_capacity_in_a_zone(lab: Lab) -> None:
    parameters = {"duration": "PT1M", "availabilityZoneIdentifiers": f"{A},use1-az2", "percentage": "100"}
    action_id = "aws:ec2:api-insufficient-instance-capacity-error"
    lab.began({"fault": {"actionId": action_id, "parameters": parameters, "targets": {"Roles": "them"}}}, ROLES)
    with lab.store.snapshot() as tx:
        (fault,) = API_FAULTS.every(tx)
    assert (fault.zones, fault.kind) == ((A, B), "capacity")


# --- inside instances ------------------------------------------------------------------------------------------

BLACKHOLE = "arn:aws:ssm:us-east-1::document/AWSFIS-Run-Network-Blackhole-Port"
STRESS = "arn:aws:ssm:us-east-1::document/AWSFIS-Run-CPU-Stress"


def test_a_port_swallows_packets_until_the_command_is_over(lab: Lab) -> None:
    there = lab.running()
    given = '{"Protocol":"tcp","Port":"3306","TrafficType":"egress","DurationSeconds":"120"}'
    action = act("aws:ssm:send-command", documentArn=BLACKHOLE, documentParameters=given, duration="PT5M")
    experiment = lab.began(action, instances([there]))
    ((netns, _),) = lab.holes
    assert netns == there and next(iter(lab.holes.values())).port == 3306
    lab.later(121)
    assert not lab.holes and lab.state(experiment) == "completed"


def test_the_parameters_of_a_document_are_json_however_it_is_spaced(lab: Lab) -> None:
    given = '{"DurationSeconds": "60",\n "CPU": "0"}'
    action = act("aws:ssm:send-command", documentArn=STRESS, documentParameters=given, duration="PT1M")
    experiment = lab.began(action, instances([lab.running()]))
    assert lab.state(experiment) == "running"
    assert lab.experiment(experiment)["actions"]["act"]["parameters"]["documentParameters"] == given


def test_a_command_ends_in_all_instances_when_it_fails_in_one(lab: Lab) -> None:
    well, deaf = lab.running(), lab.running()
    lab.deaf.add(deaf)
    action = act(
        "aws:ssm:send-command", documentArn=STRESS, documentParameters='{"DurationSeconds":"60"}', duration="PT1M"
    )
    experiment = lab.began(action, instances([well, deaf]))
    assert lab.state(experiment) == "failed"
    assert lab.experiment(experiment)["actions"]["act"]["state"]["reason"].endswith("is deaf")


def test_a_command_needs_instances_that_run(lab: Lab) -> None:
    there = lab.running()
    lab.call("StopInstances", InstanceIds=[there])
    lab.settle()
    action = act(
        "aws:ssm:send-command", documentArn=STRESS, documentParameters='{"DurationSeconds":"60"}', duration="PT1M"
    )
    experiment = lab.began(action, instances([there]))
    assert "InvalidInstanceId" in lab.experiment(experiment)["actions"]["act"]["state"]["reason"]
    assert not lab.ran


# --- dying on the way ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_dying_anywhere_repeats_no_action_and_forgets_no_end(tmp_path: Path, after: bool) -> None:
    for nth in count(1):
        lab = Lab(tmp_path / f"{nth}.db")
        there, other = in_zone(lab, A), in_zone(lab, B)
        actions = {**power(A), **act("aws:ec2:reboot-instances")}
        experiment = lab.start(lab.template(actions, instances([other])))
        with dying(lab, nth, after=after) as left:
            try:
                lab.settle()
                lab.later(601)
            except Died:
                pass
            died = left[0] <= 0
        lab.settle()
        lab.later(601)
        assert lab.state(experiment) == "completed"
        assert set(lab.ground.running) == {there, other}
        with lab.store.snapshot() as tx:
            found = INSTANCES.get(tx, other)
        assert found is not None and found.reboots == 1
        if not died:
            assert nth > 8, "nothing was interrupted: the test tests nothing"
            return
