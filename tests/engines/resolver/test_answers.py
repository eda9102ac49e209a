"""What DNS says a server answers, asked of the real process over real sockets, also by dig."""

import collections
import socket
import struct
import subprocess

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.engines.resolver import AnswerSet, Numbered, RecordSet

from .running import Running, flags, records, snapshot, zone

BIG = tuple(f"198.18.{n // 200}.{n % 200}" for n in range(300))
ZONE = zone(
    "example.com.",
    records("example.com.", "NS", "ns.example.com.", "ns.example.net."),
    records("ns.example.com.", "A", "198.18.0.53"),
    records("one.example.com.", "A", "198.18.0.1", ttl=300),
    records("two.example.com.", "A", "198.18.0.1", "198.18.0.2"),
    records("six.example.com.", "AAAA", "2001:db8::1"),
    records("c1.example.com.", "CNAME", "c2.example.com."),
    records("c2.example.com.", "CNAME", "one.example.com."),
    records("gone.example.com.", "CNAME", "nothing.example.com."),
    records("away.example.com.", "CNAME", "elsewhere.example.net."),
    records("loop1.example.com.", "CNAME", "loop2.example.com."),
    records("loop2.example.com.", "CNAME", "loop1.example.com."),
    records("*.wild.example.com.", "TXT", '"wild"'),
    records("deep.under.wild.example.com.", "A", "198.18.0.3"),
    records("big.example.com.", "A", *BIG),
    records("a\\.b.example.com.", "A", "198.18.0.4"),
    RecordSet("like.example.com.", "A", (AnswerSet(like="two.example.com."),)),
    RecordSet("circle.example.com.", "A", (AnswerSet(like="circle.example.com."),)),
    RecordSet("none.example.com.", "A", (), "first"),
    RecordSet(
        "weighted.example.com.",
        "A",
        (
            AnswerSet(("198.18.1.1",), 5, weight=3),
            AnswerSet(("198.18.1.2",), 5, weight=1),
            AnswerSet(("198.18.1.3",), 5, weight=0),
        ),
        "weighted",
    ),
    RecordSet(
        "first.example.com.",
        "A",
        (AnswerSet(("198.18.1.1",), 5, healthy=False), AnswerSet(("198.18.1.2",), 5)),
        "first",
    ),
    RecordSet(
        "sick.example.com.", "A", tuple(AnswerSet((f"198.18.1.{n}",), 5, healthy=False) for n in (1, 2)), "first"
    ),
    RecordSet("sample.example.com.", "A", tuple(AnswerSet((f"198.18.2.{n}",), 5) for n in range(20)), "sample"),
    records("child.example.com.", "NS", "ns.child.example.com."),
    records("child.example.com.", "DS", "1 13 2 " + "00" * 32),
    records("sub.example.com.", "NS", "ns.sub.example.com."),
    records("ns.sub.example.com.", "A", "127.0.0.99"),
)
CHILD = zone("child.example.com.", records("www.child.example.com.", "A", "198.18.0.8"))
INTERNAL = zone(
    "ec2.internal.",
    numbered=(Numbered("ec2.internal.", "ip-", ("10.0.0.0/16",), 60, {"10.0.0.9": "10.0.0.10"}),),
)
REVERSE = zone("0.10.in-addr.arpa.", reverse=(Numbered("ec2.internal.", "ip-", ("10.0.0.0/16",)),))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("resolver"))
    running.ensure(snapshot(1, ZONE, CHILD, INTERNAL, REVERSE))
    yield running
    running.stop()


