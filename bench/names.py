"""DNS questions per second, side by side with dnsmasq in the same run; and how soon a change is answered.

Both servers get the same bytes from the same client, in turns.  The client is a Python program and takes as long for a
question as a fast server does, so besides what came through in a second there is what a question cost the server in
processor time, which the client has no part in.
"""

import contextlib
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aftershock.engines.resolver import AnswerSet, RecordSet, Snapshot, View, Zone, encode

from .figures import Figure, median_ms, spread
from .region import Region

SECONDS, ROUNDS, WINDOW = 1.0, 5, 64
LOST_S = 1.0
NAMES = 10_000
CHANGES = 40
CHANGED_S_MAX = 30.0
SOA = "ns.bench.test. host.bench.test. 1 7200 900 1209600 300"


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    port: int
    pid: int

    def cpu_s(self) -> float:
        """proc(5): utime and stime are the 14th and 15th field."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Round:
    per_second: float
    cpu_us: float


def question(name: str) -> bytes:
    """One for an address, without its number."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack("!5H", 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", 1, 1)


def drive(server: Server, questions: Sequence[bytes], seconds: float) -> Round:
    """Keep a window of questions in flight."""
    numbers = [struct.pack("!H", number) for number in range(65536)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("127.0.0.1", server.port))
        asking.settimeout(LOST_S)
        asked = answered = 0
        cpu_s, started = server.cpu_s(), time.monotonic()
        end = started + seconds
        while time.monotonic() < end:
            while asked - answered < WINDOW:
                asking.send(numbers[asked & 0xFFFF] + questions[asked % len(questions)])
                asked += 1
            for _ in range(WINDOW // 2):
                try:
                    asking.recv(4096)
                except TimeoutError:
                    raise SystemExit(f"{server.name} lost a question") from None
                answered += 1
        took = time.monotonic() - started
        while answered < asked:
            asking.recv(4096)
            answered += 1
        return Round(answered / took, (server.cpu_s() - cpu_s) / answered * 1e6)


@contextmanager
def ours(directory: Path) -> Iterator[Server]:
    def entry(name: str, *values: str, policy: str = "all") -> RecordSet:
        if policy == "weighted":
            sets = tuple(AnswerSet((value,), 60, weight=weight) for weight, value in enumerate(values, 1))
            return RecordSet(name, "A", sets, "weighted")
        return RecordSet(name, "A", (AnswerSet(values, 60),))

    entries = (
        RecordSet("bench.test.", "SOA", (AnswerSet((SOA,), 900),)),
        entry("one.bench.test.", "198.18.0.1"),
        entry("two.bench.test.", "198.18.0.1", "198.18.0.2"),
        entry("weighted.bench.test.", "198.18.0.1", "198.18.0.2", policy="weighted"),
        *(entry(f"n{number}.bench.test.", address(number)) for number in range(NAMES)),
    )
    snapshot = directory / "snapshot.json"
    snapshot.write_bytes(encode(Snapshot(1, (View("all", ("z",)),), (Zone("z", "bench.test.", entries),))))
    port = free_port()
    argv = [sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", str(snapshot)]
    with started("ours", [*argv, "--address", "127.0.0.1", "--port", str(port)], port) as server:
        yield server


@contextmanager
def dnsmasq(directory: Path) -> Iterator[Server]:
    records = [("one", "198.18.0.1"), ("two", "198.18.0.1"), ("two", "198.18.0.2")]
    records += [(f"n{number}", address(number)) for number in range(NAMES)]
    port = free_port()
    lines = ["no-resolv", "no-hosts", "bind-interfaces", "listen-address=127.0.0.1", f"port={port}", "user=root"]
    lines += ["local=/bench.test/", "local-ttl=60", "cache-size=10000"]
    lines += [f"host-record={name}.bench.test,{value}" for name, value in records]
    config = directory / "dnsmasq.conf"
    config.write_text("\n".join(lines))
    argv = ["dnsmasq", "--keep-in-foreground", f"--conf-file={config}", "--pid-file="]
    with started("dnsmasq", argv, port) as server:
        yield server


@contextmanager
def started(name: str, argv: Sequence[str], port: int) -> Iterator[Server]:
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        server = Server(name, port, process.pid)
        deadline = time.monotonic() + 30
        while not answers(server):
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit(f"{name} did not come up")
        yield server
    finally:
        process.terminate()
        process.wait(10)


def answers(server: Server) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        try:
            asking.connect(("127.0.0.1", server.port))
            asking.send(b"\0\1" + question("one.bench.test"))
            return bool(asking.recv(4096)[2] & 0x80)  # an answer, and not our own question come back
        except OSError:
            return False


def address(number: int) -> str:
    return f"198.18.{number // 250}.{number % 250}"


def free_port() -> int:
    """Below the ephemeral range, so that no client's socket takes it before the server does."""
    while True:
        port = random.randint(10000, 32000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def measure_questions() -> list[Figure]:
    shuffled = [question(f"n{number}.bench.test") for number in random.Random(1).sample(range(NAMES), NAMES)]
    kinds = {
        "one address": [question("one.bench.test")],
        "two addresses in random order": [question("two.bench.test")],
        "no such name": [question("nothing.bench.test")],
        f"{NAMES:,} names in turn": shuffled,
        "two addresses by weight": [question("weighted.bench.test")],
    }
    figures = []
    if shutil.which("dnsmasq") is None:
        raise SystemExit("the reference server is missing: apt-get install dnsmasq-base")
    with tempfile.TemporaryDirectory() as home, ours(Path(home)) as we, dnsmasq(Path(home)) as they:
        for kind, questions in kinds.items():
            servers = [we] if kind.endswith("weight") else [we, they]
            found: dict[str, list[Round]] = {server.name: [] for server in servers}
            for _ in range(ROUNDS):
                for server in servers:
                    found[server.name].append(drive(server, questions, SECONDS))
            for name, rounds in found.items():
                per_second = statistics.median(one.per_second for one in rounds)
                cost = statistics.median(one.cpu_us for one in rounds)
                figures.append(Figure(f"DNS, {kind}: {name}", per_second, "/s", f"{cost:.1f} µs of processor each"))
    return figures


def measure_changes(region: Region) -> list[Figure]:
    """From the call that changes a record until the resolver was seen to serve it, one after the other."""
    client = region.access.client("route53")
    zone = client.create_hosted_zone(Name="bench.test", CallerReference=f"bench {time.time_ns()}")
    zone_id = zone["HostedZone"]["Id"]

    def change(number: int) -> float:
        record = {"Name": "a.bench.test", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address(number)}]}
        began = time.monotonic()
        answer = client.change_resource_record_sets(
            HostedZoneId=zone_id, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
        )
        wait(lambda: client.get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "INSYNC")
        return time.monotonic() - began

    took = [change(number) for number in range(CHANGES)]
    return [Figure("change batch → the resolver serves it", median_ms(took), "ms", spread(took))]


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + CHANGED_S_MAX
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"a change was not served within {CHANGED_S_MAX:g} s")


def measure(region: Region) -> list[Figure]:
    return [*measure_questions(), *measure_changes(region)]
