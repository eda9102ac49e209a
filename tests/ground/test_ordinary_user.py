"""An ordinary user starts and stops a region, and no step of it is root's: tests/ordinary.py makes the user."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from aftershock.ground import launcher
from tests import ordinary
from tests.conftest import eventually
from tests.ground.conftest import assert_nothing_left, processes_of, traces
from tests.ordinary import NAME, PYTHON, SUBORDINATE, unified

DRIVE = """
import dataclasses, json, os, sys
from pathlib import Path
from aftershock.ground import launcher, shell
from aftershock.ground.errors import GroundError
from aftershock.ground.launcher import Program, Settings
state = Path(sys.argv[2])
doors = Program("doors", (sys.executable, "-m", "aftershock.ground.socks", "--fd", "{socks}"), ("socks",))
control = Program("control", ("sleep", "infinity"))
try:
    if sys.argv[1] == "start":
        ports = dict.fromkeys(("api_port", "socks_port", "dns_port", "console_port"), 0)
        egress = "egress" in sys.argv
        running = launcher.start(
            Settings(state, state.parent / "cache", **ports, egress=egress, programs=(control, doors))
        )
        print(json.dumps(dataclasses.asdict(running), default=str))
    elif sys.argv[1] == "stop":
        launcher.stop(state)
    else:
        sys.exit(shell.exec_in_region(launcher.find(state), sys.argv[3:]))
except GroundError as error:
    sys.exit(f"refused: {error}")
