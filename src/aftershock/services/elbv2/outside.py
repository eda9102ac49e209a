"""What Elastic Load Balancing asks of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from aftershock.aws.call import Tx


class Subnet(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def vpc_id(self) -> str: ...

    @property
    def zone(self) -> str: ...

    @property
    def cidr(self) -> str: ...

    @property
    def free_addresses(self) -> int: ...


class Vpc(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def cidrs(self) -> tuple[str, ...]: ...

    @property
    def default_group(self) -> str: ...  # the id of its default security group

    @property
    def has_internet_gateway(self) -> bool: ...

    @property
    def subnets(self) -> Mapping[str, str]: ...  # their zones, by their CIDR blocks


class Instance(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def vpc_id(self) -> str: ...

    @property
    def zone(self) -> str: ...

    @property
    def private_ip(self) -> str: ...

    @property
    def state(self) -> str: ...  # as DescribeInstances says it: "pending", "running", "stopping", ...


class Certificate(Protocol):
    @property
    def pem(self) -> str: ...  # certificate, chain and private key in one


class Interface(Protocol):
    """A network interface that EC2 keeps for a service."""

    @property
    def id(self) -> str: ...

    @property
    def private_ip(self) -> str: ...

    @property
    def public_ip(self) -> str | None: ...

    @property
    def group_ids(self) -> tuple[str, ...]: ...

    @property
    def wanted(self) -> bool: ...  # False while a deleted one goes

    @property
    def plugged(self) -> bool: ...  # its wire was seen, as it is wanted now


class ElasticIp(Protocol):
    @property
    def public_ip(self) -> str: ...

    @property
    def used(self) -> bool: ...  # some interface has it


class Interfaces(Protocol):
    """The network interfaces that EC2 keeps for this service."""

    def create(
        self,
        tx: Tx,
        *,
        account: str,
        subnet_id: str,
        group_ids: tuple[str, ...],
        description: str,
        host: str,
        public: bool,
        private_ip: str | None,
        allocation_id: str | None,
    ) -> Interface: ...

    def get(self, tx: Tx, interface_id: str) -> Interface | None: ...

    def set_groups(self, tx: Tx, interface_id: str, group_ids: tuple[str, ...]) -> None: ...

    def delete(self, tx: Tx, interface_id: str) -> None: ...  # gone when `get` has none

    def elastic_ip(self, tx: Tx, account: str, allocation_id: str) -> ElasticIp | None: ...

    def check_private_ip(self, tx: Tx, subnet_id: str, private_ip: str) -> None: ...  # raises AwsError


def no_dark_zones(tx: Tx) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything is read within the transaction given; None for what the account does not have."""

    subnet: Callable[[Tx, str, str], Subnet | None]  # account, id
    vpc: Callable[[Tx, str, str], Vpc | None]  # account, id
    instance: Callable[[Tx, str, str], Instance | None]  # account, id
    security_group_vpc: Callable[[Tx, str, str], str | None]  # account, id -> the id of its VPC
    zones: Callable[[], tuple[str, ...]]  # the region's zones
    certificate: Callable[[Tx, str, str], Certificate | None]  # account, ARN
    interfaces: Interfaces
    dark_zones: Callable[[Tx], frozenset[str]] = no_dark_zones  # without power
    cut_zones: Callable[[Tx], frozenset[str]] = no_dark_zones  # cut off from all others
    tables: frozenset[str] = frozenset()  # whose changes may change any of these answers
