"""Attributes: which there are, what they may be, and what they are where nobody set them.

Source: the service model's own descriptions of the attributes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from aftershock.services.elbv2.records.listener import Listener
from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.records.target_group import TargetGroup

from . import errors

Check = Callable[[str], str]  # what is wrong with a value; empty for one that is good
HERE = " in this region"  # ends what is said of values that AWS takes and the region does not
RESERVED_COOKIES = ("AWSALB", "AWSALBAPP", "AWSALBTG")
# RFC 6265's signs of a cookie's name, but for the quote, which ends a word of the balancer's own configuration.
COOKIE_NAME = r"[0-9A-Za-z!#$%&*+.^_`|~-]{1,256}"


@dataclass(frozen=True, slots=True)
class Attribute:
    default: str
    check: Check


def _one_of(*values: str) -> Check:
    return lambda value: "" if value in values else f"must be one of '{', '.join(values)}'"


def _between(least: int, most: int, *others: str) -> Check:
    def check(value: str) -> str:
        if value in others or (re.fullmatch(r"[0-9]{1,7}", value) and least <= int(value) <= most):
            return ""
        either = "".join(f"'{other}' or " for other in others)
        return f"must be {either}between '{least}' and '{most}' inclusive"

    return check


def _only(value: str) -> Check:
    """Of what AWS offers, the region does this alone."""
    return lambda given: "" if given == value else f"can only be '{value}'{HERE}"


def _cookie_name(value: str) -> str:
    if value.upper().startswith(RESERVED_COOKIES):
        return "cannot begin with 'AWSALB', which is reserved for use by the load balancer"
    return "" if re.fullmatch(COOKIE_NAME, value) else "is not the name of a cookie"


def _text(value: str) -> str:
    return ""


_FLAG = _one_of("true", "false")

_EVERY_BALANCER = {
    "deletion_protection.enabled": Attribute("false", _FLAG),
    "access_logs.s3.enabled": Attribute("false", _only("false")),
    "access_logs.s3.bucket": Attribute("", _text),
    "access_logs.s3.prefix": Attribute("", _text),
    "zonal_shift.config.enabled": Attribute("false", _only("false")),
}
LOAD_BALANCER: Mapping[str, Mapping[str, Attribute]] = {
    "application": {
        **_EVERY_BALANCER,
        "load_balancing.cross_zone.enabled": Attribute("true", _only("true")),  # AWS: "can't be changed"
        "idle_timeout.timeout_seconds": Attribute("60", _between(1, 4000)),
        "client_keep_alive.seconds": Attribute("3600", _between(60, 604800)),
        "connection_logs.s3.enabled": Attribute("false", _only("false")),
        "connection_logs.s3.bucket": Attribute("", _text),
        "connection_logs.s3.prefix": Attribute("", _text),
        "health_check_logs.s3.enabled": Attribute("false", _only("false")),
        "health_check_logs.s3.bucket": Attribute("", _text),
        "health_check_logs.s3.prefix": Attribute("", _text),
        "routing.http.desync_mitigation_mode": Attribute("defensive", _one_of("monitor", "defensive", "strictest")),
        "routing.http.drop_invalid_header_fields.enabled": Attribute("false", _FLAG),
        "routing.http.preserve_host_header.enabled": Attribute("false", _FLAG),
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Attribute("false", _FLAG),
        "routing.http.xff_client_port.enabled": Attribute("false", _FLAG),
        "routing.http.xff_header_processing.mode": Attribute("append", _one_of("append", "preserve", "remove")),
        "routing.http2.enabled": Attribute("true", _FLAG),
        "waf.fail_open.enabled": Attribute("false", _FLAG),
    },
    "network": {
        **_EVERY_BALANCER,
        "load_balancing.cross_zone.enabled": Attribute("false", _FLAG),
        "dns_record.client_routing_policy": Attribute("any_availability_zone", _only("any_availability_zone")),
        "secondary_ips.auto_assigned.per_subnet": Attribute("0", _only("0")),
    },
}

_EVERY_GROUP = {
    "deregistration_delay.timeout_seconds": Attribute("300", _between(0, 3600)),
    "stickiness.enabled": Attribute("false", _FLAG),
    "load_balancing.cross_zone.enabled": Attribute(
        "use_load_balancer_configuration", _one_of("true", "false", "use_load_balancer_configuration")
    ),
    "target_group_health.dns_failover.minimum_healthy_targets.count": Attribute("1", _between(1, 1000, "off")),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": Attribute("off", _between(1, 100, "off")),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": Attribute("1", _between(1, 1000)),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": Attribute(
        "off", _between(1, 100, "off")
    ),
}
_HTTP_GROUP = {
    **_EVERY_GROUP,
    "stickiness.type": Attribute("lb_cookie", _one_of("lb_cookie", "app_cookie")),
    "stickiness.lb_cookie.duration_seconds": Attribute("86400", _between(1, 604800)),
    "stickiness.app_cookie.duration_seconds": Attribute("86400", _between(1, 604800)),
    "stickiness.app_cookie.cookie_name": Attribute("", _cookie_name),
    "load_balancing.algorithm.type": Attribute(
        "round_robin", _one_of("round_robin", "least_outstanding_requests", "weighted_random")
    ),
    "load_balancing.algorithm.anomaly_mitigation": Attribute("off", _only("off")),
    "slow_start.duration_seconds": Attribute("0", _between(30, 900, "0")),
}
_TCP_GROUP = {
    **_EVERY_GROUP,
    "stickiness.type": Attribute("source_ip", _one_of("source_ip")),
    "deregistration_delay.connection_termination.enabled": Attribute("false", _FLAG),
    # A node forwards connections of its own, so that the targets see its address.
    "preserve_client_ip.enabled": Attribute("false", _only("false")),
    "proxy_protocol_v2.enabled": Attribute("false", _FLAG),
    "target_health_state.unhealthy.connection_termination.enabled": Attribute("true", _FLAG),
}
LISTENER: Mapping[str, Mapping[str, Attribute]] = {
    "HTTP": {"routing.http.response.server.enabled": Attribute("true", _only("true"))},
    "HTTPS": {"routing.http.response.server.enabled": Attribute("true", _only("true"))},
    "TCP": {"tcp.idle_timeout.seconds": Attribute("350", _between(60, 6000))},
}


def of_group(protocol: str) -> Mapping[str, Attribute]:
    return _TCP_GROUP if protocol == "TCP" else _HTTP_GROUP


def value(known: Mapping[str, Attribute], present: Mapping[str, str], key: str) -> str:
    return present.get(key, known[key].default)


def balancer_value(balancer: LoadBalancer, key: str) -> str:
    """
    Raises:
        KeyError: its type has no such attribute
    """
    return value(LOAD_BALANCER[balancer.kind], balancer.attributes, key)


def group_value(group: TargetGroup, key: str) -> str:
    """
    Raises:
        KeyError: its protocol has no such attribute
    """
    return value(of_group(group.protocol), group.attributes, key)


def listener_value(listener: Listener, key: str) -> str:
    """
    Raises:
        KeyError: its protocol has no such attribute
    """
    return value(LISTENER[listener.protocol], listener.attributes, key)


def is_cross_zone(balancer: LoadBalancer, group: TargetGroup) -> bool:
    """Whether a node sends requests to targets in other zones as well."""
    own = group_value(group, "load_balancing.cross_zone.enabled")
    if own == "use_load_balancer_configuration":
        own = balancer_value(balancer, "load_balancing.cross_zone.enabled")
    return own == "true"


def view(known: Mapping[str, Attribute], present: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value(known, present, key)} for key in sorted(known)]


def changed_balancer(balancer: LoadBalancer, given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The attributes that a load balancer has after these were given.

    Raises:
        AwsError: InvalidConfigurationRequest, ValidationError
    """
    kind = balancer.kind
    other = LOAD_BALANCER["network" if kind == "application" else "application"]
    after = dict(balancer.attributes)
    for key, text in _pairs(given):
        if key not in LOAD_BALANCER[kind] and key in other:
            raise errors.configuration(
                f"Load balancer attribute key '{key}' is not supported on load balancers with type '{kind}'"
            )
        after[key] = _checked("Load balancer", LOAD_BALANCER[kind], key, text)
    return after


