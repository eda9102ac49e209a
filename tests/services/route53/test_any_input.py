"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.engines.resolver import Answer, decode, encode
from aftershock.engines.resolver.answering import Answering
from aftershock.engines.resolver.upstream import Upstream
from aftershock.services import route53
from aftershock.services.route53.records import HEALTH, HEALTH_CHECKS, HOSTED_ZONES, RECORD_SETS
from aftershock.services.route53.rules.health import verdicts
from aftershock.services.route53.rules.snapshot import Renderer
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.modelled import Modelled

ELB = "Z35SXDOTRQ7X7K"
OUTSIDE = route53.Outside(
    names=lambda tx: [route53.KnownName("lb.elb.amazonaws.com", ("198.18.0.1",), alias_zone=ELB)],
    networks=lambda tx: [route53.Network("vpc-1", ("10.0.0.0/16",), "r1"), route53.Network("vpc-2", (), "r2")],
    tables=frozenset(),
    ask=lambda name, kind: Answer("NOERROR", ("198.18.0.1",), 60),
    alias_domains={ELB: "elb.amazonaws.com"},
)
OPERATIONS = route53.operations(OUTSIDE)
MODEL = ServiceModel(Loader().load_service_model("route53", "service-2"), "route53")
TEXTS = [
    "example.com",
    "www.example.com",
    "*.example.com",
    "a..b",
    "\\052.example.com",
    "",
    ".",
    "ä.com",
    "x" * 70,
    "\x00",
    "192.0.2.1",
    "2001:db8::1",
    '"text"',
    "10 mail.example.com",
    "1 2 3 example.com",
    '0 issue "x"',
    "lb.elb.amazonaws.com",
    "vpc-1",
    "vpc-2",
    "vpc-3",
    ELB,
    "one",
    "two",
    "us-east-1",
    "1",
    "0",
    "-1",
    "1000",
    "NA",
    "US",
    "*",
    "VA",
    "/a",
    "aws:x",
]


def values(shape: Shape, known: list[str], depth: int = 0) -> st.SearchStrategy[Any]:
    match shape:
        case StructureShape():
            members = {name: values(one, known, depth + 1) for name, one in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case ListShape():
            return st.lists(values(shape.member, known, depth + 1), min_size=1, max_size=3)
        case MapShape():
            return st.dictionaries(values(shape.key, known), values(shape.value, known), max_size=2)
    if enum := shape.metadata.get("enum"):
        return st.sampled_from(enum)
    kinds = {"boolean": st.booleans(), "integer": st.integers(-1, 300), "long": st.integers(-1, 2**31)}
    texts = st.sampled_from(TEXTS + known) | st.sampled_from(known) | st.text(max_size=8)
    return kinds.get(shape.type_name, texts)


def furnished(directory: Path) -> tuple[Modelled, list[str]]:
    """An account with some of everything, and the ids of what it has."""
    account = Modelled(directory / "region.db", "route53", OPERATIONS, list(route53.TABLES))
    vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    zone = account.call("CreateHostedZone", Name="example.com", CallerReference="one")
    private = account.call("CreateHostedZone", Name="example.com", CallerReference="two", VPC=vpc)
    config = {"Type": "TCP", "IPAddress": "198.18.0.1", "Port": 80}
    made = account.call("CreateHealthCheck", CallerReference="one", HealthCheckConfig=config)
    ids = [zone["HostedZone"]["Id"], private["HostedZone"]["Id"], zone["ChangeInfo"]["Id"], made["HealthCheck"]["Id"]]
    return account, [*ids, ids[0].removeprefix("/hostedzone/")]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_answers_or_refuses_and_what_is_left_can_be_served(operation: str, data: st.DataObject) -> None:
    model = MODEL.operation_model(operation)
    with TemporaryDirectory() as directory:
        account, known = furnished(Path(directory))
        try:
            for _ in range(4):
                params = data.draw(values(model.input_shape, known)) if model.input_shape else {}
                if "HostedZoneId" in params and operation == "ChangeResourceRecordSets":
                    params["HostedZoneId"] = data.draw(st.sampled_from(known))
                try:
                    check(model, params, Family.QUERY)
                    account.call(operation, **params)
                except AwsError as error:
                    assert error.message
            serve(account)
        finally:
            account.store.close()


def serve(account: Modelled) -> None:
    """What the records say can be rendered, whatever they say."""
    with account.store.snapshot() as tx:
        zones = HOSTED_ZONES.every(tx)
        records = {zone.id: RECORD_SETS.where(tx, "zone", zone.id) for zone in zones}
        checks = {one.id: one for one in HEALTH_CHECKS.every(tx)}
        health = {one.id: one for one in HEALTH.every(tx)}
        renderer = Renderer(region="us-east-1", pace=1, verdicts=verdicts(checks, health), known=OUTSIDE.names(tx))
        snapshot = renderer.snapshot(zones, records, list(OUTSIDE.networks(tx)))
    assert {zone for view in snapshot.views for zone in view.zones} == {zone.id for zone in snapshot.zones}
    Answering(Upstream([])).use(decode(encode(snapshot)))
