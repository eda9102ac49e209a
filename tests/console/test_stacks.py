"""Deploying from the page, against the region's own CloudFormation: what is asked, what is said, and what is done."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from aftershock.aws.errors import AwsError
from aftershock.console import plans, stacks
from aftershock.console.plans import Impossible
from aftershock.console.stacks import MOST_BYTES, form, plan
from tests.services.cloudformation.world import Cloud

MINE = """
Description: Mine
Parameters:
  Secret: {Type: String, NoEcho: true, MinLength: 3}
  Size: {Type: String, Default: small, AllowedValues: [small, large]}
Resources:
  Kept: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref Size}}
  More: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: x}}
"""
GIVEN = {"Secret": "abcd", "Size": "small"}


class Asking:
    """The console's connection, as far as deploying needs it, to services in this process."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud, self.asked = cloud, []
        self._session = botocore.session.Session()

    def ask(self, service: str, operation: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        self.asked.append(operation)
        try:
            found = self.cloud.ask(service, operation, **(params or {}))
        except AwsError as error:
            raise ClientError({"Error": {"Code": error.code, "Message": error.message}}, operation) from error
        if operation in ("CreateStack", "UpdateStack"):
            self.cloud.drive()
        return found

    def all(self, service: str, operation: str, result: str, params: Mapping[str, Any] | None = None) -> list[Any]:
        return self.ask(service, operation, params).get(result, [])

    def model(self, service: str, operation: str) -> Any:
        return self._session.get_service_model(service).operation_model(operation)


@pytest.fixture
def api(tmp_path: Path) -> Asking:
    return Asking(Cloud(tmp_path / "region.db"))


def seen(api: Asking) -> dict[str, Any]:
    return {
        "subnets": api.ask("ec2", "DescribeSubnets")["Subnets"],
        "stacks": api.ask("cloudformation", "DescribeStacks")["Stacks"],
    }


def mine(text: str = MINE, **more: Any) -> dict[str, Any]:
    return {"template": text, "file": "mine.yaml", "name": "mine", "parameters": GIVEN, **more}


def deployed(api: Asking, args: Mapping[str, Any]) -> plans.Plan:
    planned = plan(args, seen(api), api, preview=True)
    plans.run(planned, api)
    return planned


def operations(planned: plans.Plan) -> list[str]:
    return [step.operation for step in planned.steps]


@pytest.mark.parametrize("stage, subnets", [("stage-1", None), ("stage-4", 2), ("stage-6", 3), ("stage-7", 3)])
def test_a_stage_asks_for_little_and_its_subnets_are_found(api: Asking, stage: str, subnets: int | None) -> None:
    asked = form({"stage": stage}, seen(api), api)
    assert asked["name"] == "whatisthetime" and stage.replace("-", " ") in asked["says"]
    values = {one["key"]: one["value"] for one in asked["parameters"]}
    assert all(values.values()), values
    found = values.get("Subnets")
    assert (found and len(found.split(","))) == subnets


@pytest.mark.parametrize("stage", stacks.STAGES)
def test_every_stage_can_be_deployed_as_its_form_is(api: Asking, stage: str) -> None:
    asked = form({"stage": stage}, seen(api), api)
    values = {one["key"]: one["value"] for one in asked["parameters"]}
    planned = plan({"stage": stage, "name": asked["name"], "parameters": values}, seen(api), api, preview=True)
    assert operations(planned) == ["CreateStack"]
    assert "is created" in planned.says and planned.details
    (line,) = plans.shown(planned, api)
    assert f"--template-body file://{stacks.STAGES[stage]}" in line and "Resources:" not in line
    given = {one["ParameterKey"] for one in planned.steps[0].params["Parameters"]}
    assert given <= {"Subnets"}, "what the template says itself is not repeated"


def test_the_stages_have_their_titles() -> None:
    titles = [fact["title"] for fact in stacks.stages().values()]
    assert len(titles) == 7 and all(f"stage {n}: " in title for n, title in enumerate(titles, 1))


def test_a_template_of_ones_own_is_made_changed_and_left_alone(api: Asking) -> None:
    asked = form(mine(), seen(api), api)
    assert "ValidateTemplate" in api.asked
    assert [(one["key"], one["value"], one["secret"], one["allowed"]) for one in asked["parameters"]] == [
        ("Secret", "", True, []),
        ("Size", "small", False, ["small", "large"]),
    ]
    assert operations(deployed(api, mine())) == ["CreateStack"]
    larger = (
        MINE.replace("Value: x", "Value: y")
        + "  Third: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: z}}\n"
    )
    planned = deployed(api, mine(larger, parameters={"Secret": "", "Size": "large"}))
    assert operations(planned) == ["UpdateStack"]
    assert sorted(planned.details) == [
        "changes Kept (SSM::Parameter)",
        "changes More (SSM::Parameter)",
        "makes Third (SSM::Parameter)",
    ]
    assert "it changes 2" in planned.says and "it makes 1" in planned.says
    filled = {one["key"]: one["value"] for one in form(mine(larger), seen(api), api)["parameters"]}
    assert filled == {"Secret": "", "Size": "large"}, "what it has now is kept, and a secret is not shown"
    with pytest.raises(Impossible, match="already as this template"):
        plan(mine(larger, parameters={"Secret": "", "Size": "large"}), seen(api), api, preview=True)
    sets = api.ask("cloudformation", "ListChangeSets", {"StackName": "mine"})["Summaries"]
    assert sets == [], "a look ahead leaves nothing"


def test_what_is_replaced_is_said(api: Asking) -> None:
    named = MINE.replace("Value: x", "Value: x, Name: /one")
    deployed(api, mine(named))
    planned = plan(mine(named.replace("/one", "/two")), seen(api), api, preview=True)
    assert planned.details == ("changes More (SSM::Parameter), by another one",)


def test_rights_are_named_and_granted_with_the_click(api: Asking) -> None:
    role = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: sts:AssumeRole}]
