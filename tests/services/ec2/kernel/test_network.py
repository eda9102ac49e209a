"""What EC2's network promises, shown by packets."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from aftershock.engines.network import Network
from aftershock.services.ec2.operations import wiring
from tests.services.account import Account
from tests.services.ec2.kernel.site import PORT, Halting, Site

WEB = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT}
ANYWHERE = [{"CidrIp": "0.0.0.0/0"}]


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


def open_to(site: Site, group_id: str, **peers: Any) -> None:
    permission = {**WEB, **(peers or {"IpRanges": ANYWHERE})}
    site.account.call("AuthorizeSecurityGroupIngress", GroupId=group_id, IpPermissions=[permission])


def test_a_fresh_account_settles_and_its_vpc_is_available(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            await site.settled()
            (vpc,) = site.account.call("DescribeVpcs")["Vpcs"]
            assert vpc["State"] == "available"
            # Not by the model, whose enumeration lacks what AWS's own documentation says of it: "available".
            (gateway,) = Account.call(site.account, "DescribeInternetGateways")["InternetGateways"]
            assert gateway["Attachments"][0]["State"] == "available"

    run(scenario())


def test_rules_of_groups_hold_for_real_packets(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            group_id = site.account.group()
            web = await site.machine("web", group_ids=[group_id])
            assert await site.reach(None, web.public_ip) == "blocked"
            open_to(site, group_id)
            await site.settled()
            assert await site.reach(None, web.public_ip) != "blocked"
            site.account.call(
                "RevokeSecurityGroupIngress", GroupId=group_id, IpPermissions=[{**WEB, "IpRanges": ANYWHERE}]
            )
            await site.settled()
            assert await site.reach(None, web.public_ip) == "blocked"

    run(scenario())


def test_a_group_as_a_peer_means_its_members_private_addresses(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            front, back = site.account.group("front"), site.account.group("back")
            open_to(site, back, UserIdGroupPairs=[{"GroupId": front}])
            balancer = await site.machine("lb", group_ids=[front])
            server = await site.machine("web", group_ids=[back])
            stranger = await site.machine("other")
            assert await site.reach(balancer, server.private_ip) == balancer.private_ip
            assert await site.reach(balancer, server.public_ip) == "blocked"
            assert await site.reach(stranger, server.private_ip) == "blocked"
            ask = {"NetworkInterfaceId": stranger.id, "Groups": [front]}
            site.account.call("ModifyNetworkInterfaceAttribute", **ask)
            await site.settled()
            assert await site.reach(stranger, server.private_ip) == stranger.private_ip

    run(scenario())


def test_an_elastic_ip_moves_from_one_machine_to_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            group_id = site.account.group()
            open_to(site, group_id)
            first = await site.machine("first", group_ids=[group_id])
            second = await site.machine("second", group_ids=[group_id])
            address = site.account.call("AllocateAddress")
            for target, other in ((first, second), (second, first), (first, second)):
                site.account.call(
                    "AssociateAddress", AllocationId=address["AllocationId"], InstanceId=target.instance_id
                )
                await site.settled()
                seen_as = await site.reach(target, site.now(other).public_ip)
                assert seen_as == address["PublicIp"]
                assert site.now(target).plugged_public == address["PublicIp"]
                assert await site.reach(None, address["PublicIp"]) != "blocked"

    run(scenario())


def test_an_address_that_keeps_moving_ends_where_the_record_says(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            enis = [await site.machine(f"m{number}") for number in range(3)]
            address = site.account.call("AllocateAddress")
            for move in range(30):
                target = enis[move % 3]
                site.account.call(
                    "AssociateAddress", AllocationId=address["AllocationId"], InstanceId=target.instance_id
                )
                await asyncio.sleep(0.004 * (move % 5))
            await site.settled()
            ports = {port.spec.name: port for port in await site.network.list_ports()}
            assert {name: port.spec.public for name, port in ports.items()} == {
                eni.id: site.now(eni).address for eni in enis
            }
            assert not any(port.missing for port in ports.values())

    run(scenario())


def test_without_a_route_or_a_gateway_nothing_reaches_the_internet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            account = site.account
            vpc_id = account.vpc()
            subnet_id = account.subnet(vpc_id)
            group_id = account.group(vpc_id=vpc_id)
            open_to(site, group_id)
            web = await site.machine("web", subnet_id=subnet_id, group_ids=[group_id])
            assert await site.reach(None, web.public_ip) == "blocked"
            gateway = account.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
            account.call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc_id)
            await site.settled()
            assert await site.reach(None, web.public_ip) == "blocked"
            table = account.call("CreateRouteTable", VpcId=vpc_id)["RouteTable"]["RouteTableId"]
            account.call("AssociateRouteTable", RouteTableId=table, SubnetId=subnet_id)
            route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
            account.call("CreateRoute", **route, GatewayId=gateway)
            await site.settled()
            assert await site.reach(None, web.public_ip) != "blocked"
            account.call("DeleteRoute", **route)
            await site.settled()
            assert await site.reach(None, web.public_ip) == "blocked"

    run(scenario())


def test_machines_of_two_vpcs_with_one_range_do_not_meet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            machines = []
            for name in ("one", "two"):
                vpc_id = site.account.vpc()
                group_id = site.account.group(vpc_id=vpc_id)
                open_to(site, group_id)
                subnet_id = site.account.subnet(vpc_id)
                for host, octet in (("a", 10 if name == "one" else 20), ("b", 30)):
                    machines.append(
                        await site.machine(
                            name + host, subnet_id=subnet_id, group_ids=[group_id], private_ip=f"10.0.1.{octet}"
                        )
                    )
            one_a, one_b, two_a, _ = machines
            assert await site.reach(one_a, one_b.private_ip) == one_a.private_ip
            assert await site.reach(two_a, one_a.private_ip) == "blocked"

    run(scenario())


def test_a_stop_takes_the_wire_away_and_a_start_brings_it_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            eni = await site.machine("web")
            with site.account.store.transaction() as tx:
                wiring.unplug(site.account.context(tx), eni)
            await site.settled()
            assert await site.network.list_ports() == ()
            assert not site.now(eni).plugged
            stopped = site.now(eni)
            with site.account.store.transaction() as tx:
                wiring.plug(site.account.context(tx), stopped)
            await site.settled()
            (port,) = await site.network.list_ports()
            assert (port.spec.address, port.spec.public) == (eni.private_ip, site.now(eni).public_ip)
            assert port.spec.public != eni.public_ip

    run(scenario())


def test_a_terminated_instances_interface_is_forgotten_when_its_wire_is_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            eni = await site.machine("web")
            with site.account.store.transaction() as tx:
                wiring.release(site.account.context(tx), eni.id)

            def gone() -> None:
                assert site.account.call("DescribeNetworkInterfaces")["NetworkInterfaces"] == []

            await site.eventually(gone)
            assert await site.network.list_ports() == ()

    run(scenario())


def test_what_was_torn_out_of_the_kernel_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            group_id = site.account.group()
            open_to(site, group_id)
            web = await site.machine("web", group_ids=[group_id])
            await site.network.remove_port(web.id)
            await site.network.remove_group(web.vpc_id, group_id)
            await site.network.remove_router(web.vpc_id)
            await site.loop.resync()

            async def back() -> None:
                assert await site.network.observe_port(web.id) is not None
                assert group_id in {group.name for group in await site.network.list_groups()}

            await site.eventually(back)
            await site.settled()
            site.serve(web)
            assert await site.reach(None, web.public_ip) != "blocked"

    run(scenario())


@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_dying_at_any_act_changes_nothing_in_the_end(tmp_path: Path, nth: int, before: bool) -> None:
    """The acts: a router, two groups, a port, and its removal."""

    async def scenario() -> None:
        halting = Halting(nth, before=before)
        async with Site(tmp_path, halting) as site:
            group_id = site.account.group()
            open_to(site, group_id)
            eni = site.launch("web", group_ids=[group_id])
            if nth == 5:
                await site.settled()
                with site.account.store.transaction() as tx:
                    wiring.unplug(site.account.context(tx), site.account.record_in(tx, eni.id))
            await site.eventually(lambda: halted(halting))
            await site.die()
            site.network = Network()
            site.start()
            await site.settled()
            ports = await site.network.list_ports()
            if nth == 5:
                assert ports == ()
                return
            (port,) = ports
            assert (port.spec.public, port.missing) == (site.now(eni).public_ip, "")
            site.serve(eni)
            assert await site.reach(None, site.now(eni).public_ip) != "blocked"

    run(scenario())


def halted(network: Halting) -> None:
    assert network.halted.is_set()


def test_a_control_plane_that_dies_again_and_again_still_gets_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            group_id = site.account.group()
            open_to(site, group_id)
            enis = [site.launch(f"m{number}", group_ids=[group_id]) for number in range(4)]
            for tenth in range(1, 30):
                await asyncio.sleep(tenth / 200)
                await site.die()
                site.start()
            await site.settled()
            for eni in enis:
                site.serve(eni)
                assert await site.reach(None, site.now(eni).public_ip) != "blocked"
            assert len(await site.network.list_ports()) == len(enis)

    run(scenario())


def test_what_runs_without_a_record_is_taken_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc_id = site.account.vpc()
            group_id = site.account.group(vpc_id=vpc_id)
            await site.machine("web", subnet_id=site.account.subnet(vpc_id), group_ids=[group_id])
            await site.die()
            with site.account.store.transaction() as tx:
                for kind in ("ec2_network_interface", "ec2_subnet"):
                    for key in site.account.store.tables[kind].keys(tx):
                        site.account.store.tables[kind].forget(tx, key)
            site.account.call("DeleteSecurityGroup", GroupId=group_id)
            site.account.call("DeleteVpc", VpcId=vpc_id)
            site.start()

            async def gone() -> None:
                assert {router.name for router in await site.network.list_routers()} == {site.account.default_vpc.id}
                assert await site.network.list_ports() == ()

            await site.eventually(gone)

    run(scenario())
