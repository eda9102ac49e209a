"""A disk that is full: nothing is acknowledged that is not kept, and the message says what to do."""

import contextlib
import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from aftershock.ground import launcher
from tests.conftest import eventually
from tests.region import Region, up

SIZE = "600m"


@pytest.fixture
def small() -> Iterator[Region]:
    """A region whose state directory is on a disk of its own, small enough to be filled."""
    with tempfile.TemporaryDirectory(prefix="aftershock-test-", dir="/var/tmp") as home:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "tmpfs", home], check=True)
        state = Path(home, "state")
        try:
            yield up(state)
        finally:
            launcher.stop(state)
            subprocess.run(["umount", home], check=True)


def fill(directory: Path) -> Path:
    filler = directory / "filler"
    with filler.open("wb") as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(2**20))
            file.flush()
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    return filler


def test_a_full_disk_is_told_and_over_when_there_is_room_again(small: Region) -> None:
    kept = [create(small, "before")]
    filler = fill(small.state.parent)
    numbers = itertools.count()

    def refused() -> str:
        """SQLite's log may have room left for the first few records; these are kept as any others."""
        try:
            kept.append(create(small, f"during-{next(numbers)}"))
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503, error
            return str(error.response["Error"]["Message"])
        raise AssertionError("there is still room")

    assert "disk" in eventually(refused)
    assert names(small) == {"default", *kept}
    filler.unlink()
    kept.append(create(small, "after"))
    assert names(small) == {"default", *kept}


def create(region: Region, name: str) -> str:
    region.ec2.create_security_group(GroupName=name, Description="x" * 255)
    return name


def names(region: Region) -> set[str]:
    return {group["GroupName"] for group in region.ec2.describe_security_groups()["SecurityGroups"]}
