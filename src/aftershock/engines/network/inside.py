"""Acting inside another network namespace: sockets, sysctls and calls, made by a thread that goes there and ends there.

A socket belongs to the namespace in which it was made, for good; so what is needed of a namespace is often no more
than a moment in it.
"""

import asyncio
import ctypes
import os
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from aftershock.engines.errors import EngineError

NETNS = Path("/run/netns")  # where `ip netns` keeps them

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def inside(netns: str, act: Callable[[], T]) -> T:
    """Do something in a network namespace and return its result; it must not take long.

    Raises:
        EngineError: there is no such namespace.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def go() -> None:
        try:
            _enter(netns)
            results.append(act())
        except BaseException as error:  # to be raised where it can be handled
            errors.append(error)

    # A thread of its own, which ends in there: a pool's thread would have to find its way back.
    thread = threading.Thread(target=go, name=f"in {netns}")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def call_inside(netns: str, act: Callable[[], T]) -> T:
    return await asyncio.to_thread(inside, netns, act)


def open_in(
    netns: str,
    family: socket.AddressFamily = socket.AF_INET,
    kind: socket.SocketKind = socket.SOCK_STREAM,
    protocol: int = 0,
) -> socket.socket:
    """A socket as if made by a process inside the namespace; it stays there and keeps the namespace alive."""
    return inside(netns, lambda: socket.socket(family, kind, protocol))


def set_sysctls(settings: Mapping[str, str]) -> None:
    """Write settings of the calling thread's own network namespace, such as `net/ipv4/ip_forward`."""
    for name, value in settings.items():
        path = Path("/proc/sys") / name
        try:
            path.write_text(value)
        except OSError as error:
            raise EngineError(f"{path} cannot be set to {value}: {error}") from error


def has_device(name: str) -> int | None:
    """The index of a device in the calling thread's namespace; None if there is none of that name."""
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return None


def _enter(netns: str) -> None:
    try:
        with (NETNS / netns).open() as there:
            if _libc.setns(there.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    except OSError as error:
        raise EngineError(f"network namespace {netns} cannot be entered: {error}") from error
