import asyncio
import dataclasses
import os
import signal
import subprocess
from pathlib import Path

import pytest

from aftershock.engines.errors import EngineError
from aftershock.engines.machines import Ended, Exit, Observed
from tests.engines.lab import Lab, eventually, leftovers


@pytest.fixture
def lab():
    lab = Lab()
    yield lab
    lab.close()


def gone(lab, spec):
    """Wait until the machine has ended; how."""

    def check():
        observed = lab.observe(spec)
        assert isinstance(observed, Ended), observed
        return observed.exit

    return eventually(check)


def test_ensuring_twice_starts_once(lab):
    spec = lab.spec("twice")
    first = lab.ensure(spec)
    assert lab.ensure(spec).pid == first.pid
    assert first.name == spec.name and first.spec_hash == spec.hash


def test_ensuring_at_the_same_time_starts_once(lab):
    spec = lab.spec("race")

    async def together():
        await asyncio.gather(*(lab.another().ensure(spec) for _ in range(4)))
        return await lab.machines.list()

    assert set(asyncio.run(together())) == {spec.name}
    home = bytes(lab.state / "machines" / spec.name)
    running = [words for words in leftovers(lab.number) if isinstance(words, bytes)]
    assert len([words for words in running if home in words.split(b"\0")]) == 1  # its conmon


def test_a_second_engine_finds_what_the_first_started(lab):
    spec = lab.spec("found")
    first = lab.ensure(spec)
    found = asyncio.run(lab.another().list())
    assert found[spec.name].pid == first.pid
    assert abs(found[spec.name].started_at - first.started_at) < 0.1


def test_a_machine_killed_from_outside_is_observed_as_killed_and_starts_again(lab):
    spec = lab.spec("killed")
    pid = lab.ensure(spec).pid
    os.kill(pid, signal.SIGKILL)
    ended = gone(lab, spec)
    assert (ended.cause, ended.code) == ("killed", 137) and ended.at is not None
    assert asyncio.run(lab.machines.list()) == {}
    assert lab.ensure(spec).pid != pid


@pytest.mark.parametrize(("command", "cause"), [("poweroff", "poweroff"), ("halt", "poweroff"), ("reboot", "reboot")])
def test_a_machine_s_own_shutdown_and_its_own_reboot_are_told_apart(lab, command, cause):
    spec = lab.spec("own")
    lab.ensure(spec)
    lab.booted(spec)
    lab.run(spec, command, check=False)
    assert gone(lab, spec).cause == cause


