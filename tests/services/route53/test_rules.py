"""What Route 53 refuses and how it says so, and what it makes of what it takes."""

from datetime import UTC, datetime
from typing import Any

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.route53.outside import KnownName, Network
from aftershock.services.route53.records import Check, Health, HealthCheck, HostedZone, RecordSet, record_key
from aftershock.services.route53.rules import batch, health, names, routing, values, zones
from aftershock.services.route53.rules.batch import Targets
from aftershock.services.route53.rules.names import InvalidName
from aftershock.services.route53.rules.snapshot import Renderer
from aftershock.services.route53.rules.values import InvalidValue
from tests.services.route53.world import ELB_DOMAIN, ELB_ZONE, change

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ZONE = HostedZone(
    id="Z1",
    account="1",
    name="example.com.",
    caller_reference="r",
    name_servers=zones.name_servers("Z1"),
    created_at=NOW,
)
LB = f"web.{ELB_DOMAIN}"
TARGETS = Targets({ELB_ZONE: frozenset({f"{LB}."})}, {ELB_ZONE: frozenset({f"{ELB_DOMAIN}."})})


def applied(records: dict[str, RecordSet], *changes: Any) -> dict[str, RecordSet]:
    wanted = batch.read(ZONE, changes)
    near = [record for record in records.values() if record.name in batch.touched(ZONE, wanted)]
    effect = batch.apply(ZONE, near, wanted, TARGETS)
    after = {key: record for key, record in records.items() if key not in effect.forget}
    return after | {record_key(record): record for record in effect.put}


def zone_with(*changes: Any) -> dict[str, RecordSet]:
    records = {record_key(record): record for record in zones.own_records(ZONE)}
    return applied(records, *changes) if changes else records


def refusal(records: dict[str, RecordSet], *changes: Any) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        applied(records, *changes)
    return caught.value.code, caught.value.message


# --- names -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, shown",
    [
        ("Example.COM", "example.com."),
        ("example.com.", "example.com."),
        ("*.example.com", "\\052.example.com."),
        ("\\052.example.com", "\\052.example.com."),
        ("a_b-c.example.com", "a_b-c.example.com."),
        ("a!b.example.com", "a\\041b.example.com."),
        ("a\\056b.example.com", "a\\056b.example.com."),
        ("a\\.b.example.com", "a\\056b.example.com."),
        (".", "."),
    ],
)
def test_names_are_shown_as_aws_shows_them(given: str, shown: str) -> None:
    assert names.normal(given) == shown


@pytest.mark.parametrize(
    "given, problem",
    [
        ("", "DomainLabelEmpty"),
        ("a..b", "DomainLabelEmpty"),
        (".a", "DomainLabelEmpty"),
        ("a" * 64 + ".com", "DomainLabelTooLong"),
        (".".join(["a" * 63] * 4), "DomainNameTooLong"),
        ("a b.com", "UnsupportedCharacter"),
        ("ä.com", "UnsupportedCharacter"),
        ("a\\", "UnsupportedCharacter"),
    ],
)
def test_what_is_no_name_is_said_to_be_none(given: str, problem: str) -> None:
    with pytest.raises(InvalidName, match=f"FATAL problem: {problem} "):
        names.parse(given)


labels = st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=5).map(
    lambda found: tuple(one.lower() for one in found)
)


@given(labels)
def test_a_name_shown_is_read_as_the_same_name_and_dns_reads_its_other_form(parts: tuple[bytes, ...]) -> None:
    assert names.parse(names.show(parts)) == parts
    assert dns.name.from_text(names.presentation(parts)).labels == (*parts, b"")


