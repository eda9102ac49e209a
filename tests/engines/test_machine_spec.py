import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.errors import EngineError
from aftershock.engines.machines import Bind, MachineSpec, cgroups, console, seccomp
from aftershock.engines.machines import spec as pure

SPEC = MachineSpec(
    name="m1",
    hostname="ip-10-0-0-1.ec2.internal",
    layers=("base", "app"),
    volume="v1",
    netns="m1",
    nameserver="169.254.169.253",
    search="ec2.internal",
    cpus=0.5,
    memory_mib=512,
)


def render(spec=SPEC, nofile_max=10**6):
    return pure.render(spec, Path("/m/m1/rootfs"), nofile_max=nofile_max)


def test_what_was_rendered_is_known_again_in_the_runtime_s_state():
    labels = [f"{key}={value}" for key, value in render()["annotations"].items()]
    state = {"init_process_pid": 7, "init_process_start": 99, "config": {"labels": ["bundle=/m/m1", *labels]}}
    assert pure.parse_state(json.dumps(state)) == pure.Running(7, 99, SPEC.hash)


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_a_state_that_is_not_whole_is_said_to_be_so(text):
    with pytest.raises(ValueError):
        pure.parse_state(text)


@pytest.mark.parametrize(
    "change",
    [{"hostname": "h"}, {"layers": ("base",)}, {"cpus": 1.0}, {"files": {"/etc/x": b"1"}}, {"volume": "v2"}],
)
def test_every_change_of_a_spec_changes_its_hash(change):
    assert replace(SPEC, **change).hash != SPEC.hash
    assert replace(SPEC).hash == SPEC.hash
    assert replace(SPEC, files={"/a": b"1"}).hash != replace(SPEC, files={"/a": b"2"}).hash


