"""What the host has no room for is refused when it is asked for, and says why."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tests.ground.conftest import inside
from tests.region import Region

SHARE = "/proc/sys/user/max_inotify_instances"  # the region's own share of the host's


@contextmanager
def no_inotify_instances(region: Region) -> Iterator[None]:
    """Let what runs keep its inotify instances, and have no others."""
    before = inside(region.running, "cat", SHARE).stdout.strip()

    def allow(count: str) -> None:
        done = inside(region.running, "sh", "-c", f"echo {count} > {SHARE}")
        assert done.returncode == 0, done.stderr

    allow("0")
    try:
        yield
    finally:
        allow(before)


def test_an_instance_that_could_not_boot_is_refused_with_the_reason(region: Region) -> None:
    stopped = region.run()["InstanceId"]
    region.in_state(stopped, "running")
    region.ec2.stop_instances(InstanceIds=[stopped], Force=True)
    region.in_state(stopped, "stopped")
    with no_inotify_instances(region):
        for act in (region.run, lambda: region.ec2.start_instances(InstanceIds=[stopped])):
            with pytest.raises(ClientError, match=r"sysctl -w fs\.inotify\.max_user_instances=8192") as refused:
                act()
            assert refused.value.response["Error"]["Code"] == "InsufficientInstanceCapacity"
        assert region.instance(stopped)["State"]["Name"] == "stopped"
    region.ec2.start_instances(InstanceIds=[stopped])
    region.in_state(stopped, "running")