# --- values ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, given, written",
    [
        ("A", "192.0.2.1", "192.0.2.1"),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("CNAME", "www.Example.com", "www.example.com."),
        ("MX", "10  mail.example.com", "10 mail.example.com."),
        ("SRV", "1 2 80 a.example.com.", "1 2 80 a.example.com."),
        ("TXT", '"a" "b c"', '"a" "b c"'),
        ("TXT", '"\\344 \\"q\\""', '"\\228 \\"q\\""'.replace('\\"q\\"', "\\034q\\034")),
        ("CAA", '0 issue "ca.example"', '0 issue "ca.example"'),
        ("NS", "ns.example.com", "ns.example.com."),
        ("PTR", "a.example.com", "a.example.com."),
        ("SPF", '"v=spf1 -all"', '"v=spf1 -all"'),
        ("DS", "123 4 1 " + "00" * 20, "123 4 1 " + "00" * 20),
        ("NAPTR", '100 50 "u" "sip+E2U" "!^.*$!sip:a@b.c!" .', '100 50 "u" "sip+E2U" "!^.*$!sip:a@b.c!" .'),
        ("HTTPS", "1 . alpn=h2", "1 . alpn=h2"),
        ("SSHFP", "1 1 " + "00" * 20, "1 1 " + "00" * 20),
        ("TLSA", "3 1 1 " + "00" * 32, "3 1 1 " + "00" * 32),
        ("SOA", "a.b. c.d 1 2 3 4 5", "a.b. c.d. 1 2 3 4 5"),
    ],
)
def test_values_are_written_as_zone_files_have_them(kind: str, given: str, written: str) -> None:
    found = values.presentation(kind, given)
    assert found == written
    dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), found)


@pytest.mark.parametrize(
    "kind, given, message",
    [
        (
            "A",
            "1.2.3",
            "FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '1.2.3'",
        ),
        (
            "A",
            "1.1.1.1, 2.2.2.2",
            "FATAL problem: ARRDATANotSingleField (Value contains spaces) encountered with '1.1.1.1, 2.2.2.2'",
        ),
        (
            "AAAA",
            "1.1.1.1",
            "FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) "
            "encountered with '1.1.1.1'",
        ),
        (
            "TXT",
            "plain",
            "FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) "
            "encountered with 'plain'",
        ),
        ("CNAME", "a..b", "FATAL problem: DomainLabelEmpty (Domain label is empty) encountered with 'a..b'"),
    ],
)
def test_what_is_no_value_is_refused_in_awss_words(kind: str, given: str, message: str) -> None:
    code, said = refusal(zone_with(), change("CREATE", "a.example.com", kind, given))
    expected = f"[Invalid Resource Record: '{message}']"
    assert (code, said) == ("InvalidChangeBatch", expected)


@pytest.mark.parametrize(
    "kind, given",
    [
        ("MX", "mail"),
        ("MX", "x mail"),
        ("MX", "70000 mail"),
        ("SRV", "1 2 3"),
        ("SOA", "a b c"),
        ("TXT", '"' + "a" * 256 + '"'),
        ("TXT", '"a'),
        ("TXT", 'a "b"'),
        ("CAA", "issue"),
        ("DS", "x"),
        ("NAPTR", "1"),
        ("HTTPS", "1"),
        ("SSHFP", "x"),
        ("TLSA", "1 2"),
        ("A", ""),
        ("CNAME", "a b"),
        ("NS", ""),
        ("PTR", "a\tb"),
        ("A", "01.2.3.4"),
    ],
)
def test_broken_values_are_refused(kind: str, given: str) -> None:
    with pytest.raises(InvalidValue, match="FATAL problem"):
        values.presentation(kind, given)


@given(st.sampled_from(sorted(values._READERS)), st.text(max_size=30))
def test_any_text_is_a_value_that_dns_takes_or_is_refused(kind: str, given: str) -> None:
    try:
        found = values.presentation(kind, given)
    except InvalidValue:
        return
    dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), found)


# --- batches ---------------------------------------------------------------------------------------------------

WWW = change("CREATE", "www.example.com", "A", "192.0.2.1")
WEIGHTED = change("CREATE", "w.example.com", "A", "192.0.2.1", SetIdentifier="a", Weight=1)
PRIMARY = change("CREATE", "f.example.com", "A", "192.0.2.1", SetIdentifier="a", Failover="PRIMARY", HealthCheckId="h")


def alias(zone_id: str, name: str) -> dict[str, Any]:
    return {"HostedZoneId": zone_id, "DNSName": name, "EvaluateTargetHealth": False}


