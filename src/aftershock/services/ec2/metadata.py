"""The instance metadata service: one request, and what is known of the instance that asks, to one answer.  Pure.

Versions 1 and 2.  What a path holds is AWS's "Instance metadata categories"; paths of things that the region does not
have are not found, as on an instance without them.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from aftershock.services.ec2.records.instance import Instance
from aftershock.services.ec2.records.network_interface import NetworkInterface
from aftershock.services.ec2.rules import names

TOKEN_HEADER = "x-aws-ec2-metadata-token"  # noqa: S105 - a header's name
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
TTL_MAX_S = 21600  # six hours
VERSIONS = (
    *("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01"),
    *("2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19"),
    *("2016-06-30", "2016-09-02", "2018-03-28", "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03"),
    *("2021-03-23", "2021-07-15", "2022-09-24", "2024-04-11", "latest"),
)
PHRASES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """What a role's session needs to sign."""

    role: str
    access_key_id: str
    secret_access_key: str
    session_token: str
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the instance that asks."""

    instance: Instance
    interface: NetworkInterface
    group_names: tuple[str, ...]
    subnet_cidr: str
    vpc_cidr: str
    dns_hostnames: bool
    zone_id: str
    public_key: str | None
    credentials: Callable[[], RoleCredentials | None]  # of the role in its instance profile; asked only when needed
    sign: Callable[[str], str]  # the identity document's signature


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    hop_limit: int | None = None  # how many hops the answer's packets may go; None is the usual


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory that is made only when somebody goes there."""

    make: Callable[[], dict[str, Any]]


# What stands at a path: a text, one that is made only when it is read, or a directory of these.
Node = str | bytes | Callable[[], str] | dict[str, Any] | Directory


def answer(
    method: str, path: str, headers: Mapping[str, str], known: Known | None, *, now: datetime, key: bytes
) -> Answer:
    """`headers` have lower-case names; `key` signs the tokens.  Never raises."""
    if known is None:
        return _refusal(404)
    options = known.instance.metadata
    if options.http_endpoint != "enabled":
        return _refusal(403)
    parts = [part for part in path.partition("?")[0].split("/") if part]
    if parts[1:] == ["api", "token"] and parts[0] == "latest":
        return _token(method, headers, known, now, key)
    if method not in ("GET", "HEAD"):
        return _refusal(405, allow="OPTIONS, GET, HEAD")
    given = headers.get(TOKEN_HEADER)
    left_s = None if given is None else _left_s(given, known.instance.id, now, key)
    if (given is None and options.http_tokens == "required") or (given is not None and left_s is None):
        return _refusal(401)
    extra = {} if left_s is None else {TTL_HEADER: str(left_s)}
    return _read(parts, known, extra)


def _token(method: str, headers: Mapping[str, str], known: Known, now: datetime, key: bytes) -> Answer:
    if method != "PUT":
        return _refusal(405, allow="OPTIONS, PUT")
    # AWS: "requests that contain an X-Forwarded-For header are rejected": a reverse proxy was fooled into asking.
    if "x-forwarded-for" in headers:
        return _refusal(403)
    text = headers.get(TTL_HEADER, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= TTL_MAX_S):
        return _refusal(400)
    expires = int((now + timedelta(seconds=int(text))).timestamp())
    body = f"{expires:010x}".encode() + _signature(known.instance.id, expires, key)
    return Answer(
        200,
        base64.urlsafe_b64encode(body),
        {"content-type": "text/plain", TTL_HEADER: text},
        hop_limit=known.instance.metadata.hop_limit,
    )


def _signature(instance_id: str, expires: int, key: bytes) -> bytes:
    return hmac.digest(key, f"{instance_id} {expires}".encode(), hashlib.sha256)[:31]


def _left_s(token: str, instance_id: str, now: datetime, key: bytes) -> int | None:
    """For how many seconds the token is still good; None if it is not one, not this instance's, or too old."""
    try:
        body = base64.urlsafe_b64decode(token.encode())
        expires = int(body[:10], 16)
    except ValueError:
        return None
    left_s = expires - int(now.timestamp())
    good = hmac.compare_digest(body[10:], _signature(instance_id, expires, key))
    return left_s if good and left_s > 0 else None


def _read(parts: list[str], known: Known, extra: Mapping[str, str]) -> Answer:
    if not parts:
        return _text("\n".join(VERSIONS), extra)
    if parts[0] not in VERSIONS:
        return _refusal(404)
    node: Node | None = tree(known)
    for part in parts[1:]:
        node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, Directory):
            node = node.make()
    if callable(node):
        node = node()
    match node:
        case dict():
            return _text("\n".join(_listing(node)), extra)
        case str():
            return _text(node, extra)
        case bytes():
            return Answer(200, node, {"content-type": "application/octet-stream", **extra})
    return _refusal(404)


def _listing(directory: dict[str, Any]) -> list[str]:
    labels: Mapping[str, str] = directory.get("", {})
    shown = []
    for name, node in sorted(directory.items()):
        if name:
            shown.append(labels.get(name) or (f"{name}/" if isinstance(node, dict | Directory) else name))
    return shown


