"""What network ACLs promise, shown by packets."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aftershock.engines.network import Network
from aftershock.services.ec2 import bootstrap
from aftershock.services.ec2.records.network_interface import NetworkInterface
from tests.services.ec2.kernel.site import PORT, Halting, Site
from tests.services.ec2.kernel.test_network import halted, open_to, run

TCP = {"Protocol": "6", "CidrBlock": "0.0.0.0/0"}
SERVED = {**TCP, "PortRange": {"From": PORT, "To": PORT}}
ANSWERS = {**TCP, "PortRange": {"From": 1024, "To": 65535}}


def acl_of(site: Site, subnet_id: str) -> tuple[str, str]:
    """The subnet's ACL, and the id of their association."""
    wanted = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    (acl,) = site.account.call("DescribeNetworkAcls", Filters=wanted)["NetworkAcls"]
    association = next(one for one in acl["Associations"] if one["SubnetId"] == subnet_id)
    return acl["NetworkAclId"], association["NetworkAclAssociationId"]


def add(site: Site, acl_id: str, number: int, action: str, *, egress: bool, **more: Any) -> None:
    site.account.call(
        "CreateNetworkAclEntry", NetworkAclId=acl_id, RuleNumber=number, RuleAction=action, Egress=egress, **more
    )


def guard(site: Site, subnet_id: str) -> str:
    """A new ACL, and so one that denies everything, for the subnet."""
    acl_id = site.account.call("CreateNetworkAcl", VpcId=site.account.default_vpc.id)["NetworkAcl"]["NetworkAclId"]
    ids = {"AssociationId": acl_of(site, subnet_id)[1], "NetworkAclId": acl_id}
    site.account.call("ReplaceNetworkAclAssociation", **ids)
    return str(acl_id)


async def three(site: Site) -> tuple[NetworkInterface, NetworkInterface, NetworkInterface]:
    """A machine, one of its own subnet and one of another, under a group that lets the port in."""
    group_id = site.account.group()
    open_to(site, group_id)
    one, two = (subnet["SubnetId"] for subnet in site.account.call("DescribeSubnets")["Subnets"][:2])
    web = await site.machine("web", subnet_id=one, group_ids=[group_id])
    near = await site.machine("near", subnet_id=one, group_ids=[group_id])
    far = await site.machine("far", subnet_id=two, group_ids=[group_id])
    return web, near, far


def test_a_subnet_is_what_its_network_acl_makes_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            web, near, far = await three(site)
            assert await site.reach(far, web.private_ip) == far.private_ip
            acl_id = guard(site, web.subnet_id)
            await site.settled()
            assert await site.reach(near, web.private_ip) == near.private_ip
            assert await site.reach(far, web.private_ip) == "blocked"
            assert await site.reach(None, web.public_ip) == "blocked"
            add(site, acl_id, 100, "allow", egress=False, **SERVED)
            await site.settled()
            assert await site.reach(far, web.private_ip) == "blocked"  # nobody remembers who asked
            add(site, acl_id, 100, "allow", egress=True, **ANSWERS)
            await site.settled()
            assert await site.reach(far, web.private_ip) == far.private_ip
            assert await site.reach(None, web.public_ip) != "blocked"
            assert await site.reach(web, far.private_ip) == "blocked"
            add(site, acl_id, 99, "deny", egress=False, **{**SERVED, "CidrBlock": f"{far.private_ip}/32"})
            await site.settled()
            assert await site.reach(far, web.private_ip) == "blocked"
            assert await site.reach(None, web.public_ip) != "blocked"

    run(scenario())


def test_the_default_one_is_enforced_as_it_was_changed_and_costs_nothing_as_it_was_made(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            web, near, far = await three(site)
            assert set((await site.network.list_acls()).values()) == {()}
            acl_id, _ = acl_of(site, web.subnet_id)
            entry = {"NetworkAclId": acl_id, "RuleNumber": 100, "Egress": False}
            site.account.call("DeleteNetworkAclEntry", **entry)
            await site.settled()
            assert await site.reach(far, web.private_ip) == "blocked"
            assert await site.reach(near, web.private_ip) == near.private_ip
            whole = {"Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"}
            site.account.call("CreateNetworkAclEntry", **entry, **whole)
            await site.settled()
            assert set((await site.network.list_acls()).values()) == {()}
            assert await site.reach(far, web.private_ip) == far.private_ip

    run(scenario())


def test_a_machine_that_comes_later_and_a_region_that_comes_again_are_behind_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            web, _, far = await three(site)
            acl_id = guard(site, web.subnet_id)
            late = await site.machine("late", subnet_id=web.subnet_id, group_ids=web.group_ids)
            assert await site.reach(far, late.private_ip) == "blocked"
            await site.die()
            for port in await site.network.list_ports():
                await site.network.remove_port(port.spec.name)
            await site.network.remove_router(web.vpc_id)
            with site.account.store.transaction() as tx:
                bootstrap.ground_is_new(tx)
            site.network = Network()
            site.start()
            await site.settled()
            for eni in (web, far):
                site.serve(eni)
            assert await site.reach(far, web.private_ip) == "blocked"
            assert await site.reach(web, far.private_ip) == "blocked"
            ids = {"AssociationId": acl_of(site, web.subnet_id)[1], "NetworkAclId": acl_of(site, far.subnet_id)[0]}
            site.account.call("ReplaceNetworkAclAssociation", **ids)
            await site.settled()
            assert await site.reach(far, web.private_ip) == far.private_ip
            site.account.call("DeleteNetworkAcl", NetworkAclId=acl_id)

    run(scenario())


def test_a_subnet_that_goes_from_one_to_another_is_open_at_no_moment(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            web, _, far = await three(site)
            acls = [guard(site, web.subnet_id) for _ in range(2)]
            await site.settled()

            async def keep_moving() -> None:
                for move in range(10):
                    ids = {"AssociationId": acl_of(site, web.subnet_id)[1], "NetworkAclId": acls[move % 2]}
                    site.account.call("ReplaceNetworkAclAssociation", **ids)
                    await site.settled()

            moving = asyncio.create_task(keep_moving())
            while not moving.done():
                assert await site.reach(far, web.private_ip) == "blocked"
            await moving

    run(scenario())


@pytest.mark.parametrize("nth", range(1, 7))
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_dying_at_any_act_opens_nothing_in_the_end(tmp_path: Path, nth: int, before: bool) -> None:
    """The acts: a router, two groups, its lists, two ports."""

    async def scenario() -> None:
        halting = Halting(nth, before=before)
        async with Site(tmp_path, halting) as site:
            group_id = site.account.group()
            open_to(site, group_id)
            one, two = (subnet["SubnetId"] for subnet in site.account.call("DescribeSubnets")["Subnets"][:2])
            guard(site, one)
            web, far = (site.launch(name, subnet_id=at, group_ids=[group_id]) for name, at in (("w", one), ("f", two)))
            await site.eventually(lambda: halted(halting))
            await site.die()
            site.network = Network()
            site.start()
            await site.settled()
            for eni in (web, far):
                site.serve(eni)
            assert await site.reach(far, web.private_ip) == "blocked"
            assert await site.reach(None, site.now(web).public_ip) == "blocked"
            assert await site.reach(None, site.now(far).public_ip) != "blocked"

    run(scenario())
