"""Both commands of the README, run from a clone inside a newly built minimal Debian that has git and python3 only."""

import socket
from pathlib import Path

import pytest

from aftershock.doors import web
from aftershock.ground import cgroups
from tests.conftest import eventually

from . import bare

ROOT = Path(__file__).parents[2]
CLONE = "/root/aftershock"
# The whole suite would run inside as well; these show that it is ready to, and end soon.
PART_OF_THE_SUITE = ("tests/house", "tests/wire", "tests/store", "tests/cli")


def taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.bare
@pytest.mark.timeout(1800)
@pytest.mark.skipif(bare.may_be_built() is not None, reason=str(bare.may_be_built()))
@pytest.mark.skipif(taken(4566) or taken(1080), reason="a region is up on this machine's ports, which the README uses")
def test_both_commands_of_the_readme_work_on_a_bare_debian(tmp_path: Path) -> None:
    with bare.machine(tmp_path / "bare", ROOT) as machine:
        machine.run("git", "clone", "--quiet", "/mnt", CLONE)
        told = machine.run("./aftershock", "site", "whatisthetime", cwd=CLONE, timeout_s=1200)
        address = told.rstrip().splitlines()[-2].split("http://")[1].rstrip("/")
        eventually(lambda: tells_the_time(address))  # the network is the host's, and so is the door
        machine.run("./aftershock", "test", *PART_OF_THE_SUITE, cwd=CLONE, timeout_s=600)
        machine.run("./aftershock", "down", cwd=CLONE)
        assert not taken(4566)
        assert left_on_the_host() == []


def left_on_the_host() -> list[Path]:
    """The region's cgroups; all else of it lies in the machine's own namespaces."""
    name = cgroups.region_name(bare.STATE)
    return [one.mount for one in cgroups.parse(cgroups.MOUNTINFO.read_text()) if (one.mount / name).exists()]


def tells_the_time(address: str) -> None:
    try:
        answer = web.get(f"http://{address}/", door=1080)
    except OSError as error:
        raise AssertionError(str(error)) from error
    assert "<time datetime=" in answer.body
