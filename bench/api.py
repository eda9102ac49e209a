"""Requests per second of the control API, side by side with moto's server in the same run.

Both get the same bytes over the same number of connections from the same client.  Requests are signed once by botocore
and sent again and again, so that what is measured is the server; each answer's status and size are looked at.
"""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .figures import Figure
from .region import Region

MOTO = Path(__file__).parents[1] / ".venv" / "moto" / "bin" / "moto_server"
CONNECTIONS = 8
SECONDS = 6.0
WARM_UP_S = 1.0
MANY = 100
API_VERSION = "2016-11-15"


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    key: Credentials

    def client(self) -> Any:
        return boto3.client(
            "ec2",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key.access_key,
            aws_secret_access_key=self.key.secret_key,
        )

    def request(self, action: str, **params: str) -> bytes:
        """One signed request of EC2's protocol, as it goes over the wire."""
        body = urlencode({"Action": action, "Version": API_VERSION, **params}).encode()
        host = f"127.0.0.1:{self.port}"
        headers = {"Host": host, "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        signed = AWSRequest("POST", f"http://{host}/", headers=headers, data=body)
        SigV4Auth(self.key, "ec2", "us-east-1").add_auth(signed)
        lines = [f"{name}: {value}" for name, value in signed.headers.items()]
        return "\r\n".join(["POST / HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@contextmanager
def moto() -> Iterator[Server]:
    """moto's server with 100 instances, which it makes up."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(MOTO), "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit("moto's server did not come up") from None
                time.sleep(0.1)
        server = Server("moto", port, Credentials("testing", "testing"))
        image = server.client().describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        server.client().run_instances(ImageId=image, MinCount=MANY, MaxCount=MANY, InstanceType="t2.nano")
        yield server
    finally:
        process.terminate()
        process.wait()


def measure(region: Region) -> list[Figure]:
    """The region must have 100 instances running, and no others that were not terminated long ago."""
    access = region.access
    ours = Server("aftershock", access.api_port, Credentials(access.access_key_id, access.secret_access_key))
    with moto() as theirs:
        figures = []
        for what, load in ((f"DescribeInstances, {MANY} instances", describe), ("mixed reads and writes", mixed)):
            ours_rps, theirs_rps = per_second(ours, load(ours)), per_second(theirs, load(theirs))
            figures += [
                Figure(f"{what}: aftershock", ours_rps, "/s"),
                Figure(f"{what}: moto's server", theirs_rps, "/s"),
                Figure("their ratio", ours_rps / theirs_rps, "", at_least=3),
            ]
    return figures


RUNNING = {"Filter.1.Name": "instance-state-name", "Filter.1.Value.1": "running"}


def describe(server: Server) -> list[bytes]:
    answer = server.client().describe_instances(Filters=[{"Name": "instance-state-name", "Values": ["running"]}])
    count = sum(len(reservation["Instances"]) for reservation in answer["Reservations"])
    if count != MANY:
        raise SystemExit(f"{server.name} describes {count} running instances instead of {MANY}")
    return [server.request("DescribeInstances", **RUNNING)]


def mixed(server: Server) -> list[bytes]:
    """As a deployment tool asks: mostly about single instances, now and then a write."""
    pages = server.client().describe_instances()["Reservations"]
    ids = [one["InstanceId"] for page in pages for one in page["Instances"] if one["State"]["Name"] == "running"][:10]
    requests = []
    for instance in ids:
        requests += [server.request("DescribeInstances", **{"InstanceId.1": instance})] * 4
        requests += [server.request("DescribeSecurityGroups"), server.request("DescribeSubnets")]
        tag = {"ResourceId.1": instance, "Tag.1.Key": "bench", "Tag.1.Value": "yes"}
        requests += [server.request("CreateTags", **tag), server.request("DeleteTags", **tag)]
    return requests


def per_second(server: Server, requests: Sequence[bytes]) -> float:
    return asyncio.run(_per_second(server, requests))


async def _per_second(server: Server, requests: Sequence[bytes]) -> float:
    began = time.monotonic() + WARM_UP_S
    counts = await asyncio.gather(*(_ask(server, requests, index, began) for index in range(CONNECTIONS)))
    return sum(counts) / SECONDS


async def _ask(server: Server, requests: Sequence[bytes], index: int, began: float) -> int:
    """Send requests one after the other until the time is over; how many were answered in the time that counts."""
    counted, position = 0, index * len(requests) // CONNECTIONS
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    while (now := time.monotonic()) < began + SECONDS:
        writer.write(requests[position % len(requests)])
        position += 1
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.split(b" ", 2)[1] == b"200":
            raise SystemExit(f"{server.name} answered {head.splitlines()[0]!r}")
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        counted += now >= began
        if b"connection: close" in head or head.startswith(b"http/1.0"):
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**24)
    writer.close()
    return counted