@pytest.mark.parametrize(
    "name, kind, status, found",
    [
        ("one.example.com", "A", "NOERROR", ["one.example.com. 198.18.0.1"]),
        ("two.example.com", "A", "NOERROR", ["two.example.com. 198.18.0.1", "two.example.com. 198.18.0.2"]),
        ("one.example.com", "AAAA", "NOERROR", []),
        ("nothing.example.com", "A", "NXDOMAIN", []),
        ("under.one.example.com", "A", "NXDOMAIN", []),
        ("wild.example.com", "A", "NOERROR", []),
        ("x.wild.example.com", "TXT", "NOERROR", ['x.wild.example.com. "wild"']),
        ("x.y.wild.example.com", "TXT", "NOERROR", ['x.y.wild.example.com. "wild"']),
        ("x.wild.example.com", "A", "NOERROR", []),
        ("under.wild.example.com", "TXT", "NOERROR", []),
        ("x.under.wild.example.com", "TXT", "NXDOMAIN", []),
        ("*.wild.example.com", "TXT", "NOERROR", ['*.wild.example.com. "wild"']),
        ("c1.example.com", "CNAME", "NOERROR", ["c1.example.com. c2.example.com."]),
        ("gone.example.com", "A", "NXDOMAIN", ["gone.example.com. nothing.example.com."]),
        ("like.example.com", "A", "NOERROR", ["like.example.com. 198.18.0.1", "like.example.com. 198.18.0.2"]),
        ("like.example.com", "AAAA", "NOERROR", []),
        ("none.example.com", "A", "NOERROR", []),
        ("circle.example.com", "A", "SERVFAIL", []),
        ("loop1.example.com", "A", "SERVFAIL", []),
        ("a\\.b.example.com", "A", "NOERROR", ["a\\.b.example.com. 198.18.0.4"]),
        ("first.example.com", "A", "NOERROR", ["first.example.com. 198.18.1.2"]),
        ("sick.example.com", "A", "NOERROR", ["sick.example.com. 198.18.1.1"]),
        ("ip-10-0-1-2.ec2.internal", "A", "NOERROR", ["ip-10-0-1-2.ec2.internal. 10.0.1.2"]),
        ("ip-10-0-0-9.ec2.internal", "A", "NOERROR", ["ip-10-0-0-9.ec2.internal. 10.0.0.10"]),
        ("ip-10-0-1-2.ec2.internal", "AAAA", "NOERROR", []),
        ("ip-10-1-0-1.ec2.internal", "A", "NXDOMAIN", []),
        ("ip-10-0-0-256.ec2.internal", "A", "NXDOMAIN", []),
        ("ip-10-0-0-01.ec2.internal", "A", "NXDOMAIN", []),
        ("2.1.0.10.in-addr.arpa", "PTR", "NOERROR", ["2.1.0.10.in-addr.arpa. ip-10-0-1-2.ec2.internal."]),
        ("1.1.168.192.in-addr.arpa", "PTR", "NXDOMAIN", []),
        ("localhost", "A", "NOERROR", ["localhost. 127.0.0.1"]),
        ("printer.local", "A", "NXDOMAIN", []),
        ("example.com", "DS", "NOERROR", []),
        ("child.example.com", "DS", "NOERROR", [f"child.example.com. 1 13 2 {'00' * 32}"]),
        ("www.child.example.com", "A", "NOERROR", ["www.child.example.com. 198.18.0.8"]),
        ("no.child.example.com", "A", "NXDOMAIN", []),
    ],
)
def test_an_answer(running, name, kind, status, found):
    for tcp in (False, True):
        for _ in range(2):  # the second comes out of the cache
            assert running.dig(name, kind, tcp=tcp) == (status, found)


def test_cnames_are_followed_in_order(running):
    answer = running.ask("c1.example.com")
    assert [str(rrset.name) for rrset in answer.answer] == ["c1.example.com.", "c2.example.com.", "one.example.com."]


def test_flags_and_negative_answers(running):
    assert flags(running.ask("one.example.com")) == {"QR", "AA", "RD", "RA"}
    query = dns.message.make_query("one.example.com", "A")
    query.flags = dns.flags.CD
    assert flags(dns.query.udp(query, running.address, timeout=5)) == {"QR", "AA", "RA", "CD"}
    for name in ("nothing.example.com", "wild.example.com"):
        (soa,) = running.ask(name).authority
        assert (str(soa.name), soa.ttl, soa.rdtype) == ("example.com.", 300, dns.rdatatype.SOA)


