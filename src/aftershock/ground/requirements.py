"""What the host must have, and for each thing that it lacks the act that mends it."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from . import cgroups, paths, probe

MIB = 1024 * 1024
LEAST_FREE_MIB = 256  # a region writes its records and its machines' disks; a base image alone takes more

INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
# Room for more machines than a host has memory for; each machine's systemd takes three.
INOTIFY_INSTANCES = 8192
LIMITS = {"cpu": "CPU", "memory": "memory", "pids": "process"}

PROGRAMS = {
    "runc": "runc",
    "conmon": "conmon",
    "nft": "nftables",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "nsenter": "util-linux",
}
EGRESS_PROGRAMS = {"slirp4netns": "slirp4netns"}
USER_PROGRAMS = {"newuidmap": "uidmap", "newgidmap": "uidmap"}

FEATURES = {
    "user namespaces": (
        "the kernel does not let you make a user namespace",
        "an administrator has to allow it: sysctl user.max_user_namespaces must not be 0, "
        "kernel.unprivileged_userns_clone (where it exists) must be 1, "
        "kernel.apparmor_restrict_unprivileged_userns (where it exists) must be 0",
    ),
    "proc": (
        "the kernel does not let a namespace have a /proc of its own",
        "this happens in a container whose /proc is partly covered: start it with --privileged "
        "(or --security-opt systempaths=unconfined)",
    ),
    "overlay": (
        "overlay file systems cannot be mounted below the state directory",
        "an administrator runs: modprobe overlay; or, if the directory is on a network or overlay file system, "
        "choose one on ext4, xfs or btrfs with --state (the kernel must be 5.11 or newer)",
    ),
    "tun": (
        "tap devices cannot be made, and egress needs one",
        "an administrator runs: modprobe tun && chmod 0666 /dev/net/tun; or start without egress",
    ),
    "veth": ("veth devices cannot be made", "an administrator runs: modprobe veth"),
    "nftables": (
        "nftables rules with NAT, sets and connection tracking cannot be made",
        "an administrator runs: modprobe -a nf_tables nft_chain_nat nft_ct nf_nat",
    ),
}


@dataclass(frozen=True, slots=True)
class Missing:
    name: str
    sentence: str  # what is missing, why we say so, and what to do

    def __str__(self) -> str:
        return self.sentence


def check(state: Path, *, egress: bool, path: str | None = None) -> list[Missing]:
    """What is missing for a region whose state lies in this directory (which exists); programs are sought on `path`.

    The programs are looked for; the kernel's features are tried.
    """
    path = path or paths.PATH
    wanted = PROGRAMS | (EGRESS_PROGRAMS if egress else {}) | (USER_PROGRAMS if os.geteuid() != 0 else {})
    absent = {program: package for program, package in wanted.items() if shutil.which(program, path=path) is None}
    missing = [
        Missing(program, f"the program {program} is not installed: apt-get install {package}")
        for program, package in absent.items()
    ]
    failed = probe.failures(_own_part(state), path)
    for feature, (what, act) in FEATURES.items():
        if feature not in failed or (feature == "tun" and not egress):
            continue
        if {"veth": "ip", "nftables": "nft"}.get(feature) in absent:
            continue  # said already
        missing.append(Missing(feature, f"{what} ({failed[feature]}): {act}"))
    free_mib = shutil.disk_usage(state).free // MIB
    if free_mib < LEAST_FREE_MIB:
        missing.append(
            Missing(
                "disk",
                f"only {free_mib} MiB are free where {state} lies, {LEAST_FREE_MIB} are needed: "
                "free some, or choose another place with --state",
            )
        )
    return missing


def warnings(lent: Iterable[cgroups.Lent]) -> list[str]:
    """What a region can do without, and what it is then without; `lent` are the region's cgroups."""
    return [*_few_inotify_instances(int(INOTIFY_LIMIT.read_text())), *_missing_limits(lent)]


def _few_inotify_instances(allowed: int) -> list[str]:
    if allowed >= INOTIFY_INSTANCES:
        return []
    return [
        f"the host allows {allowed} inotify instances for each user, enough for about {allowed // 3} machines: "
        f"an administrator can allow more with: sysctl -w fs.inotify.max_user_instances={INOTIFY_INSTANCES}"
    ]


def _missing_limits(lent: Iterable[cgroups.Lent]) -> list[str]:
    had = {controller for one in lent if one.writable for controller in one.controllers}
    missing = [name for controller, name in LIMITS.items() if controller not in had]
    if not missing:
        return []
    return [
        f"no {' or '.join(missing)} limits hold for instances, whatever their type: "
        "the host lends you no cgroup with these controllers.  A host with cgroup version 2 only does, to who logs in "
        "through systemd (an administrator may have to add them to Delegate= of user@.service)"
    ]


def _own_part(state: Path) -> Path:
    """Where the caller itself may write: the state directory belongs to the region's root."""
    return state / "run"
