"""Which users of the host the region's users are: the maps of its user namespace."""

import os
import pwd
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import GroundError

IDS = 65536  # what a Debian system expects to have: 0..65535
# systemd's "Users, Groups, UIDs and GIDs on systemd Systems": from 0x70000000 on nothing is set aside for anybody.
UNCLAIMED = range(0x70000000, 0x7FFF0000, IDS)
NEWIDMAP_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Range:
    inside: int
    outside: int
    count: int

    def line(self) -> str:
        return f"{self.inside} {self.outside} {self.count}"


@dataclass(frozen=True, slots=True)
class Identity:
    uids: tuple[Range, ...]
    gids: tuple[Range, ...]
    privileged: bool  # whether the host's root starts the region

    @property
    def uid(self) -> int:
        """The host's user that is root inside: the owner of all the region's files."""
        return self.uids[0].outside

    @property
    def gid(self) -> int:
        return self.gids[0].outside


@dataclass(frozen=True, slots=True)
class Subordinate:
    """One line of /etc/subuid or /etc/subgid."""

    owner: str  # a name, or a number as text
    first: int
    count: int


def parse(text: str) -> list[Subordinate]:
    """Read /etc/subuid, skipping lines that newuidmap would not understand either."""
    entries = []
    for line in text.splitlines():
        match line.split("#")[0].strip().split(":"):
            case [owner, first, count] if first.isdecimal() and count.isdecimal():
                entries.append(Subordinate(owner, int(first), int(count)))
    return entries


def for_root(uids: Iterable[Subordinate], gids: Iterable[Subordinate], owner: tuple[int, int] | None) -> Identity:
    """The maps of a region that root starts; `owner` is who owns what the state directory already holds.

    Raises:
        GroundError: the state belongs to an ordinary user.
    """
    if owner is None:
        first_uid, first_gid = _root_range(uids), _root_range(gids)
    elif min(owner) < IDS:
        raise GroundError(
            f"the state belongs to user {owner[0]}, who is no subordinate id: start the region as that user, "
            "or choose another directory with --state"
        )
    else:
        first_uid, first_gid = owner
    return Identity((Range(0, first_uid, IDS),), (Range(0, first_gid, IDS),), privileged=True)


def for_user(
    name: str,
    uid: int,
    gid: int,
    *,
    uids: Iterable[Subordinate],
    gids: Iterable[Subordinate],
    owner: tuple[int, int] | None,
) -> Identity:
    """The maps of a region that an ordinary user starts: root inside is the user, the others are subordinate ids.

    Raises:
        GroundError: the user has no subordinate ids, or the state belongs to somebody else.
    """
    if owner is not None and owner[0] != uid:
        raise GroundError(
            f"the state belongs to user {owner[0]}, not to you ({uid}): start the region as its owner, "
            "or choose another directory with --state"
        )
    maps = []
    for own, entries, file in ((uid, uids, "/etc/subuid"), (gid, gids, "/etc/subgid")):
        mine = [entry for entry in entries if entry.owner in (name, str(uid)) and entry.count >= IDS - 1]
        if not mine:
            raise GroundError(
                f"user {name} has no {IDS} subordinate ids in {file}: an administrator has to run, once: "
                f"usermod --add-subuids 231072-296607 --add-subgids 231072-296607 {name} "
                "(or with any other range that nobody uses)"
            )
        maps.append((Range(0, own, 1), Range(1, mine[0].first, IDS - 1)))
    return Identity(maps[0], maps[1], privileged=False)


def _root_range(entries: Iterable[Subordinate]) -> int:
    entries = list(entries)
    for entry in entries:
        if entry.owner in ("root", "0") and entry.count >= IDS:
            return entry.first
    for first in UNCLAIMED:
        if all(entry.first + entry.count <= first or first + IDS <= entry.first for entry in entries):
            return first
    raise GroundError("no range of 65536 user ids is free: give root one in /etc/subuid and in /etc/subgid")


def of_caller(*directories: Path) -> Identity:
    """The maps for whoever runs this program, and for what the directories already hold: it must stay readable.

    The first directory that holds something decides.

    Raises:
        GroundError: what they hold belongs to somebody else.
    """
    uids, gids = (parse(_read(Path(file))) for file in ("/etc/subuid", "/etc/subgid"))
    owner = next(filter(None, map(owner_of, directories)), None)
    if os.geteuid() == 0:
        return for_root(uids, gids, owner)
    uid = os.getuid()
    return for_user(pwd.getpwuid(uid).pw_name, uid, os.getgid(), uids=uids, gids=gids, owner=owner)


def owner_of(state: Path) -> tuple[int, int] | None:
    """Who owns the contents of a state directory; None if nobody but the host's root, or if there is none."""
    try:
        entries = [state, *sorted(state.iterdir())]
    except FileNotFoundError:
        return None
    owners = [(entry.lstat().st_uid, entry.lstat().st_gid) for entry in entries]
    return next((owner for owner in owners if owner[0] != 0), None)


def write_maps(pid: int, identity: Identity) -> None:
    """Give the user namespace of a process its maps, as root by hand and otherwise through newuidmap and newgidmap."""
    for program, file, ranges in (("newuidmap", "uid_map", identity.uids), ("newgidmap", "gid_map", identity.gids)):
        if identity.privileged:
            Path(f"/proc/{pid}/{file}").write_text("".join(one.line() + "\n" for one in ranges))
            continue
        argv = [program, str(pid), *" ".join(one.line() for one in ranges).split()]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=NEWIDMAP_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise GroundError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


def make_own(directories: Iterable[Path], identity: Identity) -> None:
    """Have directories that the region's root owns; what is in them is not touched.

    Raises:
        GroundError: one belongs to somebody else.
    """
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
        # The region's root may have put a link here, to have something else of the host's given to it.
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            owner = os.fstat(fd).st_uid
            if owner == identity.uid:
                continue
            if not identity.privileged or owner != 0:
                raise GroundError(
                    f"{directory} belongs to user {owner}, not to {identity.uid}: remove it, or use another"
                )
            os.fchown(fd, identity.uid, identity.gid)
        finally:
            os.close(fd)
