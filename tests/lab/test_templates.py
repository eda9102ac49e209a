"""The templates of WhatIsTheTime: clean for AWS's linter, nothing local in them, each an update of the one before."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import ManualArgs, lint

from aftershock.lab.graduation import security
from aftershock.lab.graduation.findings import Level
from aftershock.lab.graduation.template import read
from aftershock.services import elbv2, route53
from tests.services.cloudformation.world import Cloud

TEMPLATES = sorted((Path(__file__).parents[2] / "src/aftershock/sites/whatisthetime/templates").glob("*.yaml"))
REGIONS = ["us-east-1", "eu-central-1"]
USER_DATA_LIMIT = 16 * 1024  # AWS: "User data is limited to 16 KB, in raw form, before it is base64-encoded"
EACH = pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
LOCAL = re.compile(r"\b(ami|vpc|subnet|sg|eni|eipalloc|i)-[0-9a-f]{8,}|198\.18\.|localhost|127\.0|4566|123456789012")


def user_data(path: Path) -> str:
    (recipe,) = read(path.read_text()).of("AWS::EC2::LaunchTemplate")
    return str(recipe.properties["LaunchTemplateData"]["UserData"]["Fn::Base64"])


def test_there_is_one_for_each_stage() -> None:
    assert [path.name for path in TEMPLATES] == [f"stage-{number}.yaml" for number in range(1, 8)]


@EACH
def test_a_template_is_clean_without_anything_suppressed(path: Path) -> None:
    text = path.read_text()
    config = ManualArgs(regions=REGIONS, include_checks=["I"])
    assert [f"{match.linenumber}: {match.message}" for match in lint(text, config=config)] == []
    assert "cfn-lint" not in text


@EACH
def test_a_template_has_no_mistake_of_security(path: Path) -> None:
    found = security.checked(read(path.read_text()))
    assert [one for one in found if one.level is not Level.NOTE] == []


@EACH
def test_nothing_local_is_in_a_template(path: Path) -> None:
    text = path.read_text()
    assert LOCAL.search(text) is None
    assert "aftershock" not in text.lower()
    template = read(text)
    assert template.parameters["Image"]["Type"] == "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    assert all(parameter.get("Description") for parameter in template.parameters.values())


def test_all_machines_run_the_same_program() -> None:
    assert len({user_data(path) for path in TEMPLATES}) == 1


def test_the_program_is_one_that_shell_and_python_read(tmp_path: Path) -> None:
    said = user_data(TEMPLATES[0])
    assert len(said.encode()) < USER_DATA_LIMIT
    script = tmp_path / "user-data.sh"
    script.write_text(said)
    subprocess.run(["sh", "-n", str(script)], check=True, timeout=20)
    program = said.split("<<'END'\n")[1].split("\nEND\n")[0]
    compile(program, "time.py", "exec")


class Region(Cloud):
    """With the names of its load balancers, as a region has them."""

    def _names(self) -> route53.Outside:
        return replace(super()._names(), names=balancer_names, alias_domains=elbv2.alias_domains("us-east-1"))


def balancer_names(tx: Any) -> Iterator[route53.KnownName]:
    for name in elbv2.known_names(tx):
        yield route53.KnownName(name.host, name.addresses, alias_zone=name.alias_zone, healthy=name.healthy)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Region(tmp_path / "region.db")
    yield made
    made.store.close()


def machines(cloud: Cloud) -> dict[str, dict[str, Any]]:
    found = cloud.ask("ec2", "DescribeInstances")["Reservations"]
    instances = [one for reservation in found for one in reservation["Instances"]]
    return {one["InstanceId"]: one for one in instances if one["State"]["Name"] != "terminated"}


def parameters(cloud: Cloud, path: Path) -> list[dict[str, str]]:
    if "Subnets" not in read(path.read_text()).parameters:
        return []
    wanted = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = ",".join(one["SubnetId"] for one in cloud.ask("ec2", "DescribeSubnets", Filters=wanted)["Subnets"])
    return [{"ParameterKey": "Subnets", "ParameterValue": subnets}]


def driven(cloud: Cloud, status: str) -> None:
    for _ in range(60):
        cloud.round()
        cloud.synchronise()
        cloud.settle()
        if cloud.status().endswith("_COMPLETE") and "CLEANUP" not in cloud.status():
            break
    assert cloud.status() == status, [one for one in cloud.events() if one[1].endswith("FAILED")]
    for _ in range(10):  # a group goes on after its stack is complete, to be balanced over its zones
        cloud.now += timedelta(minutes=1)
        cloud.settle()


def test_each_stage_is_reached_from_the_one_before_by_a_stack_update(cloud: Cloud) -> None:
    seen = []
    for path in TEMPLATES:
        asked = {"StackName": "web", "TemplateBody": path.read_text(), "Parameters": parameters(cloud, path)}
        cloud.cfn("UpdateStack" if seen else "CreateStack", **asked)
        driven(cloud, "UPDATE_COMPLETE" if seen else "CREATE_COMPLETE")
        seen.append(machines(cloud))
    one, bigger, three, private, *groups = seen
    assert one.keys() == bigger.keys(), "a bigger machine is the same machine"
    assert [machine["InstanceType"] for machine in bigger.values()] == ["m5.large"]
    assert one.keys() < three.keys()
    assert [len(each) for each in seen] == [1, 1, 3, 3, 2, 3, 3]
    for machine in [machine for each in (private, *groups) for machine in each.values()]:
        assert "PublicIpAddress" not in machine
    assert len({machine["Placement"]["AvailabilityZone"] for machine in groups[-1].values()}) == 3
    assert groups[-1].keys() == groups[-2].keys(), "a reservation changes nothing about the machines"
