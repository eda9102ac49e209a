"""Names, ARNs and DNS names."""

import hashlib
import re

from aftershock.aws import arn

from . import errors

MAX_NAME = 32
SERVICE = "elasticloadbalancing"
# AWS General Reference, "Elastic Load Balancing endpoints and quotas": the zones of us-east-1's names.
ALIAS_ZONES = {"application": "Z35SXDOTRQ7X7K", "network": "Z26RNL4JYFTOTI"}
_SHORT = {"application": "app", "network": "net"}


def require_load_balancer_name(name: str) -> str:
    """
    Raises:
        AwsError: ValidationError
    """
    _require_name("The load balancer name", name)
    if name.startswith("internal-"):
        raise errors.invalid(f"The load balancer name '{name}' cannot begin with 'internal-'")
    return name


def require_target_group_name(name: str) -> str:
    """
    Raises:
        AwsError: ValidationError
    """
    _require_name("Target group name", name)
    return name


def _require_name(what: str, name: str) -> None:
    if not name:
        raise errors.invalid(f"{what} cannot be empty")
    if len(name) > MAX_NAME:
        raise errors.invalid(f"{what} '{name}' cannot be longer than '{MAX_NAME}' characters")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise errors.invalid(
            f"{what} '{name}' can only contain characters that are alphanumeric characters or hyphens(-)"
        )
    if name.startswith("-") or name.endswith("-"):
        raise errors.invalid(f"{what} '{name}' cannot begin or end with a hyphen(-)")


def opaque_id(seed: str) -> str:
    """Sixteen hexadecimal digits, as at the end of the ARNs."""
    return hashlib.sha256(seed.encode()).hexdigest()[:16]


def secret(seed: str) -> str:
    """A key for cookies, out of an id that nobody has ever seen."""
    return hashlib.sha256(f"cookies {seed}".encode()).hexdigest()


def load_balancer_arn(region: str, account: str, kind: str, name: str, own_id: str) -> str:
    return str(arn.Arn(SERVICE, region, account, f"loadbalancer/{_SHORT[kind]}/{name}/{own_id}"))


def target_group_arn(region: str, account: str, name: str, own_id: str) -> str:
    return str(arn.Arn(SERVICE, region, account, f"targetgroup/{name}/{own_id}"))


def listener_arn(load_balancer: str, own_id: str) -> str:
    return f"{load_balancer.replace(':loadbalancer/', ':listener/', 1)}/{own_id}"


def rule_arn(listener: str, own_id: str) -> str:
    return f"{listener.replace(':listener/', ':listener-rule/', 1)}/{own_id}"


def dns_name(region: str, kind: str, scheme: str, name: str, own_id: str) -> str:
    if kind == "network":
        return f"{name}-{own_id}.elb.{region}.amazonaws.com"
    number = int(hashlib.sha256(own_id.encode()).hexdigest(), 16) % 10**10
    internal = "internal-" if scheme == "internal" else ""
    return f"{internal}{name}-{number}.{region}.elb.amazonaws.com".lower()
