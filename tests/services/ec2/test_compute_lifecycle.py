"""An instance's life, from the operations through the controllers to a ground in memory."""

from datetime import timedelta
from pathlib import Path

import pytest

from aftershock.services.ec2.rules.capacity import Host
from tests.services.ec2.compute import Compute


@pytest.fixture
def ec2(tmp_path: Path) -> Compute:
    return Compute(tmp_path / "region.db")


def test_an_instance_is_pending_until_its_machine_runs(ec2: Compute) -> None:
    instance_id = ec2.run()
    assert ec2.state(instance_id) == "pending"
    assert ec2.instance(instance_id)["StateReason"] == {"Code": "pending", "Message": "pending"}
    ec2.settle()
    shown = ec2.instance(instance_id)
    assert shown["State"] == {"Code": 16, "Name": "running"}
    assert "StateReason" not in shown
    assert ec2.ground.starts == [instance_id]
    assert shown["BlockDeviceMappings"][0]["Ebs"]["Status"] == "attached"


def test_stopping_keeps_the_disk_and_starting_uses_it_again(ec2: Compute) -> None:
    instance_id = ec2.running()
    before = ec2.instance(instance_id)
    changed = ec2.call("StopInstances", InstanceIds=[instance_id])["StoppingInstances"][0]
    assert changed["CurrentState"]["Name"] == "stopping"
    assert changed["PreviousState"]["Name"] == "running"
    ec2.settle()
    stopped = ec2.instance(instance_id)
    assert stopped["State"]["Name"] == "stopped"
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert stopped["StateTransitionReason"].startswith("User initiated (2026-11-22 12:")
    assert "PublicIpAddress" not in stopped
    assert not ec2.ground.running

    started = ec2.call("StartInstances", InstanceIds=[instance_id])["StartingInstances"][0]
    assert started["CurrentState"]["Name"] == "pending"
    ec2.settle()
    after = ec2.instance(instance_id)
    assert after["State"]["Name"] == "running"
    assert after["LaunchTime"] > before["LaunchTime"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert after["BlockDeviceMappings"] == before["BlockDeviceMappings"]
    assert ec2.ground.starts == [instance_id, instance_id]


def test_terminating_leaves_nothing_and_is_shown_for_an_hour(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    assert ec2.state(instance_id) == "shutting-down"
    ec2.settle()
    shown = ec2.instance(instance_id)
    assert shown["State"]["Name"] == "terminated"
    assert shown["NetworkInterfaces"] == [] and shown["BlockDeviceMappings"] == []
    assert not ec2.ground.running and not ec2.ground.volumes
    assert ec2.call("DescribeVolumes")["Volumes"] == []
    ec2.now += timedelta(minutes=61)
    ec2.settle()
    assert ec2.refusal("DescribeInstances", InstanceIds=[instance_id])[0] == "InvalidInstanceID.NotFound"
    assert not ec2.ground.ended


def test_a_stopped_instance_is_terminated(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.state(instance_id) == "terminated"
    assert not ec2.ground.volumes
    assert ec2.call("DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_an_instance_terminated_before_it_ran_never_runs(ec2: Compute) -> None:
    instance_id = ec2.run()
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.state(instance_id) == "terminated"
    assert ec2.ground.starts == []


@pytest.mark.parametrize("behavior, state", [("stop", "stopped"), ("terminate", "terminated")])
def test_its_own_shutdown_does_what_was_asked_for(ec2: Compute, behavior: str, state: str) -> None:
    instance_id = ec2.running(InstanceInitiatedShutdownBehavior=behavior)
    ec2.ground.end(instance_id, "poweroff")
    ec2.settle()
    shown = ec2.instance(instance_id)
    assert shown["State"]["Name"] == state
    assert shown["StateReason"] == {
        "Code": "Client.InstanceInitiatedShutdown",
        "Message": "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
    }
    assert shown["StateTransitionReason"] == ""


def test_one_that_shut_itself_down_can_be_started_again(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.ground.end(instance_id, "poweroff")
    ec2.settle()
    ec2.call("StartInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.state(instance_id) == "running"


def test_what_could_not_boot_is_not_started(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    ec2.host = Host(memory_mib=16384, available_mib=12000, bootable=0)
    code, message = ec2.refusal("StartInstances", InstanceIds=[instance_id])
    assert code == "InsufficientInstanceCapacity" and "fs.inotify.max_user_instances" in message
    assert ec2.state(instance_id) == "stopped"


def test_its_own_reboot_starts_the_same_instance_again(ec2: Compute) -> None:
    instance_id = ec2.running()
    before = ec2.instance(instance_id)
    ec2.ground.end(instance_id, "reboot")
    ec2.settle()
    assert ec2.instance(instance_id) == before
    assert ec2.ground.starts == [instance_id, instance_id]


def test_one_killed_from_outside_is_stopped_and_says_so(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.ground.end(instance_id, "killed")
    ec2.settle()
    shown = ec2.instance(instance_id)
    assert shown["State"]["Name"] == "stopped"
    assert shown["StateReason"]["Code"] == "Server.InternalError"


def test_a_reboot_is_one_restart_with_the_same_addresses(ec2: Compute) -> None:
    instance_id = ec2.running()
    before = ec2.instance(instance_id)
    ec2.call("RebootInstances", InstanceIds=[instance_id])
    assert ec2.state(instance_id) == "running"
    ec2.settle()
    assert ec2.instance(instance_id) == before
    assert ec2.ground.starts == [instance_id, instance_id]


def test_a_power_cut_brings_back_what_was_wanted_and_nothing_else(ec2: Compute) -> None:
    wanted, stopped = ec2.running(), ec2.running()
    ec2.call("StopInstances", InstanceIds=[stopped])
    ec2.settle()
    ec2.ground.power_cut()
    ec2.settle()
    assert ec2.state(wanted) == "running" and ec2.state(stopped) == "stopped"
    assert ec2.ground.starts == [wanted, stopped, wanted]


def test_one_that_cannot_be_started_at_first_is_given_up(ec2: Compute) -> None:
    instance_id = ec2.run()
    ec2.ground.unstartable.add(instance_id)
    ec2.settle()
    shown = ec2.instance(instance_id)
    assert shown["State"]["Name"] == "terminated"
    assert shown["StateReason"]["Code"] == "Server.InternalError"
    assert not ec2.ground.volumes


def test_a_root_volume_that_is_to_stay_stays(ec2: Compute) -> None:
    mapping = [{"DeviceName": "/dev/xvda", "Ebs": {"DeleteOnTermination": False, "VolumeSize": 20}}]
    instance_id = ec2.running(BlockDeviceMappings=mapping)
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    ec2.settle()
    (volume,) = ec2.call("DescribeVolumes")["Volumes"]
    assert (volume["State"], volume["Size"], volume["Attachments"]) == ("available", 20, [])
    assert ec2.state(instance_id) == "terminated"
    ec2.call("DeleteVolume", VolumeId=volume["VolumeId"])
    ec2.settle()
    assert not ec2.ground.volumes
    assert ec2.refusal("DescribeVolumes", VolumeIds=[volume["VolumeId"]])[0] == "InvalidVolume.NotFound"


def test_status_checks_say_what_was_seen(ec2: Compute) -> None:
    def statuses() -> tuple[str, str]:
        (one,) = ec2.call("DescribeInstanceStatus")["InstanceStatuses"]
        return one["SystemStatus"]["Status"], one["InstanceStatus"]["Status"]

    ec2.answering = False
    instance_id = ec2.running()
    assert statuses() == ("ok", "initializing")
    ec2.answering = True
    ec2.settle()
    assert statuses() == ("ok", "ok")
    ec2.answering = False
    ec2.settle()
    assert statuses() == ("ok", "impaired")
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.call("DescribeInstanceStatus")["InstanceStatuses"] == []
    (shown,) = ec2.call("DescribeInstanceStatus", IncludeAllInstances=True)["InstanceStatuses"]
    assert shown["InstanceStatus"] == {"Status": "not-applicable"}
