"""The control plane may die at any line.  Its successor, knowing nothing, ends in the same place."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.services.ec2.compute import Compute
from tests.services.ec2.ground import Images, Machines, Volumes

CHANGES = {"ensure", "stop", "kill", "remove", "capture", "ensure_base"}


class Died(BaseException):
    """The process is gone: not an Exception, so that nothing on the way makes something of it."""


class DiesAt:
    """Stands before an engine; the nth call that changes anything dies, before or after its effect."""

    def __init__(self, engine: Any, countdown: list[int], when: str) -> None:
        self._engine, self._countdown, self._when = engine, countdown, when

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._engine, name)
        if name not in CHANGES:
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown[0] -= 1
            if self._countdown[0] == 0 and self._when == "before":
                raise Died
            result = await real(*args, **kwargs)
            if self._countdown[0] == 0:
                raise Died
            return result

        return call


def launched(ec2: Compute) -> str:
    return ec2.run()


def stopped(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.call("StopInstances", InstanceIds=[instance_id])
    return instance_id


def started(ec2: Compute) -> str:
    instance_id = stopped(ec2)
    ec2.settle()
    ec2.call("StartInstances", InstanceIds=[instance_id])
    return instance_id


def rebooted(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.call("RebootInstances", InstanceIds=[instance_id])
    return instance_id


def terminated(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    return instance_id


def shut_down_by_itself(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.ground.end(instance_id, "poweroff")
    return instance_id


def restarted_by_itself(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.ground.end(instance_id, "reboot")
    return instance_id


def imaged(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.call("CreateImage", InstanceId=instance_id, Name="golden")
    return instance_id


def imaged_as_it_runs(ec2: Compute) -> str:
    instance_id = ec2.running()
    ec2.call("CreateImage", InstanceId=instance_id, Name="golden", NoReboot=True)
    return instance_id


def imaged_and_terminated(ec2: Compute) -> str:
    instance_id = imaged(ec2)
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    return instance_id


STORIES = {
    launched: "running",
    stopped: "stopped",
    started: "running",
    rebooted: "running",
    terminated: "terminated",
    shut_down_by_itself: "stopped",
    restarted_by_itself: "running",
    imaged: "running",
    imaged_as_it_runs: "running",
    imaged_and_terminated: "terminated",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_dying_anywhere_changes_nothing_in_the_end(tmp_path: Path, story: Callable[[Compute], str], when: str) -> None:
    for nth in count(1):
        ec2 = Compute(tmp_path / f"{nth}.db")
        instance_id = story(ec2)
        countdown = [nth]
        engines = tuple(DiesAt(kind(ec2.ground), countdown, when) for kind in (Machines, Volumes, Images))
        try:
            ec2.settle(engines)
            died = countdown[0] <= 0
        except Died:
            died = True
        ec2.settle()
        wanted = STORIES[story]
        assert ec2.state(instance_id) == wanted
        assert set(ec2.ground.running) == ({instance_id} if wanted == "running" else set())
        assert len(ec2.ground.volumes) == (0 if wanted == "terminated" else 1)
        assert not ec2.ground.frozen
        assert not ec2.ground.captured_running
        images = ec2.call("DescribeImages", Owners=["self"])["Images"]
        assert [image["State"] for image in images] == ["available"] * len(images)
        if not died:
            assert nth > 1, "nothing was interrupted: the test tests nothing"
            return
