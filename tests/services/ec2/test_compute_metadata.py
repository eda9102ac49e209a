"""The metadata service: every path as on an instance, and the rules of version 2."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as change

from aftershock.services.ec2.controllers.http import Connection
from aftershock.services.ec2.metadata import Answer, Known, RoleCredentials, answer
from aftershock.services.ec2.records.instance import MetadataOptions, ProfileAssociation
from aftershock.services.ec2.records.network_interface import NetworkInterface
from tests.services.ec2.test_compute_plan import INSTANCE, NOON

KEY = b"k" * 32
TTL, TOKEN = "x-aws-ec2-metadata-token-ttl-seconds", "x-aws-ec2-metadata-token"
INTERFACE = NetworkInterface(
    id="eni-0",
    account="123456789012",
    region="us-east-1",
    vpc_id="vpc-0",
    subnet_id="subnet-0",
    zone="us-east-1a",
    private_ip="172.31.0.4",
    mac="02:00:00:00:00:01",
    group_ids=("sg-0", "sg-1"),
    created_at=NOON,
    public_ip="198.18.1.2",
)
ROLE = RoleCredentials("web-role", "ASIAX", "secret", "token", NOON, NOON + timedelta(hours=6))
KNOWN = Known(
    instance=change(
        INSTANCE,
        id="i-0123",
        key_name="mine",
        user_data=base64.b64encode(b"#!/bin/sh\n\xff").decode(),
        tags={"Name": "web", "tier": "1"},
        profile=ProfileAssociation(
            id="a", arn="arn:aws:iam::123456789012:instance-profile/p", profile_id="AIPA", since=NOON
        ),
    ),
    interface=INTERFACE,
    group_names=("default", "web"),
    subnet_cidr="172.31.0.0/20",
    vpc_cidr="172.31.0.0/16",
    dns_hostnames=True,
    zone_id="use1-az1",
    public_key="ssh-ed25519 AAAA mine",
    credentials=lambda: ROLE,
    sign=lambda document: f"signed {len(document)}",
)


def known(**changes: Any) -> Known:
    options = MetadataOptions(**{k: v for k, v in changes.items() if k in MetadataOptions.__struct_fields__})
    plain = {k: v for k, v in changes.items() if k not in MetadataOptions.__struct_fields__}
    return Known(
        **{name: getattr(KNOWN, name) for name in KNOWN.__slots__}
        | {"instance": change(KNOWN.instance, metadata=options, **plain)}
    )


def ask(path: str, method: str = "GET", who: Known | None = KNOWN, now: Any = NOON, **headers: str) -> Answer:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(method, path, given, who, now=now, key=KEY)


def get(path: str, **options: Any) -> str:
    found = ask(f"/latest/meta-data/{path}", who=known(**options))
    assert found.status == 200, path
    return found.body.decode()


@pytest.mark.parametrize(
    "path, text",
    [
        ("instance-id", "i-0123"),
        ("ami-id", "ami-0"),
        ("ami-launch-index", "0"),
        ("instance-type", "t2.micro"),
        ("reservation-id", "r-0"),
        ("hostname", "ip-172-31-0-4.ec2.internal"),
        ("local-hostname", "ip-172-31-0-4.ec2.internal"),
        ("local-ipv4", "172.31.0.4"),
        ("public-ipv4", "198.18.1.2"),
        ("public-hostname", "ec2-198-18-1-2.compute-1.amazonaws.com"),
        ("mac", "02:00:00:00:00:01"),
        ("placement/", "availability-zone\navailability-zone-id\nregion"),
        ("placement/availability-zone", "us-east-1a"),
        ("placement/availability-zone-id", "use1-az1"),
        ("placement/region", "us-east-1"),
        ("security-groups", "default\nweb"),
        ("services/domain", "amazonaws.com"),
        ("network/interfaces/macs/", "02:00:00:00:00:01/"),
        ("network/interfaces/macs/02:00:00:00:00:01/subnet-id", "subnet-0"),
        ("network/interfaces/macs/02:00:00:00:00:01/vpc-ipv4-cidr-block", "172.31.0.0/16"),
        ("network/interfaces/macs/02:00:00:00:00:01/ipv4-associations/", "198.18.1.2"),
        ("network/interfaces/macs/02:00:00:00:00:01/ipv4-associations/198.18.1.2", "172.31.0.4"),
        ("public-keys/", "0=mine"),
        ("public-keys/0/", "openssh-key"),
        ("public-keys/0/openssh-key", "ssh-ed25519 AAAA mine\n"),
        ("iam/", "info\nsecurity-credentials/"),
        ("iam/security-credentials/", "web-role"),
        ("block-device-mapping/root", "/dev/xvda"),
    ],
)
def test_what_stands_where(path: str, text: str) -> None:
    assert get(path) == text


def test_credentials_and_identity_are_json() -> None:
    credentials = json.loads(get("iam/security-credentials/web-role"))
    assert credentials["Code"] == "Success" and credentials["AccessKeyId"] == "ASIAX"
    assert credentials["Expiration"] == "2026-11-22T18:00:00Z"
    shown = ask("/latest/dynamic/instance-identity/document").body
    assert ask("/latest/dynamic/instance-identity/signature").body == f"signed {len(shown)}".encode()
    document = json.loads(shown)
    assert (document["instanceId"], document["privateIp"], document["accountId"]) == (
        "i-0123",
        "172.31.0.4",
        "123456789012",
    )


def test_user_data_is_what_was_given_byte_for_byte() -> None:
    assert ask("/latest/user-data").body == b"#!/bin/sh\n\xff"
    assert ask("/2009-04-04/user-data").status == 200
    assert ask("/latest/user-data", who=known(user_data=None)).status == 404
    assert ask("/latest/", who=known(user_data=None)).body == b"dynamic/\nmeta-data/"


@pytest.mark.parametrize(
    "path",
    [
        "/nonsense/",
        "/latest/nonsense",
        "/latest/meta-data/nonsense",
        "/latest/meta-data/instance-id/x",
        "/latest/meta-data/tags/",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert ask(path).status == 404


def test_tags_are_there_when_they_are_enabled() -> None:
    assert get("tags/instance/", instance_tags="enabled") == "Name\ntier"
    assert get("tags/instance/Name", instance_tags="enabled") == "web"


def test_without_a_role_there_are_no_credentials() -> None:
    bare = Known(**{name: getattr(KNOWN, name) for name in KNOWN.__slots__} | {"credentials": lambda: None})
    assert ask("/latest/meta-data/iam/security-credentials/", who=bare).status == 404
    assert ask("/latest/meta-data/iam/", who=known(profile=None)).status == 404


def token(ttl: str = "60", who: Known = KNOWN) -> str:
    found = ask("/latest/api/token", "PUT", who, x_aws_ec2_metadata_token_ttl_seconds=ttl)
    assert found.status == 200 and found.headers[TTL] == ttl
    return found.body.decode()


def test_a_token_is_good_for_its_time_and_its_instance() -> None:
    given = token("60")
    path = "/latest/meta-data/instance-id"
    strict = known(http_tokens="required")
    assert ask(path, who=strict).status == 401
    good = ask(path, who=strict, x_aws_ec2_metadata_token=given)
    assert (good.status, good.headers[TTL]) == (200, "60")
    assert ask(path, x_aws_ec2_metadata_token=given, now=NOON + timedelta(seconds=60)).status == 401
    assert ask(path, x_aws_ec2_metadata_token=given, who=known(id="i-9999")).status == 401
    assert ask(path, x_aws_ec2_metadata_token="nonsense").status == 401
    assert ask(path).status == 200


@pytest.mark.parametrize("ttl", ["", "0", "-1", "21601", "x", "1.5", "９"])
def test_a_token_asked_for_without_a_time_is_refused(ttl: str) -> None:
    assert ask("/latest/api/token", "PUT", x_aws_ec2_metadata_token_ttl_seconds=ttl).status == 400


def test_other_refusals() -> None:
    forwarded = {"x_aws_ec2_metadata_token_ttl_seconds": "60", "x_forwarded_for": "1.2.3.4"}
    assert ask("/latest/api/token", "PUT", **forwarded).status == 403
    assert ask("/latest/api/token").status == 405
    assert ask("/latest/meta-data/", "POST").status == 405
    assert ask("/latest/meta-data/", who=known(http_endpoint="disabled")).status == 403
    assert ask("/latest/meta-data/", who=None).status == 404
    assert ask("/latest/api/token", "PUT", known(hop_limit=2), x_aws_ec2_metadata_token_ttl_seconds="9").hop_limit == 2


@asynccontextmanager
async def served() -> AsyncIterator[socket.socket]:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()

    def respond(peer: str, method: str, path: str, headers: dict[str, str]) -> Answer:
        return answer(method, path, headers, KNOWN, now=NOON, key=KEY)

    transport, _ = await loop.create_connection(lambda: Connection(respond), sock=theirs)
    ours.setblocking(False)
    try:
        yield ours
    finally:
        transport.close()
        ours.close()


def exchange(*requests: bytes) -> bytes:
    async def talk() -> bytes:
        async with served() as ours:
            loop, found = asyncio.get_running_loop(), b""
            for request in requests:
                await loop.sock_sendall(ours, request)
                await asyncio.sleep(0.01)
            while not found.endswith(b"i-0123") and not found.endswith(b"close\r\n\r\n"):
                async with asyncio.timeout(5):
                    found += await loop.sock_recv(ours, 65536)
            return found

    return asyncio.run(talk())


def test_one_connection_carries_several_requests() -> None:
    asked = b"GET /latest/meta-data/instance-id HTTP/1.1\r\nHost: x\r\n\r\n"
    assert exchange(asked[:20], asked[20:] + asked).count(b"\r\n\r\ni-0123") == 2


@pytest.mark.parametrize("broken", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"a" * 20000 + b"\r\n\r\n"])
def test_what_is_not_http_gets_a_400(broken: bytes) -> None:
    assert exchange(broken).startswith(b"HTTP/1.1 400 Bad Request")
