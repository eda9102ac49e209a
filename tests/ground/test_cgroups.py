import os
from pathlib import Path

import pytest

from aftershock.ground import cgroups
from aftershock.ground.cgroups import Hierarchy
from aftershock.ground.identity import Identity, Range

V2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
HYBRID = """\
31 24 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
32 31 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
33 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
36 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
37 31 0:33 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio
38 31 0:34 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory
39 31 0:28 / /elsewhere rw - cgroup2 cgroup2 rw
"""


@pytest.mark.parametrize(
    "mountinfo, found",
    [
        (V2, [Hierarchy((), Path("/sys/fs/cgroup"), "0:30", v2=True)]),
        (
            HYBRID,
            [
                Hierarchy(("cpu", "cpuacct"), Path("/sys/fs/cgroup/cpu,cpuacct"), "0:32", v2=False),
                Hierarchy(("memory",), Path("/sys/fs/cgroup/mem ory"), "0:34", v2=False),
                Hierarchy((), Path("/sys/fs/cgroup/unified"), "0:28", v2=True),
                Hierarchy((), Path("/elsewhere"), "0:28", v2=True),
            ],
        ),
        ("20 1 254:1 / / rw - ext4 /dev/vda rw\n", []),
    ],
)
def test_the_hierarchies_of_each_kind_of_host_are_found(mountinfo, found):
    assert cgroups.parse(mountinfo) == found


def test_the_own_cgroups_are_read():
    text = "4:memory:/a\n2:cpu,cpuacct:/b:c\n0::/user.slice\n"
    assert cgroups.membership(text) == {"memory": "/a", "cpu": "/b:c", "cpuacct": "/b:c", "": "/user.slice"}


def test_two_states_have_two_names():
    assert cgroups.region_name(Path("/a")) != cgroups.region_name(Path("/b"))
    assert cgroups.region_name(Path("/a")) == cgroups.region_name(Path("/a"))


@pytest.fixture
def lent(tmp_path):
    ids = Identity((Range(0, 100000, 65536),), (Range(0, 100000, 65536),), privileged=True)
    lent = cgroups.lend(tmp_path, ids)
    yield lent
    cgroups.remove(lent)


def test_lending_twice_is_lending_once(lent, tmp_path):
    ids = Identity((Range(0, 100000, 65536),), (Range(0, 100000, 65536),), privileged=True)
    assert cgroups.lend(tmp_path, ids) == lent


def test_what_is_lent_is_the_regions_and_its_limits_are_not(lent):
    for one in lent:
        directory = Path(one.path)
        assert one.writable and directory.stat().st_uid == 100000
        assert (directory / "cgroup.procs").stat().st_uid == 100000
        limit = directory / {"memory": "memory.limit_in_bytes", "pids": "pids.max"}.get(
            one.controllers[:1] and one.controllers[0], ""
        )
        assert limit == directory or limit.stat().st_uid == 0


def test_the_controllers_of_cgroup2_are_offered_as_far_as_there_are_any(tmp_path, monkeypatch):
    """With a controller that no version 1 hierarchy uses; on a host with cgroup2 alone all are like this one."""
    unified = next(one.mount for one in cgroups.hierarchies() if one.v2)
    free = (unified / "cgroup.controllers").read_text().split()
    if not free:
        pytest.skip("all controllers of this host are in version 1 hierarchies")
    control = unified / "cgroup.subtree_control"
    before = control.read_text().split()
    monkeypatch.setattr(cgroups, "V2_CONTROLLERS", (free[0], "no-such-controller"))
    ids = Identity((Range(0, 100000, 65536),), (Range(0, 100000, 65536),), privileged=True)
    lent = cgroups.lend(tmp_path, ids)
    try:
        (one,) = [one for one in lent if one.v2]
        assert one.controllers == (free[0],)
        assert list((Path(one.path) / cgroups.LEAF).glob(f"{free[0]}.*"))
        assert (Path(one.path) / "cgroup.subtree_control").stat().st_uid == 100000
    finally:
        cgroups.remove(lent)
        if free[0] not in before:
            control.write_text(f"-{free[0]}")


def test_removal_goes_to_the_deepest_and_is_idempotent(lent):
    for one in lent:
        (Path(one.path) / "a/b/c").mkdir(parents=True)
    for _ in range(2):
        cgroups.remove(lent)
        assert not any(Path(one.path).exists() for one in lent)


def test_a_cgroup_with_a_live_process_is_named(lent, monkeypatch):
    monkeypatch.setattr(cgroups, "REMOVAL_TIMEOUT_S", 0.05)
    pid = os.fork()
    if pid == 0:
        os.read(os.pipe()[0], 1)
    try:
        cgroups.enter(lent, pid)
        with pytest.raises(cgroups.GroundError, match=r"aftershock-\w+/keeper: processes still live"):
            cgroups.remove(lent)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_a_host_without_a_writable_cgroup2_gets_the_act_that_mends_it():
    assert "chown" in cgroups._why_not(cgroups.parse(HYBRID), {"": "/user.slice"})
    assert "mount -t cgroup2" in cgroups._why_not([], {})
