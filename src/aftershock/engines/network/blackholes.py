"""Ports that swallow packets at a machine's own end: one nftables table for each, in the machine's namespace.

A machine has the right to remove it, as one has on AWS, where the like is done by a program in the instance.
"""

import json

from .spec import Blackhole

FAMILY = "inet"
PREFIX = "blackhole-"
_HOOKS = {"ingress": "input", "egress": "output"}


def text(name: str, blackhole: Blackhole) -> str:
    """What makes it, in the place of one that has its name already."""
    table = f"{FAMILY} {PREFIX}{name}"
    return (
        f"add table {table}\n"
        f"delete table {table}\n"
        f"add table {table}\n"
        f"add chain {table} packets {{ type filter hook {_HOOKS[blackhole.direction]} priority raw; policy accept; }}\n"
        f"add rule {table} packets {blackhole.protocol} dport {blackhole.port} drop\n"
    )


def removed(name: str) -> str:
    return f"delete table {FAMILY} {PREFIX}{name}\n"


def names(tables: str) -> frozenset[str]:
    """From `nft --json list tables`."""
    found = (item["table"]["name"] for item in json.loads(tables)["nftables"] if "table" in item)
    return frozenset(name.removeprefix(PREFIX) for name in found if name.startswith(PREFIX))
