"""What a machine should be, what one is, and the runtime's own files between the two.  No I/O."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from aftershock.engines.errors import EngineError
from aftershock.engines.images.tree import require_name
from aftershock.engines.machines.seccomp import PROFILE

SPEC_HASH = "aftershock.spec_hash"  # the annotation by which a running machine's spec is known again

# Docker's default set, and two that a server's root has: its own network (routes, nftables) and its own reboot.
# Not SYS_PTRACE: with it, a machine's root could take over a process of ours that enters the machine (`runc exec`)
# before that process has dropped its rights.  Not SYS_ADMIN: it is the right to undo all this.
CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_ADMIN",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_BOOT",
    "CAP_SYS_CHROOT",
)

# What tells of the host or reaches it, and what no server's software asks for.
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/kcore",  # the host's memory
    "/proc/keys",  # keys of every user of the host's that has our id
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/sysrq-trigger",  # the host's reset button
    "/proc/timer_list",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",  # CVE-2020-8694: power readings betray what others compute
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq")

NOFILE = 524288  # systemd's own default for the hard limit; Debian's servers have it
OOM_SCORE_ADJ = 100  # when the host's memory ends, a machine goes before the control plane

_HOSTNAME = re.compile(r"(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")
_NETNS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_OVERLAY_OPTIONS_MAX = 4095  # mount(2): the options are one page, with its closing zero


@dataclass(frozen=True, slots=True)
class Bind:
    """A directory of ours that a machine has as well."""

    source: str  # absolute, as we see it
    destination: str  # absolute, as the machine sees it; made if it is not there


@dataclass(frozen=True, slots=True)
class MachineSpec:
    name: str
    hostname: str
    layers: tuple[str, ...]  # the lowest first
    volume: str  # takes what the machine writes
    netns: str  # /run/netns/<netns>, made and owned by somebody else
    nameserver: str
    search: str  # a domain, or nothing
    cpus: float
    memory_mib: int
    pids_max: int = 4096
    files: Mapping[str, bytes] = field(default_factory=dict)  # by absolute path; laid in before every start
    mounts: tuple[Bind, ...] = ()
    init: tuple[str, ...] = ("/sbin/init",)  # its first process: systemd, or a program that does one thing

    @property
    def hash(self) -> str:
        """The same for equal specs, in any process."""
        plain = asdict(self) | {"files": {path: hashlib.sha256(text).hexdigest() for path, text in self.files.items()}}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Observed:
    """A machine that runs."""

    name: str
    pid: int  # of its init, as the region sees it
    started_at: float  # Unix time
    spec_hash: str  # of the spec that it was started with


@dataclass(frozen=True, slots=True)
class Exit:
    """How a machine ended.

    `poweroff` and `reboot` are its own doing; `killed` is everything else, from a SIGKILL to the host's power cut.
    """

    cause: Literal["poweroff", "reboot", "killed"]
    code: int | None  # as conmon saw it, 128 + n for signal n; None if nobody was left to see it
    at: float | None  # Unix time


@dataclass(frozen=True, slots=True)
class Ended:
    """A machine that ran, and does not run."""

    name: str
    exit: Exit


@dataclass(frozen=True, slots=True)
class Running:
    """What the runtime wrote down of a machine at its start; whether that process still lives is another matter."""

    pid: int
    start_ticks: int  # field 22 of /proc/PID/stat: with the pid it is a process's identity
    spec_hash: str


def check(spec: MachineSpec) -> None:
    """Refuse a spec that cannot be meant, before anything of it reaches a path, an option or a program.

    Raises:
        EngineError: always not retryable; the message names the value.
    """
    for name in (spec.name, spec.volume, *spec.layers):
        require_name(name)
    if not spec.layers:
        raise EngineError(f"machine {spec.name} has no layer to run from", retryable=False)
    if not _HOSTNAME.fullmatch(spec.hostname):
        raise EngineError(f"{spec.hostname!r} cannot be a host name", retryable=False)
    if not _NETNS.fullmatch(spec.netns):
        raise EngineError(f"{spec.netns!r} cannot be a network namespace's name", retryable=False)
    if spec.cpus <= 0 or spec.memory_mib < 16 or spec.pids_max < 16:
        raise EngineError(
            f"machine {spec.name} cannot live on {spec.cpus} cpus, {spec.memory_mib} MiB and {spec.pids_max} processes",
            retryable=False,
        )
    for word in (spec.nameserver, spec.search):
        if not re.fullmatch(r"[A-Za-z0-9.:_-]*", word):
            raise EngineError(f"{word!r} cannot stand in resolv.conf", retryable=False)
    for path in spec.files:
        if not path.startswith("/") or path.endswith("/") or "\0" in path or ".." in Path(path).parts:
            raise EngineError(f"{path!r} cannot be the path of a file in a machine", retryable=False)
    for path in (path for bind in spec.mounts for path in (bind.source, bind.destination)):
        if not path.startswith("/") or path == "/" or "\0" in path or ".." in Path(path).parts:
            raise EngineError(f"{path!r} cannot be a directory that a machine shares", retryable=False)
    if not spec.init or not spec.init[0].startswith("/") or any("\0" in word for word in spec.init):
        raise EngineError(f"{spec.init!r} cannot be a machine's first process", retryable=False)


def files(spec: MachineSpec) -> dict[str, bytes]:
    """All that is laid into the root before a start; what the spec itself asks for has the last word."""
    resolv_conf = f"nameserver {spec.nameserver}\n" + (f"search {spec.search}\n" if spec.search else "")
    return {
        # Stable for a machine's life and different from every other's: journald, D-Bus and DHCP live by it.
        "/etc/machine-id": hashlib.sha256(f"machine {spec.name}".encode()).hexdigest()[:32].encode() + b"\n",
        "/etc/hostname": spec.hostname.encode() + b"\n",
        "/etc/resolv.conf": resolv_conf.encode(),
        **spec.files,
    }


def overlay_options(lower: Sequence[Path], upper: Path, work: Path) -> str:
    """mount(2)'s options for a root disk; `lower` begins with the lowest.

    Raises:
        EngineError: there are more layers than one mount takes, or a path has a sign that means something here.
    """
    paths = [str(path) for path in reversed(lower)]
    for path in (*paths, str(upper), str(work)):
        if set(path) & set(":,\\"):
            raise EngineError(f"{path} cannot be a layer's path: it has a sign that separates paths", retryable=False)
    # userxattr: within a user namespace the marks are user.overlay.*, which is what may be written there.
    options = f"lowerdir={':'.join(paths)},upperdir={upper},workdir={work},userxattr"
    if len(options) > _OVERLAY_OPTIONS_MAX:
        raise EngineError(f"{len(lower)} layers are more than a disk can be stacked from", retryable=False)
    return options


def render(spec: MachineSpec, rootfs: Path, *, nofile_max: int) -> dict[str, Any]:
    """The runtime's config.json (OCI runtime specification 1.0.2).

    `nofile_max` is the most open files that our own limits let us grant.
    """
    nofile = min(NOFILE, nofile_max)
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": True,
            "user": {"uid": 0, "gid": 0},
            "args": list(spec.init),
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "container=oci",  # by which systemd knows that it has no kernel of its own
                "TERM=dumb",  # the console is a log
                "LANG=C.UTF-8",
            ],
            "cwd": "/",
            "capabilities": {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")},
            "rlimits": [
                {"type": "RLIMIT_NOFILE", "hard": nofile, "soft": min(1024, nofile)},
                {"type": "RLIMIT_CORE", "hard": 0, "soft": 0},  # a core would be written by the host's own rules
            ],
            "oomScoreAdj": OOM_SCORE_ADJ,
            "noNewPrivileges": False,  # sudo
        },
        "root": {"path": str(rootfs), "readonly": False},
        "hostname": spec.hostname,
        "mounts": [*_mounts(spec.memory_mib), *(_bound(bind) for bind in spec.mounts)],
        "annotations": {SPEC_HASH: spec.hash},
        "linux": {
            "namespaces": [
                {"type": "pid"},
                {"type": "ipc"},
                {"type": "uts"},
                {"type": "mount"},
                {"type": "cgroup"},
                {"type": "network", "path": f"/run/netns/{spec.netns}"},
            ],
            "seccomp": PROFILE,
            "maskedPaths": list(MASKED_PATHS),
            "readonlyPaths": list(READONLY_PATHS),
        },
    }


def _mounts(memory_mib: int) -> list[dict[str, Any]]:
    quiet = ["nosuid", "noexec", "nodev"]
    run_mib, shm_mib = max(16, memory_mib // 5), max(16, memory_mib // 2)  # systemd's and Linux's own shares
    return [
        _mount("/proc", "proc", *quiet),
        _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=4m"),
        _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
        _mount("/dev/shm", "tmpfs", *quiet, "mode=1777", f"size={shm_mib}m"),  # noqa: S108 (a path in the machine)
        _mount("/dev/mqueue", "mqueue", *quiet),
        _mount("/sys", "sysfs", *quiet, "ro"),
        # The machine's own cgroup and what is below it, because of the cgroup namespace.  runc would mount the
        # host's version 1 hierarchies for type "cgroup"; systemd is content with this one.
        _mount("/sys/fs/cgroup", "cgroup2", *quiet, "rw"),
        _mount("/run", "tmpfs", "nosuid", "nodev", "mode=755", f"size={run_mib}m"),
        _mount("/run/lock", "tmpfs", *quiet, "mode=1777", "size=5m"),
    ]


def _mount(destination: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": kind, "options": list(options)}


def _bound(bind: Bind) -> dict[str, Any]:
    options = ["bind", "rw", "nosuid", "nodev", "noexec"]
    return {"destination": bind.destination, "type": "bind", "source": bind.source, "options": options}


def parse_state(text: str | bytes) -> Running:
    """runc's state.json, as far as it says who the machine's init is and what it was started with.

    Raises:
        ValueError: it is not whole.
    """
    try:
        state = json.loads(text)
        labels = dict(label.split("=", 1) for label in state["config"]["labels"])
        return Running(int(state["init_process_pid"]), int(state["init_process_start"]), labels[SPEC_HASH])
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the state of a machine of ours: {error!r}") from error


def parse_exit(code: int, at: float) -> Exit:
    """conmon's exit status, in words.

    A reboot(2) in a pid namespace ends its init with SIGINT for power-off and halt, and with SIGHUP for a restart
    (pid_namespaces(7), "Rebooting").  An init that ends by itself with 0 has shut down as well.
    """
    match code:
        case 0 | 130:
            return Exit("poweroff", code, at)
        case 129:
            return Exit("reboot", code, at)
        case _:
            return Exit("killed", code, at)