@pytest.mark.parametrize(
    "before, asked, message",
    [
        (
            (),
            change("CREATE", "www.example.org", "A", "192.0.2.1"),
            "RRSet with DNS name www.example.org. is not permitted in zone example.com.",
        ),
        ((WWW,), WWW, "Tried to create resource record set [name='www.example.com.', type='A'] but it already exists"),
        (
            (),
            change("DELETE", "www.example.com", "A", "192.0.2.1"),
            "Tried to delete resource record set [name='www.example.com.', type='A'] but it was not found",
        ),
        (
            (WWW,),
            change("DELETE", "www.example.com", "A", "192.0.2.2"),
            "Tried to delete resource record set [name='www.example.com.', type='A'] but the values "
            "provided do not match the current values",
        ),
        (
            (WWW,),
            change("DELETE", "www.example.com", "A", "192.0.2.1", ttl=61),
            "Tried to delete resource record set [name='www.example.com.', type='A'] but the values "
            "provided do not match the current values",
        ),
        (
            (),
            change("CREATE", "example.com", "CNAME", "a.b"),
            "RRSet of type CNAME with DNS name example.com. is not permitted at apex in zone example.com.",
        ),
        (
            (WWW,),
            change("CREATE", "www.example.com", "CNAME", "a.b"),
            "RRSet of type CNAME with DNS name www.example.com. is not permitted as it conflicts "
            "with other records with the same DNS name in zone example.com.",
        ),
        (
            (change("CREATE", "c.example.com", "CNAME", "a.b"),),
            change("CREATE", "c.example.com", "TXT", '"x"'),
            "RRSet of type TXT with DNS name c.example.com. is not permitted because a conflicting "
            "RRSet of type CNAME with the same DNS name already exists in zone example.com.",
        ),
        (
            (WEIGHTED,),
            change("CREATE", "w.example.com", "A", "192.0.2.2"),
            "RRSet with DNS name w.example.com., type A cannot be created as other RRSets exist with "
            "the same name and type.",
        ),
        (
            (WWW,),
            change("CREATE", "www.example.com", "A", "192.0.2.2", SetIdentifier="b", Weight=1),
            "RRSet with DNS name www.example.com., type A, SetIdentifier b cannot be created as a "
            "non-weighted set exists with the same name and type.",
        ),
        (
            (PRIMARY,),
            change(
                "CREATE", "f.example.com", "A", "192.0.2.2", SetIdentifier="b", Failover="PRIMARY", HealthCheckId="h"
            ),
            "RRSet with DNS name f.example.com., type A, SetIdentifier b cannot be created as other "
            "RRSets exist with the same name, type and failover PRIMARY.",
        ),
        (
            (WEIGHTED,),
            change("CREATE", "w.example.com", "A", "192.0.2.2", ttl=61, SetIdentifier="b", Weight=1),
            "RRSet with DNS name w.example.com., type A, SetIdentifier b cannot be created as weighted "
            "sets must contain the same TTL.",
        ),
        (
            (),
            change("CREATE", "f.example.com", "A", "192.0.2.2", SetIdentifier="b", Failover="PRIMARY"),
            "A non-alias primary ResourceRecordSet must have an associated health check. No changes made.",
        ),
        (
            (),
            change("CREATE", "a.example.com", "A", AliasTarget=alias("Z1", "b.example.com")),
            "Tried to create an alias that targets b.example.com., type A in zone Z1, but that target was not found",
        ),
        (
            (),
            change("CREATE", "a.example.com", "A", AliasTarget=alias("Z1", "b.example.org")),
            "Tried to create an alias that targets b.example.org., type A in zone Z1, but the alias "
            "target name does not lie within the target zone",
        ),
        (
            (),
            change("CREATE", "a.example.com", "A", AliasTarget=alias(ELB_ZONE, f"no.{ELB_DOMAIN}")),
            f"Tried to create an alias that targets no.{ELB_DOMAIN}., type A in zone {ELB_ZONE}, but "
            f"that target was not found",
        ),
        (
            (),
            change("CREATE", "a.example.com", "A", AliasTarget=alias(ELB_ZONE, "192.0.2.1")),
            f"Tried to create an alias that targets 192.0.2.1., type A in zone {ELB_ZONE}, but the "
            f"alias target name does not lie within the target zone",
        ),
        (
            (),
            change("CREATE", "a.example.com", "A", "192.0.2.1", "192.0.2.1"),
            "Duplicate Resource Record: '192.0.2.1'",
        ),
        (
            (),
            change("DELETE", "example.com", "NS", *ZONE.name_servers, ttl=172800),
            "A HostedZone must contain at least one NS record for the zone itself.",
        ),
        (
            (),
            change("UPSERT", "example.com", "SOA", "a. b. 1 2 3 4 5", "a. b. 2 2 3 4 5"),
            "A HostedZone must contain exactly one SOA record.",
        ),
    ],
)
def test_a_batch_is_refused_in_awss_words(before: tuple[Any, ...], asked: Any, message: str) -> None:
    records = zone_with(*before)
    assert refusal(records, asked) == ("InvalidChangeBatch", f"[{message}]")