def test_the_end_is_told_at_once_to_whoever_watches(lab):
    spec = lab.spec("watched")

    async def watch():
        await lab.machines.ensure(spec)
        observed = await lab.machines.observe(spec.name)
        watching = asyncio.create_task(lab.machines.watch(observed.pid))
        await asyncio.sleep(0)
        assert not watching.done()
        os.kill(observed.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            await watching
        return await lab.machines.observe(spec.name)

    assert asyncio.run(watch()).exit.cause == "killed"


def test_stopping_shuts_down_in_order_even_right_after_the_start(lab):
    spec = lab.spec("stopped")
    lab.ensure(spec)
    asyncio.run(lab.machines.stop(spec.name, 20))
    assert lab.observe(spec).exit.cause == "poweroff"
    asyncio.run(lab.machines.stop(spec.name, 20))


def test_a_machine_that_does_not_obey_is_switched_off_after_its_grace(lab):
    spec = lab.spec("deaf")
    lab.ensure(spec)
    lab.booted(spec)
    lab.run(spec, "systemd-run -p TimeoutStopSec=1000 -p KillSignal=SIGCONT sleep infinity")
    asyncio.run(lab.machines.stop(spec.name, 0.5))
    assert lab.observe(spec).exit.cause == "killed"


def test_removing_leaves_nothing_but_the_volume(lab):
    spec = lab.spec("removed")
    lab.ensure(spec)
    lab.booted(spec)
    for _ in range(2):
        asyncio.run(lab.machines.remove(spec.name))
    assert lab.observe(spec) is None
    assert not leftovers(lab.number)
    assert not list((lab.state / "machines").iterdir()) and not list(lab.runtime_root.iterdir())
    assert asyncio.run(lab.volumes.list()) == {spec.name}


def test_after_a_power_cut_nothing_is_said_to_run_and_all_starts_again(lab):
    spec = lab.spec("cut")
    pid = lab.ensure(spec).pid
    os.kill(int((lab.state / "machines" / spec.name / "conmon.pid").read_text()), signal.SIGKILL)
    os.kill(pid, signal.SIGKILL)
    subprocess.run(["rm", "-rf", lab.runtime_root], check=True)  # /run is fresh after a power cut
    assert eventually(lambda: _empty(asyncio.run(lab.machines.list()))) is None
    assert lab.observe(spec) == Ended(spec.name, Exit("killed", None, None))
    assert isinstance(lab.ensure(spec), Observed)


def test_a_machine_without_its_conmon_counts_as_down_and_the_next_start_leaves_one(lab):
    spec = lab.spec("orphan")
    first = lab.ensure(spec)
    os.kill(int((lab.state / "machines" / spec.name / "conmon.pid").read_text()), signal.SIGKILL)
    assert gone(lab, spec) == Exit("killed", None, None)
    assert lab.ensure(spec).pid != first.pid

    def one_init():  # while systemd starts a program, its child is called the same for a moment
        assert len([line for line in lab.run(spec, "ps ax -o args").splitlines() if line == "/sbin/init"]) == 1

    eventually(one_init)
    assert not Path(f"/proc/{first.pid}").exists()


def test_a_recycled_pid_in_the_runtime_s_state_is_nobody(lab):
    spec = lab.spec("recycled")
    pid = lab.ensure(spec).pid
    file = lab.runtime_root / spec.name / "state.json"
    text = file.read_text().replace(f'"init_process_pid":{pid}', f'"init_process_pid":{os.getpid()}')
    assert str(os.getpid()) in text
    file.write_text(text)
    assert asyncio.run(lab.machines.list()) == {}
    asyncio.run(lab.machines.remove(spec.name))  # kills what is in the cgroups, and not us
    assert not Path(f"/proc/{pid}/exe").exists()


def test_an_interrupted_start_is_swept_away_by_the_next(lab):
    spec = lab.spec("interrupted")

    async def interrupted(after_s):
        task = asyncio.create_task(lab.machines.ensure(spec))
        await asyncio.wait({task}, timeout=after_s)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for after_ms in range(0, 60, 4):
        asyncio.run(interrupted(after_ms / 1000))
        assert isinstance(lab.ensure(spec), Observed)
        assert lab.run(spec, "cat /etc/hostname") == spec.name + "\n"
        asyncio.run(lab.machines.kill(spec.name))


def test_a_start_cut_short_is_no_machine_that_runs_or_ended(lab):
    spec = lab.spec("cut-short")
    lab.ensure(spec)
    for left in ("starting", ".init.pid"):  # its starter died before it heard how that went, and runc half-way
        (lab.state / "machines" / spec.name / left).touch()
    assert lab.observe(spec) is None and asyncio.run(lab.machines.list()) == {}
    assert isinstance(lab.ensure(spec), Observed)
    assert set(asyncio.run(lab.machines.list())) == {spec.name}


def test_what_cannot_start_says_why_and_leaves_nothing(lab):
    spec = lab.spec("unstartable", netns="not-there")
    with pytest.raises(EngineError, match="not-there"):
        lab.ensure(spec)
    assert lab.observe(spec) is None
    assert not leftovers(lab.number)


def test_a_host_without_room_for_another_systemd_says_what_to_do(lab):
    spec = lab.spec("crowded")
    limit = Path("/proc/sys/user/max_inotify_instances")  # this namespace's own share of the host's
    before = limit.read_text()
    limit.write_text("2")
    try:
        with pytest.raises(EngineError, match=r"sysctl -w fs\.inotify\.max_user_instances"):
            lab.ensure(spec)
    finally:
        limit.write_text(before)
    assert isinstance(lab.ensure(spec), Observed)


def test_a_missing_volume_or_layer_is_named(lab):
    with pytest.raises(EngineError, match="no volume v-missing"):
        asyncio.run(lab.machines.ensure(_changed(lab.spec("bare"), volume="v-missing")))
    with pytest.raises(EngineError, match="no layer l-missing"):
        lab.ensure(lab.spec("bare", layers=("l-missing",)))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "../x", "-rf", "A", "a b", "a\nb", "x" * 200, "é", "a,b", "a:b"]
)
def test_hostile_names_are_refused(lab, name):
    good = lab.spec("good")
    for hostile in (
        _changed(good, name=name),
        _changed(good, volume=name),
        _changed(good, layers=(name,)),
    ):
        with pytest.raises(EngineError, match="cannot be") as refused:
            asyncio.run(lab.machines.ensure(hostile))
        assert not refused.value.retryable
    for verb in (lab.machines.remove, lab.machines.observe, lab.machines.kill, lab.volumes.remove, lab.images.remove):
        with pytest.raises(EngineError, match="cannot be"):
            asyncio.run(verb(name))


