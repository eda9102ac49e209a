"""The metadata service of every VPC: a server at 169.254.169.254 within its router.

A server is known by its socket, and a socket by the namespace in which it was made: when the router is another one, the
server is opened anew.
"""

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.engines.network import open_in, router_netns
from aftershock.services.ec2 import identity
from aftershock.services.ec2.metadata import Answer, Known, RoleCredentials, answer
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.ec2.records.key_pair import KEY_PAIRS
from aftershock.services.ec2.records.metadata_key import METADATA_KEYS, MetadataKey
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.zones import zones
from aftershock.store import Change, Store, Transaction

from .http import Connection

log = logging.getLogger(__name__)

ADDRESS = ("169.254.169.254", 80)
ROUTER_AGAIN_S = 0.1
TOKENS = "metadata"  # the name of the key that session tokens are signed with
BACKLOG = 512  # every machine of a VPC may boot at once
NETNS = Path("/run/netns")

# The credentials of the role in an instance profile: by account, the profile's ARN and the instance's id.
CredentialsOf = Callable[[str, str, str], RoleCredentials | None]


@dataclass(frozen=True, slots=True)
class _Open:
    server: asyncio.Server
    netns: tuple[int, int]  # device and inode: its identity


class MetadataController:
    """One key for each VPC."""

    kind = "ec2.metadata"

    def __init__(self, store: Store, clock: Clock, credentials_of: CredentialsOf) -> None:
        self._store, self._clock, self._credentials_of = store, clock, credentials_of
        self._open: dict[str, _Open] = {}

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return VPCS.keys(tx) | set(self._open)

    def concerned(self, change: Change) -> Iterable[str]:
        return (change.key,) if change.table == VPCS.name else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            vpc = VPCS.get(tx, key)
        netns = _identity(key)
        found = self._open.get(key)
        if found is not None and (vpc is None or found.netns != netns):
            self._close(key)
            found = None
        if vpc is None:
            return Done("closed with its VPC")
        if netns is None or not vpc.routed:
            # A router that comes back as it was changes no record, and so wakes nobody.
            return Again("waiting for the VPC's router", after_s=ROUTER_AGAIN_S)
        if found is None:
            self._open[key] = _Open(await self._serve(key), netns)
        return Done("open")

    async def _serve(self, vpc_id: str) -> asyncio.Server:
        listening = open_in(router_netns(vpc_id))
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setblocking(False)
            listening.bind(ADDRESS)
            return await asyncio.get_running_loop().create_server(
                lambda: Connection(lambda peer, *request: self._answer(vpc_id, peer, *request)),
                sock=listening,
                backlog=BACKLOG,
            )
        except BaseException:
            listening.close()
            raise

    def _answer(self, vpc_id: str, peer: str, method: str, path: str, headers: dict[str, str]) -> Answer:
        now = self._clock.now()
        with self._store.snapshot() as tx:
            known = self._known(tx, vpc_id, peer)
        return answer(method, path, headers, known, now=now, key=self._key(TOKENS, lambda: secrets.token_bytes(32)))

    def _key(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The key of this name, made when it is first needed."""
        with self._store.snapshot() as tx:
            kept = METADATA_KEYS.get(tx, name)
        if kept is None:
            kept = MetadataKey(id=name, key=make())
            with self._store.transaction() as tx:
                METADATA_KEYS.put(tx, kept)
        return kept.key

    def _known(self, tx: Transaction, vpc_id: str, peer: str) -> Known | None:
        """The instance that has the address in this VPC.  Nobody else can: the router drops what is forged."""
        subnets = SUBNETS.where(tx, "vpc", vpc_id)
        subnet = next((one for one in subnets if IPv4Address(peer) in IPv4Network(one.cidr)), None)
        vpc = VPCS.get(tx, vpc_id)
        if subnet is None or vpc is None:
            return None
        eni = next(iter(NETWORK_INTERFACES.where(tx, "private_ip", f"{subnet.id} {peer}")), None)
        instance = INSTANCES.get(tx, eni.instance_id) if eni is not None and eni.instance_id else None
        if eni is None or instance is None:
            return None
        groups = [group.name for group_id in eni.group_ids if (group := SECURITY_GROUPS.get(tx, group_id))]
        profile = instance.profile
        return Known(
            instance=instance,
            interface=eni,
            group_names=tuple(groups),
            subnet_cidr=subnet.cidr,
            vpc_cidr=vpc.cidr,
            dns_hostnames=vpc.dns_hostnames,
            zone_id=next((zone.id for zone in zones(instance.region) if zone.name == instance.zone), ""),
            public_key=_public_key(tx, instance.account, instance.key_name),
            credentials=lambda: (
                self._credentials_of(instance.account, profile.arn, instance.id) if profile is not None else None
            ),
            sign=lambda document: identity.sign(document, self._key(identity.KEY_ID, identity.new_key)),
        )

    def _close(self, key: str) -> None:
        self._open.pop(key).server.close()

    async def close(self) -> None:
        for key in list(self._open):
            self._close(key)


def _public_key(tx: Transaction, account: str, name: str | None) -> str | None:
    """The key pair's public half.  It is gone with the key pair; the machine has it since its first boot."""
    if name is None:
        return None
    return next((pair.public_key for pair in KEY_PAIRS.where(tx, "name", name) if pair.account == account), None)


def _identity(vpc_id: str) -> tuple[int, int] | None:
    try:
        found = (NETNS / router_netns(vpc_id)).stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
