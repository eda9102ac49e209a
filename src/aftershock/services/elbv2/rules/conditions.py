"""Conditions of rules, as they are asked for and answered.

Source: the service model's own descriptions of the conditions; "Listener rules for your Application Load Balancer".
"""

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any

from aftershock.engines.balancer.spec import regex_problem
from aftershock.services.elbv2.records.condition import Condition, Header, Host, Method, Path, Query, Source

from . import errors

MAX_VALUES = 5  # of a rule
MAX_WILDCARDS = 5  # of a rule
MAX_VALUE = 128
MAX_HEADER_NAME = 40
CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "query-string": "QueryStringConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
ONCE = frozenset({"host-header", "path-pattern", "http-request-method", "source-ip"})
_HOST = re.compile(r"[A-Za-z0-9*?.-]+")
_PATH = re.compile(r"[A-Za-z0-9_.$/~\"'@:+&*?()!,;=%^|\[\]{}-]+")
# RFC 9110's signs of a token, but for the quote, which ends a word of the balancer's own configuration.
_HEADER_NAME = re.compile(r"[0-9A-Za-z!#$%&*+.^_`|~-]+")
_METHOD = re.compile(r"[A-Z_-]+")
_VALUE = re.compile(r"[ -~]+")
# What all dialects understand alike: of what begins with "(?" groups that are not captured, of escapes the usual ones.
_REGEX = re.compile(r"(?:[^\\(]|\((?!\?)|\(\?:|\\[dDwWsSbB.\\/+*?()\[\]{}^$|-])+")


def conditions_of(given: Sequence[Mapping[str, Any]]) -> tuple[Condition, ...]:
    """
    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest
    """
    if not given:
        raise errors.invalid("A condition must be specified")
    fields = [one.get("Field") or "" for one in given]
    for field in fields:
        if field not in CONFIGS:
            raise errors.invalid(f"Condition field '{field}' must be one of '[{', '.join(sorted(CONFIGS))}]'")
        if field in ONCE and fields.count(field) > 1:
            raise errors.invalid(f"A rule can only have one '{field}' condition")
    found = tuple(_condition(field, one) for field, one in zip(fields, given, strict=True))
    texts = [text for condition in found for text in texts_of(condition)]
    if sum(_weights(condition) for condition in found) > MAX_VALUES:
        raise errors.invalid(f"A rule can only have '{MAX_VALUES}' condition values")
    if sum(text.count("*") + text.count("?") for text in texts) > MAX_WILDCARDS:
        raise errors.invalid(f"A rule can only have '{MAX_WILDCARDS}' condition wildcards")
    return found


def texts_of(condition: Condition) -> list[str]:
    """The patterns of a condition."""
    match condition:
        case Query(pairs):
            return [text for pair in pairs for text in pair if text is not None]
        case Method() | Source():
            return []
        case Host(values) | Path(values) | Header(_, values):
            return list(values)


def _weights(condition: Condition) -> int:
    match condition:
        case Query(pairs):
            return len(pairs)
        case Method(values) | Source(values):
            return len(values)
        case Host(values, regex) | Path(values, regex) | Header(_, values, regex):
            return len(values) + len(regex)


def _condition(field: str, given: Mapping[str, Any]) -> Condition:
    others = {name for name, value in given.items() if value} - {"Field", "Values", "RegexValues", CONFIGS[field]}
    if others:
        raise errors.invalid(f"{min(others)} is not valid for conditions with the field '{field}'")
    config = given.get(CONFIGS[field]) or {}
    plain, own = given.get("Values") or (), config.get("Values") or ()
    regex = _regex(config.get("RegexValues") or given.get("RegexValues") or ())
    if plain and config:
        raise errors.invalid(f"Values and {CONFIGS[field]} cannot both be specified")
    if plain and field not in ("host-header", "path-pattern"):
        raise errors.invalid(f"Values is not valid for conditions with the field '{field}'; use {CONFIGS[field]}")
    if regex and field not in ("host-header", "path-pattern", "http-header"):
        raise errors.invalid(f"RegexValues is not valid for conditions with the field '{field}'")
    values = own or plain
    if not values and not regex:
        raise errors.invalid("A condition value must be specified")
    match field:
        case "host-header":
            return Host(_texts(field, values, _HOST), regex)
        case "path-pattern":
            return Path(_texts(field, values, _PATH), regex)
        case "http-request-method":
            return Method(_texts(field, values, _METHOD, most=40))
        case "source-ip":
            if config.get("IpAddressType") == "ipv6":
                raise errors.unsupported("The value (ipv6) for parameter SourceIpConfig.IpAddressType")
            return Source(tuple(_network(value) for value in values))
        case "http-header":
            return Header(_header_name(config.get("HttpHeaderName") or ""), _texts(field, values, _VALUE), regex)
    return Query(tuple(_pair(one) for one in values))