WHERE = "Change with [Action=CREATE, Name=a.example.com, Type=A, SetIdentifier={}]"
ONE_OF = "[AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId]"
POLICIES = "[Weight, Region, Failover, GeoLocation, or MultiValueAnswer]"


@pytest.mark.parametrize(
    "more, message",
    [
        ({}, f"Expected exactly one of {ONE_OF}, but found none in {WHERE.format('null')}"),
        ({"TTL": 60}, f"Expected exactly one of {ONE_OF}, but found none in {WHERE.format('null')}"),
        (
            {"TTL": 60, "AliasTarget": alias("Z1", "b.example.com")},
            f"Expected exactly one of {ONE_OF}, but found more than one in {WHERE.format('null')}",
        ),
        (
            {"values": True, "SetIdentifier": "x"},
            f"Expected exactly one of {POLICIES}, but found none in {WHERE.format('x')}",
        ),
        (
            {"values": True, "SetIdentifier": "x", "Weight": 0, "Failover": "PRIMARY"},
            f"Expected exactly one of {POLICIES}, but found more than one in {WHERE.format('x')}",
        ),
        ({"values": True, "Weight": 0}, f"Missing field 'SetIdentifier' in {WHERE.format('null')}"),
    ],
)
def test_a_record_set_of_no_possible_shape_is_invalid_input(more: dict[str, Any], message: str) -> None:
    found = ("192.0.2.1",) if more.pop("values", False) else ()
    asked = change("CREATE", "a.example.com", "A", *found, **more)
    assert refusal(zone_with(), asked) == ("InvalidInput", f"Invalid request: {message}")


@pytest.mark.parametrize("name", ["CidrRoutingConfig", "GeoProximityLocation", "TrafficPolicyInstanceId"])
def test_what_is_not_here_is_refused_by_name(name: str) -> None:
    code, message = refusal(zone_with(), change("CREATE", "a.example.com", "A", "192.0.2.1", **{name: {"x": 1}}))
    assert code == "InvalidInput"
    assert name in message


def test_everything_wrong_is_listed_and_nothing_is_done() -> None:
    records = zone_with(WWW)
    before = dict(records)
    code, message = refusal(
        records, change("CREATE", "new.example.com", "A", "192.0.2.1"), WWW, PRIMARY | {"Action": "DELETE"}
    )
    assert code == "InvalidChangeBatch"
    assert message.count("Tried to") == 2
    assert records == before


def test_changes_of_a_batch_come_one_after_the_other() -> None:
    records = zone_with(WWW)
    after = applied(
        records,
        change("DELETE", "www.example.com", "A", "192.0.2.1"),
        change("CREATE", "www.example.com", "CNAME", "a.example.com"),
        change("CREATE", "example.com", "A", AliasTarget=alias("Z1", "late.example.com")),
        change("CREATE", "late.example.com", "A", "192.0.2.2"),
    )
    assert {record.type for record in after.values() if record.name == "www.example.com."} == {"CNAME"}


def test_one_batch_changes_the_time_to_live_of_a_weighted_group() -> None:
    other = change("CREATE", "w.example.com", "A", "192.0.2.2", SetIdentifier="b", Weight=1)
    longer = [
        change("UPSERT", "w.example.com", "A", f"192.0.2.{number}", ttl=600, SetIdentifier=identifier, Weight=1)
        for number, identifier in ((1, "a"), (2, "b"))
    ]
    records = applied(zone_with(WEIGHTED, other), *longer)
    assert {one.ttl_s for one in records.values() if one.name == "w.example.com."} == {600}
    assert refusal(zone_with(WEIGHTED, other), longer[0])[0] == "InvalidChangeBatch"


def test_a_batch_has_limits() -> None:
    many = [change("CREATE", f"n{number}.example.com", "A", "192.0.2.1") for number in range(1001)]
    assert refusal(zone_with(), *many)[1] == "[Number of records limit of 1000 exceeded.]"
    half = [change("UPSERT", f"n{number}.example.com", "A", "192.0.2.1") for number in range(501)]
    assert refusal(zone_with(), *half)[1] == "[Number of records limit of 1000 exceeded.]"
    long = [change("CREATE", f"n{n}.example.com", "TXT", " ".join([f'"{"x" * 250}"'] * 15)) for n in range(9)]
    assert refusal(zone_with(), *long)[1] == "[RDATA character limit of 32000 exceeded.]"