"""


class User(ordinary.User):
    def drive(self, verb, *arguments, **options):
        return self.run(PYTHON, "-c", DRIVE, verb, str(self.state), *arguments, **options)

    def start(self, *arguments):
        done = self.drive("start", *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def user():
    with ordinary.a_user(User) as made:
        yield made
        made.drive("stop")
        assert_nothing_left(made.state)


def test_a_user_starts_a_region_looks_into_it_and_stops_it(user):
    running = user.start()
    assert Path(f"/proc/{running['keeper']['pid']}").stat().st_uid == user.uid
    assert processes_of(user.state)
    script = """
        cat /proc/self/uid_map; touch /run/aftershock/state/roots && chown 33 /run/aftershock/state/roots
        ip netns add one && ip link add v0 type veth peer name v1 netns one && nft add table inet t
        mkdir /run/aftershock/state/{l,u,w,m} && cd /run/aftershock/state
        mount -t overlay overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w m && echo > m/file
        mkdir $0/machine $0/machine/of-another && chown -R 1000 $0/machine
        echo $$ > $0/machine/of-another/cgroup.procs && grep 0:: /proc/self/cgroup
        ls -d $0
    """
    (lent,) = [one for one in running["cgroups"] if one["v2"]]
    done = user.drive("shell", "bash", "-ec", script, lent["path"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:6] == ["0", str(user.uid), "1", "1", str(SUBORDINATE), "65535"]
    assert "machine/of-another" in done.stdout and lent["path"].startswith(str(user.cgroup))
    assert (user.state / "roots").stat().st_uid == SUBORDINATE + 32
    assert user.start() == running
    assert user.drive("stop").returncode == 0
    assert_nothing_left(user.state)
    assert not list(user.cgroup.glob("*/"))


def test_a_users_region_starts_again_on_its_state_and_has_its_way_out(user):
    first = user.start()
    user.drive("stop")
    second = user.start("egress")
    assert first["keeper"] != second["keeper"]
    assert "default via 10.0.2.2" in user.drive("shell", "ip", "route").stdout


def test_a_users_killed_launcher_takes_the_region_along_and_stop_cleans_up(user):
    running = user.start("egress")
    os.kill(running["launcher"]["pid"], 9)

    def nobody():
        assert not processes_of(user.state)

    eventually(nobody)
    assert traces(user.state)["cgroups"] or list(user.cgroup.glob("*/"))
    assert user.drive("stop").returncode == 0
    assert not list(user.cgroup.glob("*/"))


def test_a_user_without_a_lent_cgroup_is_told_what_to_do(user):
    stranger = unified() / f"{NAME}-strange"
    stranger.mkdir()
    try:
        done = user.drive("start", cgroup=stranger)
        assert done.returncode == 1 and "an administrator has to run" in done.stderr and "chown" in done.stderr
    finally:
        stranger.rmdir()


def test_a_user_without_subordinate_ids_is_told_what_to_do(user):
    ordinary.take_subordinate_ids()
    done = user.drive("start")
    assert done.returncode == 1 and "usermod --add-subuids" in done.stderr and NAME in done.stderr


def test_a_user_who_may_not_make_tap_devices_is_told_what_to_do_and_may_go_without(user):
    user.tun.chmod(0o600)
    done = user.drive("start", "egress")
    assert done.returncode == 1 and "chmod 0666 /dev/net/tun; or start without egress" in done.stderr
    assert user.start()["egress"] is False


def test_a_users_state_is_not_roots(user, tmp_path):
    user.start()
    user.drive("stop")
    with pytest.raises(launcher.GroundError, match="not a directory of your own"):
        launcher.start(launcher.Settings(user.state, tmp_path / "cache", 0, 0, 0, console_port=0, programs=()))


SYSTEMD = "/lib/systemd/systemd"
# In a mount namespace of its own, where the host looks as if systemd had booted it.
# The user's manager gets a cgroup, as the host's systemd would give it.  On a real host that one also moves a
# process out of its login session on the manager's behalf; here the manager may do so itself.
LOGIN = """
set -e
mount -t tmpfs none /run && mkdir -p /run/systemd/system "$XDG_RUNTIME_DIR" && chown $1:$2 "$XDG_RUNTIME_DIR"
as_user="setpriv --reuid=$1 --regid=$2 --clear-groups --"
shift 2
for cgroup in "$@"; do echo $$ > $cgroup/manager/cgroup.procs; done
$as_user $SYSTEMD --user > /dev/null 2>&1 < /dev/null &
until test -S $XDG_RUNTIME_DIR/systemd/private; do sleep 0.05; done
for cgroup in "$@"; do echo $$ > $cgroup/shell/cgroup.procs; done
drive() { $as_user $PYTHON -c "$DRIVE" "$1" "$STATE" "${@:2}"; }
drive start
drive shell sh -c 'grep 0:: /proc/self/cgroup'
drive stop
"""


@pytest.mark.skipif(not Path(SYSTEMD).exists(), reason="there is no systemd here")
def test_a_user_who_logged_in_through_systemd_gets_the_cgroup_from_there(user):
    hierarchies = [unified(), *(path for path in [Path("/sys/fs/cgroup/systemd")] if path.is_dir())]
    places = [mount / f"{NAME}-login" for mount in hierarchies]
    try:
        for place in places:
            for part in ("manager", "shell"):
                (place / part).mkdir(parents=True)
            for directory in (place, place / "manager", place / "shell"):
                ordinary.delegate(directory, user.uid, user.gid)
        environment = {"XDG_RUNTIME_DIR": f"/run/{NAME}", "SYSTEMD": SYSTEMD, "PYTHON": PYTHON, "DRIVE": DRIVE}
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-c", LOGIN, "login", str(user.uid), str(user.gid), *places],
            cwd=user.home,
            env={**user.environment(), **environment, "STATE": str(user.state)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        first, membership, *_ = done.stdout.splitlines()
        running = json.loads(first)
        (lent,) = [one for one in running["cgroups"] if one["v2"]]
        scope = Path(lent["path"]).parent
        assert scope.suffix == ".scope" and scope.is_relative_to(places[0] / "manager")
        assert lent["writable"] and membership.endswith("/keeper")
        assert not list(scope.glob("*/"))
    finally:
        for place in places:
            for pid in [int(pid) for procs in place.rglob("cgroup.procs") for pid in procs.read_text().split()]:
                os.kill(pid, 9)

            def gone(place=place):
                assert not [file for file in place.rglob("cgroup.procs") if file.read_text()]

            eventually(gone)
            for directory, _, _ in os.walk(place, topdown=False):
                Path(directory).rmdir()
