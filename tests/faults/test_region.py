"""Whatever dies, and whenever: nothing acknowledged is lost, nothing is doubled, nothing is left behind."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from aftershock.ground import cgroups, launcher
from tests.conftest import eventually
from tests.region import WEB, a_region, pid_of, up

LIVING = ("pending", "running")


@pytest.fixture(scope="module")
def region():
    with a_region() as region:
        yield region


@pytest.fixture
def empty(region):
    region.reset()
    return region


def machines(region):
    """The machines whose conmon runs, whatever any record says."""
    name = cgroups.region_name(region.state)
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdecimal():
            try:
                words = (directory / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"conmon") and name in (directory / "cgroup").read_text():
                    found.append(words[words.index(b"--cid") + 1].decode())
            except OSError:
                continue
    return sorted(found)


def described(region, *states):
    pages = region.ec2.get_paginator("describe_instances").paginate()
    instances = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
    return sorted(one["InstanceId"] for one in instances if one["State"]["Name"] in states)


class Load:
    """Asks for a page over and over, each time on a new connection, and remembers what did not answer."""

    def __init__(self, region, host):
        self._region, self._host = region, host
        self.failures, self.answered = [], 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self):
        while not self._ended.is_set():
            try:
                self._region.page(self._host, timeout_s=5)
                self.answered += 1
            except (OSError, AssertionError) as error:
                self.failures.append(repr(error))
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def test_instances_serve_while_the_control_plane_is_killed_over_and_over(empty):
    group = empty.open_port(80)
    instance = empty.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    address = empty.in_state(instance, "running")["PublicIpAddress"]
    empty.eventual_page(address)
    with Load(empty, address) as load:
        for _ in range(3):
            empty.kill_control()
            empty.wait_ready()
    assert load.answered > 20
    assert load.failures == []
    assert empty.instance(instance)["State"]["Name"] == "running"


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.05, 0.1, 0.2])
def test_a_control_plane_killed_while_launching_neither_loses_nor_doubles(empty, after_s):
    run = empty.ec2.run_instances(ImageId=empty.image_id, InstanceType="t2.nano", MinCount=3, MaxCount=3)
    time.sleep(after_s)  # the moment of death is the parameter of this test, not a wait
    empty.kill_control()
    empty.wait_ready()
    ids = sorted(one["InstanceId"] for one in run["Instances"])
    for one in ids:
        empty.in_state(one, "running")
    assert described(empty, *LIVING) == ids
    eventually(lambda: _same(machines(empty), ids))


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
def test_a_control_plane_killed_while_terminating_leaves_nothing(empty, after_s):
    ids = [empty.run(InstanceType="t2.nano")["InstanceId"] for _ in range(2)]
    for one in ids:
        empty.in_state(one, "running")
    empty.ec2.terminate_instances(InstanceIds=ids)
    time.sleep(after_s)  # as above
    empty.kill_control()
    empty.wait_ready()
    for one in ids:
        empty.in_state(one, "terminated")
    assert machines(empty) == []
    assert empty.ec2.describe_volumes()["Volumes"] == []
    assert not list((empty.state / "volumes").iterdir())


def test_every_acknowledged_write_survives_kills_under_load(empty):
    acknowledged, ended = [], threading.Event()

    def write():
        ec2 = empty.access.client("ec2")
        n = 0
        while not ended.is_set():
            name = f"group-{threading.get_ident()}-{n}"
            n += 1
            try:
                ec2.create_security_group(GroupName=name, Description="test")
                acknowledged.append(name)
            except ClientError as error:
                # A request that was sent again after its answer was lost with the control plane.
                if error.response["Error"]["Code"] == "InvalidGroup.Duplicate":
                    acknowledged.append(name)
            except BotoCoreError:
                continue

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        before = len(acknowledged)
        eventually(lambda before=before: _more(len(acknowledged), before + 10))
        empty.kill_control()
        empty.wait_ready()
    ended.set()
    for writer in writers:
        writer.join()
    pages = empty.ec2.get_paginator("describe_security_groups").paginate()
    there = {group["GroupName"] for page in pages for group in page["SecurityGroups"]}
    assert set(acknowledged) <= there


def _same(one, other):
    assert one == other


def _more(now, wanted):
    assert now >= wanted


def test_a_reset_that_dies_is_finished_by_the_next_control_plane(empty):
    ids = [empty.run(InstanceType="t2.nano")["InstanceId"] for _ in range(2)]
    for one in ids:
        empty.in_state(one, "running")
    resetting = threading.Thread(target=_reset_and_be_cut_off, args=(empty,))
    resetting.start()
    eventually(lambda: _none(described(empty, "pending", "running")))
    empty.kill_control()
    resetting.join()
    empty.wait_ready()
    eventually(lambda: _none(machines(empty)))
    empty.reset()
    assert len(empty.ec2.describe_vpcs()["Vpcs"]) == 1


def _reset_and_be_cut_off(region):
    with contextlib.suppress(Exception):  # the control plane dies under it: whatever the client makes of that
        region.reset()


def _none(found):
    assert not found, found


def test_after_a_power_cut_the_region_comes_back_as_it_was():
    with a_region() as region:
        group = region.open_port(80)
        instance = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
        stopped = region.run(InstanceType="t2.nano")["InstanceId"]
        region.in_state(instance, "running")
        region.in_state(stopped, "running")
        region.ec2.stop_instances(InstanceIds=[stopped])
        region.in_state(stopped, "stopped")
        address = region.ec2.allocate_address()
        region.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
        region.eventual_page(address["PublicIp"])

        os.kill(region.running.keeper.pid, signal.SIGKILL)
        eventually(lambda: _none(launcher.find(region.state)))
        eventually(lambda: _none(machines(region)))

        again = up(region.state)
        again.in_state(instance, "running")
        again.eventual_page(address["PublicIp"])
        assert again.instance(stopped)["State"]["Name"] == "stopped"


def test_down_leaves_nothing_on_the_host_and_up_finds_everything():
    links = host_links()
    with a_region() as region:
        group = region.open_port(80)
        instance = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
        address = region.ec2.allocate_address()
        region.in_state(instance, "running")
        region.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)
        region.eventual_page(address["PublicIp"])
        launcher.stop(region.state)
        assert not host_mounts(region.state) and host_links() == links
        again = up(region.state)
        again.in_state(instance, "running")
        again.eventual_page(address["PublicIp"])
    assert not host_mounts(region.state) and host_links() == links


def host_mounts(state):
    """What is mounted on the host for a region; what other tests mount meanwhile is not counted."""
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state) in line]


def host_links():
    return {path.name for path in Path("/sys/class/net").iterdir()}


def test_the_socks_door_killed_is_open_again(empty):
    group = empty.open_port(80)
    instance = empty.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    address = empty.in_state(instance, "running")["PublicIpAddress"]
    empty.eventual_page(address)
    os.kill(pid_of(empty.state, "aftershock.ground.socks"), signal.SIGKILL)
    empty.eventual_page(address)
