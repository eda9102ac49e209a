import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from aftershock.ground import launcher, paths, probe, requirements
from aftershock.ground.errors import GroundError
from aftershock.ground.launcher import Program, Settings
from aftershock.ground.processes import Process
from tests.conftest import eventually
from tests.ground.conftest import (
    SLEEPER,
    SOCKS,
    assert_nothing_left,
    children_of,
    command_of,
    inside,
    processes_of,
    slirp_of,
    traces,
)

SAYS_WHAT_IT_SEES = """
import json, os, socket, sys
door = socket.socket(fileno=int(sys.argv[1]))
print(json.dumps(dict(os.environ)), flush=True)
while True:
    client, _ = door.accept()
    client.sendall(b"answered by %d" % os.getpid())
    client.close()
"""
ANSWERS = Program("control", (os.path.realpath("/usr/bin/python3"), "-S", "-c", SAYS_WHAT_IT_SEES, "{api}"), ("api",))


def ask(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        return client.recv(100)


def control(running):
    """The pid of the control plane's stand-in."""

    def only_one():
        pids = [pid for pid in children_of(running.keeper.pid) if SAYS_WHAT_IT_SEES.encode() in command_of(pid)]
        assert len(pids) == 1
        return pids[0]

    return eventually(only_one)


def test_a_stopped_region_has_left_nothing_on_the_host(region):
    before = (Path("/proc/self/mountinfo").read_text(), socket.if_nameindex())
    running = region(ANSWERS, SOCKS, egress=True)
    slirp = slirp_of(running)
    inhabitants = processes_of(region.state)
    assert {running.keeper.pid, *children_of(running.keeper.pid)} <= set(inhabitants) and slirp
    launcher.stop(region.state)
    assert_nothing_left(region.state)
    assert not running.launcher.lives and not running.keeper.lives and slirp_of(running) is None
    assert not Path(f"/proc/{slirp}").exists()
    assert before == (Path("/proc/self/mountinfo").read_text(), socket.if_nameindex())


def test_what_a_region_leaves_running_and_mounted_ends_with_it(region):
    running = region()
    script = """
        ip netns add left && ip link add left0 type veth peer name left1 && ip link set left1 netns left
        mkdir /run/aftershock/state/{l,u,w,m}
        cd /run/aftershock/state && mount -t overlay overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w m
        nft add table inet left
        for procs in /sys/fs/cgroup/*/$0/keeper/cgroup.procs; do
            region=${procs%/keeper/cgroup.procs}
            mkdir $region/machine
            sh -c "echo \\$\\$ > $region/machine/cgroup.procs && exec sleep 1000" > /dev/null 2>&1 < /dev/null &
        done
        setsid sleep 1000 > /dev/null 2>&1 &
    """
    done = inside(
        running, "timeout", "20", "bash", "-ec", script + "sleep 0.2", launcher.cgroups.region_name(region.state)
    )
    assert done.returncode == 0, done.stderr
    launcher.stop(region.state)
    assert_nothing_left(region.state)
    assert not running.keeper.lives


def test_a_second_start_finds_the_first(region):
    first = region(ANSWERS)
    assert region(ANSWERS, api_port=first.ports["api"]) == first == launcher.find(region.state)


def test_starts_at_the_same_time_end_in_one_region(region):
    found = []
    threads = [threading.Thread(target=lambda: found.append(region(ANSWERS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(set(map(str, found))) == 1


def test_stopping_is_idempotent_and_a_region_starts_again_on_its_state(region):
    first = region(ANSWERS)
    inside(first, "sh", "-c", "echo kept > /run/aftershock/state/file")
    launcher.stop(region.state)
    launcher.stop(region.state)
    assert launcher.find(region.state) is None
    second = region(ANSWERS)
    assert inside(second, "cat", "/run/aftershock/state/file").stdout == "kept\n"
    assert inside(second, "stat", "-c", "%u", "/run/aftershock/state/file").stdout == "0\n"


def test_a_killed_child_is_started_again_and_its_door_stays_open(region):
    running = region(ANSWERS, SOCKS)
    first = control(running)
    assert ask(running.ports["api"]).startswith(b"answered by")
    for _ in range(3):
        before = control(running)
        process = Process.of(before)
        process.kill(signal.SIGKILL)
        assert process.wait_gone(10)
        assert ask(running.ports["api"]).startswith(b"answered by")  # who connects in between is answered later
        assert control(running) != before
    assert control(running) != first
    assert "ended with signal 9" in (region.state / "logs/control.log").read_text()


def test_a_child_gets_a_built_environment(region, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the host's own")
    running = region(ANSWERS)
    ask(running.ports["api"])
    log = region.state / "logs/control.log"
    eventually(lambda: _says(log, '"PATH"'))
    assert "AWS_SECRET_ACCESS_KEY" not in log.read_text()


def test_orphans_are_reaped(region):
    running = region()
    inside(running, "sh", "-c", "for i in 1 2 3 4 5; do setsid sh -c 'sleep 0.05 &'; done")

    def no_zombies():
        assert inside(running, "sh", "-c", "grep -l 'State:.Z' /proc/[0-9]*/status").stdout == ""

    eventually(no_zombies)


def test_a_killed_keeper_takes_everything_along(region):
    running = region(ANSWERS, SOCKS, egress=True)
    slirp = slirp_of(running)
    os.kill(running.keeper.pid, signal.SIGKILL)
    eventually(lambda: assert_nothing_left(region.state))
    assert running.launcher.wait_gone(10)
    assert not Path(f"/proc/{slirp}").exists()


@pytest.mark.parametrize("then", ["stop", "start"])
def test_a_killed_launcher_takes_the_region_along_and_the_next_command_cleans_up(region, then):
    running = region(ANSWERS, egress=True)
    slirp = slirp_of(running)
    os.kill(running.launcher.pid, signal.SIGKILL)
    assert running.keeper.wait_gone(10)
    eventually(lambda: _absent(Path(f"/proc/{slirp}")))
    if then == "stop":
        launcher.stop(region.state)
        assert_nothing_left(region.state)
    else:
        assert region(ANSWERS).keeper != running.keeper
        assert len(traces(region.state)["cgroups"]) > 0


def _absent(path):
    assert not path.exists()


def test_a_killed_slirp_is_started_again(region):
    running = region(egress=True)
    before = slirp_of(running)
    os.kill(before, signal.SIGKILL)

    def another():
        assert slirp_of(running) not in (None, before)
        assert "default" in inside(running, "ip", "route").stdout

    eventually(another)


def test_a_recycled_pid_is_not_mistaken_for_the_launcher(region):
    running = region()
    launcher.stop(region.state)
    stranger = Process(os.getpid(), "another boot/1")
    launcher.record.write(
        launcher.record.Running(**{**_fields(running), "launcher": stranger, "keeper": stranger, "cgroups": ()})
    )
    assert launcher.find(region.state) is None
    launcher.stop(region.state)  # and we still live


def _fields(running):
    return {name: getattr(running, name) for name in running.__dataclass_fields__}


def test_a_taken_port_is_named_and_nothing_is_left(region):
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        with pytest.raises(GroundError, match=rf"port {port} .* api door, is taken .* --api-port"):
            region(api_port=port)
    assert_nothing_left(region.state)


def test_a_port_taken_for_datagrams_is_named_too(region):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        port = stranger.getsockname()[1]
        with pytest.raises(GroundError, match=rf"port {port} .* dns door, is taken .*ss -lunp.* --dns-port"):
            region(dns_port=port)
    assert launcher.find(region.state) is None


def test_a_missing_program_is_named_with_its_package(region, monkeypatch, tmp_path):
    here = set(requirements.PROGRAMS) - {"nft", "conmon"}
    for program in here:
        (tmp_path / program).symlink_to(shutil.which(program, path=paths.PATH))
    monkeypatch.setattr(paths, "PATH", str(tmp_path))
    with pytest.raises(GroundError) as refusal:
        region()
    assert str(refusal.value).splitlines() == [
        "the program conmon is not installed: apt-get install conmon",
        "the program nft is not installed: apt-get install nftables",
    ]
    assert_nothing_left(region.state)


def test_this_machine_lacks_nothing(tmp_path):
    (tmp_path / "run").mkdir()
    assert requirements.check(tmp_path, egress=True) == []
    assert list((tmp_path / "run").iterdir()) == []


def test_a_full_disk_is_named(region, monkeypatch):
    monkeypatch.setattr(requirements, "LEAST_FREE_MIB", 10**9)
    with pytest.raises(GroundError, match=r"only \d+ MiB are free where .* choose another place with --state"):
        region()
    assert_nothing_left(region.state)


def test_a_kernel_without_a_feature_is_named(region, monkeypatch):
    monkeypatch.setattr(requirements.probe, "failures", lambda *_: {"overlay": "No such device"})
    with pytest.raises(GroundError, match=r"overlay file systems cannot be mounted .*No such device.*modprobe overlay"):
        region()


def test_an_unwritable_place_is_named(tmp_path):
    with pytest.raises(GroundError, match="/proc/nowhere"):
        launcher.start(Settings(Path("/proc/nowhere"), tmp_path))


def test_a_program_that_cannot_be_started_is_logged_and_the_region_lives(region):
    running = region(Program("control", ("/nonexistent/program",)), SOCKS)
    log = region.state / "logs/control.log"
    eventually(lambda: _says(log, "/nonexistent/program: cannot be started"))
    assert running.lives


def _says(file, text):
    assert file.exists() and text in file.read_text()


def test_the_inside_is_prepared(region):
    running = region(SLEEPER, pace=2.5)
    script = """
        echo $(cat /proc/sys/net/ipv4/ip_forward) $(hostname) $(id -u) $(cat /etc/resolv.conf) $(ls /run/aftershock)
        ip -br address; cat /proc/self/uid_map; findmnt -no FSTYPE /run; ls -d /run/netns
        cat /run/aftershock/ground.json
        ip netns add one && ip netns exec one cat /sys/class/net/lo/operstate
        touch /usr/no 2>&1; ls /root 2>&1
    """
    said = inside(running, "bash", "-c", script).stdout
    assert said.startswith("1 aftershock 0 nameserver 169.254.169.253 cache ground.json hosts resolv.conf state\n")
    assert "127.0.0.1/8" in said and "65536" in said and "tmpfs" in said and "/run/netns" in said
    assert '"pace": 2.5' in said and '"egress": false' in said
    assert "touch: cannot touch '/usr/no'" in said  # root inside is nobody outside


def test_the_status_of_a_program_in_the_region_is_handed_out(region):
    running = region()
    assert inside(running, "sh", "-c", "exit 7").returncode == 7
    assert inside(running, "sh", "-c", "kill -9 $$").returncode == 137
    absent = inside(running, "no-such-program")
    assert absent.returncode == 127 and "no-such-program" in absent.stderr


def test_the_keeper_is_small(region):
    running = region()
    status = Path(f"/proc/{running.keeper.pid}/status").read_text()
    (kib,) = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
    assert kib < 20_000


def test_temporary_files_stay_in_the_region_and_go_with_the_next_start(region):
    name = f"aftershock-{os.getpid()}"
    assert inside(region(), "touch", f"/tmp/{name}", f"/var/tmp/{name}").returncode == 0
    assert not Path("/tmp", name).exists() and not Path("/var/tmp", name).exists()
    launcher.stop(region.state)
    # The clone that the tests run from may itself lie there, and is shown.
    assert name not in inside(region(), "ls", "-A", "/tmp", "/var/tmp").stdout


START_AND_STOP = """
import json, sys
from pathlib import Path
from aftershock.ground import launcher, shell
state = Path(sys.argv[1])
program = launcher.Program("control", ("sleep", "infinity"))
ports = dict.fromkeys(("api_port", "socks_port", "dns_port", "console_port"), 0)
settings = launcher.Settings(state, state.parent / "cache", **ports, egress=False, programs=(program,))
running = launcher.start(settings)
print(json.dumps([[one.path, one.v2, one.writable] for one in running.cgroups]), flush=True)
shell.exec_in_region(running, ["cat", "/etc/resolv.conf"])
launcher.stop(state)
"""


def on_another_host(state, act):
    """What `START_AND_STOP` says where `act`, in a mount namespace of its own, has made this host another one."""
    python = [sys.executable, "-c", START_AND_STOP, state]
    command = ["unshare", "--mount", "sh", "-ec", f'{act}\nexec "$@"', "sh", *python]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert_nothing_left(state)
    return done.stdout.splitlines()


def test_a_host_with_cgroup2_alone_will_do(tmp_path):
    state = tmp_path / "state"
    lent, *_ = on_another_host(state, "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    assert json.loads(lent) == [[f"/sys/fs/cgroup/{launcher.cgroups.region_name(state)}", True, True]]


def test_a_host_whose_resolv_conf_leads_into_run_will_do(tmp_path):
    """As systemd-resolved makes it; the region's own /run hides where it leads."""
    act = f"""
        mount -t tmpfs none {tmp_path} && mkdir {tmp_path}/upper {tmp_path}/work
        mount -t overlay overlay -o lowerdir=/etc,upperdir={tmp_path}/upper,workdir={tmp_path}/work /etc
        ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
    """
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        _, *resolver = on_another_host(Path(place, "state"), act)
    assert resolver == ["nameserver 169.254.169.253"]


@pytest.mark.parametrize("then", ["removed", "moved"])
def test_a_region_whose_state_has_gone_ends_by_itself(region, tmp_path, then):
    running = region()
    if then == "removed":
        shutil.rmtree(region.state)
    else:
        region.state.rename(tmp_path / "elsewhere")
    eventually(lambda: not_living(running))
    assert_nothing_left(region.state)
    region()


def not_living(running):
    assert not running.launcher.lives
    assert not running.keeper.lives


@pytest.mark.parametrize("name", ["a,b", "a:b", "a\\b", "a b", 'a"b', "a%b"])
def test_a_state_directory_may_have_any_name(tmp_path, name):
    state = tmp_path / name / "run"
    state.mkdir(parents=True)
    assert "overlay" not in probe.failures(state, paths.PATH)
    assert list(state.iterdir()) == []
