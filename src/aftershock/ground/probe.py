"""Tries, in throw-away namespaces, what the kernel must allow to a region.  What is tried leaves nothing behind."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

from . import syscalls

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # <linux/if_tun.h>
PROGRAM_TIMEOUT_S = 10.0


def failures(directory: Path, path: str) -> dict[str, str]:
    """What did not work, by the feature's name, with the kernel's words.  `directory` lies where the state will lie."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read)
            for feature, attempt in _attempts(directory, path):
                try:
                    attempt()
                except (OSError, subprocess.SubprocessError) as error:
                    os.write(write, f"{feature}\t{_words(error)}\n".encode())
                    if feature == "user namespaces":
                        break
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read, errors="replace") as said:
        found = dict(line.rstrip("\n").split("\t", 1) for line in said)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        found.setdefault("user namespaces", "the attempt to use one ended early")
    return found


def _attempts(directory: Path, path: str) -> list[tuple[str, Callable[[], None]]]:
    return [
        ("user namespaces", _user_namespace),
        ("overlay", lambda: _overlay(directory)),
        ("tun", _tap),
        ("veth", lambda: _program(path, ["ip", "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"])),
        ("nftables", lambda: _program(path, ["nft", NFT_RULES])),
        ("proc", _fresh_proc),  # last: no program can be started any more when that namespace's first process ends
    ]


NFT_RULES = """
add table inet probe
add set inet probe members { type ipv4_addr; }
add chain inet probe post { type nat hook postrouting priority 100; }
add chain inet probe pass { type filter hook forward priority 0; }
add rule inet probe pass ct state established ip saddr @members accept
"""


def _user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    syscalls.unshare(syscalls.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    syscalls.unshare(syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC)
    syscalls.make_mounts_private()


def _fresh_proc() -> None:
    syscalls.unshare(syscalls.CLONE_NEWPID)
    pid = os.fork()  # only from inside a pid namespace may its proc be mounted
    if pid == 0:
        code = 0
        try:
            syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
        except OSError as error:
            code = error.errno or 1
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, os.strerror(code), "/proc")


def _overlay(directory: Path) -> None:
    # Named from where they lie: a comma, a colon or a backslash on the way there would mean something in the options.
    os.chdir(directory)
    parts = {name: Path(f"probe-{os.getpid()}-{name}") for name in ("lower", "upper", "work")}
    try:
        for part in parts.values():
            part.mkdir()
        options = f"userxattr,lowerdir={parts['lower']},upperdir={parts['upper']},workdir={parts['work']}"
        syscalls.mount("overlay", parts["lower"], "overlay", 0, options)
        syscalls.umount(parts["lower"])
    finally:
        inner = parts["work"] / "work"
        for part in (inner, *parts.values()):
            if part.exists():
                part.rmdir()


def _tap() -> None:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH14x", b"probe", IFF_TAP | IFF_NO_PI))
    finally:
        os.close(device)


def _program(path: str, argv: list[str]) -> None:
    env = {"PATH": path, "LANG": "C.UTF-8"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=PROGRAM_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise OSError(done.stderr.strip() or f"exit status {done.returncode}")


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
