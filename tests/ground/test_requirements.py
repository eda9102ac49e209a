"""What a region can do without is said, and is no reason not to start one."""

import pytest

from aftershock.ground import requirements
from aftershock.ground.cgroups import Lent


@pytest.fixture(autouse=True)
def plenty(tmp_path, monkeypatch):
    monkeypatch.setattr(requirements, "INOTIFY_LIMIT", tmp_path / "max_user_instances")
    (tmp_path / "max_user_instances").write_text("8192\n")


def lent(*controllers, v2=True, writable=True):
    return Lent(controllers, "/sys/fs/cgroup/region", v2, writable)


@pytest.mark.parametrize(
    "cgroups",
    [
        [lent("cpu", "memory", "pids")],
        [lent("cpu", v2=False), lent("memory", v2=False), lent("pids", v2=False), lent()],
    ],
)
def test_a_host_that_has_all_gets_no_warning(cgroups):
    assert requirements.warnings(cgroups) == []


def test_missing_limits_are_named():
    (warning,) = requirements.warnings([lent("cpu", v2=False, writable=False), lent("pids")])
    assert warning.startswith("no CPU or memory limits hold for instances")


def test_few_inotify_instances_are_named_with_what_to_do(tmp_path):
    (tmp_path / "max_user_instances").write_text("128\n")
    (warning,) = requirements.warnings([lent("cpu", "memory", "pids")])
    assert "128 inotify instances for each user, enough for about 42 machines" in warning
    assert warning.endswith("sysctl -w fs.inotify.max_user_instances=8192")