def _texts(field: str, values: Sequence[str], allowed: re.Pattern[str], most: int = MAX_VALUE) -> tuple[str, ...]:
    for value in values:
        if not value:
            raise errors.invalid("A condition value cannot be empty")
        if len(value) > most:
            raise errors.invalid(f"Condition value '{value}' cannot be longer than '{most}' characters")
        if not allowed.fullmatch(value):
            raise errors.invalid(f"Condition value '{value}' contains a character that is not valid for '{field}'")
    return tuple(values)


def _regex(values: Sequence[str]) -> tuple[str, ...]:
    for value in values:
        if not 0 < len(value) <= MAX_VALUE:
            raise errors.invalid(f"Regular expression '{value}' must have between '1' and '{MAX_VALUE}' characters")
        if not _REGEX.fullmatch(value) or regex_problem(value):
            raise errors.invalid(f"'{value}' is not a valid regular expression")
    return tuple(values)


def _header_name(name: str) -> str:
    if not name:
        raise errors.invalid("An HTTP header name must be specified")
    if len(name) > MAX_HEADER_NAME:
        raise errors.invalid(f"HTTP header name '{name}' cannot be longer than '{MAX_HEADER_NAME}' characters")
    if not _HEADER_NAME.fullmatch(name):
        raise errors.invalid(f"HTTP header name '{name}' contains a character that is not valid")
    if name.lower() == "host":
        # AWS: "You cannot use an HTTP header condition to specify the host header."
        raise errors.invalid("The HTTP header name cannot be 'Host'. Use a 'host-header' condition instead")
    return name


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise errors.invalid(f"'{text}' is not a valid CIDR block") from None
    if "/" not in text:
        raise errors.invalid(f"'{text}' is not a valid CIDR block")
    if not isinstance(network, IPv4Network):
        raise errors.unsupported(f"The IPv6 range '{text}' in a source-ip condition")
    return text


def _pair(given: Mapping[str, Any]) -> tuple[str | None, str]:
    key, value = given.get("Key") or None, given.get("Value") or ""
    texts = _texts("query-string", (*((key,) if key else ()), value), _VALUE)
    return key, texts[-1]


def view(conditions: Sequence[Condition]) -> list[dict[str, Any]]:
    return [_view(condition) for condition in conditions]


def _view(condition: Condition) -> dict[str, Any]:
    match condition:
        case Host(values, regex):
            found = _patterns(values, regex)
            return {"Field": "host-header", **found, "HostHeaderConfig": found}
        case Path(values, regex):
            found = _patterns(values, regex)
            return {"Field": "path-pattern", **found, "PathPatternConfig": found}
        case Header(name, values, regex):
            return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, **_patterns(values, regex)}}
        case Method(values):
            return {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": [*values]}}
        case Source(values):
            return {"Field": "source-ip", "SourceIpConfig": {"Values": [*values]}}
        case Query(pairs):
            told = [{"Key": key, "Value": value} for key, value in pairs]
            return {"Field": "query-string", "QueryStringConfig": {"Values": told}}


def _patterns(values: Sequence[str], regex: Sequence[str]) -> dict[str, list[str]]:
    told = {"Values": [*values], "RegexValues": [*regex]}
    return {name: texts for name, texts in told.items() if texts}