def test_values_in_another_order_are_the_same_values() -> None:
    records = zone_with(change("CREATE", "two.example.com", "A", "192.0.2.1", "192.0.2.2"))
    after = applied(records, change("DELETE", "two.example.com", "A", "192.0.2.2", "192.0.2.1"))
    assert after == zone_with()


# --- routing and rendering -------------------------------------------------------------------------------------


def place(**more: str) -> dict[str, Any]:
    return {"GeoLocation": {f"{name}Code": value for name, value in more.items()}}


@pytest.mark.parametrize(
    "sets, first",
    [
        ([{"Region": "us-east-1"}, {"Region": "eu-west-1"}], 0),
        ([{"Region": "eu-west-1"}, {"Region": "us-east-2"}, {"Region": "us-west-2"}], 1),
        ([{"Region": "ap-south-1"}], 0),
        ([place(Country="*"), place(Continent="NA"), place(Country="US"), place(Country="US", Subdivision="VA")], 3),
        ([place(Country="*"), place(Continent="EU"), place(Country="DE")], 0),
        ([place(Continent="EU"), place(Country="US", Subdivision="CA")], None),
        ([{"Failover": "SECONDARY"}, {"Failover": "PRIMARY", "HealthCheckId": "h"}], 1),
    ],
)
def test_the_preferred_record_comes_first(sets: list[dict[str, Any]], first: int | None) -> None:
    changes = [
        change("CREATE", "g.example.com", "A", f"192.0.2.{number}", SetIdentifier=str(number), **one)
        for number, one in enumerate(sets)
    ]
    records = [one.record for one in batch.read(ZONE, changes)]
    found = routing.ordered(records, "us-east-1")
    assert (found[0].identifier if found else None) == (None if first is None else str(first))


def rendered(*changes: Any, verdicts: dict[str, bool] | None = None, known: tuple[KnownName, ...] = ()) -> Any:
    renderer = Renderer(region="us-east-1", pace=1, verdicts=verdicts or {}, known=known, domains=(ELB_DOMAIN,))
    zone = renderer.zone(ZONE, list(zone_with(*changes).values()))
    return {(entry.name, entry.type): entry for entry in zone.records}


@pytest.mark.parametrize("checked, target, healthy", [(True, True, True), (False, True, False), (True, False, False)])
def test_an_alias_is_healthy_with_its_check_and_its_target(checked: bool, target: bool, healthy: bool) -> None:
    asked = alias(ELB_ZONE, LB) | {"EvaluateTargetHealth": True}
    entries = rendered(
        change("CREATE", "a.example.com", "A", SetIdentifier="x", Weight=5, AliasTarget=asked, HealthCheckId="h"),
        verdicts={"h": checked},
        known=(KnownName(LB, ("198.18.0.1",), alias_zone=ELB_ZONE, healthy=target),),
    )
    (one,) = entries["a.example.com.", "A"].sets
    assert (one.healthy, one.weight, one.like) == (healthy, 5, f"{LB}.")


def test_a_vpc_sees_its_private_zone_instead_of_the_public_one() -> None:
    private = HostedZone(
        id="Z2",
        account="1",
        name="example.com.",
        caller_reference="p",
        private=True,
        name_servers=zones.PRIVATE_SERVERS,
        vpcs=(batch_vpc(),),
        created_at=NOW,
    )
    deeper = HostedZone(
        id="Z3",
        account="1",
        name="dev.example.com.",
        caller_reference="d",
        name_servers=zones.name_servers("Z3"),
        created_at=NOW,
    )
    renderer = Renderer(region="us-east-1", pace=1, verdicts={}, known=())
    network = Network("vpc-1", ("10.0.0.0/16",), "r0", {"198.18.0.1": "10.0.0.5"})
    own = {zone.id: list(zones.own_records(zone)) for zone in (ZONE, private, deeper)}
    snapshot = renderer.snapshot([ZONE, private, deeper], own, [network, Network("vpc-2", (), "r1")])
    seen = {view.name: set(view.zones) for view in snapshot.views}
    assert {"Z1", "Z3"} <= seen["internet"]
    assert "Z2" in seen["vpc-1"]
    assert not seen["vpc-1"] & {"Z1", "Z3"}
    assert {"Z1", "Z3"} <= seen["vpc-2"]
    assert "Z2" not in seen["vpc-2"] | seen["internet"]


