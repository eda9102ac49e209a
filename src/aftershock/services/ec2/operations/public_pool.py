"""The region's pool of public addresses, from which Elastic IPs and automatic public addresses come."""

from aftershock.aws.call import Tx
from aftershock.services.ec2.records.address import ADDRESSES, POOLS, Pool
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.rules import addressing


def take(tx: Tx, region: str) -> str:
    """A public address that nobody has, and that was not given back a moment ago.

    Raises:
        AwsError: InsufficientAddressCapacity
    """

    def is_taken(address: str) -> bool:
        return bool(ADDRESSES.where(tx, "public_ip", address) or NETWORK_INTERFACES.where(tx, "public_ip", address))

    pool = POOLS.get(tx, region)
    address = addressing.next_public(pool.last if pool else None, is_taken)
    POOLS.put(tx, Pool(id=region, last=address))
    return address
