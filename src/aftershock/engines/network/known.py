"""A router's table as it was read, for as long as it is certain that the kernel still has it so.

The kernel counts the transactions on a namespace's rules: its generation.  The same generation means that nobody has
changed anything; and if it has gone up by as many as were ours, then what ours did is all that was done.  Whatever
cannot be told so is read again.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from aftershock.engines.errors import EngineError

from . import netlink
from .table import Table

_NFTABLES = 10
_GETGEN = 16  # NFT_MSG_GETGEN of linux/netfilter/nf_tables.h
_GEN_ID = 1  # NFTA_GEN_ID
_SO_NETNS_COOKIE = 71  # asm-generic/socket.h, since Linux 5.14

Change = Callable[[Table], Table]


@dataclass(frozen=True, slots=True)
class Generation:
    namespace: int  # a number that no other ever gets
    number: int


@dataclass(slots=True)
class Known:
    table: Table
    generation: Generation
    read_at: float
    ours: list[Change] = field(default_factory=list)  # what our own transactions have made of it since

    def expected(self) -> Generation:
        """The generation, if nobody but us has changed anything; to be asked for before the kernel is."""
        return Generation(self.generation.namespace, self.generation.number + len(self.ours))

    def at(self, seen: Generation) -> Table:
        """The table of a generation that was expected, and seen; or of one still newer that was both."""
        while self.generation.number < seen.number:
            self.table = self.ours.pop(0)(self.table)
            self.generation = Generation(seen.namespace, self.generation.number + 1)
        return self.table


def generation() -> Generation | None:
    """That of the rules in the calling thread's namespace; None if the kernel cannot tell namespaces apart.

    Raises:
        EngineError: the kernel did not say.
    """
    with netlink.connected() as kernel:
        namespace = _cookie(kernel)
        if namespace is None:
            return None
        try:
            kernel.send(netlink.message(_NFTABLES, _GETGEN))
            _, payload = next(netlink.answers(kernel))
        except OSError as error:
            raise EngineError(f"the generation of the firewall's rules cannot be read: {error}") from error
    return Generation(namespace, *struct.unpack("!I", dict(netlink.attributes(payload))[_GEN_ID]))


def namespace_number() -> int:
    """The number of the calling thread's namespace, which no other ever gets.

    Raises:
        EngineError: the kernel cannot tell namespaces apart.
    """
    with socket.socket() as here:
        found = _cookie(here)
    if found is None:
        raise EngineError("the kernel does not number namespaces")
    return found


def _cookie(there: socket.socket) -> int | None:
    try:
        (found,) = struct.unpack("=Q", there.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8))
    except OSError:
        return None
    return int(found)