"""
    planned = plan(mine(role, parameters={}), seen(api), api, preview=True)
    assert "CAPABILITY_IAM" in planned.says
    assert planned.steps[0].params["Capabilities"] == ["CAPABILITY_IAM"]


def test_a_stack_that_has_gone_wrong_has_to_be_deleted_first(api: Asking) -> None:
    broken = (
        "Resources: {Zone: {Type: AWS::Route53::RecordSet, Properties: {HostedZoneId: Z1, Name: a.b, Type: A, TTL: 1}}}"
    )
    deployed(api, mine(broken, parameters={}))
    assert seen(api)["stacks"][0]["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(Impossible, match="delete it first"):
        plan(mine(), seen(api), api, preview=True)


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"stage": "stage-8"},
        {"stage": "../stage-1"},
        mine(""),
        mine(7),
        mine("#" * (MOST_BYTES + 1)),
        mine(name="-"),
        mine(name=""),
        mine(name="a;b"),
        mine(parameters={"Nobody": "x"}),
        mine(file=None),
    ],
    ids=str,
)
def test_what_no_page_of_ours_sends_is_refused(api: Asking, args: dict[str, Any]) -> None:
    with pytest.raises(Impossible):
        plan(args, seen(api), api, preview=True)


@pytest.mark.parametrize("text", ["Resources: [", "a: &x [*x]", "{}", "\x00", "Resources: {A: {Type: AWS::No::Such}}"])
def test_what_is_no_template_is_refused_in_cloudformations_words(api: Asking, text: str) -> None:
    with pytest.raises(ClientError) as caught:
        plan(mine(text, parameters={}), seen(api), api, preview=True)
        plans.run(plan(mine(text, parameters={}), seen(api), api, preview=True), api)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_hostile_files_name_stays_one_word_of_the_command(api: Asking) -> None:
    planned = plan(mine(file="../x/$(reboot) 'a.yaml"), seen(api), api, preview=True)
    (line,) = plans.shown(planned, api)
    assert """--template-body 'file://$(reboot) '"'"'a.yaml'""" in line
