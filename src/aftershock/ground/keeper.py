"""PID 1 of a region.  Holds its namespaces, keeps its few processes running, buries the dead; knows nothing else.

Started by the launcher with two descriptors: one to read its orders from, and the lifeline.  It dies with the
launcher; all processes of the region die with it.
"""

import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from . import syscalls, view
from .paths import RUN
from .signals import Signals
from .supervise import Child, Supervisor

HOSTNAME = "aftershock"
ENDED = 128 + signal.SIGTERM  # what a shell says of who was told to end
RESOLV_CONF, HOSTS = Path("/etc/resolv.conf"), Path("/etc/hosts")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # <linux/sockios.h>, <linux/if.h>

# The region's own network namespace routes between its segments; nothing here touches the host's settings.
SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/default/accept_redirects": "0",
    "net/ipv4/ping_group_range": "0 65535",
}


def main(orders_fd: int, lifeline: int) -> int:
    signals = Signals(signal.SIGTERM)  # first of all: a PID 1 does not even get a signal that it has not asked for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not os.read(lifeline, 1):
        return 1
    syscalls.die_with_parent()
    with os.fdopen(orders_fd) as file:
        orders: dict[str, Any] = json.load(file)
    status = os.fdopen(orders["status_fd"], "w", buffering=1)
    os.set_inheritable(status.fileno(), False)
    os.set_inheritable(lifeline, False)
    try:
        set_up(orders)
        children = [Child.of(child) for child in orders["children"]]
        for fd in {fd for child in children for fd in child.fds}:
            os.set_inheritable(fd, False)
        supervisor = Supervisor(children)
        print("prepared", file=status)
        if not os.read(lifeline, 1):  # the launcher connects it to the outside before anybody runs
            return 1
        supervisor.start_due(time.monotonic())
    except OSError as error:
        print(f"the keeper cannot set up the region: {error}", file=status)
        return 1
    print("started", file=status)
    status.close()
    return run(supervisor, signals, lifeline)


def set_up(orders: dict[str, Any]) -> None:
    """Mounts, names and the network's switches."""
    os.umask(0o022)
    state, cache = (os.open(orders[name], os.O_PATH) for name in ("state", "cache"))
    resolv_conf = RESOLV_CONF.resolve()
    syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    syscalls.mount("tmpfs", "/run", "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755")
    for name, fd in (("state", state), ("cache", cache)):
        (RUN / name).mkdir(parents=True)
        syscalls.bind(f"/proc/self/fd/{fd}", RUN / name)
        os.close(fd)
    for directory in ("netns", "lock"):
        Path("/run", directory).mkdir()
    (RUN / "ground.json").write_text(json.dumps(orders["ground"]))
    _set_resolver(orders["nameserver"], resolv_conf)
    _set_hosts()
    if orders["private_tmp"]:
        view.private_tmp(RUN / "state" / "tmp", [Path(path) for path in orders["needed"]])
    socket.sethostname(HOSTNAME)
    _loopback_up()
    for name, value in SYSCTLS.items():
        Path("/proc/sys", name).write_text(value)


def run(supervisor: Supervisor, signals: Signals, lifeline: int) -> int:
    """Keep the children running until told to end, or until the one that the region is for has ended."""
    while True:
        signals.clear()
        if signals.ending:
            break
        supervisor.bury()
        if supervisor.outcome is not None:
            return supervisor.outcome
        wait_s = supervisor.start_due(time.monotonic())
        readable, _, _ = select.select([signals.fd, lifeline, *supervisor.outputs], [], [], wait_s)
        if lifeline in readable and not os.read(lifeline, 1):
            break
        supervisor.drain(readable)
    supervisor.end()
    return ENDED


def _set_resolver(nameserver: str, file: Path) -> None:
    """Let everything in the region ask `nameserver`, whatever the host's own file says or links to."""
    own = RUN / "resolv.conf"
    own.write_text(f"nameserver {nameserver}\n")
    if file.is_relative_to("/run"):  # a link into what our own /run has just covered
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(own)
    else:
        syscalls.bind(own, file)


def _set_hosts() -> None:
    """The region's names are its resolver's; what the host's own file says is not true in here."""
    own = RUN / "hosts"
    own.write_text(f"127.0.0.1 localhost {HOSTNAME}\n")
    if HOSTS.exists():
        syscalls.bind(own, HOSTS)


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