def test_the_letters_of_a_question_come_back_as_they_were(running):
    query = dns.message.make_query("oNe.ExAmPlE.cOm", "A")
    sent = query.to_wire()
    answer = dns.query.udp(query, running.address, timeout=5)
    assert answer.question[0].name.labels == query.question[0].name.labels
    assert answer.answer[0].name.labels == query.question[0].name.labels
    assert b"oNe" in sent


def test_long_answers_are_cut_and_come_whole_over_tcp(running):
    for payload, most in ((None, 512), (1232, 1232), (4096, 1232), (100, 512)):
        more = {"use_edns": 0, "payload": payload} if payload else {}
        wire = _raw(running, dns.message.make_query("big.example.com", "A", **more).to_wire())
        answer = dns.message.from_wire(wire)
        assert "TC" in flags(answer)
        assert len(wire) <= most
        assert not answer.answer
    query = dns.message.make_query("big.example.com", "A")
    answer, over_tcp = dns.query.udp_with_fallback(query, running.address, timeout=5)
    assert over_tcp
    assert len(answer.answer[0]) == len(BIG)


def test_many_questions_over_one_connection(running):
    with socket.create_connection((running.address, 53), timeout=5) as connection:
        for _ in range(3):
            for name in ("one.example.com", "nothing.example.com"):
                query = dns.message.make_query(name, "A")
                dns.query.send_tcp(connection, query)
                answer, _ = dns.query.receive_tcp(connection)
                assert query.is_response(answer)


def test_edns(running):
    answer = running.ask("one.example.com", use_edns=0, payload=4096)
    assert (answer.edns, answer.payload) == (0, 1232)
    assert running.ask("one.example.com").edns == -1
    query = dns.message.make_query("one.example.com", "A", use_edns=0)
    wire = bytearray(query.to_wire())
    wire[-5] = 1  # the version, after the extended code
    assert dns.message.from_wire(_raw(running, bytes(wire))).rcode() == dns.rcode.BADVERS
    cookie = dns.edns.GenericOption(dns.edns.OptionType.COOKIE, b"12345678")
    assert running.dig("one.example.com", use_edns=0, options=[cookie])[0] == "NOERROR"


def test_any_is_answered_little(running):
    answer = running.ask("two.example.com", "ANY")
    assert [one.to_text() for rrset in answer.answer for one in rrset] == ['"RFC8482" ""']
    assert running.dig("nothing.example.com", "ANY")[0] == "NXDOMAIN"


@pytest.mark.parametrize("kind", ["AXFR", "IXFR"])
def test_zones_are_not_handed_out(running, kind):
    query = dns.message.make_query("example.com", kind)
    assert dns.query.tcp(query, running.address, timeout=5).rcode() == dns.rcode.REFUSED


def test_other_operations_are_not_implemented(running):
    for opcode in (dns.opcode.NOTIFY, dns.opcode.UPDATE, dns.opcode.STATUS):
        query = dns.message.make_query("example.com", "SOA")
        query.set_opcode(opcode)
        answer = dns.message.from_wire(_raw(running, query.to_wire()))
        assert (answer.rcode(), answer.opcode()) == (dns.rcode.NOTIMP, opcode)


def test_what_is_not_known_here_is_refused_to_who_does_not_want_recursion(running):
    query = dns.message.make_query("debian.org", "A")
    query.flags = 0
    assert dns.query.udp(query, running.address, timeout=5).rcode() == dns.rcode.REFUSED
    assert running.dig("debian.org")[0] == "SERVFAIL"  # there is nobody to ask


def test_a_delegation_is_told_to_who_does_not_want_recursion(running):
    query = dns.message.make_query("host.sub.example.com", "A")
    query.flags = 0
    answer = dns.query.udp(query, running.address, timeout=5)
    assert flags(answer) == {"QR", "RA"}
    assert [rrset.to_text() for rrset in answer.authority] == ["sub.example.com. 60 IN NS ns.sub.example.com."]
    assert [rrset.to_text() for rrset in answer.additional] == ["ns.sub.example.com. 60 IN A 127.0.0.99"]


