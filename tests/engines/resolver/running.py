"""A resolver process on an address of its own, and questions to it."""

import asyncio
import subprocess
import sys
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode

from aftershock.engines.resolver import AnswerSet, RecordSet, Resolver, Snapshot, View, Zone
from tests.conftest import eventually

SOA = "ns.{0} host.{0} 7 7200 900 1209600 300"


def zone(name: str, *records: RecordSet, id: str | None = None, **more: object) -> Zone:  # noqa: A002
    soa = RecordSet(name, "SOA", (AnswerSet((SOA.format(name),), 900),))
    return Zone(id or name, name, (soa, *records), **more)


def records(name: str, kind: str, *values: str, ttl: int = 60) -> RecordSet:
    return RecordSet(name, kind, (AnswerSet(values, ttl),))


def snapshot(serial: int, *zones: Zone) -> Snapshot:
    return Snapshot(serial, (View("all", tuple(one.id for one in zones)),), zones)


class Running:
    def __init__(self, directory: Path, address: str = "127.0.0.53", *options: str) -> None:
        self.directory, self.address, self.options = directory, address, options
        self.path = directory / "snapshot.json"
        self.resolver = Resolver(self.path, address=address)
        self.start()

    def start(self) -> None:
        argv = [sys.executable, "-m", "aftershock.engines.resolver", "--snapshot", self.path, "--address", self.address]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen([*argv, *self.options], stderr=log)
        eventually(self._answers)

    def _answers(self) -> None:
        assert self.process.poll() is None, self.log()
        assert self.observe() is not None

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def observe(self) -> int | None:
        seen = asyncio.run(self.resolver.observe())
        return seen.serial if seen else None

    def ensure(self, wanted: Snapshot) -> None:
        asyncio.run(self.resolver.ensure(wanted))

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(10) == 0, self.log()

    def ask(self, name: str, kind: str = "A", *, tcp: bool = False, **more: object) -> dns.message.Message:
        query = dns.message.make_query(name, kind, **more)
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, self.address, timeout=8)

    def dig(self, name: str, kind: str = "A", **more: object) -> tuple[str, list[str]]:
        """The status, and the records of the answer without their order among themselves."""
        return said(self.ask(name, kind, **more))


def said(answer: dns.message.Message) -> tuple[str, list[str]]:
    found = [f"{rrset.name} {one.to_text()}" for rrset in answer.answer for one in rrset]
    return dns.rcode.to_text(answer.rcode()), sorted(found)


def flags(answer: dns.message.Message) -> set[str]:
    return set(dns.flags.to_text(answer.flags).split())
