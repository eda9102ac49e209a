"""An ordinary user of the host, made for a test: no step that this user takes is root's.

The test plays the administrator beforehand (makes the user), and systemd (lends the user a cgroup, as it does at
login); the user runs the system's own Python, with the same source.
"""

import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from aftershock.ground import cgroups, paths

NUMBER = os.getpid() % 4096  # tests of several workers have a user each, at once
NAME = f"aftershock-{NUMBER}"
UID = 50_000 + NUMBER  # not the next free one: that may be the id of a user of whom something is still ending
PYTHON = "/usr/bin/python3"
SUBORDINATE = 0x60000000 + NUMBER * 65536
OWN = f"{SUBORDINATE}-{SUBORDINATE + 65535}"
GONE_TIMEOUT_S = 20.0
# As root, in a mount namespace of its own: shows directories where the user can reach them, joins the cgroup, and
# becomes the user.  $0: the cgroup's file, $1: user id, $2: group id, $3: how many pairs of SOURCE TARGET follow.
PLACE = """
pairs=$3
set -e -- "$1" "$2" "${@:4}"
uid=$1 gid=$2
shift 2
while [ "$pairs" -gt 0 ]; do mount --bind "$1" "$2"; shift 2; pairs=$((pairs - 1)); done
echo $$ > "$0"
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$@"
"""


def sh(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")


def unified() -> Path:
    return next(one.mount for one in cgroups.hierarchies() if one.v2)


class User:
    def __init__(self, cgroup: Path) -> None:
        entry = pwd.getpwnam(NAME)
        self.uid, self.gid, self.home, self.cgroup = entry.pw_uid, entry.pw_gid, Path(entry.pw_dir), cgroup
        self.state = self.home / "region/state"
        # As udev makes it everywhere (50-udev-default.rules), and shown to this user alone, in place of the host's.
        self.tun = self.home / "tun"
        os.mknod(self.tun, stat.S_IFCHR, Path("/dev/net/tun").stat().st_rdev)
        self.tun.chmod(0o666)
        self.shown: dict[Path, Path] = {Path("/dev/net/tun"): self.tun}  # by the place where the user finds it

    def run(
        self,
        *argv: str | Path,
        cgroup: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user, started in the cgroup that the user was given (or in another)."""
        pairs = [path for target, source in self.shown.items() for path in (source, target)]
        place = [(cgroup or self.cgroup) / "cgroup.procs", str(self.uid), str(self.gid), str(len(self.shown)), *pairs]
        return subprocess.run(
            ["unshare", "--mount", "bash", "-c", PLACE, *place, *argv],
            cwd=self.home,
            env={**self.environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "USER": NAME, "PYTHONPATH": str(paths.source_root())}


def make() -> None:
    # --system: useradd would give others subordinate ids of its own choice.
    sh("useradd", "--system", "--uid", str(UID), "--user-group", "--create-home", "--shell", "/bin/sh", NAME)
    sh("usermod", "--add-subuids", OWN, "--add-subgids", OWN, NAME)


def take_subordinate_ids() -> None:
    sh("usermod", "--del-subuids", OWN, "--del-subgids", OWN, NAME)


def processes() -> dict[int, str]:
    """What still runs as the user, or as one of the user's subordinate ids: the words of each, by pid."""
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            uid = directory.stat().st_uid
            if uid == UID or uid in range(SUBORDINATE, SUBORDINATE + 65536):
                found[int(directory.name)] = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def unmake() -> None:
    """Delete the user, once the processes that the user ended are gone: userdel refuses one whose processes it sees."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while (left := processes()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    sh("userdel", "--remove", NAME)


def delegate(cgroup: Path, uid: int, gid: int) -> None:
    """Give a cgroup to a user, as systemd's Delegate= does."""
    for file in (cgroup, *(cgroup / name for name in cgroups.LENT)):
        if file.exists():
            shutil.chown(file, uid, gid)


U = TypeVar("U", bound=User)


@contextmanager
def a_user(kind: type[U]) -> Iterator[U]:
    """A user with subordinate ids and a cgroup; whoever uses it has ended all that the user started."""
    cgroup = unified() / NAME
    try:
        make()
        cgroup.mkdir()
        user = kind(cgroup)
        delegate(cgroup, user.uid, user.gid)
        yield user
    finally:
        try:
            unmake()
        finally:
            if cgroup.is_dir():
                cgroup.rmdir()
