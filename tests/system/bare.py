"""A bare Debian to try the README's commands in: its own files, processes and mounts, the host's kernel and network."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aftershock.ground import cgroups
from tests.conftest import eventually

# What the README asks of a machine, and nothing else.
PACKAGES = "git,python3,ca-certificates"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUILD_TIMEOUT_S = 600
STATE = Path("/var/lib/aftershock")  # root's, inside
# A fresh /proc for the new pid namespace; the host's devices and cgroups, as a container of an administrator has them.
# Its root is pivoted to: the kernel lets nobody make a user namespace who has only changed his root.
MOUNTS = """
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
mount -t proc proc "$1/proc"
mount -t tmpfs tmpfs "$1/run"
mount --bind "$2" "$1/mnt"
mount -o remount,bind,ro "$1/mnt"
cd "$1"
pivot_root . .
umount -l .
touch /run/ready
exec sleep infinity
"""


class Machine:
    """The running root; `run` runs a command in it as its root user, in an environment that holds nothing of ours."""

    def __init__(self, init: int) -> None:
        self.init = init

    def run(self, *argv: str, cwd: str = "/", timeout_s: float = 300) -> str:
        """Run a command to its end, showing what it says; return its standard output.

        Raises:
            AssertionError: its exit status was not 0; the message ends with its output.
        """
        inside = ["env", "-i", f"--chdir={cwd}", f"PATH={PATH}", "HOME=/root", "TERM=dumb", *argv]
        enter = ["nsenter", "--target", str(self.init), "--mount", "--pid"]
        print("$", *argv, flush=True)
        done = subprocess.run(
            [*enter, *inside], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        print(done.stdout, done.stderr, sep="", flush=True)
        assert done.returncode == 0, f"{argv}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@contextmanager
def machine(directory: Path, repository: Path) -> Iterator[Machine]:
    """Build one with the repository at /mnt, run it, and leave nothing."""
    root = directory / "root"
    root.mkdir(parents=True)
    try:
        build(root)
        arguments = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", MOUNTS, "sh", str(root), str(repository)]
        process = subprocess.Popen(["unshare", *arguments])
        try:
            yield Machine(eventually(lambda: _init(process.pid)))
        finally:
            process.kill()  # and with it, its pid namespace
            process.wait()
            remove_cgroups()
    finally:
        shutil.rmtree(directory)


def build(root: Path) -> None:
    subprocess.run(
        ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)],
        stdin=subprocess.DEVNULL,
        timeout=BUILD_TIMEOUT_S,
        check=True,
    )
    # The network's peculiarities belong to the place and not to the machine: its resolver, and its proxy's certificate.
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    certificates = Path("/usr/local/share/ca-certificates")
    if certificates.is_dir() and any(certificates.iterdir()):
        shutil.copytree(certificates, root / "usr/local/share/ca-certificates", dirs_exist_ok=True)
        subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True)


def remove_cgroups() -> None:
    """Remove what a region inside leaves of itself when its launcher is killed, as happens where a command failed."""
    name = cgroups.region_name(STATE)
    found = cgroups.parse(cgroups.MOUNTINFO.read_text())
    cgroups.remove([cgroups.Lent((), str(one.mount / name), one.v2, writable=True) for one in found])


def _init(unshare: int) -> int:
    """The pid of the process that holds the namespaces, when all is mounted."""
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    assert children, "unshare has not forked"
    assert Path(f"/proc/{children[0]}/root/run/ready").exists(), "not all is mounted"
    return int(children[0])


def may_be_built() -> str | None:
    """Why it cannot be built here, or None."""
    if os.geteuid() != 0:
        return "only root can build and enter a root file system"
    if shutil.which("mmdebstrap") is None:
        return "mmdebstrap is not installed"
    return None
