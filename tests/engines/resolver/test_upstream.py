"""What is not known here: asked of servers that answer, fail, are silent or lie."""

import contextlib
import socket
import struct
import threading
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from tests.conftest import eventually

from .running import Running, flags, records, snapshot, zone

SOA = "ns.outside.test. host.outside.test. 1 2 3 4 60"


class Server:
    """A name server on an address of its own, which answers as `behave` says and remembers what it was asked."""

    def __init__(self, address):
        self.address, self.asked, self.behave = address, [], self.answer
        self.udp, self.tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.udp.bind((address, 53))
        self.tcp.bind((address, 53))
        self.tcp.listen()
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def close(self):
        for one in (self.udp, self.tcp):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _serve_udp(self):
        while True:
            try:
                data, client = self.udp.recvfrom(4096)
                query = dns.message.from_wire(data)
                self.asked.append((query.question[0].name.to_text(), "udp", bool(query.flags & dns.flags.RD)))
                for answer in self.behave(query, "udp"):
                    self.udp.sendto(answer, client)
            except OSError:
                return

    def _serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                query = dns.message.from_wire(connection.recv(4096)[2:])
                self.asked.append((query.question[0].name.to_text(), "tcp", bool(query.flags & dns.flags.RD)))
                for answer in self.behave(query, "tcp"):
                    connection.sendall(struct.pack("!H", len(answer)) + answer)

    @staticmethod
    def answer(query, how):
        name = query.question[0].name
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        match name.labels[0]:
            case b"no":
                answer.set_rcode(dns.rcode.NXDOMAIN)
                answer.authority.append(dns.rrset.from_text("outside.test.", 60, "IN", "SOA", SOA))
            case b"short":
                answer.answer.append(dns.rrset.from_text(name, 1, "IN", "A", "192.0.2.1"))
            case b"large" if how == "udp":
                answer.flags |= dns.flags.TC
            case b"large":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", *(f"192.0.2.{n}" for n in range(200))))
            case _:
                answer.answer.append(dns.rrset.from_text(name, 300, "IN", "A", "192.0.2.1"))
        return [answer.to_wire(max_size=65535)]


def silent(query, how):
    return []


def failing(query, how):
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.SERVFAIL)
    return [answer.to_wire()]


def lying(query, how):
    """Answers to other questions, garbage, and then the truth."""
    other = dns.message.make_query("other.test", "A", id=query.id)
    forged = dns.message.make_response(dns.message.from_wire(other.to_wire()))
    forged.answer.append(dns.rrset.from_text("other.test.", 300, "IN", "A", "192.0.2.66"))
    wrong_id = bytearray(Server.answer(query, how)[0])
    wrong_id[0] ^= 0xFF
    return [b"garbage", forged.to_wire(), bytes(wrong_id), *Server.answer(query, how)]


@pytest.fixture
def first():
    server = Server("127.0.0.61")
    yield server
    server.close()


@pytest.fixture
def second():
    server = Server("127.0.0.62")
    yield server
    server.close()


@pytest.fixture
def running(tmp_path):
    running = Running(tmp_path, "127.0.0.53", "--upstream", "127.0.0.61", "--upstream", "127.0.0.62")
    running.ensure(
        snapshot(
            1,
            zone(
                "example.com.",
                records("away.example.com.", "CNAME", "www.outside.test."),
                records("sub.example.com.", "NS", "ns.sub.example.com."),
                records("ns.sub.example.com.", "A", "127.0.0.62"),
                records("lame.example.com.", "NS", "ns.lame.example.com."),
                records("ns.lame.example.com.", "A", "127.0.0.53"),
            ),
        )
    )
    yield running
    running.stop()


