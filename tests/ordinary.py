"""An ordinary user of the host, made for a test: no step that this user takes is root's.

The test plays the administrator beforehand (makes the user), and systemd (lends the user a cgroup, as it does at
login); the user runs the system's own Python, with the same source.
"""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from aftershock.ground import cgroups, paths

NAME = f"aftershock-{os.getpid() % 100_000}"
PYTHON = "/usr/bin/python3"
SUBORDINATE = 0x60000000
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
    subprocess.run(argv, check=True, capture_output=True)


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


def take_subordinate_ids() -> None:
    sh("usermod", "--del-subuids", "0-4294967294", "--del-subgids", "0-4294967294", NAME)


def give_subordinate_ids() -> None:
    take_subordinate_ids()  # useradd may have chosen some already
    last = SUBORDINATE + 65535
    sh("usermod", "--add-subuids", f"{SUBORDINATE}-{last}", "--add-subgids", f"{SUBORDINATE}-{last}", NAME)


def delegate(cgroup: Path, uid: int, gid: int) -> None:
    """Give a cgroup to a user, as systemd's Delegate= does."""
    for file in (cgroup, *(cgroup / name for name in cgroups.LENT)):
        if file.exists():
            shutil.chown(file, uid, gid)


U = TypeVar("U", bound=User)


@contextmanager
def a_user(kind: type[U]) -> Iterator[U]:
    """A user with subordinate ids and a cgroup; whoever uses it has ended all that the user started."""
    sh("useradd", "--create-home", "--shell", "/bin/sh", NAME)
    cgroup = unified() / NAME
    try:
        give_subordinate_ids()
        cgroup.mkdir()
        user = kind(cgroup)
        delegate(cgroup, user.uid, user.gid)
        yield user
    finally:
        try:
            sh("userdel", "--remove", NAME)
        finally:
            if cgroup.is_dir():
                cgroup.rmdir()
