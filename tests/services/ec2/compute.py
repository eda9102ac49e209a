"""An account with EC2's operations, its controllers, and a ground in memory for them to work on."""

import asyncio
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from msgspec.structs import replace

from aftershock.aws.call import Call, Tx
from aftershock.clock import Clock
from aftershock.control import Done
from aftershock.services.ec2 import bootstrap
from aftershock.services.ec2.controllers.base_image import BaseImageController
from aftershock.services.ec2.controllers.health import HealthController
from aftershock.services.ec2.controllers.instances import InstanceController
from aftershock.services.ec2.controllers.locks import Locks
from aftershock.services.ec2.controllers.snapshots import SnapshotController
from aftershock.services.ec2.controllers.volumes import VolumeController
from aftershock.services.ec2.controllers.zones import ZoneController
from aftershock.services.ec2.operations import (
    addresses,
    compute,
    key_pairs,
    network_interfaces,
    refused,
    security_groups,
    subnets,
    tags,
    vpcs,
)
from aftershock.services.ec2.operations.outside import Outside, Profile
from aftershock.services.ec2.records.address import ADDRESSES, POOLS
from aftershock.services.ec2.records.client_token import CLIENT_TOKENS
from aftershock.services.ec2.records.compute_kinds import COMPUTE_TABLES
from aftershock.services.ec2.records.image import base
from aftershock.services.ec2.records.internet_gateway import INTERNET_GATEWAYS
from aftershock.services.ec2.records.key_pair import KEY_PAIRS
from aftershock.services.ec2.records.network_acl import NETWORK_ACLS
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.route_table import ROUTE_TABLES
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import DHCP_OPTIONS, VPCS
from aftershock.services.ec2.records.zone_outage import DISRUPTIONS, ZONE_OUTAGES
from aftershock.services.ec2.rules.capacity import Host
from tests.services.ec2.ground import Ground, Images, Machines, Routers, Volumes, strike
from tests.services.modelled import Modelled

TABLES = [
    ADDRESSES,
    POOLS,
    CLIENT_TOKENS,
    *COMPUTE_TABLES,
    INTERNET_GATEWAYS,
    KEY_PAIRS,
    NETWORK_ACLS,
    NETWORK_INTERFACES,
    ROUTE_TABLES,
    SECURITY_GROUPS,
    SUBNETS,
    DHCP_OPTIONS,
    VPCS,
    DISRUPTIONS,
    ZONE_OUTAGES,
]
PROFILES = {
    "web": Profile("arn:aws:iam::123456789012:instance-profile/web", "AIPAWEB"),
    "arn:aws:iam::123456789012:instance-profile/web": Profile(
        "arn:aws:iam::123456789012:instance-profile/web", "AIPAWEB"
    ),
}
AUTHORITY = b"the region's certificate authority"
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Parameter:
    value: str
    data_type: str = "aws:ec2:image"


def _console_of(name: str) -> bytes:
    return f"console of {name}".encode()


def _has_netns(name: str) -> bool:
    return True


def _nobody(kind: str, key: str) -> None:
    """No loop is to be woken: `settle` looks at everything."""


class SetClock(Clock):
    """The account's own time."""

    def __init__(self, read: Callable[[], datetime]) -> None:
        object.__setattr__(self, "pace", 1.0)
        object.__setattr__(self, "_read", read)

    def now(self) -> datetime:
        return self._read()  # type: ignore[attr-defined, no-any-return]


