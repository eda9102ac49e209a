"""What a machine's root tries, and does not get."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.engines.lab import Lab


@pytest.fixture(scope="module")
def lab():
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def machine(lab):
    spec = lab.spec("walled")
    lab.ensure(spec)
    lab.booted(spec)
    return spec


REFUSED = {
    "mount a file system": "mount -t tmpfs none /mnt",
    "mount proc anew": "mount -t proc none /mnt",
    "take a cover off /proc": "umount /proc/kcore || umount /proc/keys || umount /sys/firmware",
    "make /sys writable": "mount -o remount,rw /sys",
    "make the host's first disk a device": "mknod /root/disk b 254 0 && head -c 1 /root/disk",
    "make the kernel's memory a device": "mknod /root/mem c 1 1 && head -c 1 /root/mem",
    "load a module": "python3 -c 'import ctypes,os; l=ctypes.CDLL(None,use_errno=True); "
    'r=l.syscall(175,b"",0,b""); raise SystemExit(0 if r == 0 else 1)\'',
    "write to /sys": "echo 1 > /sys/kernel/profiling",
    "press the host's reset button": "echo b > /proc/sysrq-trigger",
    "set a sysctl of the host's": "echo 1 > /proc/sys/kernel/panic",
    "change where cores go": "echo '|/bin/sh' > /proc/sys/kernel/core_pattern",
    "set the clock": "date -s 2001-01-01",
    "read the kernel's log": "dmesg",
    "read the kernel's memory": "head -c 4096 /proc/kcore | grep -q .",
    "make a user namespace": "unshare --user true",
    "make a mount namespace": "unshare --mount true",
    "enter another process's namespaces": "nsenter -t 1 -m -p true",
    "change root to above root": 'python3 -c \'import os; os.mkdir("/root/x"); os.chroot("/root/x"); '
    'os.chdir("../../../../../.."); os.chroot("."); raise SystemExit(0 if os.path.isdir("run/aftershock") else 1)\'',
    "open a file by its number": "python3 -c 'import ctypes; l=ctypes.CDLL(None,use_errno=True); "
    "l.syscall(304,-100,0,0); raise SystemExit(1 if ctypes.get_errno() == 1 else 0)'",
    "run a program in the kernel": "python3 -c 'import ctypes; l=ctypes.CDLL(None,use_errno=True); "
    "l.syscall(321,0,0,0); raise SystemExit(1 if ctypes.get_errno() == 1 else 0)'",
    "leave its cgroup": "test -e /sys/fs/cgroup/../unified || ls -d /sys/fs/cgroup/machine-* || "
    "mount -t cgroup -o memory none /mnt",
    "see the region's directories": "ls /run/aftershock",
    "raise a limit that was set for it": "prlimit --nofile=99999999:99999999 true",
}


@pytest.mark.parametrize("script", REFUSED.values(), ids=[act.replace(" ", "-") for act in REFUSED])
def test_a_machine_s_root_does_not_get_to(lab, machine, script):
    tried = lab.run(machine, f"if ( {script} ) >/root/said 2>&1; then echo DONE; else echo refused; fi")
    assert tried == "refused\n", lab.run(machine, "cat /root/said")


def test_a_machine_sees_no_process_but_its_own(lab, machine):
    other = lab.spec("neighbour")
    pid = lab.ensure(other).pid
    lab.booted(other)
    seen = lab.run(machine, "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")
    assert "conmon" not in seen and "pytest" not in seen
    namespaces = ("pid", "mnt", "net", "ipc", "uts", "cgroup")
    own = asyncio.run(lab.machines.observe(machine.name)).pid
    for kind in namespaces:
        inodes = {Path(f"/proc/{each}/ns/{kind}").readlink() for each in (own, pid, os.getpid())}
        assert len(inodes) == 3, kind
    lab.run(machine, f"kill -9 {pid} {os.getpid()}; kill -9 -1", check=False)
    assert asyncio.run(lab.machines.observe(other.name)).pid == pid


def test_a_machine_sees_its_own_links_only(lab, machine):
    assert lab.run(machine, "ls /sys/class/net").split() == ["eth0", "lo"]


def test_nothing_is_left_of_its_disk_s_mount_in_our_own_view(lab, machine):
    assert f"/lab{lab.number}/" not in Path("/proc/self/mountinfo").read_text()


def test_a_machine_s_root_has_just_the_capabilities_that_it_was_given(lab, machine):
    from aftershock.engines.machines.spec import CAPABILITIES

    status = dict(line.split(":\t", 1) for line in lab.run(machine, "cat /proc/1/status").splitlines() if ":\t" in line)
    assert int(status["CapBnd"], 16).bit_count() == len(CAPABILITIES)
    assert int(status["CapAmb"], 16) == 0 and status["Seccomp"] == "2"


def test_no_descriptor_of_ours_comes_along(lab, machine):
    links = lab.run(machine, "ls -l /proc/1/fd")
    assert "aftershock" not in links and "runc" not in links
