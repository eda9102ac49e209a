"""Health checks of endpoints that really answer, or do not, and what records do about it."""

import itertools
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from aftershock.engines.certificates import CertificateAuthority
from tests.conftest import eventually
from tests.services.route53.world import World, change, refused, synced

_numbers = itertools.count(1)
PACE = 40.0  # ten seconds are a quarter of one


class Endpoint:
    """A web server that answers as it is told; `stop` and `start` keep its port."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.status, self.body, self.seen = 200, b"all is well", []  # type: tuple[int, bytes, list[Any]]
        self.tls, self.port = tls, 0
        self.start()

    def start(self) -> None:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                endpoint.seen.append((self.path, dict(self.headers)))
                self.send_response(endpoint.status)
                self.send_header("Content-Length", str(len(endpoint.body)))
                self.end_headers()
                self.wfile.write(endpoint.body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.handle_error = lambda *arguments: None  # type: ignore[method-assign]
        self.port = self.server.server_address[1]
        if self.tls:
            self.server.socket = self.tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("health"), pace=PACE)
    client = world.client()
    zone = client.create_hosted_zone(Name="checked.com", CallerReference="zone")["HostedZone"]["Id"]
    world.zone_id = zone.removeprefix("/hostedzone/")  # type: ignore[attr-defined]
    submit(world, change("CREATE", "endpoint.checked.com", "A", "127.0.0.1"))
    yield world
    world.close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.stop()


def submit(world: World, *changes: Any) -> None:
    client = world.client()
    batch = {"Changes": list(changes)}
    zone_id = world.zone_id  # type: ignore[attr-defined]
    synced(client, client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch))


def check(world: World, port: int, kind: str = "HTTP", **more: Any) -> str:
    config = {"Type": kind, "FullyQualifiedDomainName": "endpoint.checked.com", "Port": port, "RequestInterval": 10}
    made = world.client().create_health_check(
        CallerReference=f"check {next(_numbers)}", HealthCheckConfig=config | {"FailureThreshold": 2} | more
    )
    return str(made["HealthCheck"]["Id"])


def status(world: World, check_id: str) -> str:
    observations = world.client().get_health_check_status(HealthCheckId=check_id)["HealthCheckObservations"]
    return observations[0]["StatusReport"]["Status"] if observations else ""


def says(world: World, check_id: str, beginning: str) -> None:
    def it_does() -> None:
        assert status(world, check_id).startswith(beginning)

    eventually(it_does)


def answers(world: World, name: str, *values: str) -> None:
    def it_does() -> None:
        assert sorted(world.dig(name)[1]) == sorted(values)

    eventually(it_does)


def failover(world: World, name: str, check_id: str) -> None:
    common = {"TTL": 60}
    primary = {"ResourceRecords": [{"Value": "198.18.0.1"}], "HealthCheckId": check_id}
    secondary = {"ResourceRecords": [{"Value": "198.18.0.2"}]}
    submit(
        world,
        change("CREATE", name, "A", SetIdentifier="one", Failover="PRIMARY", **common, **primary),
        change("CREATE", name, "A", SetIdentifier="two", Failover="SECONDARY", **common, **secondary),
    )


def test_failover_follows_the_endpoint_there_and_back(world: World, endpoint: Endpoint) -> None:
    check_id = check(world, endpoint.port, ResourcePath="healthz")
    failover(world, "site.checked.com", check_id)
    says(world, check_id, "Success: HTTP Status Code: 200. Resolved IP: 127.0.0.1. OK")
    assert world.dig("site.checked.com") == ("NOERROR", ["198.18.0.1"])
    path, headers = endpoint.seen[0]
    assert (path, headers["Host"]) == ("/healthz", f"endpoint.checked.com:{endpoint.port}")
    assert headers["User-Agent"].startswith("Amazon-Route53-Health-Check-Service")
    endpoint.stop()
    try:
        answers(world, "site.checked.com", "198.18.0.2")
        says(world, check_id, "Failure: Connection refused.")
    finally:
        endpoint.start()
    answers(world, "site.checked.com", "198.18.0.1")
    failed = world.client().get_health_check_last_failure_reason(HealthCheckId=check_id)
    assert failed["HealthCheckObservations"][0]["StatusReport"]["Status"] == "Failure: Connection refused."


def test_statuses_and_search_strings_count(world: World, endpoint: Endpoint) -> None:
    plain = check(world, endpoint.port)
    searching = check(world, endpoint.port, "HTTP_STR_MATCH", SearchString="is well")
    says(world, searching, "Success")
    endpoint.status = 302
    says(world, plain, "Success: HTTP Status Code: 302.")
    endpoint.status, endpoint.body = 200, b"x" * 5120 + b"is well"
    says(world, searching, "Failure: HTTP Status Code: 200.")
    endpoint.status = 503
    says(world, plain, "Failure: HTTP Status Code: 503. Resolved IP: 127.0.0.1. Service Unavailable")


def test_https_is_checked_without_trusting_the_certificate(world: World, tmp_path: Path) -> None:
    names: list[str | None] = []
    endpoint = Endpoint(_tls(tmp_path, names))
    try:
        says(world, check(world, endpoint.port, "HTTPS"), "Success: HTTP Status Code: 200.")
        assert "endpoint.checked.com" in names
        names.clear()
        says(world, check(world, endpoint.port, "HTTPS", EnableSNI=False), "Success: HTTP Status Code: 200.")
        eventually(lambda: _true(None in names))
    finally:
        endpoint.stop()


def _tls(directory: Path, names: list[str | None]) -> ssl.SSLContext:
    """A server's context that notes down the names it is asked for."""
    authority = CertificateAuthority(directory)
    now = datetime.now(UTC)
    authority.ensure(now)
    issued = authority.issue("endpoint", ["endpoint.checked.com"], now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    context.sni_callback = lambda connection, name, context: names.append(name)
    return context


def test_tcp_and_what_answers_nothing(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        says(world, check(world, port, "TCP"), "Success")
        says(world, check(world, port, "HTTP"), "Failure: The endpoint did not respond")


def test_inverted_disabled_and_calculated_checks(world: World, endpoint: Endpoint) -> None:
    client = world.client()
    good, bad = check(world, endpoint.port), check(world, endpoint.port, "HTTP_STR_MATCH", SearchString="absent")
    both = client.create_health_check(
        CallerReference="both",
        HealthCheckConfig={"Type": "CALCULATED", "HealthThreshold": 2, "ChildHealthChecks": [good, bad]},
    )["HealthCheck"]["Id"]
    failover(world, "calculated.checked.com", both)
    answers(world, "calculated.checked.com", "198.18.0.2")
    client.update_health_check(HealthCheckId=both, HealthThreshold=1)
    answers(world, "calculated.checked.com", "198.18.0.1")
    client.update_health_check(HealthCheckId=both, Inverted=True)
    answers(world, "calculated.checked.com", "198.18.0.2")
    client.update_health_check(HealthCheckId=both, Inverted=False, HealthThreshold=2)
    client.update_health_check(HealthCheckId=bad, Inverted=True)
    answers(world, "calculated.checked.com", "198.18.0.1")
    client.update_health_check(HealthCheckId=good, Disabled=True)
    endpoint.stop()
    try:
        client.update_health_check(HealthCheckId=bad, Disabled=True, Inverted=False)
        answers(world, "calculated.checked.com", "198.18.0.1")
    finally:
        endpoint.start()
    assert refused(client.get_health_check_status, HealthCheckId=both)[0] == "InvalidInput"


def test_multivalue_answers_are_those_of_healthy_endpoints(world: World, endpoint: Endpoint) -> None:
    other = Endpoint()
    try:
        checks = [check(world, endpoint.port), check(world, other.port)]
        submit(
            world,
            *(
                change("CREATE", "multi.checked.com", "A", f"198.18.0.{n}", SetIdentifier=str(n), MultiValueAnswer=True)
                for n in range(1, 11)
            ),
        )
        assert len(world.dig("multi.checked.com")[1]) == 8
        submit(
            world,
            *(
                change(
                    "CREATE",
                    "pair.checked.com",
                    "A",
                    f"198.18.0.{n}",
                    SetIdentifier=str(n),
                    MultiValueAnswer=True,
                    HealthCheckId=checks[n],
                )
                for n in range(2)
            ),
        )
        answers(world, "pair.checked.com", "198.18.0.0", "198.18.0.1")
    finally:
        other.stop()
    answers(world, "pair.checked.com", "198.18.0.0")
    endpoint.stop()
    try:
        answers(world, "pair.checked.com", "198.18.0.0", "198.18.0.1")  # none is healthy, so all are
    finally:
        endpoint.start()


def test_an_alias_that_evaluates_its_target_fails_over_with_it(world: World, endpoint: Endpoint) -> None:
    check_id = check(world, endpoint.port)
    zone_id = world.zone_id  # type: ignore[attr-defined]
    target = {"HostedZoneId": zone_id, "DNSName": "behind.checked.com", "EvaluateTargetHealth": True}
    submit(
        world,
        change("CREATE", "behind.checked.com", "A", "198.18.0.7", SetIdentifier="a", Weight=1, HealthCheckId=check_id),
        change("CREATE", "checked.com", "A", SetIdentifier="one", Failover="PRIMARY", AliasTarget=target),
        change("CREATE", "checked.com", "A", "198.18.0.8", SetIdentifier="two", Failover="SECONDARY"),
    )
    assert world.dig("checked.com") == ("NOERROR", ["198.18.0.7"])
    endpoint.stop()
    try:
        answers(world, "checked.com", "198.18.0.8")
    finally:
        endpoint.start()
    answers(world, "checked.com", "198.18.0.7")


def test_the_same_request_again_answers_with_the_same_check(world: World) -> None:
    client = world.client()
    config = {"Type": "TCP", "IPAddress": "198.18.0.1", "Port": 80}
    first = client.create_health_check(CallerReference="same", HealthCheckConfig=config)["HealthCheck"]
    assert client.create_health_check(CallerReference="same", HealthCheckConfig=config)["HealthCheck"] == first
    code, _, http = refused(client.create_health_check, CallerReference="same", HealthCheckConfig=config | {"Port": 81})
    assert (code, http) == ("HealthCheckAlreadyExists", 409)
    assert client.get_health_check(HealthCheckId=first["Id"])["HealthCheck"] == first
    updated = client.update_health_check(HealthCheckId=first["Id"], HealthCheckVersion=1, Port=82)["HealthCheck"]
    assert (updated["HealthCheckVersion"], updated["HealthCheckConfig"]["Port"]) == (2, 82)
    assert refused(client.update_health_check, HealthCheckId=first["Id"], HealthCheckVersion=1, Port=83)[0] == (
        "HealthCheckVersionMismatch"
    )
    count = client.get_health_check_count()["HealthCheckCount"]
    assert len(client.list_health_checks()["HealthChecks"]) == count
    client.delete_health_check(HealthCheckId=first["Id"])
    assert refused(client.get_health_check, HealthCheckId=first["Id"])[::2] == ("NoSuchHealthCheck", 404)
    assert refused(client.create_health_check, CallerReference="same", HealthCheckConfig=config)[0] == (
        "HealthCheckAlreadyExists"
    )


def test_times_to_live_follow_the_pace_and_the_api_does_not(world: World) -> None:
    submit(world, change("CREATE", "paced.checked.com", "A", "198.18.0.1", ttl=400))
    assert world.ask("paced.checked.com").answer[0].ttl == 10
    submit(world, change("UPSERT", "paced.checked.com", "A", "198.18.0.1", ttl=5))
    assert world.ask("paced.checked.com").answer[0].ttl == 1
    zone_id = world.zone_id  # type: ignore[attr-defined]
    found = world.client().list_resource_record_sets(HostedZoneId=zone_id, StartRecordName="paced.checked.com")
    assert found["ResourceRecordSets"][0]["TTL"] == 5


def _true(condition: bool) -> None:
    assert condition
