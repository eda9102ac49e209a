"""What a load balancer's nodes are told: tables of cases, and that the engine takes whatever callers may ask for."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.engines import balancer as engine
from aftershock.engines.balancer import render, spec
from aftershock.services.elbv2.records.action import Action, Fixed, Forward, Redirect, Share
from aftershock.services.elbv2.records.condition import Condition, Header, Host, Method, Path, Query, Source
from aftershock.services.elbv2.records.listener import Listener, Rule
from aftershock.services.elbv2.records.target_group import TargetGroup
from aftershock.services.elbv2.rules import attributes, target_groups, tls, translate
from aftershock.services.elbv2.rules.actions import CONTENT_TYPES, action_of
from aftershock.services.elbv2.rules.conditions import conditions_of
from aftershock.services.elbv2.rules.translate import Placed, Wanted
from tests.services.elbv2.account import NOW, ZONES, a_balancer, a_group, a_target

PLACE = engine.Place(netns="n", hostname="h")


def a_listener(action: Action, port: int = 80, **fields: Any) -> Listener:
    return Listener(
        **{
            "arn": f"arn:listener/{port}",
            "account": "1",
            "load_balancer": a_balancer().arn,
            "protocol": "HTTP",
            "port": port,
            "action": action,
            "default_rule": "arn:default",
            "created_at": NOW,
            **fields,
        }
    )


def a_rule(priority: int, action: Action, *conditions: Condition, port: int = 80) -> Rule:
    return Rule(
        arn=f"arn:rule/{priority}",
        account="1",
        listener=f"arn:listener/{port}",
        load_balancer=a_balancer().arn,
        priority=priority,
        conditions=conditions or (Path(("/x",)),),
        action=action,
        created_at=NOW,
    )


def told(wanted: Wanted, zone: str = ZONES[0], pace: float = 1.0) -> engine.NodeSpec:
    """What the node is told; the engine has nothing against it."""
    found = translate.node(wanted, name="node", zone=zone, place=PLACE, paced=lambda seconds: seconds / pace)
    spec.check(found)
    render.render(found)
    return found


def forwarding(group: TargetGroup, *placed: Placed, **fields: Any) -> Wanted:
    listener = a_listener(Forward(shares=(Share(group.arn),)), protocol="TCP" if group.protocol == "TCP" else "HTTP")
    kind = "network" if group.protocol == "TCP" else "application"
    balancer = fields.pop("balancer", a_balancer(kind=kind))
    return Wanted(balancer, [listener], groups={group.arn: group}, targets={group.arn: placed}, **fields)


def backend(wanted: Wanted, zone: str = ZONES[0], pace: float = 1.0) -> engine.Backend:
    return told(wanted, zone, pace).backends[0]


def placed(group: TargetGroup, number: int, zone: str = ZONES[0], port: int = 80, **fields: Any) -> Placed:
    return Placed(a_target(group, f"i-{number}", port, **fields), f"10.0.0.{number}", zone)


def test_rules_are_asked_by_priority_whatever_the_order_of_their_records() -> None:
    action = Fixed(status="404")
    rules = [a_rule(priority, Fixed(status=f"2{priority:02}")) for priority in (30, 2, 11)]
    rules.append(a_rule(1, action, port=81))
    found = told(Wanted(a_balancer(), [a_listener(action), a_listener(action, 81)], rules))
    assert [rule.action for rule in found.listeners[0].rules] == [engine.Fixed(code) for code in (202, 211, 230)]
    assert len(found.listeners[1].rules) == 1


ACTIONS: list[tuple[Action, engine.spec.Action]] = [
    (Fixed(status="503", content_type="text/html", body="<p>"), engine.Fixed(503, "text/html", "<p>")),
    (Fixed(status="204"), engine.Fixed(204, "text/plain", "")),
    (
        Redirect(status="HTTP_301", protocol="HTTPS", port="443"),
        engine.Redirect(301, protocol="https", port="443"),
    ),
    (Redirect(status="HTTP_302", host="a.#{host}"), engine.Redirect(302, host="a.#{host}")),
]


@pytest.mark.parametrize(("action", "expected"), ACTIONS)
def test_actions_are_told_in_the_words_of_the_engine(action: Action, expected: engine.spec.Action) -> None:
    assert told(Wanted(a_balancer(), [a_listener(action)])).listeners[0].default == expected


def test_weights_and_stickiness_hold_between_several_groups_only() -> None:
    groups = {group.arn: group for group in (a_group("one"), a_group("two"))}
    one, two = groups
    names = [translate.backend_name(group) for group in groups.values()]

    def default(action: Action, pace: float = 1.0) -> engine.spec.Action:
        return told(Wanted(a_balancer(), [a_listener(action)], groups=groups), pace=pace).listeners[0].default

    both = (Share(one, 9), Share(two, 0))
    shares = (engine.Share(names[0], 9), engine.Share(names[1], 0))
    assert default(Forward(shares=both)) == engine.Forward(shares)
    assert default(Forward(shares=both, sticky=True, sticky_s=60)) == engine.Forward(shares, 60)
    assert default(Forward(shares=both, sticky=True, sticky_s=60), pace=30) == engine.Forward(shares, 2)
    assert default(Forward(shares=both, sticky=False, sticky_s=60)) == engine.Forward(shares)
    alone = Forward(shares=(Share(one, 0),), sticky=True, sticky_s=60)
    assert default(alone) == engine.Forward((engine.Share(names[0], 1),)), "the weight of one alone is of no account"


CONDITIONS: list[tuple[Condition, engine.spec.Condition]] = [
    (Host(("*.a.com",)), engine.Host(("*.a.com",))),
    (Host(regex=("^a.*",)), engine.Host(regexes=("^a.*",))),
    (Path(("/a/*", "/b")), engine.Path(("/a/*", "/b"))),
    (Header("X-Y", ("z*",)), engine.Header("X-Y", ("z*",))),
    (Method(("GET",)), engine.Method(("GET",))),
    (Query(((None, "b"), ("a", "c"))), engine.Query(((None, "b"), ("a", "c")))),
    (Source(("10.0.0.0/8",)), engine.Source(("10.0.0.0/8",))),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_conditions_are_told_in_the_words_of_the_engine(condition: Condition, expected: engine.spec.Condition) -> None:
    action = Fixed(status="404")
    found = told(Wanted(a_balancer(), [a_listener(action)], [a_rule(1, action, condition)]))
    assert found.listeners[0].rules[0].conditions == (expected,)


def test_a_listener_with_tls_has_its_default_certificate_first() -> None:
    listener = a_listener(
        Fixed(status="404"),
        443,
        protocol="HTTPS",
        certificate="b",
        more_certificates=("a", "b"),
        ssl_policy=tls.DEFAULT,
    )
    found = told(Wanted(a_balancer(), [listener], certificates={"a": "PEM a", "b": "PEM b"})).listeners[0]
    assert found.mode == "tls-http" and found.certificates == ("PEM b", "PEM a")


def test_a_target_on_several_ports_is_several_servers() -> None:
    group = a_group()
    wanted = forwarding(group, placed(group, 1), placed(group, 1, port=8080), placed(group, 2))
    assert [server.id for server in backend(wanted).servers] == ["10.0.0.1:80", "10.0.0.1:8080", "10.0.0.2:80"]


def test_a_target_that_leaves_is_drained_until_its_delay_is_over() -> None:
    group = a_group(attributes={"deregistration_delay.timeout_seconds": "40"})
    left = NOW + timedelta(minutes=1)
    servers = backend(forwarding(group, placed(group, 1), placed(group, 2, deregistering_at=left)), pace=10).servers
    assert [server.drain_until for server in servers] == [None, left.timestamp() + 4]


CROSS_ZONE: list[tuple[str, dict[str, str], dict[str, str], set[str]]] = [
    ("HTTP", {}, {}, {"1", "2", "3"}),
    ("HTTP", {}, {"load_balancing.cross_zone.enabled": "false"}, {"1", "3"}),
    ("TCP", {}, {}, {"1", "3"}),
    ("TCP", {"load_balancing.cross_zone.enabled": "true"}, {}, {"1", "2", "3"}),
    ("TCP", {}, {"load_balancing.cross_zone.enabled": "true"}, {"1", "2", "3"}),
    (
        "TCP",
        {"load_balancing.cross_zone.enabled": "true"},
        {"load_balancing.cross_zone.enabled": "false"},
        {"1", "3"},
    ),
]


@pytest.mark.parametrize(("protocol", "of_balancer", "of_group", "expected"), CROSS_ZONE)
def test_with_cross_zone_off_a_node_has_the_targets_of_its_zone(
    protocol: str, of_balancer: dict[str, str], of_group: dict[str, str], expected: set[str]
) -> None:
    group = a_group(protocol=protocol, attributes=of_group)
    balancer = a_balancer(kind="network" if protocol == "TCP" else "application", attributes=of_balancer)
    targets = (placed(group, 1), placed(group, 2, ZONES[1]), placed(group, 3, target_groups.ALL_ZONES))
    found = backend(forwarding(group, *targets, balancer=balancer))
    assert {server.address[-1] for server in found.servers} == expected


def test_a_health_check_is_paced_but_never_hurries_the_target_below_a_second() -> None:
    group = a_group()
    check = replace(group.check, port="9000", path="/well", matcher="200,300-302", interval_s=30, timeout_s=6)
    found = backend(forwarding(replace(group, check=check)), pace=20).check
    assert found == engine.Check("http", "/well", 9000, ((200, 200), (300, 302)), interval_s=1.5, timeout_s=1.0)


def test_a_tcp_check_has_the_port_of_the_target() -> None:
    found = backend(forwarding(a_group(protocol="TCP"))).check
    assert found and found.protocol == "tcp" and found.port is None


STICKY: list[tuple[dict[str, str], engine.Sticky | None]] = [
    ({}, None),
    ({"stickiness.lb_cookie.duration_seconds": "60"}, None),
    ({"stickiness.enabled": "true"}, engine.Sticky("AWSALB", 86400)),
    (
        {"stickiness.enabled": "true", "stickiness.lb_cookie.duration_seconds": "60"},
        engine.Sticky("AWSALB", 60),
    ),
    (
        {
            "stickiness.enabled": "true",
            "stickiness.type": "app_cookie",
            "stickiness.app_cookie.cookie_name": "sid",
            "stickiness.app_cookie.duration_seconds": "1",
        },
        engine.Sticky("AWSALBAPP-0", 1, "sid"),
    ),
]


@pytest.mark.parametrize(("set_ones", "expected"), STICKY)
def test_stickiness_is_by_the_cookie_that_was_chosen(set_ones: dict[str, str], expected: engine.Sticky | None) -> None:
    assert backend(forwarding(a_group(attributes=set_ones))).sticky == expected


ALGORITHMS = [
    ("HTTP", {}, "roundrobin"),
    ("HTTP", {"load_balancing.algorithm.type": "least_outstanding_requests"}, "leastconn"),
    ("HTTP", {"load_balancing.algorithm.type": "weighted_random"}, "random"),
    ("TCP", {}, "random"),
    ("TCP", {"stickiness.enabled": "true"}, "source"),
]


@pytest.mark.parametrize(("protocol", "set_ones", "expected"), ALGORITHMS)
def test_targets_are_chosen_as_it_was_set(protocol: str, set_ones: dict[str, str], expected: str) -> None:
    assert backend(forwarding(a_group(protocol=protocol, attributes=set_ones))).algorithm == expected


MINIMUM = [({}, 1, 0.0), ({"count": "3"}, 3, 0.0), ({"percentage": "50"}, 1, 50.0)]


@pytest.mark.parametrize(("set_ones", "count", "percent"), MINIMUM)
def test_below_the_minimum_everybody_gets_requests(set_ones: dict[str, str], count: int, percent: float) -> None:
    group = a_group(attributes={f"{translate.ROUTING}.{key}": value for key, value in set_ones.items()})
    found = backend(forwarding(group))
    assert (found.minimum_healthy, found.minimum_healthy_percent) == (count, percent)


def test_a_zone_may_stay_in_the_name_whatever_its_targets_do() -> None:
    assert translate.minimum_for_dns(a_group(), 5) == 1
    assert translate.minimum_for_dns(a_group(attributes={f"{translate.DNS}.count": "off"}), 5) is None
    both = {f"{translate.DNS}.count": "2", f"{translate.DNS}.percentage": "50"}
    assert translate.minimum_for_dns(a_group(attributes=both), 5) == 3


def test_a_group_that_speaks_tls_is_spoken_to_in_tls() -> None:
    assert backend(forwarding(a_group(protocol="HTTPS"))).tls


def test_slow_start_is_paced() -> None:
    group = a_group(attributes={"slow_start.duration_seconds": "30"})
    assert backend(forwarding(group), pace=10).slow_start_s == 3


def test_attributes_of_the_load_balancer_reach_the_node() -> None:
    balancer = a_balancer(
        attributes={
            "idle_timeout.timeout_seconds": "30",
            "routing.http.xff_header_processing.mode": "remove",
            "routing.http.xff_client_port.enabled": "true",
            "routing.http.preserve_host_header.enabled": "true",
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "routing.http2.enabled": "false",
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "true",
            "client_keep_alive.seconds": "60",
        }
    )
    found = told(Wanted(balancer)).http
    assert found.tls_headers and found.keep_alive_s == 60
    assert (found.idle_timeout_s, found.forwarded_for, found.client_port) == (30.0, "remove", True)
    assert (found.preserve_host, found.drop_invalid_headers, found.http2) == (True, True, False)


def test_connections_of_a_network_load_balancer_may_be_idle_as_long_as_their_listener_says() -> None:
    group = a_group(protocol="TCP")
    wanted = forwarding(group)
    assert told(wanted).listeners[0].idle_timeout_s == 350
    listener = a_listener(wanted.listeners[0].action, protocol="TCP", attributes={"tcp.idle_timeout.seconds": "60"})
    other = Wanted(wanted.balancer, [listener], groups=wanted.groups)
    assert told(other, pace=30).listeners[0].idle_timeout_s == 2


ENDS: list[tuple[str, dict[str, str], tuple[bool, bool, bool]]] = [
    ("HTTP", {}, (True, False, False)),
    ("TCP", {}, (False, True, False)),
    ("TCP", {"deregistration_delay.connection_termination.enabled": "true"}, (True, True, False)),
    ("TCP", {"target_health_state.unhealthy.connection_termination.enabled": "false"}, (False, False, False)),
    ("TCP", {"proxy_protocol_v2.enabled": "true"}, (False, True, True)),
]


@pytest.mark.parametrize(("protocol", "set_ones", "expected"), ENDS)
def test_connections_end_as_it_was_set(
    protocol: str, set_ones: dict[str, str], expected: tuple[bool, bool, bool]
) -> None:
    found = backend(forwarding(a_group(protocol=protocol, attributes=set_ones)))
    assert (found.cut_drained, found.cut_unhealthy, found.proxy_protocol) == expected


@pytest.mark.parametrize("name", tls.POLICIES)
def test_every_policy_is_one_that_the_engine_takes(name: str) -> None:
    listener = a_listener(Fixed(status="404"), 443, protocol="HTTPS", certificate="a", ssl_policy=name)
    found = told(Wanted(a_balancer(), [listener], certificates={"a": "PEM"})).listeners[0].tls
    assert found == engine.Tls(tls.POLICIES[name].protocols, tls.POLICIES[name].ciphers)


# --- whatever callers ask for and get, the engine takes -----------------------------------------------------------

SIGNS = st.one_of(st.sampled_from("aZ9 *?'\"#{}%$\\\n\t;&=./:~-_äß💥"), st.characters())
TEXTS = st.text(SIGNS, max_size=20)
PARTS = st.lists(st.one_of(TEXTS, st.sampled_from(["#{host}", "#{path}", "#{port}", "#{query}", "/"])), max_size=4).map(
    "".join
)


def config(**parts: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=parts)


REDIRECTS = config(
    Protocol=st.sampled_from(["HTTP", "HTTPS", "#{protocol}"]),
    Host=PARTS.filter(bool),
    Port=st.one_of(PARTS, st.sampled_from(["443", "#{port}"])),
    Path=st.one_of(PARTS, PARTS.map("/{}".format)).filter(bool),
    Query=PARTS,
).map(lambda one: {"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302", **one}})
ANSWERS = config(MessageBody=TEXTS, ContentType=st.sampled_from(CONTENT_TYPES)).map(
    lambda one: {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "418", **one}}
)


def values(texts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(texts, min_size=1, max_size=2)


CONDITION = st.one_of(
    values(TEXTS).map(lambda found: {"Field": "host-header", "Values": found}),
    values(TEXTS).map(lambda found: {"Field": "path-pattern", "Values": found}),
    values(st.one_of(TEXTS, st.text("a()?:[]{}|*+\\\\d^$.,1-", max_size=12))).map(
        lambda found: {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": found}}
    ),
    st.tuples(TEXTS, values(TEXTS)).map(
        lambda found: {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": found[0], "Values": found[1]}}
    ),
    values(st.one_of(TEXTS, st.sampled_from(["GET", "M-SEARCH"]))).map(
        lambda found: {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": found}}
    ),
    values(config(Key=TEXTS, Value=TEXTS)).map(
        lambda found: {"Field": "query-string", "QueryStringConfig": {"Values": found}}
    ),
    values(st.one_of(TEXTS, st.ip_addresses(v=4).map("{}/32".format))).map(
        lambda found: {"Field": "source-ip", "SourceIpConfig": {"Values": found}}
    ),
)


@given(st.one_of(REDIRECTS, ANSWERS), st.lists(CONDITION, min_size=1, max_size=3), st.booleans())
def test_the_engine_takes_every_rule_that_is_accepted(
    asked: dict[str, Any], conditions: list[dict[str, Any]], secure: bool
) -> None:
    try:
        action = action_of([asked], secure=secure, http=True)
        found = conditions_of(conditions)
    except AwsError as refused:
        assert refused.message
        return
    told(Wanted(a_balancer(), [a_listener(action)], [a_rule(1, action, *found)]))


@given(TEXTS)
def test_the_engine_takes_every_cookie_name_that_is_accepted(name: str) -> None:
    settings = {
        "stickiness.enabled": "true",
        "stickiness.type": "app_cookie",
        "stickiness.app_cookie.cookie_name": name,
    }
    try:
        after = attributes.changed_group(a_group(), [{"Key": key, "Value": one} for key, one in settings.items()])
    except AwsError:
        return
    assert backend(forwarding(a_group(attributes=after))).sticky is not None


@given(TEXTS, TEXTS, st.sampled_from(["HTTP", "HTTPS", "TCP"]))
def test_the_engine_takes_every_health_check_that_is_accepted(path: str, matcher: str, protocol: str) -> None:
    asked = {"HealthCheckProtocol": "HTTP", "HealthCheckPath": f"/{path}", "Matcher": {"HttpCode": matcher}}
    try:
        check = target_groups.check_of(protocol, asked)
    except AwsError:
        return
    assert backend(forwarding(replace(a_group(protocol=protocol), check=check))).check is not None


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(ZONES[:2]), st.integers(1, 3), st.booleans()), max_size=12),
    st.booleans(),
)
def test_every_target_is_on_the_node_of_its_zone_once(
    targets: list[tuple[int, str, int, bool]], cross_zone: bool
) -> None:
    group = a_group(attributes={"load_balancing.cross_zone.enabled": str(cross_zone).lower()})
    chosen = {
        (number, port): placed(group, number, zone, port, deregistering_at=NOW if leaving else None)
        for number, zone, port, leaving in targets
    }
    wanted = forwarding(group, *chosen.values())
    for zone in ZONES[:2]:
        expected = {f"{one.address}:{one.target.port}" for one in chosen.values() if cross_zone or one.zone == zone}
        assert {server.id for server in backend(wanted, zone).servers} == expected