def batch_vpc() -> Any:
    from aftershock.services.route53.records import ZoneVpc

    return ZoneVpc("us-east-1", "vpc-1")


# --- health ----------------------------------------------------------------------------------------------------


def a_check(number: str = "a", **more: Any) -> HealthCheck:
    settings = {"type": "HTTP", "domain": "x.com", "port": 80} | more
    return HealthCheck(id=number, account="1", caller_reference="r", check=Check(**settings), created_at=NOW)


def test_health_changes_after_as_many_probes_in_a_row_as_the_threshold_says() -> None:
    check, probes, state = a_check(failure_threshold=3), None, None
    seen = []
    for ok in (False, False, True, False, False, False, True, True, False, True, True, True):
        probes, state = health.probed(check, probes, state, ok=ok, status="", at=NOW)
        seen.append(state.healthy)
    assert seen == [True] * 5 + [False] * 6 + [True]


@pytest.mark.parametrize(
    "healthy, threshold, expected",
    [((True, True), 2, True), ((True, False), 2, False), ((False, False), 0, True), ((True, True), 3, False)],
)
def test_a_calculated_check_counts_its_children(healthy: tuple[bool, ...], threshold: int, expected: bool) -> None:
    children = {str(number): a_check(str(number)) for number in range(len(healthy))}
    parent = a_check("p", type="CALCULATED", children=tuple(children), health_threshold=threshold)
    states = {number: Health(id=number, healthy=healthy[int(number)]) for number in children}
    assert health.verdicts(children | {"p": parent}, states)["p"] is expected


def test_checks_that_calculate_in_a_circle_end() -> None:
    checks = {
        "a": a_check("a", type="CALCULATED", children=("b",), health_threshold=1),
        "b": a_check("b", type="CALCULATED", children=("a",), health_threshold=1),
    }
    assert set(health.verdicts(checks, {})) == {"a", "b"}


@pytest.mark.parametrize(
    "config, message",
    [
        ({"Type": "CLOUDWATCH_METRIC"}, "health checks of type CLOUDWATCH_METRIC are not supported"),
        ({"Type": "HTTP"}, "Either the IP address or the fully qualified domain name"),
        ({"Type": "HTTP", "IPAddress": "10.0.0.1"}, "in a range that can't be used"),
        ({"Type": "HTTP", "IPAddress": "2001:db8::1"}, "IPv6 addresses are not supported"),
        ({"Type": "HTTP", "IPAddress": "198.18.0.1", "RequestInterval": 20}, "request interval must be 10 or 30"),
        ({"Type": "TCP", "IPAddress": "198.18.0.1"}, "TCP health checks must have a port"),
        (
            {"Type": "TCP", "IPAddress": "198.18.0.1", "Port": 1, "FullyQualifiedDomainName": "a.b"},
            "TCP health checks that have IP address must not have a fully qualified domain name specified.",
        ),
        ({"Type": "HTTP_STR_MATCH", "IPAddress": "198.18.0.1"}, "must have a search string"),
        ({"Type": "HTTP", "IPAddress": "198.18.0.1", "SearchString": "x"}, "must not have a search string"),
        ({"Type": "HTTP", "IPAddress": "198.18.0.1", "EnableSNI": True}, "must not have EnableSNI"),
        (
            {"Type": "HTTP", "IPAddress": "198.18.0.1", "AlarmIdentifier": {"Region": "us-east-1", "Name": "a"}},
            "Basic health checks must not have an metric region specified.",
        ),
        ({"Type": "CALCULATED", "Port": 80, "HealthThreshold": 1}, "must not have Port"),
        ({"Type": "CALCULATED"}, "must have a health threshold"),
        ({"Type": "HTTPS", "FullyQualifiedDomainName": ".example.com"}, "is not a fully qualified domain name"),
        ({"Type": "HTTP", "FullyQualifiedDomainName": "a.b", "ResourcePath": "/ HTTP/1.1\r\nX: y"}, "resource path"),
    ],
)
def test_settings_that_cannot_be_are_invalid_input(config: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        health.check_of(config)
    assert caught.value.code == "InvalidInput"
    assert message in caught.value.message
