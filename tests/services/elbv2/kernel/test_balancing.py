"""A load balancer's nodes as machines: what comes, serves, ends and is left."""

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.engines.certificates import CertificateAuthority
from aftershock.services.elbv2.controllers import nodes
from aftershock.services.elbv2.metrics import Metrics
from aftershock.services.elbv2.records.load_balancer import NODES, LoadBalancer, ZonePlace
from aftershock.services.elbv2.records.target_group import HealthCheck, TargetGroup
from tests.services.elbv2.kernel.world import PORT, WEB_PORT, BalancedSite, Certificate

A, B, C = "us-east-1a", "us-east-1b", "us-east-1c"
ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def allow(site: BalancedSite, group_id: str, port: int, **peers: Any) -> None:
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}
    site.account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[permission])


def groups(site: BalancedSite) -> tuple[str, str]:
    """That of the load balancer, which lets everybody in, and that of the servers, which lets the balancer in."""
    front, back = site.account.group("front"), site.account.group("back")
    allow(site, front, PORT, IpRanges=ANYWHERE)
    allow(site, back, WEB_PORT, UserIdGroupPairs=[{"GroupId": front}])
    return front, back


async def balanced(site: BalancedSite, **attributes: str) -> tuple[LoadBalancer, TargetGroup]:
    """A load balancer in two zones with a healthy server in each."""
    front, back = groups(site)
    site.first = await site.web("first", A, back)
    site.second = await site.web("second", B, back)
    group = site.group(attributes=attributes)
    balancer = site.balancer(A, B, group_ids=(front,))
    site.listen(balancer, group)
    site.register(group, "i-first", "i-second")
    await site.active(balancer)
    await site.until(lambda: set(site.states(group).values()) == {("healthy", None)})
    await site.until(lambda: len(site.addresses()) == 2)
    return balancer, group