def test_orders_weights_and_samples_vary(running):
    firsts = {running.ask("two.example.com").answer[0][0].to_text() for _ in range(60)}
    assert firsts == {"198.18.0.1", "198.18.0.2"}
    weights = collections.Counter(running.ask("weighted.example.com").answer[0][0].to_text() for _ in range(400))
    assert weights["198.18.1.3"] == 0
    assert 240 < weights["198.18.1.1"] < 360
    samples = [tuple(sorted(one.to_text() for one in running.ask("sample.example.com").answer[0])) for _ in range(5)]
    assert {len(sample) for sample in samples} == {8}
    assert len(set(samples)) > 1


def test_dig_finds_nothing_wrong(running):
    for options in (
        ["big.example.com"],
        ["+tcp", "one.example.com"],
        ["CH", "TXT", "serial.resolver"],
        ["+dnssec", "c1.example.com"],
    ):
        argv = ["dig", f"@{running.address}", "+time=2", "+tries=1", *options]
        shown = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=20).stdout
        assert "status: NOERROR" in shown
        assert "Warning" not in shown and "malformed" not in shown


# --- what nobody should send -----------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.binary(max_size=200) | st.binary(min_size=1, max_size=60).map(lambda tail: b"\0\1\1\0\0\1\0\0\0\0\0\1" + tail)
)
def test_garbage_is_dropped_or_answered_and_never_fatal(running, garbage):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(5)
        one.connect((running.address, 53))
        one.send(garbage)
        # Whatever it says to that, it says this after it.
        query = dns.message.make_query("one.example.com", "A", id=1)
        one.send(query.to_wire())
        while True:
            answer = one.recv(4096)
            if answer[:2] == b"\0\1" and dns.message.from_wire(answer).answer:
                break


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\0",
        struct.pack("!H", 5) + b"short",
        struct.pack("!H", 12) + b"\0\1\1\0" + bytes(8),
        struct.pack("!H", 60000) + b"x",
    ],
)
def test_broken_connections_disturb_nobody(running, sent):
    with socket.create_connection((running.address, 53), timeout=5) as connection:
        connection.sendall(sent)
    assert running.dig("one.example.com", tcp=True)[0] == "NOERROR"


@pytest.mark.parametrize(
    "message, rcode",
    [
        (b"\0\1\1\0\0\0\0\0\0\0\0\0", dns.rcode.FORMERR),  # no question
        (b"\0\1\1\0\0\2\0\0\0\0\0\0" + b"\1a\0\0\1\0\1" * 2, dns.rcode.FORMERR),  # two
        (b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\x05a", dns.rcode.FORMERR),  # half a one
        (b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c\0\1\0\1", dns.rcode.FORMERR),  # a name that is itself
        (b"\0\1\1\0\0\1\0\0\0\0\0\0" + b"\1a\0\0\1\0\3", dns.rcode.REFUSED),  # of the class CHAOS
        (b"\0\1\1\0\0\1\0\0\0\0\0\2" + b"\1a\0\0\1\0\1" + (b"\0\0\x29\4\0" + bytes(6)) * 2, dns.rcode.FORMERR),
    ],
)
def test_malformed_questions_are_told_so(running, message, rcode):
    assert dns.message.from_wire(_raw(running, message), ignore_trailing=True).rcode() == rcode


def test_answers_are_not_answered(running):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((running.address, 53))
        query = dns.message.make_query("one.example.com", "A", id=2)
        query.flags |= dns.flags.QR
        one.send(query.to_wire())
        one.send(dns.message.make_query("one.example.com", "A", id=3).to_wire())
        one.settimeout(5)
        assert one.recv(4096)[:2] == b"\0\3"


def _raw(running, message):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.settimeout(5)
        one.connect((running.address, 53))
        one.send(message)
        return one.recv(65535)
