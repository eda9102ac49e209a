"""What of EC2 is billed: runs of instances to the moment, addresses, volumes and snapshots."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from aftershock.aws.usage import Billed
from aftershock.services.ec2 import ground_is_new
from aftershock.services.ec2.records.tables import TABLES
from aftershock.services.ec2.usage import USAGE
from aftershock.store import Store
from tests.services.ec2.compute import Compute


@pytest.fixture
def ec2(tmp_path: Path) -> Iterator[Compute]:
    Store(tmp_path / "region.db", TABLES).close()
    ec2 = Compute(tmp_path / "region.db")
    yield ec2
    ec2.store.close()


def billed(ec2: Compute, resource: str) -> list[Billed]:
    with ec2.store.snapshot() as tx:
        return list(USAGE.billed(tx, resource))


def the_run(ec2: Compute, instance: str) -> Billed:
    (one,) = billed(ec2, instance)
    return one


def asked_to_stop(ec2: Compute, instance: str) -> datetime:
    ec2.call("StopInstances", InstanceIds=[instance])
    return ec2.now


def asked_to_terminate(ec2: Compute, instance: str) -> datetime:
    ec2.call("TerminateInstances", InstanceIds=[instance])
    return ec2.now


def shut_itself_down(ec2: Compute, instance: str) -> datetime:
    ec2.ground.end(instance, "poweroff")
    return ec2.now


def was_killed(ec2: Compute, instance: str) -> datetime:
    ec2.ground.end(instance, "killed")
    return ec2.now


def shut_down_before_it_was_asked_to(ec2: Compute, instance: str) -> datetime:
    ended = shut_itself_down(ec2, instance)
    ec2.settle()
    ec2.now += timedelta(minutes=5)
    asked_to_terminate(ec2, instance)
    return ended


@pytest.mark.parametrize(
    "end", [asked_to_stop, asked_to_terminate, shut_itself_down, was_killed, shut_down_before_it_was_asked_to]
)
def test_a_run_ends_when_it_was_asked_to_or_had_ended(ec2: Compute, end: Callable[[Compute, str], datetime]) -> None:
    instance = ec2.run(InstanceType="t3.micro")
    assert billed(ec2, instance) == [], "nothing is billed that was not seen to run"
    ec2.settle()
    one = the_run(ec2, instance)
    assert (one.usage_type, one.zone is not None, one.until, one.least_s) == ("BoxUsage:t3.micro", True, None, 60)
    assert one.since is not None
    ec2.now += timedelta(hours=1)
    ended = end(ec2, instance)
    ec2.settle()
    ec2.now += timedelta(minutes=5)
    ec2.settle()
    over = billed(ec2, instance)
    assert [(run.since, run.until) for run in over] == [(one.since, ended)]


def test_a_reboot_is_no_new_run_and_a_start_is_one(ec2: Compute) -> None:
    instance = ec2.running()
    first = the_run(ec2, instance)
    ec2.now += timedelta(minutes=5)
    ec2.call("RebootInstances", InstanceIds=[instance])
    ec2.settle()
    assert the_run(ec2, instance) == first
    ec2.call("StopInstances", InstanceIds=[instance])
    ec2.settle()
    ec2.call("StartInstances", InstanceIds=[instance])
    assert billed(ec2, instance) == []
    ec2.settle()
    again = the_run(ec2, instance)
    assert again.until is None
    assert first.since is not None
    assert again.since is not None
    assert again.since > first.since


def test_after_a_power_cut_it_is_billed_from_when_it_was_seen_again(ec2: Compute) -> None:
    instance = ec2.running()
    first = the_run(ec2, instance)
    with ec2.store.transaction() as tx:
        ground_is_new(tx)
    assert billed(ec2, instance) == []
    ec2.now += timedelta(hours=1)
    ec2.settle()
    assert the_run(ec2, instance).since == ec2.now != first.since


def test_an_address_is_in_use_while_a_wire_has_it(ec2: Compute) -> None:
    address = ec2.call("AllocateAddress", Domain="vpc")["AllocationId"]
    assert [one.usage_type for one in billed(ec2, address)] == ["PublicIPv4:IdleAddress"]
    instance = ec2.running()
    (eni,) = ec2.instance(instance)["NetworkInterfaces"]
    automatic = eni["NetworkInterfaceId"]
    assert [one.usage_type for one in billed(ec2, automatic)] == ["PublicIPv4:InUseAddress"]
    ec2.call("AssociateAddress", AllocationId=address, InstanceId=instance)
    ec2.settle()
    assert billed(ec2, automatic) == []
    assert [one.usage_type for one in billed(ec2, address)] == ["PublicIPv4:InUseAddress"]
    ec2.call("StopInstances", InstanceIds=[instance])
    ec2.settle()
    assert [one.usage_type for one in billed(ec2, address)] == ["PublicIPv4:IdleAddress"]
    ec2.call("TerminateInstances", InstanceIds=[instance])
    ec2.settle()
    ec2.call("ReleaseAddress", AllocationId=address)
    assert billed(ec2, address) == []


def root(kind: str, size: int, **more: Any) -> dict[str, Any]:
    disk = {"VolumeType": kind, "VolumeSize": size, **more}
    return {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": disk}]}


@pytest.mark.parametrize(
    "disk, expected",
    [
        (root("gp2", 10), {"EBS:VolumeUsage.gp2": 10}),
        (root("gp3", 20), {"EBS:VolumeUsage.gp3": 20}),
        (
            root("gp3", 20, Iops=4000, Throughput=250),
            {"EBS:VolumeUsage.gp3": 20, "EBS:VolumeP-IOPS.gp3": 1000, "EBS:VolumeP-Throughput.gp3": 125},
        ),
        (root("io1", 8, Iops=200), {"EBS:VolumeUsage.piops": 8, "EBS:VolumeP-IOPS.piops": 200}),
    ],
)
def test_a_disk_is_billed_by_its_size_until_it_is_deleted(
    ec2: Compute, disk: dict[str, Any], expected: dict[str, int]
) -> None:
    instance = ec2.running(**disk)
    (volume,) = [one["Ebs"]["VolumeId"] for one in ec2.instance(instance)["BlockDeviceMappings"]]
    found = {one.usage_type: one.per_hour for one in billed(ec2, volume)}
    assert found == {name: Decimal(amount) / 730 for name, amount in expected.items()}
    ec2.call("TerminateInstances", InstanceIds=[instance])
    ec2.settle()
    assert billed(ec2, volume) == []


def test_every_resource_is_known_and_none_fails(ec2: Compute) -> None:
    instance = ec2.running()
    ec2.call("CreateImage", InstanceId=instance, Name="golden", NoReboot=True)
    ec2.settle()
    with ec2.store.snapshot() as tx:
        found = {name: list(USAGE.billed(tx, name)) for name in USAGE.resources(tx)}
    assert instance in found
    kinds = {one.usage_type for several in found.values() for one in several if one.account == "123456789012"}
    assert "EBS:SnapshotUsage" in kinds
