"""VPCs as others may see them: for whoever serves their names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aftershock.aws.call import Tx

from .records.network_interface import NETWORK_INTERFACES
from .records.vpc import VPCS

NETWORK_TABLES = frozenset({VPCS.name, NETWORK_INTERFACES.name})


@dataclass(frozen=True, slots=True)
class VpcNetwork:
    vpc_id: str
    cidrs: tuple[str, ...]
    private_of: Mapping[str, str]  # public address -> the private address of the interface that has it


def networks(tx: Tx) -> Iterator[VpcNetwork]:
    """Every VPC, with the public addresses of its interfaces."""
    for vpc in VPCS.every(tx):
        interfaces = NETWORK_INTERFACES.where(tx, "vpc", vpc.id)
        yield VpcNetwork(vpc.id, (vpc.cidr,), {eni.address: eni.private_ip for eni in interfaces if eni.address})
