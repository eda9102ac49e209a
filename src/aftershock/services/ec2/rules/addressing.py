"""Ranges and addresses: which AWS accepts, and which one a new interface gets."""

import hashlib
from collections.abc import Callable, Iterable
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from aftershock.aws.errors import AwsError

LARGEST, SMALLEST = 16, 28  # prefix lengths of VPCs and subnets
RESERVED_FIRST = 4  # AWS: the network's address, the router, the DNS server, one for future use
RESERVED_LAST = 1  # AWS: the broadcast address
DEFAULT_VPC = IPv4Network("172.31.0.0/16")
DEFAULT_SUBNET_PREFIX = 20
PUBLIC_POOL = IPv4Network("198.18.0.0/15")  # RFC 2544: never routed on the real internet
PUBLIC_RESERVED = IPv4Network("198.18.0.0/24")  # the internet segment's own hosts
# AWS refuses these for a VPC; the pool of public addresses is ours to keep apart.
NOT_FOR_VPCS = tuple(
    IPv4Network(text) for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", str(PUBLIC_POOL))
)


def block(text: str, parameter: str = "cidrBlock") -> IPv4Network:
    """The range, its host bits cleared as AWS clears them: "100.68.0.18/18" is "100.68.0.0/18".

    Raises:
        AwsError: InvalidParameterValue.
    """
    try:
        if "/" not in text or not text.split("/")[1].isdigit():
            raise AddressValueError(text)
        return IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {parameter} is invalid. This is not a valid CIDR block.",
        ) from None


def vpc_block(text: str) -> IPv4Network:
    """
    Raises:
        AwsError: InvalidParameterValue, InvalidVpc.Range
    """
    found = block(text)
    if not LARGEST <= found.prefixlen <= SMALLEST or any(found.overlaps(other) for other in NOT_FOR_VPCS):
        raise AwsError("InvalidVpc.Range", f"The CIDR '{text}' is invalid.")
    return found


def subnet_block(text: str, vpc: IPv4Network, others: Iterable[IPv4Network]) -> IPv4Network:
    """
    Raises:
        AwsError: InvalidParameterValue, InvalidSubnet.Range, InvalidSubnet.Conflict
    """
    found = block(text)
    if not LARGEST <= found.prefixlen <= SMALLEST or not found.subnet_of(vpc):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{text}' is invalid.")
    if any(found.overlaps(other) for other in others):
        raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{text}' conflicts with another subnet")
    return found


def capacity(subnet: IPv4Network) -> int:
    """How many interfaces fit."""
    return subnet.num_addresses - RESERVED_FIRST - RESERVED_LAST


def gateway(subnet: IPv4Network) -> IPv4Address:
    return subnet.network_address + 1


def resolver(vpc: IPv4Network) -> IPv4Address:
    """AWS: "a reserved IP address at the base of the VPC IPv4 network range, plus two"."""
    return vpc.network_address + 2


def private_address(subnet: IPv4Network, is_taken: Callable[[str], bool], wanted: str | None, seed: str) -> str:
    """The address of a new interface: the one wanted, or else any free one.

    The free one depends on `seed`, so that an address just given back is not the next one to be given.

    Raises:
        AwsError: InvalidParameterValue, InvalidIPAddress.InUse, InsufficientFreeAddressesInSubnet
    """
    if wanted is not None:
        return _wanted(subnet, is_taken, wanted)
    size = capacity(subnet)
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    for step in range(size):
        address = str(subnet.network_address + RESERVED_FIRST + (start + step) % size)
        if not is_taken(address):
            return address
    raise AwsError(
        "InsufficientFreeAddressesInSubnet",
        "The specified subnet does not have enough free addresses to satisfy the request.",
    )


def _wanted(subnet: IPv4Network, is_taken: Callable[[str], bool], wanted: str) -> str:
    try:
        address = IPv4Address(wanted)
    except AddressValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({wanted}) for parameter privateIpAddress is invalid. This is not a valid IPv4 address.",
        ) from None
    if address not in subnet:
        raise AwsError("InvalidParameterValue", f"Address {wanted} does not fall within the subnet's address range")
    place = int(address) - int(subnet.network_address)
    if place < RESERVED_FIRST or place >= subnet.num_addresses - RESERVED_LAST:
        raise AwsError("InvalidParameterValue", f"Address {wanted} is in subnet's reserved address range")
    if is_taken(str(address)):
        raise AwsError("InvalidIPAddress.InUse", f"Address {wanted} is in use.")
    return str(address)


def next_public(last: str | None, is_taken: Callable[[str], bool]) -> str:
    """The public address to hand out after `last`, in order and around the pool.

    Raises:
        AwsError: InsufficientAddressCapacity
    """
    size = PUBLIC_POOL.num_addresses
    base = int(PUBLIC_POOL.network_address)
    start = int(IPv4Address(last)) - base if last else PUBLIC_RESERVED.num_addresses - 1
    for step in range(1, size + 1):
        address = IPv4Address(base + (start + step) % size)
        # Last octets 0 and 255 are valid, and yet some people's software takes them for a network and a broadcast.
        if address in PUBLIC_RESERVED or address.packed[3] in {0, 255} or is_taken(str(address)):
            continue
        return str(address)
    raise AwsError("InsufficientAddressCapacity", "Not enough public addresses are left in this region.", status=500)


def mac(eni_id: str) -> str:
    """A locally administered address that belongs to the interface for good."""
    digest = hashlib.sha256(eni_id.encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (0x02, *digest[:5]))