class Compute(Modelled):
    tables: ClassVar[list[Any]] = TABLES

    def __init__(self, path: Path) -> None:
        self.host = Host(memory_mib=16384, available_mib=12000, bootable=1000)
        self.parameters: dict[str, Parameter] = {}
        outside = Outside(
            profile_of=self._profile_of,
            parameter=self._parameter,
            host=self._host,
            console_of=_console_of,
        )
        operations = {
            **addresses.OPERATIONS,
            **compute.operations(outside),
            **refused.OPERATIONS,
            **key_pairs.OPERATIONS,
            **network_interfaces.OPERATIONS,
            **security_groups.OPERATIONS,
            **subnets.OPERATIONS,
            **tags.OPERATIONS,
            **vpcs.OPERATIONS,
        }
        super().__init__(path, "ec2", operations, self.tables)
        self.clock = SetClock(self._now)
        self.ground = Ground(now=self._unix_time)
        self.answering = True
        with self.store.transaction() as tx:
            self.vpc = bootstrap.default_vpc(self.context(tx))
        self.settle()
        with self.store.snapshot() as tx:
            image = base(tx)
        assert image is not None
        self.image = image.id

    def _now(self) -> datetime:
        return self.now

    def _unix_time(self) -> float:
        return self.now.timestamp()

    def _host(self, machines: int) -> Host:
        return dataclasses.replace(self.host, bootable=min(self.host.bootable, machines))

    def _parameter(self, call: Call, name: str) -> Parameter | None:
        return self.parameters.get(name)

    def _profile_of(self, tx: Tx, account: str, name_or_arn: str) -> Profile | None:
        return PROFILES.get(name_or_arn)

    def controllers(self, ground: Any = None) -> list[Any]:
        """New ones, that know nothing of what others did before them."""
        machines, volumes, images = ground or (Machines(self.ground), Volumes(self.ground), Images(self.ground))
        locks, woken = Locks(), _nobody
        network: Any = Routers(self.ground)
        return [
            ZoneController(self.store, machines, network, locks, strike=strike),
            BaseImageController(self.store, images, self.clock, "us-east-1"),
            VolumeController(self.store, volumes),
            SnapshotController(self.store, self.clock, locks, images=images, volumes=volumes, machines=machines),
            InstanceController(
                self.store, machines, self.clock, locks, woken, authority=AUTHORITY, has_netns=_has_netns
            ),
            HealthController(self.store, self.clock, self._ping),
        ]

    async def _ping(self, router: str, address: str, timeout_s: float) -> bool:
        return self.answering

    def settle(self, ground: Any = None) -> list[str]:
        """Let every controller look at every key until two rounds in a row change nothing; what they said, in order."""
        return asyncio.run(self._settle(ground))

    async def _settle(self, ground: Any) -> list[str]:
        controllers, said, before = self.controllers(ground), [], None
        try:
            for _ in range(ROUNDS):
                self.plug()
                reasons = []
                for controller in controllers:
                    for key in sorted(await controller.keys()):
                        outcome = await controller.reconcile(key)
                        reasons.append(f"{controller.kind} {key}: {outcome.reason}")
                        assert isinstance(outcome, Done) or outcome.after_s >= 0
                await asyncio.sleep(0)
                await asyncio.sleep(0.001)
                said += reasons
                now = (reasons, self._rows())
                if now == before:
                    return said
                before = now
            raise AssertionError(f"does not settle: {before}")
        finally:
            for controller in controllers:
                if hasattr(controller, "close"):
                    await controller.close()

    def _rows(self) -> list[Any]:
        with self.store.snapshot() as tx:
            return [table.every(tx) for table in self.tables]

    def plug(self) -> None:
        """Do at once what the controller of ports and the network engine would."""
        with self.store.transaction() as tx:
            for eni in NETWORK_INTERFACES.every(tx):
                if not eni.wanted:
                    NETWORK_INTERFACES.forget(tx, eni.id)
                else:
                    seen = replace(eni, plugged=eni.plug, seen_generation=eni.generation)
                    NETWORK_INTERFACES.put(tx, seen)

    def run(self, **params: Any) -> str:
        given = {"ImageId": self.image, "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1, **params}
        return str(self.call("RunInstances", **given)["Instances"][0]["InstanceId"])

    def running(self, **params: Any) -> str:
        instance_id = self.run(**params)
        self.settle()
        assert self.state(instance_id) == "running"
        return instance_id

    def instance(self, instance_id: str) -> dict[str, Any]:
        found = self.call("DescribeInstances", InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])

    def state(self, instance_id: str) -> str:
        return str(self.instance(instance_id)["State"]["Name"])
