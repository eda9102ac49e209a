"""`aftershock dig`'s question, as its own process, to a DNS server that the test writes."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import dns.message
import dns.rcode
import dns.rrset
import pytest

ZONE = {
    ("web.test.", "A"): ["198.18.0.7", "198.18.0.8"],
    ("test.", "MX"): ["10 mail.test."],
    ("web.test.", "TXT"): ['"hello" "yo"'],
}


@pytest.fixture
def server() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_once, args=(listener,), daemon=True)
        thread.start()
        yield listener.getsockname()[1]


def answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, connection.makefile("rwb") as stream:
        query = dns.message.from_wire(stream.read(int.from_bytes(stream.read(2), "big")))
        asked = query.question[0]
        answer = dns.message.make_response(query)
        name, kind = asked.name.to_text(), asked.rdtype.name
        if values := ZONE.get((name, kind)):
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *values))
        elif not any(known == name for known, _ in ZONE):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        wire = answer.to_wire()
        stream.write(len(wire).to_bytes(2, "big") + wire)
        stream.flush()


def dig(port: int, name: str, kind: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aftershock.doors.names", "127.0.0.1", str(port), name, kind]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("web.test", "A", "web.test. 60 IN A 198.18.0.7\nweb.test. 60 IN A 198.18.0.8\n"),
        ("test", "mx", "test. 60 IN MX 10 mail.test.\n"),
        ("web.test.", "TXT", 'web.test. 60 IN TXT "hello" "yo"\n'),
    ],
)
def test_each_record_is_shown_with_its_ttl_as_in_a_zone_file(server: int, name: str, kind: str, said: str) -> None:
    done = dig(server, name, kind)
    assert (done.returncode, sorted(done.stdout.splitlines())) == (0, said.splitlines())  # their order says nothing


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [("web.test", "AAAA", "NOERROR, no records"), ("other.test", "A", "NXDOMAIN, no records")],
)
def test_an_unknown_name_is_told_apart_from_a_name_without_records(
    server: int, name: str, kind: str, words: str
) -> None:
    done = dig(server, name, kind)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.mark.parametrize(("name", "kind"), [("a" * 64 + ".test", "A"), ("web.test", "NONSENSE"), ("web.test", "A")])
def test_what_cannot_be_asked_is_explained(name: str, kind: str) -> None:
    done = dig(9, name, kind)  # the discard port, where nothing listens
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("dig: ")
    assert "Traceback" not in done.stderr