def test_a_machine_has_no_capability_that_undoes_its_walls():
    config = render()
    granted = set(config["process"]["capabilities"]["bounding"])
    assert not granted & {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_DAC_READ_SEARCH"}
    assert "ambient" not in config["process"]["capabilities"]
    assert {each["type"] for each in config["linux"]["namespaces"]} == {
        "pid", "ipc", "uts", "mount", "cgroup", "network",
    }  # fmt: skip


def test_a_machine_may_have_a_first_process_and_directories_of_its_own():
    config = render(replace(SPEC, init=("/usr/bin/prog", "-x"), mounts=(Bind("/ours", "/theirs"),)))
    assert config["process"]["args"] == ["/usr/bin/prog", "-x"] and render()["process"]["args"] == ["/sbin/init"]
    bound = config["mounts"][-1]
    assert (bound["type"], bound["source"], bound["destination"]) == ("bind", "/ours", "/theirs")
    assert {"nosuid", "nodev", "noexec"} <= set(bound["options"])


def test_open_files_are_granted_as_far_as_we_may():
    limits = {each["type"]: each for each in render(nofile_max=4096)["process"]["rlimits"]}
    assert limits["RLIMIT_NOFILE"] == {"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024}


def test_every_refused_call_has_its_reason():
    assert all(reason for reason in seccomp.DENIED.values())
    assert json.dumps(seccomp.PROFILE)


def test_the_lowest_layer_is_the_last_in_the_mount_s_options():
    options = pure.overlay_options([Path("/base"), Path("/app")], Path("/v/upper"), Path("/v/work"))
    assert options == "lowerdir=/app:/base,upperdir=/v/upper,workdir=/v/work,userxattr"


@pytest.mark.parametrize("path", ["/a:b", "/a,b", "/a\\b"])
def test_a_path_that_would_be_read_as_two_is_refused(path):
    with pytest.raises(EngineError, match="separates"):
        pure.overlay_options([Path(path)], Path("/u"), Path("/w"))


def test_too_many_layers_are_refused_before_the_kernel_cuts_them_off():
    with pytest.raises(EngineError, match="more than a disk"):
        pure.overlay_options([Path("/run/aftershock/layers/x")] * 200, Path("/u"), Path("/w"))


@pytest.mark.parametrize(
    "change",
    [
        {"hostname": "a b"}, {"hostname": ""}, {"hostname": "-a"}, {"hostname": "a" * 65}, {"hostname": "a\n"},
        {"netns": "../x"}, {"netns": ""}, {"layers": ()}, {"cpus": 0}, {"memory_mib": 1}, {"pids_max": 0},
        {"nameserver": "1.1.1.1\noptions x"}, {"search": "a b"},
        {"init": ()}, {"init": ("sh",)}, {"init": ("/bin/x\0",)},
        {"mounts": (Bind("/a", "/"),)}, {"mounts": (Bind("a", "/b"),)}, {"mounts": (Bind("/a/../b", "/b"),)},
        {"files": {"etc/x": b""}}, {"files": {"/etc/../x": b""}}, {"files": {"/etc/": b""}}, {"files": {"/a\0b": b""}},
    ],
)  # fmt: skip
def test_a_spec_that_cannot_be_meant_is_refused_for_good(change):
    with pytest.raises(EngineError) as refused:
        pure.check(replace(SPEC, **change))
    assert not refused.value.retryable


def test_a_spec_s_own_files_have_the_last_word():
    files = pure.files(replace(SPEC, files={"/etc/resolv.conf": b"mine"}))
    assert files["/etc/resolv.conf"] == b"mine"
    assert files["/etc/hostname"] == b"ip-10-0-0-1.ec2.internal\n"


@pytest.mark.parametrize(
    ("code", "cause"), [(0, "poweroff"), (130, "poweroff"), (129, "reboot"), (137, "killed"), (1, "killed")]
)
def test_how_a_machine_ended_is_read_from_its_init_s_status(code, cause):
    assert pure.parse_exit(code, 1.0) == pure.Exit(cause, code, 1.0)


V1 = [
    {"controllers": ["cpu", "cpuacct"], "path": "/c/cpu/r", "v2": False, "writable": True},
    {"controllers": ["memory"], "path": "/c/memory/r", "v2": False, "writable": False},
    {"controllers": [], "path": "/c/unified/r", "v2": True, "writable": True},
]


@pytest.mark.parametrize(
    ("hierarchies", "expected"),
    [
        (V1, cgroups.Limits(cpu=True, memory=False, pids=False)),
        (
            [{"controllers": ["cpu", "memory", "pids"], "path": "/c/r", "v2": True, "writable": True}],
            cgroups.Limits(cpu=True, memory=True, pids=True),
        ),
        (V1[2:], cgroups.Limits(cpu=False, memory=False, pids=False)),
    ],
)
def test_only_what_was_lent_is_said_to_be_enforced(hierarchies, expected):
    assert cgroups.limits(cgroups.parse(json.dumps({"cgroups": hierarchies}))) == expected


def test_without_a_version_2_directory_no_machine_can_run():
    with pytest.raises(EngineError, match="cgroup2"):
        cgroups.parse(json.dumps({"cgroups": V1[:2]}))


def test_the_limits_of_a_version_2_host_stand_above_the_machine_s_own_level(tmp_path):
    lent = {"controllers": ["cpu", "memory", "pids"], "path": str(tmp_path), "v2": True, "writable": True}
    cgroup = cgroups.Cgroup("m1", cgroups.parse(json.dumps({"cgroups": [lent]})))
    top = tmp_path / "machine-m1"
    top.mkdir()
    for file in ("cpu.max", "memory.max", "memory.swap.max", "pids.max"):  # as the kernel would have them there
        (top / file).touch()
    cgroup.create(0.25, 512, 100)
    found = {file.name: file.read_text() for file in top.iterdir() if file.is_file()}
    assert found == {
        "cpu.max": "25000 100000",
        "memory.max": str(512 << 20),
        "memory.swap.max": "0",
        "pids.max": "100",
        "cgroup.subtree_control": "+cpu +memory +pids",
    }
    assert cgroup.joined() == [top / "m1"]


def test_console_lines_are_put_together_again_and_a_cut_one_is_left_out():
    raw = (
        b"f a line cut off\n"
        b"2026-01-01T00:00:00.0+00:00 stdout P one \n"
        b"2026-01-01T00:00:00.0+00:00 stdout F line\r\n"
        b"2026-01-01T00:00:00.0+00:00 stdout F \n"
        b"2026-01-01T00:00:00.0+00:00 stdout P login: "
    )
    assert console.parse(raw) == b"one line\r\n\nlogin: "


@given(st.binary())
def test_any_bytes_can_be_read_as_a_console_log(raw):
    console.parse(raw)
