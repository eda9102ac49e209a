"""Private subnets whose way out is a NAT gateway, or an instance that forwards, shown by packets."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from aftershock.engines.network import Network
from aftershock.services.ec2.records.nat_gateway import NAT_GATEWAYS
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES, ZoneOutage
from tests.services.ec2.kernel.site import PORT, Halting, Site

EVERYWHERE = "0.0.0.0/0"


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scenario)


class Vpc:
    """A VPC with a public and a private subnet, and a server on the internet, which is another VPC's."""

    def __init__(self, site: Site) -> None:
        self.site, self.ask = site, site.account.call
        self.id = site.account.vpc()
        self.gateway = self.ask("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        self.ask("AttachInternetGateway", InternetGatewayId=self.gateway, VpcId=self.id)
        self.public = site.account.subnet(self.id, "10.0.1.0/24", AvailabilityZone="us-east-1a")
        self.private = site.account.subnet(self.id, "10.0.2.0/24", AvailabilityZone="us-east-1b")
        self.public_table, self.table = (self._table(subnet) for subnet in (self.public, self.private))
        self.ask("CreateRoute", RouteTableId=self.public_table, DestinationCidrBlock=EVERYWHERE, GatewayId=self.gateway)
        self.group = self.open_group(self.id)

    def open_group(self, vpc_id: str | None = None) -> str:
        group = self.site.account.group("open", vpc_id=vpc_id)
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": EVERYWHERE}]}]
        self.ask("AuthorizeSecurityGroupIngress", GroupId=group, IpPermissions=everything)
        return group

    def _table(self, subnet: str) -> str:
        table = str(self.ask("CreateRouteTable", VpcId=self.id)["RouteTable"]["RouteTableId"])
        self.ask("AssociateRouteTable", RouteTableId=table, SubnetId=subnet)
        return table

    def nat(self) -> tuple[str, str]:
        """The gateway's id, and the address as which it is seen."""
        address = self.ask("AllocateAddress")
        made = self.ask("CreateNatGateway", SubnetId=self.public, AllocationId=address["AllocationId"])["NatGateway"]
        assert made["State"] == "pending"
        return made["NatGatewayId"], address["PublicIp"]

    def route(self, operation: str = "CreateRoute", **target: str) -> None:
        self.ask(operation, RouteTableId=self.table, DestinationCidrBlock=EVERYWHERE, **target)

    def state(self, nat: str) -> str:
        return str(self.ask("DescribeNatGateways", NatGatewayIds=[nat])["NatGateways"][0]["State"])

    async def until(self, nat: str, state: str) -> None:
        def check() -> None:
            assert self.state(nat) == state

        await self.site.eventually(check)

    async def way_out(self) -> tuple[str, str]:
        """A gateway that works and is the private subnet's way out, and its address."""
        nat, address = self.nat()
        self.route(NatGatewayId=nat)
        await self.until(nat, "available")
        await self.site.settled()
        return nat, address

    async def app(self) -> NetworkInterface:
        return await self.site.machine("app", subnet_id=self.private, group_ids=(self.group,), auto_public=False)

    async def abroad(self) -> NetworkInterface:
        return await self.site.machine("far", group_ids=(self.open_group(),))


def interface(site: Site, nat: str) -> NetworkInterface:
    with site.account.store.snapshot() as tx:
        gateway = NAT_GATEWAYS.get(tx, nat)
        assert gateway is not None
        found = NETWORK_INTERFACES.get(tx, gateway.interface_id or "")
        assert found is not None
        return found


async def reaches(site: Site, app: NetworkInterface, address: str | None, as_whom: str) -> None:
    async def check() -> None:
        assert await site.reach(app, address) == as_whom

    await site.eventually(check)


def test_a_private_instance_reaches_the_internet_as_the_gateways_address_and_nobody_reaches_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            assert await site.reach(app, far.public_ip) == "blocked"
            nat, address = vpc.nat()
            await vpc.until(nat, "available")
            vpc.route(NatGatewayId=nat)
            await site.settled()
            await reaches(site, app, far.public_ip, address)
            assert await site.reach(far, address) == "blocked"
            assert await site.reach(None, address) == "blocked"
            neighbour = await site.machine("near", subnet_id=vpc.public, group_ids=(vpc.group,), auto_public=False)
            assert await site.reach(neighbour, interface(site, nat).private_ip) == "blocked"
            await reaches(site, neighbour, app.private_ip, neighbour.private_ip)
            assert not any(port.missing for port in await site.network.list_ports())

    run(scenario())


def test_a_route_through_a_gateway_that_is_still_pending_works_as_soon_as_it_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            nat, address = vpc.nat()
            vpc.route(NatGatewayId=nat)
            far, app = await vpc.abroad(), await vpc.app()
            await vpc.until(nat, "available")
            await reaches(site, app, far.public_ip, address)

    run(scenario())


def test_a_deleted_gateway_gives_its_address_back_and_leaves_a_black_hole(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            nat, address = await vpc.way_out()
            assert site.account.refusal("ReleaseAddress", PublicIp=address)[0] == "InvalidIPAddress.InUse"
            vpc.ask("DeleteNatGateway", NatGatewayId=nat)
            await vpc.until(nat, "deleted")
            await reaches(site, app, far.public_ip, "blocked")
            (table,) = vpc.ask("DescribeRouteTables", RouteTableIds=[vpc.table])["RouteTables"]
            assert [route["State"] for route in table["Routes"]] == ["active", "blackhole"]
            vpc.ask("ReleaseAddress", PublicIp=address)
            again, other = vpc.nat()
            vpc.route("ReplaceRoute", NatGatewayId=again)
            await vpc.until(again, "available")
            await reaches(site, app, far.public_ip, other)

    run(scenario())


def test_a_zone_without_power_takes_the_way_out_and_gives_it_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            nat, address = await vpc.way_out()
            outage = ZoneOutage(
                id="one", cause="one", zone="us-east-1a", kind="power", since=site.account.now, begun=True, seen=True
            )
            with site.account.store.transaction() as tx:
                ZONE_OUTAGES.put(tx, outage)
            await reaches(site, app, far.public_ip, "blocked")

            async def gone() -> None:
                assert await site.network.carried(nat) is None

            await site.eventually(gone)
            assert vpc.state(nat) == "available"
            with site.account.store.transaction() as tx:
                ZONE_OUTAGES.forget(tx, outage.id)
            await reaches(site, app, far.public_ip, address)

    run(scenario())


def test_an_instance_that_may_forward_is_a_way_out_as_long_as_it_may(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            box = await site.machine("box", subnet_id=vpc.public, group_ids=(vpc.group,))
            vpc.route(NetworkInterfaceId=box.id)
            await forward(box)
            await site.settled()
            assert await site.reach(app, far.public_ip) == "blocked"
            for check, seen in ((False, box.public_ip), (True, "blocked"), (False, box.public_ip)):
                vpc.ask("ModifyNetworkInterfaceAttribute", NetworkInterfaceId=box.id, SourceDestCheck={"Value": check})
                await reaches(site, app, far.public_ip, str(seen))

    run(scenario())


async def forward(box: NetworkInterface) -> None:
    rules = (
        "add table ip n; add chain ip n p { type nat hook postrouting priority srcnat; }; add rule ip n p masquerade"
    )
    for command in (["sysctl", "-qw", "net.ipv4.ip_forward=1"], ["nft", rules]):
        inside = ["nsenter", f"--net=/run/netns/{box.instance_id}", *command]
        program = await asyncio.create_subprocess_exec(*inside)
        assert await program.wait() == 0


@pytest.mark.parametrize("nth", range(1, 4))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_dying_at_any_act_leaves_a_gateway_that_works_in_the_end(tmp_path: Path, nth: int, before: bool) -> None:
    """The acts: the group that lets everything pass, the gateway's port, and the private instance's."""

    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            await site.die()
            site.network = halting = Halting(nth, before=before)
            site.start()
            nat, address = vpc.nat()
            vpc.route(NatGatewayId=nat)
            await site.eventually(lambda: _halted(halting))
            await site.die()
            site.network = Network()
            site.start()
            await vpc.until(nat, "available")
            await reaches(site, app, far.public_ip, address)
            vpc.ask("DeleteNatGateway", NatGatewayId=nat)
            await site.die()
            site.start()
            await vpc.until(nat, "deleted")
            await reaches(site, app, far.public_ip, "blocked")

    run(scenario())


def _halted(network: Halting) -> None:
    assert network.halted.is_set()


def test_what_was_torn_out_of_a_gateway_comes_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            vpc = Vpc(site)
            far, app = await vpc.abroad(), await vpc.app()
            nat, address = await vpc.way_out()
            await site.network.remove_port(interface(site, nat).id)
            assert await site.reach(app, far.public_ip, PORT) == "blocked"
            await site.loop.resync()
            await reaches(site, app, far.public_ip, address)

    run(scenario())
