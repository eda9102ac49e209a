"""Permissions of security groups: read from a request, compared, and written into an answer."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv4Network, IPv6Network, NetmaskValueError
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.security_group import Rule

ALL = "-1"
NAMES = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": ALL}
WITH_PORTS = {"tcp", "udp"}
WITH_TYPES = {"icmp", "icmpv6"}
MAX_PORT = 65535
ANY = -1  # ICMP type or code
MAX_RULES = 60  # AWS: "Inbound or outbound rules per security group: 60", IPv4 and IPv6 counted apart
TEXT = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}")
TEXT_SAID = "strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"

GroupOf = Callable[[Mapping[str, Any]], str]  # a UserIdGroupPair -> the id of the group it means


@dataclass(frozen=True, slots=True)
class Permission:
    """What a rule allows, without its name: two rules of a group and direction never allow the same."""

    protocol: str
    from_port: int | None
    to_port: int | None
    cidr: str | None = None
    cidr6: str | None = None
    group_id: str | None = None

    def __str__(self) -> str:
        """As AWS spells it in errors."""
        peer = self.cidr or self.cidr6 or self.group_id
        return f"peer: {peer}, {self._what()}, ALLOW"

    def _what(self) -> str:
        if self.protocol == ALL:
            return "ALL"
        if self.protocol in WITH_PORTS:
            return f"{self.protocol.upper()}, from port: {self.from_port}, to port: {self.to_port}"
        if self.protocol in WITH_TYPES:
            kind, code = ("ALL" if one == ANY else one for one in (self.from_port, self.to_port))
            return f"{self.protocol.upper()}, type: {kind}, code: {code}"
        return f"protocol: {self.protocol}"


def permission(rule: Rule) -> Permission:
    return Permission(
        protocol=rule.protocol,
        from_port=rule.from_port,
        to_port=rule.to_port,
        cidr=rule.cidr,
        cidr6=rule.cidr6,
        group_id=rule.group_id,
    )


def parse(asked: Sequence[Mapping[str, Any]], group_of: GroupOf) -> list[tuple[Permission, str | None]]:
    """The permissions of IpPermissions, one for each peer, each with its description.

    Raises:
        AwsError: InvalidParameterValue, MissingParameter; what `group_of` raises.
    """
    found = [one for block in asked for one in _block(block, group_of)]
    if len({one for one, _ in found}) < len(found):
        raise AwsError("InvalidParameterValue", "The same permission must not appear multiple times")
    return found


def _block(block: Mapping[str, Any], group_of: GroupOf) -> Iterator[tuple[Permission, str | None]]:
    protocol, from_port, to_port = traffic(block)
    base = Permission(protocol, from_port, to_port)
    count = 0
    for peer in block.get("IpRanges") or ():
        count += 1
        yield replace(base, cidr=range4(peer.get("CidrIp", ""))), text(peer.get("Description"))
    for peer in block.get("Ipv6Ranges") or ():
        count += 1
        yield replace(base, cidr6=range6(peer.get("CidrIpv6", ""))), text(peer.get("Description"))
    for peer in block.get("UserIdGroupPairs") or ():
        count += 1
        yield replace(base, group_id=group_of(peer)), text(peer.get("Description"))
    if not count:
        raise AwsError(
            "MissingParameter", "The request must contain the parameter ipRanges, ipv6Ranges or userIdGroupPairs"
        )


def traffic(asked: Mapping[str, Any]) -> tuple[str, int | None, int | None]:
    """Protocol and ports of IpProtocol, FromPort and ToPort.

    Raises:
        AwsError: InvalidParameterValue, MissingParameter
    """
    if not asked.get("IpProtocol"):
        raise AwsError("MissingParameter", "The request must contain the parameter ipProtocol")
    protocol = _protocol(asked["IpProtocol"])
    from_port, to_port = asked.get("FromPort"), asked.get("ToPort")
    if protocol in WITH_PORTS:
        return protocol, *_ports(from_port, to_port)
    if protocol in WITH_TYPES:
        return protocol, *_types(from_port, to_port)
    return protocol, None, None  # AWS: other protocols have no ports, whatever was given


def _protocol(text: str) -> str:
    name = NAMES.get(text.lower(), text.lower())
    if name in WITH_PORTS | WITH_TYPES | {ALL}:
        return name
    if name.isascii() and name.isdigit() and int(name) <= 255:
        return NAMES.get(str(int(name)), str(int(name)))
    raise AwsError("InvalidParameterValue", f"Invalid value '{text}' for IP protocol. Unknown protocol.")


def _ports(from_port: int | None, to_port: int | None) -> tuple[int, int]:
    if from_port is None or to_port is None:
        raise AwsError(
            "InvalidParameterValue",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        )
    for port in (from_port, to_port):
        if not 0 <= port <= MAX_PORT:
            raise AwsError("InvalidParameterValue", f"TCP/UDP port ({port}) out of range")
    if from_port > to_port:
        raise AwsError("InvalidParameterValue", f"Invalid TCP/UDP port range ({from_port}:{to_port})")
    return from_port, to_port


def _types(kind: int | None, code: int | None) -> tuple[int, int]:
    kind, code = ANY if kind is None else kind, ANY if code is None else code
    for what, value in (("type", kind), ("code", code)):
        if not ANY <= value <= 255:
            raise AwsError("InvalidParameterValue", f"ICMP {what} ({value}) out of range")
    if kind == ANY and code != ANY:
        raise AwsError("InvalidParameterValue", f"ICMP code ({code}) without a type")
    return kind, code


def range4(text: str) -> str:
    try:
        if "/" not in text or not text.split("/")[1].isdigit():
            raise AddressValueError(text)
        return str(IPv4Network(text, strict=False))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise AwsError("InvalidParameterValue", f"CIDR block {text} is malformed") from None


def range6(text: str) -> str:
    try:
        if "/" not in text or "%" in text:
            raise AddressValueError(text)
        return str(IPv6Network(text, strict=False))
    except (AddressValueError, NetmaskValueError, ValueError):
        raise AwsError("InvalidParameterValue", f"CIDR block {text} is malformed") from None


def text(description: str | None) -> str | None:
    """A rule's description.

    Raises:
        AwsError: InvalidParameterValue
    """
    if description and not TEXT.fullmatch(description):
        raise AwsError("InvalidParameterValue", f"Invalid rule description. Valid descriptions are {TEXT_SAID}")
    return description or None


def check_new(rules: Iterable[Rule], new: Iterable[Permission], *, egress: bool) -> None:
    """
    Raises:
        AwsError: InvalidPermission.Duplicate, RulesPerSecurityGroupLimitExceeded
    """
    there = [permission(rule) for rule in rules if rule.egress == egress]
    added = list(new)
    for one in added:
        if one in there:
            raise AwsError("InvalidPermission.Duplicate", f'the specified rule "{one}" already exists')
    count6 = sum(one.cidr6 is not None for one in (*there, *added))
    if max(count6, len(there) + len(added) - count6) > MAX_RULES:
        raise AwsError(
            "RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached."
        )


def view(rules: Iterable[Rule], account: str) -> list[dict[str, Any]]:
    """IpPermissions: the rules of one direction, those for the same traffic together."""
    blocks: dict[tuple[str, int | None, int | None], dict[str, Any]] = {}
    for rule in rules:
        block = blocks.setdefault(
            (rule.protocol, rule.from_port, rule.to_port),
            {
                "IpProtocol": rule.protocol,
                "FromPort": rule.from_port,
                "ToPort": rule.to_port,
                "IpRanges": [],
                "Ipv6Ranges": [],
                "UserIdGroupPairs": [],
                "PrefixListIds": [],
            },
        )
        described = {"Description": rule.description} if rule.description else {}
        if rule.cidr:
            block["IpRanges"].append({"CidrIp": rule.cidr, **described})
        elif rule.cidr6:
            block["Ipv6Ranges"].append({"CidrIpv6": rule.cidr6, **described})
        else:
            block["UserIdGroupPairs"].append({"GroupId": rule.group_id, "UserId": account, **described})
    return list(blocks.values())
