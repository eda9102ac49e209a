"""Regions without a control plane: the tests bring their own programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from aftershock.ground import cgroups, launcher
from aftershock.ground.launcher import Program, Settings

SOCKS = Program("doors", (sys.executable, "-m", "aftershock.ground.socks", "--fd", "{socks}"), ("socks",))
SLEEPER = Program("control", ("sleep", "infinity"), ("api",))

IN_REGION = """
import sys
from pathlib import Path
from aftershock.ground.launcher import find
from aftershock.ground.shell import exec_in_region
sys.exit(exec_in_region(find(Path(sys.argv[1])), sys.argv[2:]))
"""


def inside(running, *argv, timeout_s=60):
    """Run a program in the region, as `aftershock shell` does, and return what it was and said."""
    command = [sys.executable, "-c", IN_REGION, running.state, *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)


def processes_of(state):
    """The host's pids of everything that lives in a region's cgroups or was started for it."""
    name = cgroups.region_name(state)
    found = {}
    for directory in Path("/proc").iterdir():
        if not directory.name.isdecimal():
            continue
        try:
            words = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            living = (directory / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] not in "ZX"
            if living and name in (directory / "cgroup").read_text():
                found[int(directory.name)] = words
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def status_of(pid):
    return Path(f"/proc/{pid}/status").read_text()


def slirp_of(running):
    """The pid of the region's slirp4netns, or None."""
    for directory in Path("/proc").iterdir():
        try:
            if directory.name.isdecimal():
                words = command_of(int(directory.name))
                if words[0] == b"slirp4netns" and f"/proc/{running.keeper.pid}/ns/net".encode() in words:
                    return int(directory.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return None


def traces(state):
    """Everything of a region that can be seen on the host, but its files."""
    name = cgroups.region_name(state)
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(state) in line]
    groups = [str(one.mount / name) for one in cgroups.hierarchies()]
    return {
        "processes": processes_of(state),
        "cgroups": [group for group in groups if Path(group).exists()],
        "mounts": mounts,
        "record": [] if launcher.record.read(state) is None else ["region.json"],
    }


def assert_nothing_left(state):
    left = {what: found for what, found in traces(state).items() if found}
    assert not left


@pytest.fixture
def region(tmp_path):
    """Starts regions on `tmp_path / "state"`; at the end nothing of them is left."""
    state = tmp_path / "state"

    def start(*programs, **settings):
        return launcher.start(
            Settings(
                state=state,
                cache=tmp_path / "cache",
                **{
                    "api_port": 0,
                    "socks_port": 0,
                    "dns_port": 0,
                    "console_port": 0,
                    "egress": False,
                    "programs": programs or (SLEEPER,),
                    **settings,
                },
            )
        )

    start.state = state
    yield start
    launcher.stop(state)
    assert_nothing_left(state)


@pytest.fixture(autouse=True)
def only_root():
    if os.geteuid() != 0:
        pytest.skip("these tests play the administrator")
