"""An ordinary user has a whole region, from the base image to a page of an instance: tests/ordinary.py makes the user.

Root's part is what an administrator and systemd do beforehand; every command of `aftershock` is the user's.
"""

import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aftershock.ground import launcher, paths
from tests import ordinary
from tests.ground.conftest import assert_nothing_left, processes_of
from tests.region import WEB, Region

UP_TIMEOUT_S = 900.0  # the user's own base image is built first: its files belong to other ids than root's
OUR_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


class User(ordinary.User):
    """One with a clone and its .venv: our own, shown where the user can reach them, for a home may be closed."""

    def __init__(self, cgroup: Path) -> None:
        super().__init__(cgroup)
        source, venv = self.home / "clone/src", self.home / "clone/.venv"
        self.python = venv / "bin/python"
        assert self.run("mkdir", "-p", source).returncode == 0
        made = self.run(ordinary.PYTHON, "-m", "venv", "--without-pip", venv)
        assert made.returncode == 0, made.stderr
        packages = venv / f"lib/python{OUR_PYTHON}/site-packages"
        self.shown |= {source: paths.source_root(), packages: Path(sysconfig.get_path("platlib"))}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(self.home / "clone/src")}

    def aftershock(self, *arguments: str, status: int = 0, timeout_s: float = 60) -> str:
        done = self.run(self.python, "-m", "aftershock", *arguments, timeout_s=timeout_s)
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def up(self) -> Region:
        ports = [f"--{door}-port=0" for door in ("api", "socks", "dns", "console")]
        self.aftershock("up", f"--state={self.state}", *ports, timeout_s=UP_TIMEOUT_S)
        with self.as_effective():
            running = launcher.find(self.state)
            assert running is not None
            return Region(running)

    @contextmanager
    def as_effective(self) -> Iterator[None]:
        """Be this user for files, for what only their owner is believed."""
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)


@pytest.fixture
def user() -> Iterator[User]:
    if os.geteuid() != 0:
        pytest.skip("this test plays the administrator")
    if Path(ordinary.PYTHON).resolve().name != f"python{OUR_PYTHON}":
        pytest.skip(f"our packages are of Python {OUR_PYTHON}, and {ordinary.PYTHON} is another")
    with ordinary.a_user(User) as made:
        yield made
        made.aftershock("down", f"--state={made.state}")
        assert_nothing_left(made.state)


def test_a_user_brings_up_a_region_and_gets_the_page_of_an_instance(user: User) -> None:
    region = user.up()
    assert Path(f"/proc/{region.running.keeper.pid}").stat().st_uid == user.uid
    lent = {controller for one in region.running.cgroups if one.writable for controller in one.controllers}
    warned = json.loads(user.aftershock("status", f"--state={user.state}", "--json"))["warnings"]
    assert any("limits hold for instances" in warning for warning in warned) == (not lent >= {"cpu", "memory", "pids"})

    group = region.open_port(80)
    instance_id = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    address = region.in_state(instance_id, "running")["PublicIpAddress"]
    hostname = region.eventual_page(address)
    assert hostname.strip() == region.instance(instance_id)["PrivateDnsName"].partition(".")[0]
    own = ("shell", f"--state={user.state}", instance_id)
    assert user.aftershock(*own, "sh", "-c", "id -u; hostname; cat /proc/1/comm").split() == [
        "0",
        hostname.strip(),
        "systemd",
    ]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in processes_of(user.state)}
    assert 0 not in owners and user.uid in owners
    assert min(owners - {user.uid}, default=ordinary.SUBORDINATE) >= ordinary.SUBORDINATE

    region.ec2.stop_instances(InstanceIds=[instance_id])
    region.in_state(instance_id, "stopped")
    region.ec2.start_instances(InstanceIds=[instance_id])
    again = region.in_state(instance_id, "running")["PublicIpAddress"]
    assert region.eventual_page(again) == hostname

    user.aftershock("down", f"--state={user.state}")
    assert_nothing_left(user.state)
    assert not list(user.cgroup.glob("*/"))

    region = user.up()
    again = region.in_state(instance_id, "running")["PublicIpAddress"]
    assert region.eventual_page(again) == hostname
