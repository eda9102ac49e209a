"""What network ACLs ask of the edges of subnets: nothing false is said of them, and it settles."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.engines.network import AclSpec, Cidr, Rule
from aftershock.engines.network import Entry as EdgeEntry
from aftershock.services.ec2.records.network_acl import AS_MADE, Association, Entry, NetworkAcl
from aftershock.services.ec2.rules import network_acls

CIDRS = {"subnet-1": "10.0.1.0/24", "subnet-2": "10.0.2.0/24"}
DEFAULT = NetworkAcl(
    id="acl-1",
    account="123456789012",
    region="us-east-1",
    vpc_id="vpc-1",
    is_default=True,
    entries=AS_MADE,
    associations=(Association("aclassoc-1", "subnet-1"),),
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
)
SHUT = replace(DEFAULT, id="acl-2", is_default=False, entries=(), associations=(Association("aclassoc-2", "subnet-2"),))
EVERYWHERE = Cidr("0.0.0.0/0")


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"protocol": "-1", "cidr": "0.0.0.0/0"}, Rule(EVERYWHERE)),
        ({"protocol": "6", "cidr": "10.0.0.0/8", "ports": (22, 23)}, Rule(Cidr("10.0.0.0/8"), 6, (22, 23))),
        ({"protocol": "17", "cidr": "10.0.0.0/8", "ports": (0, 65535)}, Rule(Cidr("10.0.0.0/8"), 17, (0, 65535))),
        ({"protocol": "1", "cidr": "0.0.0.0/0", "icmp": (-1, -1)}, Rule(EVERYWHERE, 1)),
        ({"protocol": "1", "cidr": "0.0.0.0/0", "icmp": (-1, 0)}, Rule(EVERYWHERE, 1)),
        ({"protocol": "1", "cidr": "0.0.0.0/0", "icmp": (8, -1)}, Rule(EVERYWHERE, 1, icmp=(8, None))),
        ({"protocol": "1", "cidr": "0.0.0.0/0", "icmp": (3, 4)}, Rule(EVERYWHERE, 1, icmp=(3, 4))),
        ({"protocol": "58", "cidr": "0.0.0.0/0"}, Rule(EVERYWHERE, 58)),
        ({"protocol": "50", "cidr": "0.0.0.0/0"}, Rule(EVERYWHERE, 50)),
        ({"protocol": "-1", "cidr6": "::/0"}, None),
    ],
)
@pytest.mark.parametrize("allow", [True, False])
def test_an_entry_is_enforced_as_it_reads(entry: dict[str, Any], rule: Rule | None, *, allow: bool) -> None:
    one = Entry(number=1, egress=False, allow=allow, **entry)
    expected = (EdgeEntry(rule, allow),) if rule else ()
    assert network_acls.spec(replace(SHUT, entries=(one,)), CIDRS).ingress == expected
    assert network_acls.spec(replace(SHUT, entries=(replace(one, egress=True),)), CIDRS).egress == expected


def test_entries_are_enforced_in_the_order_of_their_numbers() -> None:
    entries = tuple(
        Entry(number=number, egress=False, allow=number != 20, protocol=str(number), cidr="10.0.0.0/8")
        for number in (30, 10, 20)
    )
    found = network_acls.spec(replace(SHUT, entries=entries), CIDRS)
    assert [(one.rule.protocol, one.allow) for one in found.ingress] == [(10, True), (20, False), (30, True)]
    assert (found.name, found.router, found.segments) == ("acl-2", "vpc-1", ("10.0.2.0/24",))


@pytest.mark.parametrize(
    ("entries", "guarded"),
    [
        (AS_MADE, False),
        ((), True),
        (AS_MADE[:1], True),
        ((*AS_MADE, Entry(number=200, egress=False, allow=False, protocol="-1", cidr="0.0.0.0/0")), False),
        ((*AS_MADE, Entry(number=99, egress=False, allow=False, protocol="50", cidr="0.0.0.0/0")), True),
        ((*AS_MADE, Entry(number=99, egress=False, allow=False, protocol="-1", cidr6="::/0")), False),
    ],
)
def test_what_lets_everything_pass_costs_nothing(entries: tuple[Entry, ...], guarded: bool) -> None:
    acl = replace(DEFAULT, entries=entries)
    assert network_acls.guards(acl) == guarded
    assert bool(network_acls.specs([acl], CIDRS)) == guarded


acls = st.lists(
    st.builds(
        lambda name, entries, subnets: replace(
            SHUT, id=name, entries=entries, associations=tuple(Association(f"aclassoc-{one}", one) for one in subnets)
        ),
        st.sampled_from(["acl-1", "acl-2", "acl-3"]),
        st.sampled_from([(), AS_MADE, AS_MADE[:1]]),
        st.sets(st.sampled_from(sorted(CIDRS))),
    ),
    unique_by=lambda acl: acl.id,
)
observations = st.one_of(
    st.none(),
    st.lists(
        st.builds(AclSpec, st.sampled_from(["acl-1", "acl-9"]), st.just("vpc-1"), segments=st.just(("10.0.1.0/24",))),
        unique_by=lambda spec: spec.name,
    ),
)


@given(acls, st.booleans(), observations)
def test_they_settle_once_their_router_is_there(
    wanted: list[NetworkAcl], routed: bool, observed: list[AclSpec] | None
) -> None:
    seen: tuple[AclSpec, ...] | None = None if observed is None else tuple(observed)
    for _ in range(2):
        decided = network_acls.plan(wanted, CIDRS, routed=routed, observed=seen)
        if decided.step is None:
            break
        assert not decided.enforced
        seen = decided.step.specs
    assert decided.step is None
    assert decided.enforced == routed
    assert not decided.enforced or seen == network_acls.specs(wanted, CIDRS)
