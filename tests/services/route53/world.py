"""Route 53 whole: the API door, its controllers, and a resolver process that answers on a port of its own."""

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import boto3
import dns.message
import dns.query
import dns.rcode
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from aftershock.aws.call import Principal, Tx
from aftershock.clock import Clock
from aftershock.control import Loop
from aftershock.engines.resolver import Resolver
from aftershock.gateway import Credential, Gateway
from aftershock.services import route53
from aftershock.store import Store
from aftershock.wire import Models, Secret
from tests.conftest import eventually
from tests.services.door import served

KEY, SECRET = "AKIAEXAMPLE", "secret"
ROOT = Principal("123456789012", "arn:aws:iam::123456789012:root", "123456789012", KEY)
LOCALHOST = "127.0.0.1"
REGION = "us-east-1"
ELB_ZONE, ELB_DOMAIN = "Z35SXDOTRQ7X7K", "us-east-1.elb.amazonaws.com"


class World:
    def __init__(self, state: Path, pace: float = 1.0) -> None:
        self.state, self.clock = state, Clock(pace)
        self.names: list[route53.KnownName] = []
        self.networks = [route53.Network("vpc-1", ("10.0.0.0/16",), "none0"), route53.Network("vpc-2", (), "none1")]
        self.dns_port = free_port()
        self._snapshot = state / "resolver" / "snapshot.json"
        self.resolver = Resolver(self._snapshot, address=LOCALHOST, port=self.dns_port)
        self.process = self.start_resolver()
        self.start_control()

    # --- the resolver, which the keeper keeps running ---------------------------------------------------------------

    def start_resolver(self) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", self._snapshot]
        log = (self.state / "resolver.log").open("ab")
        process = subprocess.Popen([*argv, "--address", LOCALHOST, "--port", str(self.dns_port)], stderr=log)
        log.close()

        def answers() -> None:
            assert process.poll() is None, (self.state / "resolver.log").read_text()
            assert asyncio.run(self.resolver.observe()) is not None

        eventually(answers)
        return process

    def restart_resolver(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self.start_resolver()

    def stop_resolver(self) -> None:
        self.process.kill()
        self.process.wait()

    def dig(self, name: str, kind: str = "A", *, tcp: bool = False) -> tuple[str, list[str]]:
        """The status and the values of the answer section."""
        found = self.ask(name, kind, tcp=tcp)
        values = [one.to_text() for rrset in found.answer for one in rrset]
        return dns.rcode.to_text(found.rcode()), values

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False) -> dns.message.Message:
        query = dns.message.make_query(name, kind)
        ask = dns.query.tcp if tcp else dns.query.udp
        return ask(query, LOCALHOST, timeout=5, port=self.dns_port)

    # --- the control plane ------------------------------------------------------------------------------------------

    def start_control(self) -> None:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._control()), name="control")
        self._thread.start()
        assert self._started.wait(20)

    def stop_control(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    async def _control(self) -> None:
        store = Store(self.state / "region.db", route53.TABLES)
        outside = route53.Outside(
            names=lambda tx: self.names,
            networks=lambda tx: self.networks,
            tables=frozenset(),
            ask=route53.asker(self.resolver),
            domains=(ELB_DOMAIN, f"{REGION}.amazonaws.com"),
            alias_domains={ELB_ZONE: ELB_DOMAIN},
        )
        control = Loop(*route53.controllers(store, self.clock, REGION, outside, self.resolver))
        store.after_commit.append(control.changed)
        gateway = Gateway(
            store=store,
            models=Models(),
            services={"route53": route53.operations(outside)},
            authenticate=authenticate,
            clock=self.clock,
            region=REGION,
            health=dict,
            acts={},
        )
        self._loop, self._ended, self._control_loop = asyncio.get_running_loop(), asyncio.Event(), control
        async with served(gateway, control.run()) as self.url:
            self._started.set()
            await self._ended.wait()
        store.close()

    def changed(self) -> None:
        """Something that the rest of the region knows is not what it was."""
        self._loop.call_soon_threadsafe(self._control_loop.wake, "route53.names", "names")

    def client(self) -> Any:
        return boto3.client(
            "route53",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def close(self) -> None:
        self.stop_control()
        self.stop_resolver()


def authenticate(tx: Tx, access_key_id: str, now: object) -> Credential | None:
    return Credential(Secret(SECRET), ROOT) if access_key_id == KEY else None


def free_port() -> int:
    """Below the ephemeral range, so that no client's socket takes it before the resolver does."""
    while True:
        port = random.randint(10000, 32000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            with contextlib.suppress(OSError):
                udp.bind((LOCALHOST, port))
                tcp.bind((LOCALHOST, port))
                return port


def refused(call: Any, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["Error"]["Message"],
        response["ResponseMetadata"]["HTTPStatusCode"],
    )


def change(action: str, name: str, kind: str = "A", *values: str, ttl: int = 60, **more: Any) -> dict[str, Any]:
    record: dict[str, Any] = {"Name": name, "Type": kind, **more}
    if values:
        record |= {"TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
    return {"Action": action, "ResourceRecordSet": record}


def synced(client: Any, answer: Any) -> Any:
    """Wait until the change is in sync, and return the answer it came in."""

    def insync() -> None:
        assert client.get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC"

    eventually(insync)
    return answer
