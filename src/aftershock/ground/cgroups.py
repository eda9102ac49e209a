"""The region's own cgroups: where the host's hierarchies are, a subtree in each, lent to the region, and its end."""

import errno
import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import GroundError
from .identity import Identity

MOUNTINFO = Path("/proc/self/mountinfo")
MEMBERSHIP = Path("/proc/self/cgroup")
V1_CONTROLLERS = frozenset({"cpu", "cpuacct", "memory", "pids", "freezer"})
V2_CONTROLLERS = ("cpu", "memory", "pids")
# What a delegated cgroup consists of, in both versions (Documentation/admin-guide/cgroup-v2.rst, "Delegation").
LENT = ("cgroup.procs", "cgroup.threads", "cgroup.subtree_control", "tasks")
LEAF = "keeper"  # a v2 cgroup with controllers may not hold processes itself; the keeper and its children live here
REMOVAL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    controllers: tuple[str, ...]
    mount: Path
    device: str  # the same for all mounts of one hierarchy
    v2: bool


@dataclass(frozen=True, slots=True)
class Lent:
    """One hierarchy as the region sees it."""

    controllers: tuple[str, ...]  # the limits that can really be set below `path`
    path: str  # the region's directory, the same inside and outside
    v2: bool
    writable: bool

    def json(self) -> dict[str, object]:
        return asdict(self)


def parse(mountinfo: str) -> list[Hierarchy]:
    """The mounts in /proc/self/mountinfo of hierarchies that a region can use, the unified one's last."""
    found = []
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        device, mount = before.split()[2], Path(before.split()[4].encode().decode("unicode_escape"))
        fstype, _, options = after.split(maxsplit=2)
        controllers = tuple(sorted(V1_CONTROLLERS & set(options.split(","))))
        if fstype == "cgroup2":
            found.append(Hierarchy((), mount, device, v2=True))
        elif fstype == "cgroup" and controllers:
            found.append(Hierarchy(controllers, mount, device, v2=False))
    return sorted(found, key=lambda one: one.v2)


def hierarchies() -> list[Hierarchy]:
    """This host's, each once, where it can be seen: a mount may be hidden by a later one above it."""
    seen: dict[str, Hierarchy] = {}
    for one in parse(MOUNTINFO.read_text()):
        if one.mount.is_dir() and one.device == _device(one.mount):
            seen.setdefault(one.device, one)
    return list(seen.values())


def _device(path: Path) -> str:
    number = path.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def membership(text: str) -> dict[str, str]:
    """The paths of /proc/self/cgroup by controller; the unified hierarchy's controller is called ''."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update(dict.fromkeys(controllers.split(","), path))
    return paths


def region_name(state: Path) -> str:
    return f"aftershock-{hashlib.sha256(os.fsencode(state)).hexdigest()[:12]}"


def lend(state: Path, identity: Identity) -> list[Lent]:
    """Make the region's subtree in each hierarchy and give it to the region's root.

    Raises:
        GroundError: not even the unified hierarchy allows it; systemd in a machine cannot live without.
    """
    found = hierarchies()
    own = membership(MEMBERSHIP.read_text())
    lent = [_lend(one, _parent(one, own, state, identity), region_name(state), identity) for one in found]
    if not any(one.v2 and one.writable for one in lent):
        remove(lent)
        raise GroundError(_why_not(found, own))
    return lent


def enter(lent: Iterable[Lent], pid: int) -> None:
    """Put a process into the region's leaf; limits of the whole region come from its parent."""
    for one in lent:
        if one.writable:
            (Path(one.path) / LEAF / "cgroup.procs").write_text(str(pid))