def test_an_answer_is_kept_as_long_as_it_may_be(running, first, second):
    answer = running.ask("www.outside.test")
    assert flags(answer) == {"QR", "RD", "RA"}
    assert (answer.answer[0].to_text(), first.asked) == (
        "www.outside.test. 300 IN A 192.0.2.1",
        [("www.outside.test.", "udp", True)],
    )
    assert running.dig("WWW.outside.test") == ("NOERROR", ["WWW.outside.test. 192.0.2.1"])
    assert running.dig("short.outside.test")[0] == "NOERROR"
    eventually(lambda: _asked_again(running, first, "short.outside.test."))
    assert [name for name, *_ in first.asked].count("www.outside.test.") == 1
    assert second.asked == []


def test_time_to_live_runs_down(running, first):
    running.ask("www.outside.test")

    def less():
        assert running.ask("www.outside.test").answer[0].ttl < 300

    eventually(less)


def test_that_there_is_no_such_name_is_kept_too(running, first):
    for _ in range(3):
        answer = running.ask("no.outside.test")
        assert answer.rcode() == dns.rcode.NXDOMAIN
        assert answer.authority[0].to_text().endswith(SOA)
    assert len(first.asked) == 1


def test_names_of_ours_that_lead_away_are_followed(running, first):
    assert running.dig("away.example.com") == (
        "NOERROR",
        ["away.example.com. www.outside.test.", "www.outside.test. 192.0.2.1"],
    )


@pytest.mark.parametrize("behave", [silent, failing])
def test_the_next_server_is_asked_when_one_has_no_answer(running, first, second, behave):
    first.behave = behave
    assert running.dig("www.outside.test")[0] == "NOERROR"
    assert second.asked


def test_when_nobody_answers_it_says_so_in_time(running, first, second):
    first.behave = second.behave = silent
    started = time.monotonic()
    assert running.dig("www.outside.test")[0] == "SERVFAIL"
    assert time.monotonic() - started < 8
    first.behave = first.answer
    eventually(lambda: _noerror(running))


def test_forged_answers_are_not_taken(running, first):
    first.behave = lying
    assert running.dig("www.outside.test") == ("NOERROR", ["www.outside.test. 192.0.2.1"])


def test_long_answers_are_fetched_over_tcp(running, first):
    assert len(running.dig("large.outside.test", tcp=True)[1]) == 200
    assert [how for _, how, _ in first.asked] == ["udp", "tcp"]
    assert "TC" in flags(running.ask("large.outside.test"))


def test_one_question_is_asked_once_however_many_wait_for_it(running, first):
    release = threading.Event()

    def slow(query, how):
        release.wait(5)
        return Server.answer(query, how)

    first.behave = slow
    found = []
    threads = [threading.Thread(target=lambda: found.append(running.dig("www.outside.test")[0])) for _ in range(10)]
    for thread in threads:
        thread.start()
    eventually(lambda: _true(first.asked))
    release.set()
    for thread in threads:
        thread.join()
    assert (found, len(first.asked)) == (["NOERROR"] * 10, 1)


@pytest.mark.parametrize(
    "name, kind",
    [
        ("secret.internal", "A"),
        ("5.0.0.10.in-addr.arpa", "PTR"),
        ("1.1.31.172.in-addr.arpa", "PTR"),
        ("1.0.18.198.in-addr.arpa", "PTR"),
        ("printer.local", "A"),
        ("x.localhost", "A"),
        ("nothing.example.com", "A"),
        ("serial.resolver.invalid", "TXT"),
    ],
)
def test_private_names_are_asked_of_nobody(running, first, second, name, kind):
    running.dig(name, kind)
    assert first.asked == second.asked == []


def test_a_delegation_is_followed_to_its_servers(running, first, second):
    assert running.dig("www.sub.example.com") == ("NOERROR", ["www.sub.example.com. 192.0.2.1"])
    assert (first.asked, second.asked) == ([], [("www.sub.example.com.", "udp", False)])


def test_a_lame_delegation_is_a_failure(running, first):
    assert running.dig("www.lame.example.com")[0] == "SERVFAIL"


def _asked_again(running, server, name):
    running.dig(name)
    assert [one for one, *_ in server.asked].count(name) > 1


def _noerror(running):
    assert running.dig("www.outside.test")[0] == "NOERROR"


def _true(condition):
    assert condition