def test_files_are_laid_in_even_through_links_that_lead_outside(lab):
    spec = lab.spec(
        "files", files={"/etc/hosts": b"127.0.0.1 me\n", "/opt/new/dir/file": b"x", "/etc/evil/owned": b"y"}
    )
    outside = lab.state / "outside"
    outside.mkdir()
    etc = lab.volumes.upper(spec.volume) / "etc"
    etc.mkdir()
    (etc / "hosts").symlink_to(outside / "hosts")
    (etc / "evil").symlink_to(f"/{'../' * 20}{str(outside).lstrip('/')}")
    inside = lab.volumes.upper(spec.volume) / str(outside).lstrip("/")
    inside.mkdir(parents=True)
    lab.ensure(spec)
    assert not list(outside.iterdir())
    assert (inside / "owned").read_bytes() == b"y"
    assert lab.run(spec, "cat /etc/hosts /opt/new/dir/file") == "127.0.0.1 me\nx"
    assert lab.run(spec, "cat /etc/resolv.conf") == "nameserver 10.0.2.3\n"


def test_the_console_tells_the_boot_and_survives_the_machine(lab):
    spec = lab.spec("console")
    lab.ensure(spec)
    lab.booted(spec)
    lab.run(spec, "echo said-on-the-console > /dev/console")
    eventually(lambda: _in(b"said-on-the-console", lab.machines.console(spec.name)))
    asyncio.run(lab.machines.stop(spec.name, 20))
    said = lab.machines.console(spec.name)
    assert b"Welcome to" in said and b"Multi-User System" in said and b"Powering off." in said


def test_a_talkative_console_keeps_its_end_and_stays_bounded(lab):
    spec = lab.spec("loud")
    lab.ensure(spec)
    lab.booted(spec)
    for round_ in range(5):
        lab.run(spec, f"seq -f 'round {round_} line %.0f of a log that says very much' 1 20000 > /dev/console")
        eventually(lambda n=round_: _in(f"round {n} line 20000 ".encode(), lab.machines.console(spec.name)))
        assert lab.observe(spec).name == spec.name  # a controller looks from time to time
    assert len(lab.machines.console(spec.name)) == 64 * 1024
    logs = list((lab.state / "machines" / spec.name).glob("console.*"))
    assert sum(log.stat().st_size for log in logs) < 3 * 1024 * 1024


def test_a_memory_hog_is_killed_inside_and_its_machine_lives_on(lab):
    spec = lab.spec("hog", memory_mib=256)
    pid = lab.ensure(spec).pid
    lab.booted(spec)
    hog = "python3 -c 'b = bytearray(400 << 20); b[::4096] = b\"x\" * len(b[::4096])'; echo status $?"
    assert "status 137" in lab.run(spec, f"{hog}", check=False)
    assert lab.observe(spec).pid == pid
    assert lab.machines.limits().memory


def test_a_busy_machine_is_held_to_its_share_of_the_cpu(lab):
    spec = lab.spec("busy", cpus=0.2)
    lab.ensure(spec)
    lab.booted(spec)
    lab.run(spec, "for i in 1 2; do systemd-run sh -c 'while :; do :; done'; done")

    def throttled():
        for stat in Path("/sys/fs/cgroup").glob(f"**/machine-{spec.name}/cpu.stat"):
            found = dict(line.split() for line in stat.read_text().splitlines())
            if int(found.get("nr_throttled", 0)) > 5:
                return
        raise AssertionError("no period ended with the machine held back")

    eventually(throttled)
    assert lab.machines.usage(spec.name).cpu_s > 0


