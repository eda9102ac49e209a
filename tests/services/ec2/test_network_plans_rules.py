"""What the planners of routers, groups and ports decide: from every state it settles, and never says so falsely."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from aftershock.engines.network import Cidr, GroupSpec, Members, ObservedPort, PortSpec, RouterSpec, Rule
from aftershock.services.ec2.records import network_interface, route_table, security_group, subnet, vpc
from aftershock.services.ec2.rules import groups, ports, routers

OWNED: dict[str, Any] = {
    "account": "123456789012",
    "region": "us-east-1",
    "created_at": datetime(2026, 11, 22, tzinfo=UTC),
}
VPC = vpc.Vpc(
    id="vpc-1",
    cidr="10.0.0.0/16",
    cidr_association_id="vpc-cidr-assoc-1",
    dhcp_options_id="dopt-1",
    internet_gateway_id="igw-1",
    routed=True,
    **OWNED,
)
SUBNET = subnet.Subnet(
    id="subnet-1",
    vpc_id="vpc-1",
    cidr="10.0.1.0/24",
    zone="us-east-1a",
    **OWNED,
)
TABLE = route_table.RouteTable(id="rtb-1", vpc_id="vpc-1", routes=(route_table.Route("0.0.0.0/0", "igw-1"),), **OWNED)
AROUND = ports.Surroundings(vpc=VPC, subnet=SUBNET, routes=TABLE, through={}, unenforced=())
ENI = network_interface.NetworkInterface(
    id="eni-1",
    vpc_id="vpc-1",
    subnet_id="subnet-1",
    zone="us-east-1a",
    private_ip="10.0.1.9",
    mac="02:00:00:00:00:01",
    group_ids=("sg-1",),
    instance_id="i-1",
    plug=True,
    public_ip="198.18.1.1",
    **OWNED,
)
GROUP = security_group.SecurityGroup(id="sg-1", name="web", description="web", vpc_id="vpc-1", **OWNED)


def wanted_port() -> PortSpec:
    found = ports.spec(ENI, AROUND)
    assert found is not None
    return found


def test_an_interfaces_port_is_all_that_its_records_say() -> None:
    assert wanted_port() == PortSpec(
        name="eni-1",
        router="vpc-1",
        netns="i-1",
        mac="02:00:00:00:00:01",
        address="10.0.1.9",
        prefix_len=24,
        gateway="10.0.1.1",
        zone="us-east-1a",
        groups=("sg-1",),
        public="198.18.1.1",
        internet=("0.0.0.0/0",),
    )


records = st.one_of(
    st.none(),
    st.builds(
        lambda plug, wanted, instance, public: changed(
            ENI, plug=plug and wanted, wanted=wanted, instance_id=instance, public_ip=public
        ),
        plug=st.booleans(),
        wanted=st.booleans(),
        instance=st.sampled_from([None, "i-1"]),
        public=st.sampled_from([None, "198.18.1.1"]),
    ),
)
surroundings = st.builds(
    lambda routed, unenforced: replace(AROUND, vpc=changed(VPC, routed=routed), unenforced=unenforced),
    routed=st.booleans(),
    unenforced=st.sampled_from([(), ("sg-1",)]),
)
observations = st.one_of(
    st.none(),
    st.builds(
        lambda public, group, missing: ObservedPort(replace(wanted_port(), public=public, groups=group), missing),
        public=st.sampled_from([None, "198.18.1.1", "198.18.1.2"]),
        group=st.sampled_from([(), ("sg-1",)]),
        missing=st.sampled_from(["", "its device is gone"]),
    ),
)


@given(records, surroundings, observations)
def test_a_port_settles_as_soon_as_nothing_is_waited_for(
    eni: network_interface.NetworkInterface | None, around: ports.Surroundings, observed: ObservedPort | None
) -> None:
    for _ in range(3):
        decided = ports.plan(eni, around, observed)
        match decided.step:
            case None:
                break
            case ports.Ensure(spec):
                observed = ObservedPort(spec, "")
            case ports.Remove():
                observed = None
            case ports.Forget():
                eni = None
    assert decided.step is None
    wanted = ports.spec(eni, around) if eni else None
    if decided.reason.startswith("waiting"):
        assert not around.vpc.routed or around.unenforced
    else:
        assert (observed.spec if observed else None) == wanted
        assert eni is None or eni.wanted


@given(records, surroundings, observations)
def test_a_wire_fits_only_if_it_was_seen_so(
    eni: network_interface.NetworkInterface | None, around: ports.Surroundings, observed: ObservedPort | None
) -> None:
    if ports.plan(eni, around, observed).fits:
        assert eni is not None
        assert eni.plug
        assert observed == ObservedPort(ports.spec(eni, around), "")  # type: ignore[arg-type]


@given(records, surroundings, observations)
def test_a_record_is_forgotten_only_when_no_wire_is_left(
    eni: network_interface.NetworkInterface | None, around: ports.Surroundings, observed: ObservedPort | None
) -> None:
    if isinstance(ports.plan(eni, around, observed).step, ports.Forget):
        assert eni is not None
        assert not eni.wanted
        assert observed is None


@given(st.one_of(st.none(), st.just(VPC)), st.sampled_from([None, "as wanted", "detached"]))
def test_a_router_settles(wanted: vpc.Vpc | None, state: str | None) -> None:
    observed: RouterSpec | None = None
    if state:
        observed = replace(routers.spec(VPC), gateway_attached=state == "as wanted")
    for _ in range(2):
        decided = routers.plan(wanted, observed)
        match decided.step:
            case None:
                break
            case routers.Ensure(spec):
                observed = spec
            case routers.Remove():
                observed = None
    assert decided.step is None
    assert decided.routed == (wanted is not None)
    assert observed == (routers.spec(wanted) if wanted else None)


@given(st.one_of(st.none(), st.just(GROUP)), st.booleans(), st.sampled_from([None, "as wanted", "other"]))
def test_a_group_settles_once_its_router_is_there(
    wanted: security_group.SecurityGroup | None, routed: bool, state: str | None
) -> None:
    observed: GroupSpec | None = None
    if state:
        observed = replace(groups.spec(GROUP), ingress=() if state == "as wanted" else (Rule(Cidr("10.0.0.0/8")),))
    for _ in range(2):
        decided = groups.plan(wanted, routed=routed, observed=observed)
        match decided.step:
            case None:
                break
            case groups.Ensure(spec):
                observed = spec
            case groups.Remove():
                observed = None
    assert decided.step is None
    assert decided.enforced == (wanted is not None and routed)
    assert not decided.enforced or observed == groups.spec(GROUP)


@pytest.mark.parametrize(
    ("rule", "enforced"),
    [
        ({"protocol": "-1", "cidr": "0.0.0.0/0"}, Rule(Cidr("0.0.0.0/0"))),
        (
            {"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "10.0.0.0/8"},
            Rule(Cidr("10.0.0.0/8"), 6, (22, 22)),
        ),
        (
            {"protocol": "udp", "from_port": 0, "to_port": 65535, "group_id": "sg-2"},
            Rule(Members("sg-2"), 17, (0, 65535)),
        ),
        ({"protocol": "icmp", "from_port": -1, "to_port": -1, "cidr": "0.0.0.0/0"}, Rule(Cidr("0.0.0.0/0"), 1)),
        (
            {"protocol": "icmp", "from_port": 8, "to_port": -1, "cidr": "0.0.0.0/0"},
            Rule(Cidr("0.0.0.0/0"), 1, icmp=(8, None)),
        ),
        (
            {"protocol": "icmp", "from_port": 3, "to_port": 4, "cidr": "0.0.0.0/0"},
            Rule(Cidr("0.0.0.0/0"), 1, icmp=(3, 4)),
        ),
        ({"protocol": "50", "cidr": "0.0.0.0/0"}, Rule(Cidr("0.0.0.0/0"), 50)),
        ({"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr6": "::/0"}, None),
        ({"protocol": "icmpv6", "from_port": -1, "to_port": -1, "cidr": "0.0.0.0/0"}, None),
    ],
)
def test_a_rule_is_enforced_as_it_reads(rule: dict[str, Any], enforced: Rule | None) -> None:
    one = security_group.Rule(id="sgr-1", egress=False, **rule)
    assert groups.spec(changed(GROUP, rules=(one,))).ingress == ((enforced,) if enforced else ())
    assert groups.spec(changed(GROUP, rules=(changed(one, egress=True),))).egress == ((enforced,) if enforced else ())
