"""What of EC2 costs money: instances while they run, public IPv4 addresses, NAT gateways, volumes and snapshots.

An instance costs from the moment its machine was seen to run until it was asked to stop, or had ended by itself.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Protocol

from aftershock.aws.call import Tx
from aftershock.aws.usage import HOURS_PER_MONTH, Billed, Load, Reservation, Source
from aftershock.store import Store

from .records.address import ADDRESSES
from .records.instance import INSTANCES
from .records.nat_gateway import NAT_GATEWAYS, NatGateway
from .records.network_interface import NETWORK_INTERFACES
from .records.reserved_instances import RESERVED_INSTANCES
from .records.resource import Resource
from .records.snapshot import SNAPSHOTS
from .records.volume import VOLUMES
from .rules.instances import run
from .rules.nat_gateways import state

COMPUTE = "Amazon Elastic Compute Cloud - Compute"
OTHER = "EC2 - Other"
VPC = "Amazon Virtual Private Cloud"
LEAST_S = 60  # AWS: instances and volumes are billed by the second, with a minimum of 60 seconds
HOUR_S = 3600
GIB = 1 << 30
FREE_IOPS, FREE_THROUGHPUT = 3000, 125  # of a gp3 volume, at its base price
VOLUME_USAGE = {"standard": "EBS:VolumeUsage", "io1": "EBS:VolumeUsage.piops"}
IOPS_USAGE = {"gp3": "EBS:VolumeP-IOPS.gp3", "io1": "EBS:VolumeP-IOPS.piops", "io2": "EBS:VolumeP-IOPS.io2.tier1"}


class CarriedSoFar(Protocol):
    @property
    def since(self) -> int: ...

    @property
    def bytes(self) -> int: ...


Carried = Callable[[str], Awaitable[CarriedSoFar | None]]  # a NAT gateway's namespace -> what was sent on in it


def _instance(tx: Tx, key: str) -> Iterator[Billed]:
    instance = INSTANCES.get(tx, key)
    ran = None if instance is None else run(instance)
    if instance is not None and ran is not None:
        yield _of(instance)(
            zone=instance.zone,
            service=COMPUTE,
            usage_type=f"BoxUsage:{instance.instance_type}",
            operation="RunInstances",
            instance_type=instance.instance_type,
            since=ran.since,
            until=ran.until,
            least_s=LEAST_S,
        )


def _elastic(tx: Tx, key: str) -> Iterator[Billed]:
    """AWS: an Elastic IP costs as long as it is allocated; it is idle unless something that runs has it."""
    address = ADDRESSES.get(tx, key)
    if address is not None:
        holders = NETWORK_INTERFACES.where(tx, "allocation", key)
        used = any(eni.plugged for eni in holders)
        yield _of(address)(
            service=VPC,
            usage_type=f"PublicIPv4:{'InUse' if used else 'Idle'}Address",
            operation="AllocateAddressVPC",
            since=address.allocated_at,
        )


def _interface(tx: Tx, key: str) -> Iterator[Billed]:
    """An automatic public address costs while the wire is there that has it."""
    eni = NETWORK_INTERFACES.get(tx, key)
    if eni is not None and eni.plugged and eni.public_ip and eni.elastic is None:
        yield _of(eni)(zone=eni.zone, service=VPC, usage_type="PublicIPv4:InUseAddress", operation="AllocateAddressVPC")


def _nat_gateway(tx: Tx, key: str) -> Iterator[Billed]:
    """AWS: "each hour that your NAT gateway is available", and any part of one as a whole."""
    gateway = NAT_GATEWAYS.get(tx, key)
    if gateway is not None and state(gateway) == "available":
        yield _of(gateway)(
            zone=gateway.zone, service=OTHER, usage_type="NatGateway-Hours", operation="NatGateway", step_s=HOUR_S
        )


def _volume(tx: Tx, key: str) -> Iterator[Billed]:
    volume = VOLUMES.get(tx, key)
    if volume is None or not volume.exists or not volume.wanted:
        return
    extra: dict[str, int] = {}
    if volume.kind in IOPS_USAGE and volume.iops:
        extra[IOPS_USAGE[volume.kind]] = volume.iops - (FREE_IOPS if volume.kind == "gp3" else 0)
    if volume.kind == "gp3" and volume.throughput:
        extra["EBS:VolumeP-Throughput.gp3"] = volume.throughput - FREE_THROUGHPUT
    usage_type = VOLUME_USAGE.get(volume.kind, f"EBS:VolumeUsage.{volume.kind}")
    for name, amount in {usage_type: volume.size_gib, **extra}.items():
        if amount > 0:
            yield _of(volume)(
                zone=volume.zone,
                service=OTHER,
                usage_type=name,
                operation=f"CreateVolume-{volume.kind.capitalize()}",
                per_hour=Decimal(amount) / HOURS_PER_MONTH,
                since=volume.created_at,
                least_s=LEAST_S,
            )


def _snapshot(tx: Tx, key: str) -> Iterator[Billed]:
    snapshot = SNAPSHOTS.get(tx, key)
    if snapshot is not None and snapshot.captured and snapshot.wanted:
        yield _of(snapshot)(
            service=OTHER,
            usage_type="EBS:SnapshotUsage",
            operation="CreateSnapshot",
            per_hour=Decimal(snapshot.size_bytes) / GIB / HOURS_PER_MONTH,
            since=snapshot.completed_at,
        )


def _of(record: Resource) -> Callable[..., Billed]:
    return partial(Billed, resource=record.id, account=record.account, region=record.region, tags=record.tags)


_BILLED: dict[str, Callable[[Tx, str], Iterable[Billed]]] = {
    "i": _instance,
    "eipalloc": _elastic,
    "eni": _interface,
    "nat": _nat_gateway,
    "vol": _volume,
    "snap": _snapshot,
}
_TABLES = (INSTANCES, ADDRESSES, NETWORK_INTERFACES, NAT_GATEWAYS, VOLUMES, SNAPSHOTS)


def _concerned(tx: Tx, table: str, key: str) -> Iterable[str]:
    """An interface's change is also that of the Elastic IPs it has or had."""
    return (key, *ADDRESSES.keys(tx)) if table == NETWORK_INTERFACES.name else (key,)


