"""Whatever the zone, an answer is what a few lines of RFC 1034 and RFC 4592 say it is."""

import random

import dns.message
import dns.rcode
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.engines.resolver import AnswerSet, RecordSet
from aftershock.engines.resolver.answering import Answering
from aftershock.engines.resolver.upstream import Upstream

from .running import said, snapshot, zone

APEX = "z."
labels = st.sampled_from(["a", "b", "c", "*"])
names = st.lists(labels, min_size=0, max_size=4).map(lambda parts: ".".join([*parts, APEX]))
values = {
    "A": st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    "TXT": st.sampled_from(['"x"', '"y"']),
    "CNAME": names,
}


@st.composite
def zones(draw):
    """Names with what stands at them: addresses and texts, or an alias alone."""
    contents = {}
    for name in draw(st.lists(names, max_size=8)):
        kinds = draw(st.sampled_from([("A",), ("TXT",), ("A", "TXT"), ("CNAME",)]))
        if kinds == ("CNAME",) and name == APEX:
            continue
        contents[name] = {kind: draw(values[kind]) for kind in kinds}
    return contents


def model(contents, name, kind, depth=0):
    """The status and the answer's records; None if it leads in circles."""
    if depth > 20:
        return None
    exists = {APEX}
    for owner in contents:
        parts = owner.split(".")
        exists |= {".".join(parts[position:]) for position in range(len(parts) - 1)}
    at = contents.get(name)
    if name not in exists:
        encloser = name
        while encloser not in exists:
            encloser = encloser.partition(".")[2]
        at = contents.get(f"*.{encloser}")
        if at is None:
            return "NXDOMAIN", []
    at = at or {}
    if kind in at:
        return "NOERROR", [f"{name} {at[kind]}"]
    if "CNAME" in at:
        rest = model(contents, at["CNAME"], kind, depth + 1)
        return rest and (rest[0], [f"{name} {at['CNAME']}", *rest[1]])
    return "NOERROR", []


@settings(max_examples=600, deadline=None)
@given(zones(), names, st.sampled_from(["A", "TXT", "CNAME"]), st.integers())
def test_our_answer_is_the_models(contents, name, kind, seed):
    entries = [
        RecordSet(owner, one, (AnswerSet((value,), 60),)) for owner, at in contents.items() for one, value in at.items()
    ]
    answering = Answering(Upstream([]), chance=random.Random(seed))
    answering.use(snapshot(1, zone(APEX, *entries)))
    query = dns.message.make_query(name, kind)
    for tcp in (False, True):
        answer = dns.message.from_wire(answering.to(query.to_wire(), "127.0.0.1", tcp=tcp))
        wanted = model(contents, name, kind)
        if wanted is None:
            assert answer.rcode() == dns.rcode.SERVFAIL
            continue
        assert said(answer) == (wanted[0], sorted(set(wanted[1])))
        negative = wanted[0] == "NXDOMAIN" or not any(
            rrset.rdtype == query.question[0].rdtype for rrset in answer.answer
        )
        assert bool(answer.authority) == negative