def test_a_load_balancer_serves_in_each_zone_under_its_security_groups(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, group = await balanced(site)
            for address in site.addresses():
                pages = {await site.ask(address) for _ in range(8)}
                assert pages == {"first", "second"}
            nodes = {node.private_ip for node in site.nodes()}
            assert site.first.peers <= nodes
            # A port that the load balancer's group does not let in is silent.
            site.listen(balancer, group, 81)
            await site.active(balancer)
            assert await site.ask(site.addresses()[0], 81) == "silence"
            allow(site, balancer.group_ids[0], 81, IpRanges=ANYWHERE)
            await site.settled_network()
            assert await site.ask(site.addresses()[0], 81) in ("first", "second")

    run(scenario())


def test_a_deleted_load_balancer_leaves_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, _ = await balanced(site)
            site.change(balancer, wanted=False)
            assert site.addresses() == ()
            await site.until(lambda: site.seen(balancer) is None)
            assert site.nodes() == []
            await site.until(lambda: site.interfaces() == [])
            assert await site.balancers.list() == set()

    run(scenario())


def test_a_killed_node_leaves_the_name_and_comes_back_as_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, _ = await balanced(site)
            before, said = site.addresses(), []
            name = site.nodes()[0].name
            site.account.store.after_commit.append(lambda _: said.append((site.addresses(), site.seen(balancer).state)))
            os.kill((await site.balancers.machines.list())[name].pid, signal.SIGKILL)
            await site.until(lambda: (before[1:], "active_impaired") in said or (before[:1], "active_impaired") in said)
            await site.until(lambda: site.addresses() == before)
            await site.active(balancer)
            for address in before:
                assert await site.ask(address) in ("first", "second")

    run(scenario())


def test_targets_are_told_as_they_are_seen(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            _, group = await balanced(site, **{"deregistration_delay.timeout_seconds": "100"})
            site.first.healthy = False
            wrong = ("unhealthy", "Target.ResponseCodeMismatch")
            await site.until(lambda: site.states(group)["first"] == wrong)
            await site.gives({"second"})
            site.first.healthy = True
            await site.until(lambda: site.states(group)["first"] == ("healthy", None))
            site.stop("second")
            await site.loop.resync()
            await site.until(lambda: site.states(group)["second"] == ("unused", "Target.InvalidState"))
            await site.gives({"first"})
            site.deregister(group, "i-first")
            await site.until(lambda: site.states(group)["first"] == ("draining", "Target.DeregistrationInProgress"))
            await site.until(lambda: set(site.states(group)) == {"second"})
            await site.gives({"503"})

    run(scenario())


def test_another_subnet_is_another_node(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, _ = await balanced(site)
            gone = next(node for node in site.nodes() if node.zone == A)
            third = site.account.call("DescribeSubnets", Filters=[{"Name": "availability-zone", "Values": [C]}])
            place = ZonePlace(zone=C, subnet_id=third["Subnets"][0]["SubnetId"])
            site.change(balancer, zones=(balancer.zones[1], place))
            await site.until(lambda: gone.public_ip not in site.addresses() and len(site.addresses()) == 2)
            # Who knows the old address is still served, until everybody has had time to ask again.
            assert await site.ask(gone.public_ip) == "second"
            await site.until(lambda: gone.name not in {node.name for node in site.nodes()})
            await site.active(balancer)

    run(scenario())


def test_addresses_change_over_time_and_who_knows_an_old_one_is_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, _ = await balanced(site)
            before, old = set(site.addresses()), site.nodes()
            with site.account.store.transaction() as tx:
                for node in old:
                    NODES.put(tx, replace(node, wanted_at=datetime(2020, 1, 1, tzinfo=UTC)))
            while not before.isdisjoint(site.addresses()):
                assert {await site.ask(address) for address in site.addresses()} <= {"first", "second"}
                await asyncio.sleep(0.02)
            assert len(site.addresses()) == 2 and site.seen(balancer).state == "active"
            assert {await site.ask(str(node.public_ip)) for node in old} <= {"first", "second"}
            await site.until(lambda: {node.name for node in old}.isdisjoint(node.name for node in site.nodes()))
            await site.active(balancer)

    run(scenario())


def test_a_zone_without_power_is_out_until_it_is_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, _ = await balanced(site)
            dark = next(node for node in site.nodes() if node.zone == A)
            site.dark.add(A)
            await site.loop.resync()
            await site.until(lambda: dark.public_ip not in site.addresses())
            await site.until(lambda: site.seen(balancer).state == "active_impaired")
            await site.machine_ends(dark.name)
            assert await site.ask(dark.public_ip) == "silence"
            site.dark.clear()
            await site.loop.resync()
            await site.active(balancer)
            await site.until(lambda: dark.public_ip in site.addresses())

    run(scenario())


def test_a_zone_that_is_cut_off_is_out_and_its_node_has_no_say(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, group = await balanced(site)
            cut = next(node for node in site.nodes() if node.zone == A)
            await site.network.set_zones_cut(balancer.vpc_id, [A])
            site.cut.add(A)
            await site.loop.resync()
            await site.until(lambda: cut.public_ip not in site.addresses())
            await site.until(lambda: site.states(group)["first"] == ("unhealthy", "Target.Timeout"))
            assert site.states(group)["second"] == ("healthy", None)
            await site.gives({"second"})
            await site.network.set_zones_cut(balancer.vpc_id, [])
            site.cut.clear()
            await site.loop.resync()
            await site.until(lambda: cut.public_ip in site.addresses())
            await site.until(lambda: set(site.states(group).values()) == {("healthy", None)})

    run(scenario())


def test_a_network_load_balancer_serves_in_the_zones_that_have_targets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            open_to_all = site.account.group("back")
            allow(site, open_to_all, WEB_PORT, IpRanges=ANYWHERE)
            site.first = await site.web("first", A, open_to_all)
            check = HealthCheck(protocol="TCP", interval_s=10)
            group = site.group(protocol="TCP", protocol_version=None, check=check)
            balancer = site.balancer(A, B, group_ids=(), kind="network")
            site.listen(balancer, group, protocol="TCP")
            site.register(group, "i-first")
            await site.active(balancer)
            await site.until(lambda: site.states(group) == {"first": ("healthy", None)})
            in_a = next(node for node in site.nodes() if node.zone == A)
            await site.until(lambda: site.addresses() == (in_a.public_ip,))
            assert await site.ask(site.addresses()[0]) == "first"
            site.change(balancer, attributes={"load_balancing.cross_zone.enabled": "true"})
            await site.until(lambda: len(site.addresses()) == 2)
            assert {await site.ask(address) for address in site.addresses()} == {"first"}

    run(scenario())


def test_a_listener_proves_itself_with_the_certificate_it_has_now(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, group = await balanced(site)
            authority = CertificateAuthority(tmp_path)
            authority.ensure(site.clock.now())
            trusted = ssl.create_default_context(cadata=authority.certificate.read_text())

            def certified(name: str) -> None:
                issued = authority.issue(name, [name], site.clock.now())
                pem = issued.chain.read_text() + issued.key.read_text()
                site.certificates["arn"] = Certificate(pem)

            def names(address: str) -> tuple[str, ...]:
                with (
                    socket.create_connection((address, 443), timeout=2) as plain,
                    trusted.wrap_socket(plain, server_hostname="www.example.com") as secure,
                ):
                    return tuple(name for _, name in secure.getpeercert()["subjectAltName"])

            allow(site, balancer.group_ids[0], 443, IpRanges=ANYWHERE)
            certified("www.example.com")
            site.listen(balancer, group, 443, protocol="HTTPS", certificate="arn")
            await site.active(balancer)
            await site.settled_network()
            assert await asyncio.to_thread(names, site.addresses()[0]) == ("www.example.com",)
            del site.certificates["arn"]
            site.change(balancer)
            await site.until(lambda: site.seen(balancer).fault == "Certificate 'arn' not found")
            assert await site.ask(site.addresses()[0]) in ("first", "second")
            certified("www.example.com")
            site.change(balancer)
            await site.active(balancer)
            assert await asyncio.to_thread(names, site.addresses()[0]) == ("www.example.com",)

    run(scenario())


def test_requests_are_counted_as_they_were_made(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, group = await balanced(site)
            site.clock = Clock()
            metrics = Metrics(site.account.store, site.clock, site.outside, site.sights)
            assert await metrics(site.clock.now()) == []
            for number in range(12):
                assert await site.ask(site.addresses()[number % 2]) in ("first", "second")
            counted: dict[str, float] = {}

            async def count() -> None:
                for datum in await metrics(site.clock.now()):
                    if len(datum.dimensions) == 1:
                        counted[datum.name] = counted.get(datum.name, 0.0) + datum.sum
                assert counted.get("HTTPCode_Target_2XX_Count", 0) >= 12, counted

            await site.eventually(count)
            assert (counted["RequestCount"], counted["NewConnectionCount"]) == (12, 12)
            # Of a target group alone: twelve requests, and two targets that they were for.
            assert counted["RequestCountPerTarget"] == 6
            healthy = [datum for datum in await metrics(site.clock.now()) if datum.name == "HealthyHostCount"]
            assert {datum.dimensions: datum.sum for datum in healthy} == {
                (("LoadBalancer", balancer.path), ("TargetGroup", group.path)): 2,
                **{
                    (("AvailabilityZone", zone), ("LoadBalancer", balancer.path), ("TargetGroup", group.path)): 1
                    for zone in (A, B)
                },
            }

    run(scenario())


def test_a_control_plane_that_died_finds_its_nodes_serving(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            balancer, group = await balanced(site)
            pids = {name: machine.pid for name, machine in (await site.balancers.machines.list()).items()}
            await site.die()
            assert await site.ask(site.addresses()[0]) in ("first", "second")
            # What it had not come to: a node that nobody wants.
            with site.account.store.transaction() as tx:
                for node in NODES.every(tx):
                    NODES.put(tx, replace(node, serving=False, reason="not looked at yet"))
            site.start()
            await site.active(balancer)
            await site.until(lambda: len(site.addresses()) == 2)
            assert {name: one.pid for name, one in (await site.balancers.machines.list()).items()} == pids
            assert set(site.states(group).values()) == {("healthy", None)}

    run(scenario())


def test_a_node_that_does_not_answer_leaves_the_name_and_is_begun_anew(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(nodes, "PATIENCE_S", 0.5)

    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            await balanced(site)
            before, frozen = site.addresses(), site.nodes()[0]
            pid = (await site.balancers.machines.list())[frozen.name].pid
            os.kill(pid, signal.SIGSTOP)
            await site.until(lambda: len(site.addresses()) == 1)
            await site.until(lambda: site.addresses() == before)
            assert (await site.balancers.machines.list())[frozen.name].pid != pid

    run(scenario())


@pytest.mark.parametrize("nth", range(1, 40, 3))
def test_a_control_plane_that_dies_at_any_commit_changes_nothing_in_the_end(tmp_path: Path, nth: int) -> None:
    async def scenario() -> None:
        async with BalancedSite(tmp_path) as site:
            front, back = groups(site)
            site.first = await site.web("first", A, back)
            group = site.group()
            await site.dies_at_commit(nth)
            balancer = site.balancer(A, B, group_ids=(front,))
            site.listen(balancer, group)
            site.register(group, "i-first")
            await site.is_reborn(balancer)
            await site.active(balancer)
            await site.until(lambda: site.states(group) == {"first": ("healthy", None)})
            await site.until(lambda: len(site.addresses()) == 2)
            assert len(site.interfaces()) == len(site.nodes()) == 2
            assert {await site.ask(address) for address in site.addresses()} == {"first"}
            await site.dies_at_commit(nth % 9 + 1)
            site.change(balancer, wanted=False)
            await site.is_reborn(balancer)
            await site.until(lambda: site.seen(balancer) is None and site.interfaces() == [])
            assert await site.balancers.list() == set()

    run(scenario())
