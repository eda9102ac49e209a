"""S3's bodies in megabytes per second, beside a bare server that does no more with them than hash and write.

The bare one takes the same bytes over the same loopback, runs MD5 over them, writes them and has them on the disk
before it answers: what an ETag and a promise cost at least.
"""

import hashlib
import http.client
import io
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .figures import Figure
from .region import Region

SIZE = 200 * 2**20
TIMES = 5
BLOCK = 2**20
BUCKET = "bench"


def measure(region: Region) -> list[Figure]:
    """All in turn, so that each meets the same machine in the same moods."""
    s3: Any = region.access.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    data = os.urandom(SIZE)
    bare = Bare()
    kinds: dict[str, Callable[[], object]] = {}
    kinds["bare"] = lambda: bare.put(data)
    kinds["PUT, unsigned payload"] = lambda: put(region, data)
    kinds["boto3 put_object"] = lambda: s3.put_object(Bucket=BUCKET, Key="one", Body=data)
    kinds["boto3 upload_fileobj (in parts)"] = lambda: s3.upload_fileobj(io.BytesIO(data), BUCKET, "parts")
    kinds["boto3 get_object"] = lambda: len(s3.get_object(Bucket=BUCKET, Key="one")["Body"].read())
    seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
    for _ in range(TIMES):
        for kind, act in kinds.items():
            seconds[kind].append(timed(act))
    bare.close()
    speed = {kind: SIZE / 1e6 / statistics.median(times) for kind, times in seconds.items()}
    mb = f"{SIZE >> 20} MiB"
    return [
        Figure(f"bare receive, MD5, write and fsync of {mb}", speed.pop("bare"), "MB/s", _of(seconds["bare"])),
        Figure("S3 PUT, unsigned payload", speed.pop("PUT, unsigned payload"), "MB/s"),
        Figure("ratio of the times", _ratio(seconds, "PUT, unsigned payload"), "", "1 is the bare one", at_most=1.5),
        *(Figure(kind, value, "MB/s", _of(seconds[kind])) for kind, value in speed.items()),
    ]


class Bare:
    """Takes one body after the other, on a thread that holds Python's lock as little as the sender does."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, name="bare")
        self._thread.start()

    def put(self, data: bytes) -> None:
        with socket.create_connection(self._listener.getsockname()) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            if not connection.recv(16):
                raise SystemExit("the bare server did not take the body")

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # it is closed
            block = memoryview(bytearray(BLOCK))
            digest = hashlib.md5(usedforsecurity=False)
            with connection, tempfile.TemporaryFile(buffering=0) as file:
                while count := connection.recv_into(block, BLOCK, socket.MSG_WAITALL):
                    digest.update(block[:count])
                    file.write(block[:count])
                os.fsync(file.fileno())
                connection.sendall(digest.digest())


class _Unsigned(S3SigV4Auth):  # type: ignore[misc]  # botocore has no types
    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def put(region: Region, data: bytes) -> None:
    """By hand, since boto3 over plain HTTP hashes twice before it sends."""
    access = region.access
    host = f"127.0.0.1:{access.api_port}"
    headers = {"Host": host, "Content-Length": str(len(data))}
    signed = AWSRequest("PUT", f"http://{host}/{BUCKET}/raw", headers=headers)
    _Unsigned(Credentials(access.access_key_id, access.secret_access_key), "s3", "us-east-1").add_auth(signed)
    connection = http.client.HTTPConnection(host, blocksize=BLOCK)
    connection.request("PUT", f"/{BUCKET}/raw", body=data, headers=dict(signed.headers.items()))
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"the upload was answered with {answer.status}: {answer.read()!r}")
    connection.close()


def timed(act: Callable[[], Any]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def _ratio(seconds: dict[str, list[float]], kind: str) -> float:
    return statistics.median(seconds[kind]) / statistics.median(seconds["bare"])


def _of(times: list[float]) -> str:
    ordered = [SIZE / 1e6 / one for one in sorted(times)]
    return f"n={len(ordered)}, {ordered[-1]:.0f} to {ordered[0]:.0f} MB/s"