USAGE = Source(
    name="ec2",
    tables=frozenset(table.name for table in _TABLES),
    concerned=_concerned,
    resources=lambda tx: [key for table in _TABLES for key in sorted(table.keys(tx))],
    billed=lambda tx, key: _BILLED[key.rpartition("-")[0]](tx, key),
)


def usage(store: Store, carried: Carried) -> Source:
    """`USAGE`, and what NAT gateways were seen to have sent on."""

    async def loads() -> Iterable[Load]:
        with store.snapshot() as tx:
            gateways = [one for one in NAT_GATEWAYS.every(tx) if state(one) == "available"]
        return [load for one in gateways if (load := _load(one, await carried(one.host))) is not None]

    return replace(USAGE, loads=loads)


def _load(gateway: NatGateway, seen: CarriedSoFar | None) -> Load | None:
    if seen is None:
        return None  # its zone has no power
    return Load(
        resource=gateway.id,
        part=f"{gateway.host} {seen.since}",
        account=gateway.account,
        region=gateway.region,
        service=OTHER,
        usage_type="NatGateway-Bytes",
        operation="NatGateway",
        new_connections=0,
        open_connections=0,
        processed_bytes=seen.bytes,
        tags=gateway.tags,
    )


def reservations(tx: Tx, account: str) -> list[Reservation]:
    """What was bought and paid, also when its term is over."""
    return [
        Reservation(
            id=one.id,
            account=one.account,
            region=one.region,
            zone=one.zone,
            instance_type=one.instance_type,
            count=one.count,
            payment=one.payment,
            years=one.years,
            upfront=one.upfront,
            hourly=one.hourly,
            start=one.bought_at,
            end=one.ends_at,
            pace=one.pace,
        )
        for one in RESERVED_INSTANCES.every(tx)
        if one.account == account and one.ends_at is not None
    ]
