"""Target groups: their settings as they are asked for and answered.

Source: the service model's own descriptions of CreateTargetGroup; "Health checks for your target groups".
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Params
from aftershock.services.elbv2.records.target_group import HealthCheck, TargetGroup

from . import errors

PROTOCOLS = ("HTTP", "HTTPS", "TCP")
TRAFFIC_PORT = "traffic-port"
ALL_ZONES = "all"  # the zone of an address outside of the VPC, which every node sends to
# AWS: what addresses of targets may be, beside those of the VPC's own subnets: RFC 1918, RFC 6598.
OUTSIDE_RANGES = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
_PATH = re.compile(r"/[!-~]*")  # what can stand in a request line
# What HTTP codes a health check may ask for, by the protocol of the target group.
_CODES = {"HTTP": (200, 499), "HTTPS": (200, 499), "TCP": (200, 599)}
_MATCHER = {"HTTP": "200", "HTTPS": "200", "TCP": "200-399"}


def is_http(protocol: str) -> bool:
    return protocol in ("HTTP", "HTTPS")


def check_of(protocol: str, given: Params) -> HealthCheck:
    """The health check of a new target group of the protocol.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest
    """
    kind = given.get("HealthCheckProtocol") or ("HTTP" if is_http(protocol) else "TCP")
    # AWS: 5 seconds for HTTP and HTTPS groups, for others 6 for HTTP checks and 10 else.
    timeout_s = 5 if is_http(protocol) else 6 if kind == "HTTP" else 10
    return _changed(protocol, HealthCheck(protocol=kind, timeout_s=timeout_s), given)


def changed_check(protocol: str, check: HealthCheck, given: Params) -> HealthCheck:
    """The health check after these settings were given; what is not given stays.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest
    """
    return _changed(protocol, check, given)


def _changed(protocol: str, before: HealthCheck, given: Params) -> HealthCheck:
    if given.get("HealthCheckEnabled") is False:
        raise errors.configuration("Health checks cannot be disabled for target groups with target type instance or ip")
    kind = given.get("HealthCheckProtocol") or before.protocol
    _require_check_protocol(protocol, kind)
    path, matcher = given.get("HealthCheckPath"), (given.get("Matcher") or {}).get("HttpCode")
    if (given.get("Matcher") or {}).get("GrpcCode"):
        raise errors.configuration("GRPC codes are only supported for target groups with protocol version GRPC")
    if kind == "TCP":
        if path:
            raise errors.configuration("Health check paths are not supported for TCP health checks")
        if matcher:
            raise errors.configuration("Health check matchers are not supported for TCP health checks")
    after = replace(
        before,
        protocol=kind,
        port=_port(given.get("HealthCheckPort") or before.port),
        path=None if kind == "TCP" else _path(path or before.path or "/"),
        matcher=None if kind == "TCP" else _matcher(protocol, matcher or before.matcher or _MATCHER[protocol]),
        interval_s=given.get("HealthCheckIntervalSeconds") or before.interval_s,
        timeout_s=given.get("HealthCheckTimeoutSeconds") or before.timeout_s,
        healthy_threshold=given.get("HealthyThresholdCount") or before.healthy_threshold,
        unhealthy_threshold=given.get("UnhealthyThresholdCount") or before.unhealthy_threshold,
    )
    if after.interval_s <= after.timeout_s:
        raise errors.invalid("Health check interval must be greater than the timeout.")
    return after


def _require_check_protocol(protocol: str, kind: str) -> None:
    possible = ("HTTP", "HTTPS") if is_http(protocol) else PROTOCOLS
    if kind not in possible:
        raise errors.invalid(f"Health check protocol '{kind}' must be one of '{', '.join(possible)}'")


def _port(text: str) -> str:
    if text != TRAFFIC_PORT and not (re.fullmatch(r"[0-9]{1,5}", text) and 1 <= int(text) <= 65535):
        raise errors.invalid(f"Health check port '{text}' must be '{TRAFFIC_PORT}' or in the range 1-65535")
    return text


def _path(text: str) -> str:
    if not text.startswith("/"):
        raise errors.invalid(f"Health check path '{text}' must begin with a '/' character")
    if not _PATH.fullmatch(text):
        raise errors.invalid(f"Health check path '{text}' contains a character that is not valid")
    return text


def _matcher(protocol: str, text: str) -> str:
    least, most = _CODES[protocol]
    try:
        ranges = codes(text)
    except ValueError:
        raise errors.invalid(f"Health check matcher HTTP code '{text}' is not valid") from None
    if not all(least <= first <= last <= most for first, last in ranges):
        raise errors.invalid(f"Health check matcher HTTP code '{text}' must be within '{least}-{most}' inclusive")
    return text


def codes(matcher: str) -> tuple[tuple[int, int], ...]:
    """The ranges, which include both ends, of a matcher like "200,300-302".

    Raises:
        ValueError: it is none
    """
    found = []
    for part in matcher.split(","):
        if not re.fullmatch(r"[0-9]{3}(-[0-9]{3})?", part):
            raise ValueError(part)
        first, _, last = part.partition("-")
        found.append((int(first), int(last or first)))
    return tuple(found)


def require_address(text: str) -> IPv4Address:
    """
    Raises:
        AwsError: ValidationError
    """
    try:
        return IPv4Address(text)
    except ValueError:
        raise errors.invalid(f"The IP address '{text}' is not a valid IPv4 address") from None


def zone_of_address(
    address: IPv4Address, cidrs: Sequence[str], subnets: Mapping[str, str], zones: Sequence[str], given: str | None
) -> str:
    """The zone of an address that is registered as a target: its subnet's, or what was given for one from elsewhere.

    Args:
        cidrs: the VPC's
        subnets: the zones of the VPC's subnets, by their CIDR blocks

    Raises:
        AwsError: ValidationError
    """
    own = next((zone for cidr, zone in subnets.items() if address in IPv4Network(cidr)), None)
    if own is not None:
        if given not in (None, own):
            raise errors.invalid(
                f"The IP address '{address}' is within the VPC, and cannot have its Availability Zone overridden to "
                f"'{given}' from '{own}'"
            )
        return own
    if any(address in IPv4Network(cidr) for cidr in cidrs) or any(address in one for one in OUTSIDE_RANGES):
        if given is None or given not in (ALL_ZONES, *zones):
            raise errors.invalid(
                "You must specify a valid Availability Zone or select 'all' for all enabled Availability zones, "
                f"since the IP address '{address}' is outside the VPC"
            )
        return given
    raise errors.invalid(f"The IP address '{address}' is not within the VPC or a supported private range")


def view(group: TargetGroup, load_balancers: Sequence[str]) -> dict[str, Any]:
    check = group.check
    return {
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "ProtocolVersion": group.protocol_version,
        "Port": group.port,
        "VpcId": group.vpc_id,
        "TargetType": group.target_type,
        "IpAddressType": "ipv4",
        "HealthCheckEnabled": True,
        "HealthCheckProtocol": check.protocol,
        "HealthCheckPort": check.port,
        "HealthCheckPath": check.path,
        "HealthCheckIntervalSeconds": check.interval_s,
        "HealthCheckTimeoutSeconds": check.timeout_s,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "Matcher": {"HttpCode": check.matcher} if check.matcher else None,
        "LoadBalancerArns": [*load_balancers],
    }
