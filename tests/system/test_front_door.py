"""An application load balancer under real requests: rules, stickiness, draining, TLS, zones, and what it survives.

The region's pace is 5, so that an interval of 5 s lasts one.
"""

import contextlib
import http.client
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dns.resolver
import pytest
from botocore.exceptions import ClientError

from aftershock.engines.certificates import CertificateAuthority
from tests.conftest import eventually
from tests.front import Answer, Client, Front, a_front, forward, load, served
from tests.region import Region, a_region

PACE = 5


@pytest.fixture(scope="module")
def quick_region() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


@pytest.fixture(scope="module")
def pair(quick_region: Region) -> tuple[Front, list[str]]:
    """A load balancer in two zones before two machines, one in each."""
    front = a_front(quick_region)
    machines = [*front.instances(1, front.subnets[0]), *front.instances(1, front.subnets[1])]
    both = front.target_group("both", machines)
    for number, machine in enumerate(machines):
        front.target_group(f"only-{number}", [machine])
    front.listen(forward(both))
    front.eventually_active()
    front.eventually_healthy(both, machines)
    front.eventually_answers()
    return front, machines


def a_rule(front: Front, priority: int, conditions: list[dict[str, Any]], action: dict[str, Any]) -> str:
    listener = front.elb.describe_listeners(LoadBalancerArn=front.arn)["Listeners"][0]["ListenerArn"]
    made = front.elb.create_rule(ListenerArn=listener, Priority=priority, Conditions=conditions, Actions=[action])
    return str(made["Rules"][0]["RuleArn"])


@contextlib.contextmanager
def rules(front: Front, *given: tuple[int, list[dict[str, Any]], dict[str, Any]]) -> Iterator[list[str]]:
    made = [a_rule(front, *one) for one in given]
    try:
        yield made
    finally:
        for arn in made:
            front.elb.delete_rule(RuleArn=arn)


def fixed(text: str, status: str = "200") -> dict[str, Any]:
    response = {"StatusCode": status, "MessageBody": text, "ContentType": "text/plain"}
    return {"Type": "fixed-response", "FixedResponseConfig": response}


def eventually_says(client: Client, path: str, body: str, **asked: Any) -> None:
    def check() -> None:
        assert client.ask(path, **asked).body == body

    eventually(check, within_s=20)


