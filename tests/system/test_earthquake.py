"""An availability zone goes down under three instances that serve, and comes back."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from aftershock.doors import socks
from aftershock.ground import cgroups
from tests.conftest import eventually
from tests.ground.conftest import inside
from tests.region import WEB, Region, a_region

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
DARK, LIGHT = ZONES[0], ZONES[1:]
SILENT_S = 1.0
PACE = 20.0  # a minute, the shortest duration of an action, is three seconds


@pytest.fixture(scope="module")
def shaken() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


@pytest.fixture
def region(shaken: Region) -> Region:
    shaken.reset()
    return shaken


class Site:
    """One instance in each zone, each with a page that names it."""

    def __init__(self, region: Region) -> None:
        self.region = region
        group = region.open_port(80)
        user_data = WEB + "date +%N >> /srv/first-boots\n"
        self.ids = {
            zone: region.run(Placement={"AvailabilityZone": zone}, SecurityGroupIds=[group], UserData=user_data)[
                "InstanceId"
            ]
            for zone in ZONES
        }
        self.addresses = {zone: self._address(zone) for zone in ZONES}
        self.pages = {zone: region.eventual_page(address, within_s=90) for zone, address in self.addresses.items()}

    def _address(self, zone: str) -> str:
        return str(self.region.in_state(self.ids[zone], "running", within_s=60)["PublicIpAddress"])

    def serves(self, zone: str) -> bool:
        try:
            return self.region.page(self.addresses[zone], timeout_s=SILENT_S) == self.pages[zone]
        except OSError:
            return False

    def status(self, zone: str) -> dict[str, Any]:
        found = self.region.ec2.describe_instance_status(InstanceIds=[self.ids[zone]], IncludeAllInstances=True)
        status: dict[str, Any] = found["InstanceStatuses"][0]
        return status

    def heals(self) -> None:
        for zone in ZONES:
            assert self.region.eventual_page(self.addresses[zone], within_s=90) == self.pages[zone]


def refused_launch(region: Region, **params: Any) -> str:
    with pytest.raises(ClientError) as refused:
        region.run(**params)
    error = refused.value.response["Error"]
    assert error["Code"] == "InsufficientInstanceCapacity", error
    return str(error["Message"])


def zone_state(region: Region, zone: str) -> str:
    found = region.ec2.describe_availability_zones(ZoneNames=[zone])["AvailabilityZones"][0]
    return str(found["State"])


def test_a_zone_without_power_is_silent_while_others_serve_and_comes_back_as_it_was(region: Region) -> None:
    site = Site(region)
    line = socks.connect(region.access.socks_port, site.addresses[DARK], 80, timeout_s=5)
    said = region.aftershock("quake", DARK)
    assert f"{DARK} has lost its power" in said and site.ids[DARK] in said and f"aftershock heal {DARK}" in said
    assert not site.serves(DARK)
    assert all(site.serves(zone) for zone in LIGHT)
    with pytest.raises(TimeoutError):  # silence, and not a refusal: nobody is there to refuse
        region.page(site.addresses[DARK], timeout_s=SILENT_S)
    with line:  # nor has anybody closed what was open
        line.settimeout(SILENT_S)
        line.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with pytest.raises(TimeoutError):
            line.recv(1)

    impaired = site.status(DARK)
    assert impaired["InstanceState"]["Name"] == "running"
    assert impaired["SystemStatus"]["Status"] == "impaired"
    assert impaired["SystemStatus"]["Details"][0]["ImpairedSince"]
    assert zone_state(region, DARK) == "unavailable"
    message = refused_launch(region, Placement={"AvailabilityZone": DARK})
    assert message == (
        "We currently do not have sufficient t2.micro capacity in the Availability Zone you requested (us-east-1a). "
        "Our system will be working on provisioning additional capacity. You can currently get t2.micro capacity by "
        "not specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c."
    )
    elsewhere = region.run()
    assert elsewhere["Placement"]["AvailabilityZone"] in LIGHT
    assert "is out already" in region.aftershock("quake", DARK, status=1)

    region.kill_control()
    region.wait_ready()
    assert not site.serves(DARK) and all(site.serves(zone) for zone in LIGHT)

    assert f"{DARK} is back" in region.aftershock("heal", DARK)
    site.heals()
    assert zone_state(region, DARK) == "available"
    assert region.inside(site.ids[DARK], "wc -l < /srv/first-boots").strip() == "1"
    assert region.instance(site.ids[DARK])["PublicIpAddress"] == site.addresses[DARK]
    eventually(lambda: _assert_ok(site.status(DARK)), within_s=60)
    assert "is not out" in region.aftershock("heal", DARK)


def test_a_zone_that_is_cut_off_goes_on_inside(region: Region) -> None:
    site = Site(region)
    neighbour = region.run(Placement={"AvailabilityZone": DARK})
    region.in_state(neighbour["InstanceId"], "running")
    inner = region.instance(site.ids[DARK])["PrivateIpAddress"]
    booted = region.inside(site.ids[DARK], "cat /proc/1/stat | cut -d' ' -f22")
    assert "is cut off" in region.aftershock("quake", DARK, "--network")
    assert not site.serves(DARK) and all(site.serves(zone) for zone in LIGHT)
    assert zone_state(region, DARK) == "impaired"
    eventually(lambda: _assert_impaired(site.status(DARK)), within_s=60)
    fetch = f"python3 -c \"import urllib.request as u; print(u.urlopen('http://{inner}/', timeout=5).read().decode())\""
    group = region.instance(site.ids[DARK])["SecurityGroups"][0]["GroupId"]
    assert group
    assert region.inside(neighbour["InstanceId"], fetch).strip() == site.pages[DARK].strip()
    refused_launch(region, Placement={"AvailabilityZone": DARK})
    region.aftershock("heal", DARK)
    site.heals()
    assert region.inside(site.ids[DARK], "cat /proc/1/stat | cut -d' ' -f22") == booted


def test_instances_of_a_dark_zone_are_stopped_and_terminated_as_any(region: Region) -> None:
    doomed = region.run(Placement={"AvailabilityZone": DARK})["InstanceId"]
    stopped = region.run(Placement={"AvailabilityZone": DARK})["InstanceId"]
    for one in (doomed, stopped):
        region.in_state(one, "running")
    region.aftershock("quake", DARK)
    region.ec2.stop_instances(InstanceIds=[stopped])
    region.ec2.terminate_instances(InstanceIds=[doomed])
    region.in_state(stopped, "stopped")
    region.in_state(doomed, "terminated")
    with pytest.raises(ClientError, match="do not have sufficient"):
        region.ec2.start_instances(InstanceIds=[stopped])
    region.aftershock("heal", DARK)
    region.ec2.start_instances(InstanceIds=[stopped])
    region.in_state(stopped, "running")


def test_a_quake_in_the_middle_of_launches_leaves_nothing_behind(region: Region) -> None:
    running = [region.run(Placement={"AvailabilityZone": DARK})["InstanceId"] for _ in range(2)]
    for one in running:
        region.in_state(one, "running")
    launching = [region.run(Placement={"AvailabilityZone": DARK})["InstanceId"] for _ in range(4)]
    # Some lose the program that watches them in the very moment in which the power goes.
    monitors = "/run/aftershock/state/machines/*/conmon.pid"
    assert inside(region.running, "sh", "-c", f"kill -9 $(cat {monitors} | head -2); true").returncode == 0
    region.aftershock("quake", DARK)
    for one in (*running, *launching):
        with pytest.raises(AssertionError):
            region.inside(one, "true")
    region.kill_control()
    region.wait_ready()
    region.aftershock("heal", DARK)
    for one in (*running, *launching):
        region.in_state(one, "running", within_s=60)
        eventually(lambda one=one: region.inside(one, "true"), within_s=60)  # type: ignore[misc]
    region.ec2.terminate_instances(InstanceIds=[*running, *launching])
    for one in (*running, *launching):
        region.in_state(one, "terminated", within_s=60)
    ours = f"-path '*/{cgroups.region_name(region.state)}/machine-i-*'"
    look = f"ls /run/netns /run/aftershock/runc; cat /proc/self/mountinfo; find /sys/fs/cgroup {ours}"
    found = inside(region.running, "sh", "-c", look).stdout
    assert [line for line in found.splitlines() if any(one in line for one in (*running, *launching))] == []


# --- experiments -----------------------------------------------------------------------------------------------

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def started(region: Region, actions: dict[str, Any], targets: dict[str, Any] | None = None) -> str:
    """An experiment of these actions, once the first of them acts."""
    iam, fis = region.client("iam"), region.client("fis")
    role = iam.create_role(RoleName=f"r-{uuid.uuid4()}", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    template = fis.create_experiment_template(
        clientToken=str(uuid.uuid4()),
        description="a test",
        stopConditions=[{"source": "none"}],
        roleArn=role,
        actions=actions,
        targets=targets or {},
    )["experimentTemplate"]["id"]
    return str(fis.start_experiment(clientToken=str(uuid.uuid4()), experimentTemplateId=template)["experiment"]["id"])


def wait_experiment(region: Region, experiment: str, status: str, *, within_s: float = 60.0) -> dict[str, Any]:
    def check() -> dict[str, Any]:
        found: dict[str, Any] = region.client("fis").get_experiment(id=experiment)["experiment"]
        assert found["state"]["status"] == status, found
        return found

    return eventually(check, within_s=within_s)


def wait_acting(region: Region, experiment: str) -> None:
    def check() -> None:
        found = region.client("fis").get_experiment(id=experiment)["experiment"]
        assert {one["state"]["status"] for one in found["actions"].values()} <= {"running", "completed"}, found

    eventually(check, within_s=60)


def them(kind: str, *ids: str) -> dict[str, Any]:
    arns = [f"arn:aws:ec2:us-east-1:123456789012:{kind}/{one}" for one in ids]
    return {"them": {"resourceType": f"aws:ec2:{kind}", "resourceArns": arns, "selectionMode": "ALL"}}


def command(document: str, duration: str, **parameters: str) -> dict[str, Any]:
    given = {
        "documentArn": f"arn:aws:ssm:us-east-1::document/{document}",
        "documentParameters": json.dumps(parameters, separators=(",", ":")),
        "duration": duration,
    }
    return {"act": {"actionId": "aws:ssm:send-command", "parameters": given, "targets": {"Instances": "them"}}}


def test_an_experiment_goes_on_where_it_was_when_the_control_plane_is_killed(region: Region) -> None:
    there = region.run(Placement={"AvailabilityZone": DARK})["InstanceId"]
    other = region.run(Placement={"AvailabilityZone": LIGHT[0]})["InstanceId"]
    for one in (there, other):
        region.in_state(one, "running")
    zone = {"availabilityZoneIdentifier": DARK, "duration": "PT6M"}
    stop = {"startInstancesAfterDuration": "PT2M"}
    actions = {
        "power": {"actionId": "aftershock:zone:power-interruption", "parameters": zone},
        "stop": {"actionId": "aws:ec2:stop-instances", "parameters": stop, "targets": {"Instances": "them"}},
    }
    experiment = started(region, actions, them("instance", other))
    wait_acting(region, experiment)
    assert zone_state(region, DARK) == "unavailable"
    region.kill_control()
    region.wait_ready()
    found = wait_experiment(region, experiment, "completed")
    lasted = (found["actions"]["power"]["endTime"] - found["actions"]["power"]["startTime"]).total_seconds()
    assert lasted >= 360 / PACE
    for one in (there, other):
        region.in_state(one, "running")
    eventually(lambda: region.inside(there, "true"), within_s=30)
    assert zone_state(region, DARK) == "available"


def test_the_processor_of_an_instance_is_taken_and_given_back(region: Region) -> None:
    there = region.run()["InstanceId"]
    region.in_state(there, "running")
    eventually(lambda: _assert_booted(region, there), within_s=60)
    experiment = started(
        region, command("AWSFIS-Run-CPU-Stress", "PT10M", DurationSeconds="600"), them("instance", there)
    )
    wait_acting(region, experiment)

    def busy() -> None:
        used = float(
            region.inside(there, "ps -eo times,args | awk '/sched_getaffinity/ && !/awk/ {print $1; exit}'") or 0
        )
        assert used >= 1, used

    eventually(busy, within_s=30)
    region.client("fis").stop_experiment(id=experiment)
    wait_experiment(region, experiment, "stopped")
    assert "sched_getaffinity" not in region.inside(there, "ps -eo args")


def test_a_dependency_vanishes_and_comes_back(region: Region) -> None:
    group = region.open_port(80)
    server = region.run(SecurityGroupIds=[group], UserData=WEB)["InstanceId"]
    client = region.run(SecurityGroupIds=[group])["InstanceId"]
    address = region.in_state(server, "running")["PrivateIpAddress"]
    region.in_state(client, "running")
    fetch = f"python3 -c \"import urllib.request as u; u.urlopen('http://{address}/', timeout=1)\" 2>&1 | tail -1"
    eventually(lambda: _assert_silent(region.inside(client, fetch)), within_s=60)
    hole = {"Protocol": "tcp", "Port": "80", "TrafficType": "egress", "DurationSeconds": "600"}
    experiment = started(
        region, command("AWSFIS-Run-Network-Blackhole-Port", "PT10M", **hole), them("instance", client)
    )
    wait_acting(region, experiment)
    assert "timed out" in region.inside(client, fetch)
    region.page(region.instance(server)["PublicIpAddress"])
    region.client("fis").stop_experiment(id=experiment)
    wait_experiment(region, experiment, "stopped")
    _assert_silent(region.inside(client, fetch))


def test_a_subnet_is_cut_off_as_far_as_the_scope_says(region: Region) -> None:
    site = Site(region)
    subnet = region.instance(site.ids[DARK])["SubnetId"]
    parameters = {"scope": "all", "duration": "PT2H"}
    action = {
        "cut": {
            "actionId": "aws:network:disrupt-connectivity",
            "parameters": parameters,
            "targets": {"Subnets": "them"},
        }
    }
    experiment = started(region, action, them("subnet", subnet))
    wait_acting(region, experiment)
    assert not site.serves(DARK) and all(site.serves(zone) for zone in LIGHT)
    assert zone_state(region, DARK) == "available"
    region.client("fis").stop_experiment(id=experiment)
    wait_experiment(region, experiment, "stopped")
    site.heals()


def _assert_booted(region: Region, instance_id: str) -> None:
    assert region.inside(instance_id, "systemctl is-active basic.target").strip() == "active"


def _assert_silent(said: str) -> None:
    """A fetch that worked says nothing."""
    assert not said.strip(), said


def _assert_ok(status: dict[str, Any]) -> None:
    assert status["SystemStatus"]["Status"] == "ok" and status["InstanceStatus"]["Status"] == "ok", status


def _assert_impaired(status: dict[str, Any]) -> None:
    assert status["SystemStatus"]["Status"] == "impaired" and status["InstanceStatus"]["Status"] == "impaired", status