def changed_group(group: TargetGroup, given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The attributes that a target group has after these were given.

    Raises:
        AwsError: InvalidConfigurationRequest, ValidationError
    """
    known, after = of_group(group.protocol), dict(group.attributes)
    for key, text in _pairs(given):
        if key not in known and key in {**_TCP_GROUP, **_HTTP_GROUP}:
            raise errors.configuration("The provided target group attribute is not supported")
        after[key] = _checked("Target group", known, key, text)
    if known is _HTTP_GROUP:
        _require_together(lambda key: value(known, after, key))
    return after


def changed_listener(protocol: str, present: Mapping[str, str], given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """
    Raises:
        AwsError: InvalidConfigurationRequest, ValidationError
    """
    after = dict(present)
    for key, text in _pairs(given):
        after[key] = _checked("Listener", LISTENER[protocol], key, text)
    return after


def _pairs(given: Iterable[Mapping[str, str]]) -> list[tuple[str, str]]:
    pairs = [(one.get("Key") or "", one.get("Value") or "") for one in given]
    keys = [key for key, _ in pairs]
    if not all(keys):
        raise errors.invalid("An attribute key must be specified")
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise errors.invalid(f"Attribute key '{twice[0]}' was specified more than once")
    return pairs


def _checked(what: str, known: Mapping[str, Attribute], key: str, text: str) -> str:
    if key not in known:
        raise errors.configuration(f"{what} attribute key '{key}' is not recognized")
    if problem := known[key].check(text):
        told = f"{what} attribute value '{text}' for '{key}' {problem}"
        raise errors.configuration(told) if problem.endswith(HERE) else errors.invalid(told)
    return text


def _require_together(get: Callable[[str], str]) -> None:
    """What AWS allows each alone, but not together."""
    sticky = get("stickiness.enabled") == "true"
    if sticky and get("stickiness.type") == "app_cookie" and not get("stickiness.app_cookie.cookie_name"):
        raise errors.configuration(
            "You must specify a cookie name for target groups with stickiness of type 'app_cookie' enabled"
        )
    if sticky and get("load_balancing.cross_zone.enabled") == "false":
        raise errors.configuration("Stickiness cannot be enabled when cross-zone load balancing is disabled")
    if get("slow_start.duration_seconds") != "0" and get("load_balancing.algorithm.type") != "round_robin":
        raise errors.configuration("Slow start can only be enabled with the 'round_robin' load balancing algorithm")