def test_a_request_reaches_each_machine_and_says_who_asked(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    seen = [front.client().ask("/page?x=1").seen for _ in range(20)]
    assert {one["host"] for one in seen} == {front.host_of(machine) for machine in machines}
    one = seen[0]
    assert one["path"] == "/page?x=1" and one["headers"]["host"] == front.name
    assert one["headers"]["x-forwarded-proto"] == "http" and one["headers"]["x-forwarded-port"] == "80"
    assert one["headers"]["x-forwarded-for"].startswith("198.")
    assert one["headers"]["x-amzn-trace-id"].startswith("Root=1-")
    body = front.client().ask("/", method="POST", body=b"x" * 100_000).seen
    assert body["method"] == "POST" and body["bytes"] == 100_000


def test_nobody_reaches_the_machines_but_the_load_balancer(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    public = front.region.instance(machines[0])["PublicIpAddress"]
    with pytest.raises(OSError):
        front.region.page(public, timeout_s=1)


def test_the_rule_with_the_lowest_number_that_fits_decides(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    client = front.client()
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}}]
    cheap = [*path, {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "cheap", "Value": "1"}]}}]
    host = [{"Field": "host-header", "HostHeaderConfig": {"Values": ["*.example.com"]}}]
    header = [{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Beta", "Values": ["yes*"]}}]
    method = [{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["DELETE"]}}]
    nobody = [{"Field": "source-ip", "SourceIpConfig": {"Values": ["203.0.113.0/24"]}}]
    with rules(
        front,
        (50, path, fixed("shop")),
        (10, cheap, fixed("cheap")),
        (60, host, fixed("host")),
        (70, header, fixed("header")),
        (80, method, fixed("method", "403")),
        (5, nobody, fixed("nobody")),
        (90, [{"Field": "path-pattern", "Values": ["/first"]}], forward(front.groups["only-0"])),
        (
            95,
            [{"Field": "path-pattern", "Values": ["/old"]}],
            {"Type": "redirect", "RedirectConfig": {"Path": "/new", "StatusCode": "HTTP_301"}},
        ),
    ) as arns:
        # A node that knows the last rule knows those before it.
        moved = everywhere(front, "/old?x=1", lambda answer: answer.status == 301)
        assert moved.headers["location"] == f"http://{front.name}:80/new?x=1"
        front.eventually_healthy(front.groups["only-0"], [machines[0]])
        assert client.ask("/shop/shoes").body == "shop"
        assert client.ask("/shop/shoes?cheap=1").body == "cheap"
        assert replace(client, name="a.example.com").ask("/").body == "host"
        assert client.ask("/", headers={"x-beta": "yes please"}).body == "header"
        forbidden = client.ask("/", method="DELETE")
        assert (forbidden.status, forbidden.body) == (403, "method")
        assert {client.ask("/first").seen["host"] for _ in range(6)} == {front.host_of(machines[0])}
        assert client.ask("/").status == 200  # and all else goes where it did

        front.elb.set_rule_priorities(RulePriorities=[{"RuleArn": arns[0], "Priority": 1}])
        eventually_says(client, "/shop/shoes?cheap=1", "shop")
    eventually(
        lambda: _is(front.client().ask("/shop/x").status == 200 and front.client().ask("/shop/x").body != "shop")
    )


def _is(condition: bool) -> None:
    assert condition


def everywhere(front: Front, path: str, fits: Callable[[Answer], bool]) -> Answer:
    """Ask until all nodes answer so; a change reaches one after the other."""

    def check() -> Answer:
        answers = []
        for address in _addresses(front):
            for _ in range(4):
                try:
                    answers.append(Client(front.region, address, name=front.name).ask(path))
                except OSError as error:
                    raise AssertionError(f"{address}: {error}") from error
        assert len(answers) == 8 and all(fits(answer) for answer in answers), answers
        return answers[-1]

    return eventually(check, within_s=30)


def test_a_refused_rule_changes_nothing(pair: tuple[Front, list[str]]) -> None:
    front, _ = pair
    listener = front.elb.describe_listeners(LoadBalancerArn=front.arn)["Listeners"][0]["ListenerArn"]
    before = front.elb.describe_rules(ListenerArn=listener)["Rules"]
    for conditions, actions in (
        ([{"Field": "path-pattern", "Values": ["/a"] * 6}], [fixed("x")]),
        ([{"Field": "colour", "Values": ["red"]}], [fixed("x")]),
        ([{"Field": "path-pattern", "Values": ["/a"]}], [forward(front.groups["both"] + "0")]),
    ):
        with pytest.raises(ClientError):
            front.elb.create_rule(ListenerArn=listener, Priority=3, Conditions=conditions, Actions=actions)
    assert front.elb.describe_rules(ListenerArn=listener)["Rules"] == before
    with pytest.raises(ClientError, match="must be between '1' and '604800' inclusive"):
        front.attributes(front.groups["both"], stickiness__lb_cookie__duration_seconds="0")
    with pytest.raises(ClientError, match="ValidationError"):
        front.elb.modify_target_group(TargetGroupArn=front.groups["both"], HealthCheckTimeoutSeconds=10)
    assert front.client().ask("/").status == 200


def test_a_weighted_forward_divides_as_it_says(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    shares = [
        {"TargetGroupArn": front.groups["only-0"], "Weight": 4},
        {"TargetGroupArn": front.groups["only-1"], "Weight": 1},
    ]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": shares}}
    with rules(front, (20, [{"Field": "path-pattern", "Values": ["/weighted"]}], action)):
        for number, machine in enumerate(machines):
            front.eventually_healthy(front.groups[f"only-{number}"], [machine])
        everywhere(front, "/weighted", lambda answer: answer.status == 200)
        with ThreadPoolExecutor(8) as pool:
            hosts = list(pool.map(lambda _: front.client().ask("/weighted").seen["host"], range(300)))
    share = hosts.count(front.host_of(machines[0])) / len(hosts)
    assert 0.68 < share < 0.92  # 0.8, and so far off once in a million runs


def test_a_session_sticks_until_its_machine_is_lost(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    group = front.groups["both"]
    front.attributes(group, stickiness__enabled="true", stickiness__type="lb_cookie")
    try:
        first = everywhere(front, "/", lambda answer: "AWSALB" in answer.cookies)
        crumbs = {"Cookie": f"AWSALB={first.cookies['AWSALB']}"}
        stuck = {front.client().ask("/", headers=crumbs).seen["host"] for _ in range(12)}
        assert stuck == {first.seen["host"]}
        lost = next(one for one in machines if front.host_of(one) == first.seen["host"])
        other = next(one for one in machines if one != lost)
        front.region.inside(lost, "curl -sS http://127.0.0.1/break")
        front.eventually_states(group, {lost: "unhealthy", other: "healthy"})
        moved = front.client().ask("/", headers=crumbs)
        assert moved.seen["host"] == front.host_of(other)
        assert moved.cookies["AWSALB"] != first.cookies["AWSALB"]
        state, reason = front.states(group)[lost]
        assert (state, reason) == ("unhealthy", "Target.ResponseCodeMismatch")
        front.region.inside(lost, "curl -sS http://127.0.0.1/mend")
        front.eventually_healthy(group, machines)
    finally:
        front.attributes(group, stickiness__enabled="false")


def test_a_target_that_leaves_finishes_what_it_was_asked_and_gets_nothing_new(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    group, leaving = front.groups["both"], machines[1]
    front.attributes(group, deregistration_delay__timeout_seconds="60")  # 12 s here
    with load(front.client()) as result, ThreadPoolExecutor(4) as pool:
        served(result, 20)
        slow = [pool.submit(front.client().ask, "/slow?s=4") for _ in range(4)]
        served(result, 20)
        front.elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": leaving}])
        states = front.eventually_states(group, {machines[0]: "healthy", leaving: "draining"})
        assert states[leaving][1] == "Target.DeregistrationInProgress"
        begun = len(result.answers)
        answers = [one.result() for one in slow]
        assert {one.status for one in answers} == {200}
        assert front.host_of(leaving) in {one.seen["host"] for one in answers}
        served(result, 20)
        late = {one.seen["host"] for one in result.answers[begun + 8 :]}  # those of its clients that were under way
        assert late == {front.host_of(machines[0])}
        front.eventually_states(group, {machines[0]: "healthy"})
        front.elb.register_targets(TargetGroupArn=group, Targets=[{"Id": leaving}])
        front.eventually_healthy(group, machines)
        served(result, 20)
    assert not result.failed and len(result.answers) > 80


def test_a_group_without_a_healthy_target_is_tried_all_the_same_and_an_empty_one_is_503(
    pair: tuple[Front, list[str]],
) -> None:
    front, machines = pair
    front.target_group("empty")
    empty, only = front.groups["empty"], front.groups["only-0"]
    try:
        with rules(
            front,
            (30, [{"Field": "path-pattern", "Values": ["/empty"]}], forward(empty)),
            (31, [{"Field": "path-pattern", "Values": ["/only"]}], forward(only)),
        ):
            everywhere(front, "/empty", lambda answer: answer.status == 503)
            front.eventually_healthy(only, [machines[0]])  # so that every node knows the rule
            assert front.client().ask("/only").status == 200
            front.region.inside(machines[0], "curl -sS http://127.0.0.1/break")
            front.eventually_states(only, {machines[0]: "unhealthy"})
            assert front.client().ask("/only").seen["host"] == front.host_of(machines[0])  # AWS: fail open
            front.region.inside(machines[0], "systemctl stop echo")
            everywhere(front, "/only", lambda answer: answer.status == 502)
            front.region.inside(machines[0], "systemctl start echo")
            front.eventually_healthy(only, [machines[0]])
    finally:
        front.eventually_healthy(front.groups["both"], machines)
        front.elb.delete_target_group(TargetGroupArn=front.groups.pop("empty"))


def test_the_name_leads_to_a_node_in_each_zone_and_a_killed_one_is_back_with_its_configuration(
    pair: tuple[Front, list[str]],
) -> None:
    front, _ = pair

    def of_both_zones() -> set[str]:
        found = _addresses(front)
        assert len(found) == 2, found
        return found

    addresses = eventually(of_both_zones)  # a zone whose targets were ill is back in the name a moment after them
    enis = front.region.ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [front.front_group]}])[
        "NetworkInterfaces"
    ]
    assert {one["Association"]["PublicIp"] for one in enis} == addresses
    assert {one["AvailabilityZone"] for one in enis} == {"us-east-1a", "us-east-1b"}
    assert all(one["Description"].startswith("ELB app/front/") and one["RequesterManaged"] for one in enis)
    pid = haproxy_of(front, sorted(addresses)[0])
    os.kill(pid, signal.SIGKILL)

    everywhere(front, "/", lambda answer: answer.status == 200)


def _addresses(front: Front) -> set[str]:
    names = dns.resolver.Resolver(configure=False)
    names.nameservers, names.port = ["127.0.0.1"], front.region.access.dns_port
    return {str(record) for record in names.resolve(front.name, "A")}


def haproxy_of(front: Front, address: str) -> int:
    """The host's pid of the node's HAProxy: of those of this region, the one that holds the address's interface."""
    eni = front.region.ec2.describe_network_interfaces(
        Filters=[{"Name": "association.public-ip", "Values": [address]}]
    )["NetworkInterfaces"][0]
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (directory / "comm").read_text() == "haproxy\n":
                routes = (directory / "net/fib_trie").read_text()
                if eni["PrivateIpAddress"] in routes:
                    found.append(int(directory.name))
    assert found, f"no HAProxy has {eni['PrivateIpAddress']}"
    return max(found)


def test_the_control_plane_is_killed_under_load_and_no_request_is_lost(pair: tuple[Front, list[str]]) -> None:
    front, machines = pair
    with load(front.client()) as result:
        served(result, 30)
        for _ in range(2):
            front.region.kill_control()
            served(result, 30)
            front.region.wait_ready(within_s=60)
        served(result, 30)
    assert not result.failed and result.hosts == {front.host_of(machine) for machine in machines}


def test_targets_and_rules_come_and_go_under_load_and_no_connection_is_cut(pair: tuple[Front, list[str]]) -> None:
    front, _ = pair
    connection = http.client.HTTPConnection(front.name, timeout=10)
    connection.sock = Client(front.region, front.name).connect(10)
    with contextlib.closing(connection), load(front.client()) as result:
        for number in range(3):
            if connection.sock is None:  # told with its last answer that this connection ends, as HTTP has it
                connection.sock = front.client().connect(10)
            connection.request("GET", f"/kept?n={number}")
            assert connection.getresponse().read()
            with rules(front, (40 + number, [{"Field": "path-pattern", "Values": [f"/r{number}"]}], fixed("r"))):
                eventually_says(front.client(), f"/r{number}", "r")
            served(result, 20)
    assert not result.failed


def test_https_with_a_certificate_for_each_name(pair: tuple[Front, list[str]], tmp_path: Path) -> None:
    front, _ = pair
    acm = front.region.client("acm")
    authority = CertificateAuthority(tmp_path / "authority")
    now = datetime.now(UTC)
    authority.ensure(now)
    arns = {}
    for name in ("www.one.example", "www.two.example"):
        issued = authority.issue(name.replace(".", "-"), [name], now)
        certificate, chain = split(issued.chain.read_text())
        arns[name] = acm.import_certificate(
            Certificate=certificate,
            PrivateKey=issued.key.read_bytes(),
            CertificateChain=chain or authority.certificate.read_bytes(),
        )["CertificateArn"]
    listener = front.listen(
        forward(front.groups["both"]),
        port=443,
        Protocol="HTTPS",
        Certificates=[{"CertificateArn": arns["www.one.example"]}],
    )
    front.elb.add_listener_certificates(
        ListenerArn=listener, Certificates=[{"CertificateArn": arns["www.two.example"]}]
    )
    trusting = ssl.create_default_context(cafile=str(authority.certificate))
    try:
        for name in arns:
            client = Client(front.region, front.name, 443, trusting, name)

            def check(client: Client = client) -> None:
                try:
                    seen = client.ask("/").seen
                except OSError as error:
                    raise AssertionError(error) from error
                assert seen["headers"]["x-forwarded-proto"] == "https"

            eventually(check, within_s=20)
        with pytest.raises(ssl.SSLCertVerificationError):
            Client(front.region, front.name, 443, trusting, "www.three.example").ask("/")
        with pytest.raises(ClientError, match="ResourceInUseException"):
            acm.delete_certificate(CertificateArn=arns["www.two.example"])
    finally:
        front.elb.delete_listener(ListenerArn=listener)
        for arn in arns.values():
            acm.delete_certificate(CertificateArn=arn)


def split(pem: str) -> tuple[bytes, bytes]:
    """A certificate, and those that vouch for it."""
    first, mark, rest = pem.partition("-----END CERTIFICATE-----\n")
    return (first + mark).encode(), rest.encode()
