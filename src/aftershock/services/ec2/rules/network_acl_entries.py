"""Entries of network ACLs: read from a request, and written into an answer."""

from collections.abc import Iterable
from ipaddress import AddressValueError, IPv6Network, NetmaskValueError
from typing import Any

from aftershock.aws.call import Params
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.network_acl import Entry

from .addressing import block

ALL, ICMP, TCP, UDP, ICMPV6 = "-1", "1", "6", "17", "58"
NAMES = {ICMP: "icmp", TCP: "tcp", UDP: "udp"}
ANY = -1  # ICMP type or code
LAST = 32767  # AWS: the "*" entry, which denies what no other entry describes
MAX_PORT = 65535
# AWS: "Rules per network ACL: 20", one way, IPv4 and IPv6 counted apart, and "includes the default deny rules".
MAX_ENTRIES = 20


def entry(params: Params) -> Entry:
    """What CreateNetworkAclEntry or ReplaceNetworkAclEntry asks for.

    Raises:
        AwsError: InvalidParameterValue, InvalidParameterCombination, MissingParameter
    """
    cidr, cidr6 = _ranges(params)
    protocol = _protocol(params["Protocol"])
    return Entry(
        number=number(params["RuleNumber"]),
        egress=params["Egress"],
        allow=params["RuleAction"] == "allow",
        protocol=protocol,
        cidr=cidr,
        cidr6=cidr6,
        # AWS: with other protocols, "traffic on all ports is allowed, regardless of any ports or ICMP types or codes
        # that you specify"; and those of ICMPv6 count for ranges of IPv6 alone.
        ports=_ports(params.get("PortRange", {})) if protocol in (TCP, UDP) else None,
        icmp=_icmp(params.get("IcmpTypeCode", {})) if protocol == ICMP or (protocol == ICMPV6 and cidr6) else None,
    )


def number(asked: int) -> int:
    """
    Raises:
        AwsError: InvalidParameterValue
    """
    if not 1 <= asked < LAST:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({asked}) for parameter ruleNumber is invalid. Rulenumber must be in range 1..{LAST - 1}",
        )
    return asked


def _ranges(params: Params) -> tuple[str | None, str | None]:
    given = [name for name in ("CidrBlock", "Ipv6CidrBlock") if name in params]
    if not given:
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.")
    if len(given) > 1:
        raise AwsError(
            "InvalidParameterCombination", "The parameters cidrBlock and ipv6CidrBlock cannot be used together."
        )
    if "CidrBlock" in params:
        return str(block(params["CidrBlock"])), None
    text = params["Ipv6CidrBlock"]
    try:
        if "/" not in text or "%" in text:
            raise AddressValueError(text)
        return None, str(IPv6Network(text, strict=False))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter ipv6CidrBlock is invalid. This is not a valid CIDR block.",
        ) from None


def _protocol(text: str) -> str:
    """AWS: "The protocol number. A value of "-1" means all protocols."; names are for the AWS CLI to turn into it."""
    if text == ALL:
        return ALL
    if text.isascii() and text.isdigit() and int(text) <= 255:
        return str(int(text))
    raise AwsError("InvalidParameterValue", f"Invalid value '{text}' for IP protocol. Unknown protocol.")


def _ports(given: Params) -> tuple[int, int]:
    for name in ("From", "To"):
        if name not in given:
            raise AwsError("MissingParameter", f"The request must contain the parameter portRange.{name.lower()}")
    first, last = given["From"], given["To"]
    for port in (first, last):
        if not 0 <= port <= MAX_PORT:
            raise AwsError("InvalidParameterValue", f"TCP/UDP port ({port}) out of range")
    if first > last:
        raise AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({first}:{last})")
    return first, last


def _icmp(given: Params) -> tuple[int, int]:
    for name in ("Type", "Code"):
        if name not in given:
            raise AwsError("MissingParameter", f"The request must contain the parameter icmpTypeCode.{name.lower()}")
        if not ANY <= given[name] <= 255:
            raise AwsError("InvalidParameterValue", f"ICMP {name.lower()} ({given[name]}) out of range")
    return given["Type"], given["Code"]


def check_room(entries: Iterable[Entry], new: Entry) -> None:
    """
    Raises:
        AwsError: NetworkAclEntryAlreadyExists, NetworkAclEntryLimitExceeded
    """
    alike = [one for one in entries if one.egress == new.egress]
    if any(one.number == new.number for one in alike):
        raise AwsError(
            "NetworkAclEntryAlreadyExists", f"The network acl entry identified by {new.number} already exists."
        )
    if sum((one.cidr is None) == (new.cidr is None) for one in alike) + 1 >= MAX_ENTRIES:
        raise AwsError("NetworkAclEntryLimitExceeded", "The maximum number of network ACL entries has been reached.")


def without(entries: tuple[Entry, ...], asked: int, *, egress: bool) -> tuple[Entry, ...]:
    """The entries that are left without this one.

    Raises:
        AwsError: InvalidNetworkAclEntry.NotFound; InvalidParameterValue, for the one that nobody can take away.
    """
    wanted = number(asked)
    left = tuple(one for one in entries if (one.number, one.egress) != (wanted, egress))
    if len(left) == len(entries):
        way = "egress" if egress else "ingress"
        raise AwsError("InvalidNetworkAclEntry.NotFound", f"no {way} entry with number {wanted}")
    return left


def view(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """All entries of an ACL in their order, what leaves first, each direction with the one that denies the rest."""
    last = [Entry(number=LAST, egress=egress, allow=False, protocol=ALL, cidr="0.0.0.0/0") for egress in (True, False)]
    return [_view(one) for one in sorted([*entries, *last], key=lambda one: (not one.egress, one.number))]


def _view(one: Entry) -> dict[str, Any]:
    return {
        "CidrBlock": one.cidr,
        "Ipv6CidrBlock": one.cidr6,
        "Egress": one.egress,
        "Protocol": one.protocol,
        "RuleAction": "allow" if one.allow else "deny",
        "RuleNumber": one.number,
        "PortRange": {"From": one.ports[0], "To": one.ports[1]} if one.ports else None,
        "IcmpTypeCode": {"Type": one.icmp[0], "Code": one.icmp[1]} if one.icmp else None,
    }
