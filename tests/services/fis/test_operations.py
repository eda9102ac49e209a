"""Templates and experiments as clients ask for them: shapes, refusals, pages, tags, tokens."""

from typing import Any

import pytest

from aftershock.aws.errors import AwsError
from tests.services.fis.lab import ACCOUNT, ALARM, ROLE, WAIT, Lab, act, instances, power

STOP = act("aws:ec2:stop-instances")
ONE = instances(["i-0123"])
DOCUMENT = "arn:aws:ssm:us-east-1::document/AWSFIS-Run-"


def refusal(lab: Lab, operation: str, **params: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        lab.fis(operation, **params)
    return caught.value.code, caught.value.message


def test_a_template_is_shown_as_it_was_made(lab: Lab) -> None:
    found = lab.fis("GetExperimentTemplate", id=lab.template(STOP, ONE, tags={"a": "b"}))["experimentTemplate"]
    assert found["id"].startswith("EXT")
    assert found["arn"] == f"arn:aws:fis:us-east-1:{ACCOUNT}:experiment-template/{found['id']}"
    assert found["targets"]["them"]["resourceType"] == "aws:ec2:instance"
    assert found["actions"]["act"] == {
        "actionId": "aws:ec2:stop-instances",
        "parameters": {},
        "targets": {"Instances": "them"},
    }
    assert found["experimentOptions"] == {"accountTargeting": "single-account", "emptyTargetResolutionMode": "fail"}
    assert found["tags"] == {"a": "b"}
    assert found["stopConditions"] == [{"source": "none"}]


def test_an_update_replaces_what_it_names_and_keeps_the_rest(lab: Lab) -> None:
    template = lab.template(STOP, ONE)
    changed = lab.fis("UpdateExperimentTemplate", id=template, description="another")["experimentTemplate"]
    assert changed["description"] == "another" and changed["actions"]["act"]["targets"] == {"Instances": "them"}
    actions = {"act": {"parameters": {"startInstancesAfterDuration": "PT2M"}, "targets": {"Instances": "them"}}}
    changed = lab.fis("UpdateExperimentTemplate", id=template, actions=actions)["experimentTemplate"]
    assert changed["actions"]["act"]["actionId"] == "aws:ec2:stop-instances"
    assert refusal(lab, "UpdateExperimentTemplate", id=template, targets={})[0] == "ValidationException"
    lab.fis("DeleteExperimentTemplate", id=template)
    assert refusal(lab, "GetExperimentTemplate", id=template) == (
        "ResourceNotFoundException",
        f"Experiment template {template} not found.",
    )


REFUSED = [
    ({"actions": {"x": {"actionId": "aws:eks:stop-pod"}}}, "Action with ID aws:eks:stop-pod not found."),
    ({"actions": {}}, "At least one action is required."),
    ({"actions": act("aws:fis:wait", duration="PT1M")}, 'Unexpected target "Instances" found in action "act".'),
    ({"actions": {"x": {"actionId": "aws:ec2:stop-instances"}}}, 'Missing required target "Instances" in action "x".'),
    ({"actions": {"x": {"actionId": "aws:fis:wait"}}}, 'Missing required parameter "duration" in action "x".'),
    (
        {"actions": {"x": {**WAIT, "parameters": {"duration": "PT1M", "colour": "red"}}}},
        'Unexpected parameter "colour" found in action "x".',
    ),
    ({"actions": {"x": {**WAIT, "parameters": {"duration": "1minute"}}}}, "not an ISO 8601 duration"),
    ({"actions": {"x": {**WAIT, "parameters": {"duration": "PT59S"}}}}, "from 1 minute to 12 hours"),
    ({"actions": {"x": {**WAIT, "parameters": {"duration": "PT13H"}}}}, "from 1 minute to 12 hours"),
    ({"actions": {"x": {**WAIT, "startAfter": ["y"]}}}, 'Action "x" starts after "y", which is not defined.'),
    ({"actions": {"x": {**WAIT, "startAfter": ["x"]}}}, 'Action "x" would have to start after itself.'),
    ({"actions": power("us-east-1z")}, "us-east-1z is not an Availability Zone of this region"),
    ({"actions": STOP}, 'Target "them" of action "act" is not defined.'),
    ({"targets": ONE}, 'Target "them" is not used by any action.'),
    ({"actions": STOP, "targets": instances(["i-1"], "SOME")}, 'the invalid selection mode "SOME"'),
    ({"actions": STOP, "targets": instances(["i-1"], "COUNT(0)")}, 'the invalid selection mode "COUNT(0)"'),
    ({"actions": STOP, "targets": instances(["i-1"], "PERCENT(101)")}, 'the invalid selection mode "PERCENT(101)"'),
    ({"actions": STOP, "targets": {"them": {**ONE["them"], "resourceArns": []}}}, "must have resourceArns"),
    ({"actions": STOP, "targets": {"them": {**ONE["them"], "resourceTags": {"a": "b"}}}}, "cannot have both"),
    (
        {"actions": STOP, "targets": {"them": {**ONE["them"], "resourceArns": ["arn:aws:s3:::a-bucket-of-some"]}}},
        "is not the ARN of a resource of type aws:ec2:instance",
    ),
    (
        {"actions": STOP, "targets": {"them": {**ONE["them"], "resourceType": "aws:rds:db"}}},
        'Target "them" has the unsupported resource type "aws:rds:db".',
    ),
    ({"stopConditions": []}, "At least one stop condition is required"),
    (
        {"stopConditions": [{"source": "aws:cloudwatch:alarm", "value": "arn:aws:sns:us-east-1:123456789012:topic"}]},
        "is not the ARN of a CloudWatch alarm",
    ),
    ({"stopConditions": [{"source": "moon"}]}, 'Stop condition source "moon" is not supported.'),
    ({"roleArn": "arn:aws:iam::123456789012:user/shaker"}, "is not the ARN of an IAM role."),
    ({"roleArn": "arn:aws:iam::999999999999:role/x"}, "belongs to another account"),
    ({"logConfiguration": {"logSchemaVersion": 2}}, "The parameter logConfiguration is not supported"),
    ({"experimentOptions": {"accountTargeting": "multi-account"}}, "multi-account is not supported"),
    ({"tags": {"aws:x": "y"}}, "reserved for AWS"),
    (
        {
            "actions": act(
                "aws:ssm:send-command",
                documentArn="arn:aws:ssm:us-east-1::document/AWSFIS-Run-IO-Stress",
                duration="PT1M",
            ),
            "targets": ONE,
        },
        "AWSFIS-Run-IO-Stress is not supported in this region",
    ),
    (
        {
            "actions": act(
                "aws:ssm:send-command",
                documentArn="arn:aws:ssm:us-east-1::document/AWSFIS-Run-CPU-Stress",
                duration="PT1M",
            ),
            "targets": ONE,
        },
        'The document parameter "DurationSeconds" is required.',
    ),
]


@pytest.mark.parametrize(("params", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_could_not_be_carried_out_is_refused(lab: Lab, params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        lab.template(**params)
    assert message in caught.value.message
    assert caught.value.code == ("ResourceNotFoundException" if "not found" in message else "ValidationException")
    assert lab.fis("ListExperimentTemplates")["experimentTemplates"] == []


def test_a_request_sent_twice_makes_one(lab: Lab) -> None:
    template = lab.template()
    asked = {"clientToken": "t", "experimentTemplateId": template}
    first = lab.fis("StartExperiment", **asked)["experiment"]["id"]
    assert lab.fis("StartExperiment", **asked)["experiment"]["id"] == first
    assert refusal(lab, "StartExperiment", **asked, tags={"a": "b"})[0] == "ConflictException"
    assert len(lab.fis("ListExperiments")["experiments"]) == 1


def test_five_experiments_may_be_active(lab: Lab) -> None:
    template = lab.template()
    started = [lab.start(template) for _ in range(5)]
    assert refusal(lab, "StartExperiment", clientToken="one-more", experimentTemplateId=template)[0] == (
        "ServiceQuotaExceededException"
    )
    lab.settle()
    lab.later(61)
    assert {lab.state(one) for one in started} == {"completed"}
    lab.start(template)


def test_listings_come_in_pages_and_by_template(lab: Lab) -> None:
    one, other = lab.template(), lab.template()
    for template in (one, one, other):
        lab.start(template)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = lab.fis("ListExperiments", maxResults=1, **token)
        seen += [found["id"] for found in page["experiments"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(set(seen)) == len(seen) == 3
    assert len(lab.fis("ListExperiments", experimentTemplateId=one)["experiments"]) == 2
    assert refusal(lab, "ListExperiments", nextToken="nonsense")[0] == "ValidationException"
    assert len(lab.fis("ListExperimentTemplates")["experimentTemplates"]) == 2


def test_templates_and_experiments_have_tags(lab: Lab) -> None:
    template = lab.template(tags={"a": "1"})
    experiment = lab.start(template, tags={"b": "2"})
    for kind, key, tags in (("experiment-template", template, {"a": "1"}), ("experiment", experiment, {"b": "2"})):
        arn = f"arn:aws:fis:us-east-1:{ACCOUNT}:{kind}/{key}"
        assert lab.fis("ListTagsForResource", resourceArn=arn)["tags"] == tags
        lab.fis("TagResource", resourceArn=arn, tags={"c": "3"})
        lab.fis("UntagResource", resourceArn=arn, tagKeys=list(tags))
        assert lab.fis("ListTagsForResource", resourceArn=arn)["tags"] == {"c": "3"}
    for wrong in (
        "arn:aws:fis:us-east-1:123456789012:experiment/EXPnone",
        "arn:aws:ec2:us-east-1:123456789012:experiment/x",
    ):
        assert refusal(lab, "TagResource", resourceArn=wrong, tags={"a": "b"})[0] == "ResourceNotFoundException"


def test_the_catalogue_says_what_each_action_takes(lab: Lab) -> None:
    listed = {one["id"] for one in lab.fis("ListActions")["actions"]}
    assert {"aws:ec2:stop-instances", "aws:fis:wait", "aftershock:zone:power-interruption"} <= listed
    for one in listed:
        shown = lab.fis("GetAction", id=one)["action"]
        assert shown["arn"] == f"arn:aws:fis:us-east-1:{ACCOUNT}:action/{one}"
        for target in shown["targets"].values():
            lab.fis("GetTargetResourceType", resourceType=target["resourceType"])
    assert refusal(lab, "GetAction", id="aws:x") == ("ResourceNotFoundException", "Action with ID aws:x not found.")
    assert len(lab.fis("ListTargetResourceTypes")["targetResourceTypes"]) == 3
    assert refusal(lab, "GetTargetResourceType", resourceType="x")[0] == "ResourceNotFoundException"


def test_an_alarm_can_be_a_stop_condition_and_a_role_a_target(lab: Lab) -> None:
    lab.template(stopConditions=[{"source": "aws:cloudwatch:alarm", "value": ALARM}])
    roles = {"them": {"resourceType": "aws:iam:role", "resourceArns": [ROLE], "selectionMode": "ALL"}}
    parameters = {"duration": "PT1M", "service": "ec2", "operations": "DescribeInstances", "percentage": "100"}
    action = {"actionId": "aws:fis:inject-api-throttle-error", "parameters": parameters, "targets": {"Roles": "them"}}
    lab.template({"throttle": action}, roles)


def test_an_experiment_that_is_over_cannot_be_stopped(lab: Lab) -> None:
    experiment = lab.began()
    lab.later(61)
    code, message = refusal(lab, "StopExperiment", id=experiment)
    assert code == "ValidationException" and "completed" in message
    assert refusal(lab, "StopExperiment", id="EXPnone")[0] == "ResourceNotFoundException"