def step_aside(state: Path, identity: Identity) -> Path | None:
    """Leave the cgroup that systemd has lent to us alone, for one that holds processes cannot have limits below it.

    The leaf that we are in then; None if there was no need.
    """
    unified = next((one for one in hierarchies() if one.v2), None)
    if identity.privileged or unified is None:
        return None
    parent = _parent(unified, membership(MEMBERSHIP.read_text()), state, identity)
    if not _may_write(parent) or (parent / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        return None
    leaf = parent / f"{region_name(state)}-launcher"
    leaf.mkdir(exist_ok=True)
    (leaf / "cgroup.procs").write_text(str(os.getpid()))
    return leaf


def step_back(leaf: Path | None) -> None:
    """Undo `step_aside`, when the region's own subtree is gone."""
    if leaf is None:
        return
    for controller in (leaf.parent / "cgroup.subtree_control").read_text().split():
        (leaf.parent / "cgroup.subtree_control").write_text(f"-{controller}")
    (leaf.parent / "cgroup.procs").write_text(str(os.getpid()))
    leaf.rmdir()


def remove(lent: Iterable[Lent]) -> None:
    """Remove the subtrees, the deepest first, waiting for dying processes to leave.  What is not there is no error.

    Raises:
        GroundError: something still lives in one.
    """
    deadline = time.monotonic() + REMOVAL_TIMEOUT_S
    for one in lent:
        if not one.writable:
            continue
        while (stuck := _remove_tree(Path(one.path))) is not None:
            if time.monotonic() > deadline:
                raise GroundError(f"{stuck}: processes still live in this cgroup; see its cgroup.procs")
            time.sleep(0.01)


def scope_name(state: Path, pid: int) -> str:
    """The unit that an ordinary user's launcher asks its systemd for."""
    return f"{region_name(state)}-{pid}.scope"


def _parent(one: Hierarchy, own: dict[str, str], state: Path, identity: Identity) -> Path:
    """Root uses the top of each hierarchy; a user the scope that systemd has made, or else the highest cgroup above
    the own one that was given to the user.
    """
    if identity.privileged:
        return one.mount
    path = own.get("" if one.v2 else one.controllers[0], "/")
    directory = best = one.mount / path.lstrip("/")
    for candidate in (directory, *directory.parents):
        if candidate == one.mount.parent or not _may_write(candidate):
            break
        best = candidate
        if candidate.suffix == ".scope" and candidate.name.startswith(region_name(state)):
            break  # what is above is systemd's own
    return best


def _may_write(directory: Path) -> bool:
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


def _lend(one: Hierarchy, parent: Path, name: str, identity: Identity) -> Lent:
    path = parent / name
    try:
        if one.v2:
            _enable(parent)
        (path / LEAF).mkdir(parents=True, exist_ok=True)
        for directory in (path, path / LEAF):
            _give(directory, identity)
        controllers = _enable(path) if one.v2 else one.controllers
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return Lent(one.controllers, str(path), one.v2, writable=False)
    return Lent(controllers, str(path), one.v2, writable=True)


def _give(directory: Path, identity: Identity) -> None:
    if not identity.privileged:
        return
    for file in (directory, *(directory / name for name in LENT)):
        if file.exists():
            os.chown(file, identity.uid, identity.gid)


def _enable(directory: Path) -> tuple[str, ...]:
    """Offer the controllers of a v2 cgroup to its children, and say which ones they have now."""
    there = set((directory / "cgroup.controllers").read_text().split())
    control = directory / "cgroup.subtree_control"
    for controller in V2_CONTROLLERS:
        if controller in there:
            try:
                control.write_text(f"+{controller}")
            except OSError as error:  # not delegated, or busy: the cgroup holds processes itself
                if error.errno not in (errno.EACCES, errno.EPERM, errno.EBUSY, errno.ENOENT, errno.EROFS):
                    raise
    enabled = control.read_text().split()
    return tuple(controller for controller in V2_CONTROLLERS if controller in enabled)


def _remove_tree(top: Path) -> Path | None:
    """Remove what can be removed now; the first directory that could not."""
    if not top.exists():
        return None
    for directory, _, _ in os.walk(top, topdown=False):
        try:
            Path(directory).rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
                raise
            return Path(directory)
    return None


def _why_not(found: list[Hierarchy], own: dict[str, str]) -> str:
    unified = next((one for one in found if one.v2), None)
    if unified is None:
        return (
            "no cgroup2 hierarchy is mounted: an administrator has to run, once per boot: "
            "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
        )
    directory = unified.mount / own.get("", "/").lstrip("/")
    user, uid = os.environ.get("USER", str(os.getuid())), os.getuid()
    delegated = unified.mount / f"aftershock-user-{uid}"
    return (
        f"{directory}: you may not make cgroups here.  Either log in through systemd (then its user manager lends "
        f"some), or an administrator has to run, once per boot, and you then start from that cgroup: "
        f"mkdir {delegated} && chown {user} {delegated} {delegated}/cgroup.procs {delegated}/cgroup.subtree_control "
        f"&& echo YOUR-SHELLS-PID > {delegated}/cgroup.procs"
    )