def tree(known: Known) -> dict[str, Any]:
    """Everything under a version; in a directory the name "" tells of entries that are listed under another name."""
    instance = known.instance
    found: dict[str, Any] = {
        "meta-data": _meta_data(known),
        "dynamic": {
            "instance-identity": {
                "document": lambda: _identity(known),
                "signature": lambda: known.sign(_identity(known)),
            }
        },
    }
    if instance.user_data is not None:
        found["user-data"] = base64.b64decode(instance.user_data)
    return found


def _meta_data(known: Known) -> dict[str, Any]:
    instance, interface = known.instance, known.interface
    host_name = names.private_dns_name(instance.region, interface.private_ip)
    found: dict[str, Any] = {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.launch_index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping": {"ami": instance.root_device, "root": instance.root_device},
        "events": {"maintenance": {"history": "[]", "scheduled": "[]"}},
        "hostname": host_name,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": host_name,
        "local-ipv4": interface.private_ip,
        "mac": interface.mac,
        "network": {"interfaces": {"macs": {interface.mac: _interface(known, host_name)}}},
        "placement": {
            "availability-zone": instance.zone,
            "availability-zone-id": known.zone_id,
            "region": instance.region,
        },
        "profile": "default-hvm",
        "reservation-id": instance.reservation_id,
        "security-groups": "\n".join(known.group_names),
        "services": {"domain": "amazonaws.com", "partition": "aws"},
    }
    if interface.address:
        found["public-ipv4"] = interface.address
        if known.dns_hostnames:
            found["public-hostname"] = names.public_dns_name(instance.region, interface.address)
    if instance.key_name and known.public_key:
        key = {"openssh-key": known.public_key.rstrip("\n") + "\n"}
        found["public-keys"] = {"0": key, "": {"0": f"0={instance.key_name}"}}
    if instance.profile is not None:
        found["iam"] = Directory(lambda: _iam(known))  # a look at its role may make new credentials
    if instance.metadata.instance_tags == "enabled":
        found["tags"] = {"instance": dict(instance.tags)}
    return found


def _interface(known: Known, host_name: str) -> dict[str, Any]:
    interface = known.interface
    found: dict[str, Any] = {
        "device-number": str(interface.device_index),
        "interface-id": interface.id,
        "local-hostname": host_name,
        "local-ipv4s": interface.private_ip,
        "mac": interface.mac,
        "network-card": "0",
        "owner-id": interface.account,
        "security-group-ids": "\n".join(interface.group_ids),
        "security-groups": "\n".join(known.group_names),
        "subnet-id": interface.subnet_id,
        "subnet-ipv4-cidr-block": known.subnet_cidr,
        "vpc-id": interface.vpc_id,
        "vpc-ipv4-cidr-block": known.vpc_cidr,
        "vpc-ipv4-cidr-blocks": known.vpc_cidr,
    }
    if interface.address:
        found["ipv4-associations"] = {interface.address: interface.private_ip}
        found["public-ipv4s"] = interface.address
        if known.dns_hostnames:
            found["public-hostname"] = names.public_dns_name(known.instance.region, interface.address)
    return found


def _iam(known: Known) -> dict[str, Any]:
    profile = known.instance.profile
    assert profile is not None
    info = {
        "Code": "Success",
        "LastUpdated": _moment(profile.since),
        "InstanceProfileArn": profile.arn,
        "InstanceProfileId": profile.profile_id,
    }
    found: dict[str, Any] = {"info": json.dumps(info, indent=2)}
    role = known.credentials()
    if role is not None:
        found["security-credentials"] = {role.role: _credentials(role)}
    return found


def _credentials(role: RoleCredentials) -> str:
    shown = {
        "Code": "Success",
        "LastUpdated": _moment(role.issued_at),
        "Type": "AWS-HMAC",
        "AccessKeyId": role.access_key_id,
        "SecretAccessKey": role.secret_access_key,
        "Token": role.session_token,
        "Expiration": _moment(role.expires_at),
    }
    return json.dumps(shown, indent=2)


def _identity(known: Known) -> str:
    """Its signature is the region's own; `pkcs7` and `rsa2048`, which AWS's certificates vouch for, are not there."""
    instance = known.instance
    shown = {
        "accountId": instance.account,
        "architecture": instance.architecture,
        "availabilityZone": instance.zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "kernelId": None,
        "pendingTime": _moment(instance.launched_at),
        "privateIp": known.interface.private_ip,
        "ramdiskId": None,
        "region": instance.region,
        "version": "2017-09-30",
    }
    return json.dumps(shown, indent=2)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _text(text: str, extra: Mapping[str, str]) -> Answer:
    return Answer(200, text.encode(), {"content-type": "text/plain", **extra})


def _refusal(status: int, *, allow: str = "") -> Answer:
    title = f"{status} - {PHRASES[status]}"
    body = (
        '<?xml version="1.0" encoding="iso-8859-1"?>\n'
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"\n'
        '\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\n'
        '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">\n'
        f" <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n </body>\n</html>\n"
    )
    headers = {"content-type": "text/html"} | ({"allow": allow} if allow else {})
    return Answer(status, body.encode(), headers)