def test_a_fork_bomb_ends_at_the_machine_s_own_limit(lab):
    spec = lab.spec("bomb", pids_max=64)
    lab.ensure(spec)
    lab.booted(spec)
    said = lab.run(spec, "for i in $(seq 100); do sleep 1 & done; wait", check=False)
    assert lab.observe(spec).name == spec.name
    counts = [int(file.read_text()) for file in Path("/sys/fs/cgroup").glob(f"**/machine-{spec.name}/pids.current")]
    assert counts and max(counts) <= 64, said


def test_a_frozen_machine_stands_still_until_it_is_thawed(lab):
    spec = lab.spec("frozen")
    lab.ensure(spec)
    lab.run(spec, "(while :; do date +%N > /root/now; done) >/dev/null 2>&1 &")
    now = lab.volumes.upper(spec.volume) / "root/now"
    eventually(lambda: _in("\n", now.read_text() if now.exists() else ""))

    async def look():
        async with lab.machines.frozen(spec.name):
            before = now.stat().st_mtime_ns
            await asyncio.sleep(0.2)  # many rounds of the loop, if it ran
            return before, now.stat().st_mtime_ns

    before, after = asyncio.run(look())
    assert before == after
    eventually(lambda: _differs(now.stat().st_mtime_ns, after))
    asyncio.run(lab.machines.freeze(spec.name))
    asyncio.run(lab.machines.stop(spec.name, 20))  # a frozen machine can be stopped
    assert lab.observe(spec).exit.cause == "poweroff"


def test_a_disk_survives_stop_and_start(lab):
    spec = lab.spec("disk")
    lab.ensure(spec)
    lab.run(spec, "echo kept > /root/kept")
    asyncio.run(lab.machines.kill(spec.name))
    lab.ensure(spec)
    assert lab.run(spec, "cat /root/kept") == "kept\n"


def test_a_chain_of_three_captures_carries_what_was_written_and_what_was_deleted(lab):
    layers = (lab.base,)
    for number in range(1, 4):
        spec = lab.spec(f"step{number}", layers=layers)
        lab.ensure(spec)
        lab.run(
            spec,
            f"echo {number} >> /root/steps; ln /root/steps /root/link{number}",
        )
        lab.run(spec, {1: "rm /etc/issue", 2: "rm -r /etc/skel", 3: "mkdir /etc/skel; touch /etc/skel/.new"}[number])

        async def capture(name=spec.name, volume=spec.volume, layer=f"layer{number}"):
            async with lab.machines.frozen(name):
                return await lab.volumes.capture(volume, layer)

        assert asyncio.run(capture()).size_bytes > 0
        layers = (*layers, f"layer{number}")
    spec = lab.spec("last", layers=layers)
    lab.ensure(spec)
    lab.booted(spec)
    assert lab.run(spec, "cat /root/steps") == "1\n2\n3\n"
    assert lab.run(spec, "ls -A /etc/skel") == ".new\n"  # the deleted directory's old content does not shine through
    assert lab.run(spec, "ls /etc/issue", check=False) == ""
    assert lab.run(spec, "cat /etc/hostname") == spec.name + "\n"


def test_every_machine_has_an_identity_of_its_own_that_it_keeps(lab):
    one, other = lab.spec("one"), lab.spec("other")
    lab.ensure(one)
    lab.ensure(other)
    machine_id = lab.run(one, "cat /etc/machine-id")
    assert len(machine_id) == 33 and machine_id != lab.run(other, "cat /etc/machine-id")
    asyncio.run(lab.machines.kill(one.name))
    lab.ensure(one)
    assert lab.run(one, "cat /etc/machine-id") == machine_id


def test_a_machine_that_runs_is_left_as_it_is_when_its_spec_changes(lab):
    spec = lab.spec("changed")
    pid = lab.ensure(spec).pid
    bigger = _changed(spec, memory_mib=1024)
    found = lab.ensure(bigger)
    assert (found.pid, found.spec_hash) == (pid, spec.hash) and spec.hash != bigger.hash


def _changed(spec, **changes):

    return dataclasses.replace(spec, **changes)


def _in(part, whole):
    assert part in whole, whole


def _differs(one, other):
    assert one != other


def _empty(found):
    assert not found, found
