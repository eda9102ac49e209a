"""NAT gateways: what is asked, what is told, and why one fails; their packets are shown in `kernel`."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from aftershock.clock import Clock
from aftershock.services.ec2.controllers.nat_gateways import NatGatewayController
from aftershock.services.ec2.operations import wiring
from aftershock.services.ec2.records.nat_gateway import NAT_GATEWAYS, NatGateway
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES, ZoneOutage
from aftershock.services.ec2.rules.nat_gateways import MAX_PER_ZONE, SHOWN_S, Seen, plan, state
from aftershock.services.ec2.usage import USAGE, usage
from tests.services.account import Account
from tests.services.ec2.net_account import NetworkAccount

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Later(Clock):
    """A clock that stands until it is set."""

    at: list[datetime] = field(default_factory=lambda: [START])

    def now(self) -> datetime:
        return self.at[0]


class Site:
    """The default VPC, with a controller that is asked by hand, and a kernel that shows what it is told to."""

    def __init__(self, account: NetworkAccount) -> None:
        self.account, self.clock = account, Later()
        self.controller = NatGatewayController(account.store, self.clock, "us-east-1")
        self.subnet = account.default_subnet()

    def address(self) -> str:
        return str(self.account.call("AllocateAddress")["AllocationId"])

    def create(self, **params: Any) -> dict[str, Any]:
        if "AllocationId" not in params and params.get("ConnectivityType") != "private":
            params["AllocationId"] = self.address()
        made: dict[str, Any] = self.account.call("CreateNatGateway", **{"SubnetId": self.subnet, **params})
        return dict(made["NatGateway"])

    def look(self, rounds: int = 4) -> None:
        for _ in range(rounds):
            for key in asyncio.run(self.controller.keys()):
                asyncio.run(self.controller.reconcile(key))

    def wire(self) -> None:
        """What the controller of ports would see."""
        with self.account.store.transaction() as tx:
            for eni in NETWORK_INTERFACES.every(tx):
                if not eni.wanted:
                    NETWORK_INTERFACES.forget(tx, eni.id)
                else:
                    seen = eni.generation if eni.plug else 0
                    NETWORK_INTERFACES.put(tx, replace(eni, plugged=eni.plug, seen_generation=seen))

    def settle(self) -> None:
        for _ in range(3):
            self.look()
            self.wire()
        self.look()

    def shown(self, gateway: str) -> dict[str, Any]:
        found: dict[str, Any] = self.account.call("DescribeNatGateways", NatGatewayIds=[gateway])["NatGateways"][0]
        return found


@pytest.fixture
def site(account: NetworkAccount) -> Iterator[Site]:
    yield Site(account)
    account.store.close()


def test_it_is_pending_until_its_wire_was_seen(site: Site) -> None:
    allocation = site.address()
    made = site.create(AllocationId=allocation)
    gateway = made["NatGatewayId"]
    assert made["State"] == "pending"
    assert made["NatGatewayAddresses"] == [{"AllocationId": allocation, "IsPrimary": True, "Status": "associating"}]
    site.look()
    assert site.shown(gateway)["State"] == "pending"
    site.wire()
    site.look()
    shown = site.shown(gateway)
    (address,) = shown["NatGatewayAddresses"]
    assert (shown["State"], shown["ConnectivityType"], address["Status"]) == ("available", "public", "succeeded")
    # Not by the model, whose enumeration has another word than AWS's answers and filters.
    (eni,) = Account.call(site.account, "DescribeNetworkInterfaces")["NetworkInterfaces"]
    (holder,) = site.account.call("DescribeAddresses")["Addresses"]
    assert eni["NetworkInterfaceId"] == address["NetworkInterfaceId"] == holder["NetworkInterfaceId"]
    assert eni["PrivateIpAddress"] == address["PrivateIp"] == holder["PrivateIpAddress"]
    assert holder["PublicIp"] == address["PublicIp"]
    assert holder["AssociationId"] == address["AssociationId"]
    assert (eni["InterfaceType"], eni["Description"]) == ("nat_gateway", f"Interface for NAT Gateway {gateway}")
    assert (eni["SourceDestCheck"], eni["RequesterManaged"], eni["Groups"]) == (False, True, [])
    assert (eni["Attachment"]["InstanceOwnerId"], eni["Attachment"]["DeviceIndex"]) == ("amazon-aws", 1)
    assert eni["Attachment"]["AttachmentId"].startswith("ela-attach-")


def test_what_depends_on_it_stays_as_it_is(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]
    site.settle()
    (address,) = site.shown(gateway)["NatGatewayAddresses"]
    vpc, refusal = site.account.default_vpc, site.account.refusal
    assert refusal("ReleaseAddress", AllocationId=address["AllocationId"])[0] == "InvalidIPAddress.InUse"
    assert refusal("DisassociateAddress", AssociationId=address["AssociationId"])[0] == "AuthFailure"
    assert refusal("DeleteSubnet", SubnetId=site.subnet)[0] == "DependencyViolation"
    assert refusal("DeleteNetworkInterface", NetworkInterfaceId=address["NetworkInterfaceId"])[0] in (
        "InvalidParameterValue",
        "AuthFailure",
    )
    detach = {"InternetGatewayId": vpc.internet_gateway_id, "VpcId": vpc.id}
    assert refusal("DetachInternetGateway", **detach)[0] == "DependencyViolation"


def test_a_deleted_one_gives_back_what_it_had_and_is_shown_for_an_hour(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]
    site.settle()
    (address,) = site.shown(gateway)["NatGatewayAddresses"]
    assert site.account.call("DeleteNatGateway", NatGatewayId=gateway)["NatGatewayId"] == gateway
    assert site.shown(gateway)["State"] == "deleting"
    site.look()
    assert site.shown(gateway)["State"] == "deleting"  # its wire is still there
    site.wire()
    site.look()
    shown = site.shown(gateway)
    assert (shown["State"], shown["DeleteTime"]) == ("deleted", START)
    assert shown["NatGatewayAddresses"][0]["PrivateIp"] == address["PrivateIp"]
    site.account.call("DeleteNatGateway", NatGatewayId=gateway)
    site.account.call("ReleaseAddress", AllocationId=address["AllocationId"])
    site.clock.at[0] += timedelta(seconds=SHOWN_S)
    site.look()
    assert site.account.refusal("DescribeNatGateways", NatGatewayIds=[gateway]) == (
        "NatGatewayNotFound",
        f"The Nat Gateway {gateway} was not found",
    )


def test_one_that_is_deleted_before_it_was_made_never_is(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]
    site.account.call("DeleteNatGateway", NatGatewayId=gateway)
    site.settle()
    assert site.shown(gateway)["State"] == "deleted"
    assert site.account.call("DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_why_one_fails(site: Site) -> None:
    account = site.account
    alone = account.vpc()
    subnet = account.subnet(alone)
    first = site.address()
    taken = site.create(AllocationId=first)["NatGatewayId"]
    site.settle()
    again, unattached = site.create(AllocationId=first), site.create(SubnetId=subnet)
    site.settle()
    assert site.shown(taken)["State"] == "available"
    for gateway, code, message in (
        (again, "Resource.AlreadyAssociated", f"Elastic IP address [{first}] is already associated"),
        (unattached, "Gateway.NotAttached", f"Network {alone} has no Internet gateway attached"),
    ):
        shown = site.shown(gateway["NatGatewayId"])
        assert (shown["State"], shown["FailureCode"], shown["FailureMessage"]) == ("failed", code, message)
        assert shown["NatGatewayAddresses"][0]["Status"] == "failed"
    route = {"RouteTableId": _table(account, alone), "DestinationCidrBlock": "0.0.0.0/0"}
    refused = account.refusal("CreateRoute", **route, NatGatewayId=unattached["NatGatewayId"])
    assert refused[0] == "InvalidNatGatewayID.NotFound"
    account.call("DeleteNatGateway", NatGatewayId=again["NatGatewayId"])
    assert site.shown(again["NatGatewayId"])["State"] == "deleted"
    site.clock.at[0] += timedelta(seconds=SHOWN_S)
    site.look()
    found = account.call("DescribeNatGateways")["NatGateways"]
    assert [one["NatGatewayId"] for one in found] == [taken]


def _table(account: NetworkAccount, vpc: str) -> str:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    return str(account.call("DescribeRouteTables", Filters=filters)["RouteTables"][0]["RouteTableId"])


def test_a_subnet_or_address_that_goes_before_it_is_made_fails_it(site: Site) -> None:
    account = site.account
    other = account.subnet(account.default_vpc.id, "172.31.255.0/28")
    gone, released = site.create(SubnetId=other)["NatGatewayId"], site.create()
    account.call("DeleteSubnet", SubnetId=other)
    account.call("ReleaseAddress", AllocationId=released["NatGatewayAddresses"][0]["AllocationId"])
    site.settle()
    assert site.shown(gone)["FailureCode"] == "InvalidSubnetID.NotFound"
    assert site.shown(released["NatGatewayId"])["FailureCode"] == "InvalidAllocationID.NotFound"


def test_a_full_subnet_fails_it(site: Site) -> None:
    subnet = site.account.subnet(site.account.default_vpc.id, "172.31.255.0/28")
    for _ in range(11):
        site.account.eni(subnet)
    gateway = site.create(SubnetId=subnet)["NatGatewayId"]
    site.settle()
    shown = site.shown(gateway)
    assert shown["FailureCode"] == "InsufficientFreeAddressesInSubnet"
    assert shown["FailureMessage"] == "Subnet has insufficient free addresses to create this NAT gateway"


def test_the_sixth_of_a_zone_is_refused_until_one_is_gone(site: Site) -> None:
    made = [site.create(ConnectivityType="private")["NatGatewayId"] for _ in range(MAX_PER_ZONE)]
    again = {"SubnetId": site.subnet, "ConnectivityType": "private"}
    assert site.account.refusal("CreateNatGateway", **again)[0] == "NatGatewayLimitExceeded"
    site.account.call("DeleteNatGateway", NatGatewayId=made[0])
    site.settle()
    site.create(**again)


def test_a_private_one_has_no_public_address_and_needs_no_internet_gateway(site: Site) -> None:
    subnet = site.account.subnet(site.account.vpc())
    gateway = site.create(ConnectivityType="private", SubnetId=subnet, PrivateIpAddress="10.0.1.77")["NatGatewayId"]
    site.settle()
    shown = site.shown(gateway)
    (address,) = shown["NatGatewayAddresses"]
    assert (shown["State"], shown["ConnectivityType"], address["PrivateIp"]) == ("available", "private", "10.0.1.77")
    assert "PublicIp" not in address


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
        ({"AllocationId": "eipalloc-0123456789abcdef0"}, "InvalidAllocationID.NotFound"),
        ({"AllocationId": None}, "MissingParameter"),
        ({"SubnetId": None}, "MissingParameter"),
        ({"PrivateIpAddress": "10.9.9.9"}, "InvalidParameterValue"),
        ({"ConnectivityType": "private"}, "InvalidParameterCombination"),
        ({"AvailabilityMode": "regional"}, "UnsupportedOperation"),
        ({"VpcId": "vpc-1"}, "UnsupportedOperation"),
        ({"SecondaryAllocationIds": ["eipalloc-1"]}, "UnsupportedOperation"),
        ({"SecondaryPrivateIpAddressCount": 2}, "UnsupportedOperation"),
        ({"TagSpecifications": [{"ResourceType": "vpc", "Tags": [{"Key": "a", "Value": "b"}]}]},
         "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_what_is_refused_at_once(site: Site, params: dict[str, Any], code: str) -> None:
    asked = {"SubnetId": site.subnet, "AllocationId": site.address(), **params}
    given = {name: value for name, value in asked.items() if value is not None}
    assert site.account.refusal("CreateNatGateway", **given)[0] == code


def test_a_token_makes_one_and_tags_and_filters_find_it(site: Site) -> None:
    account = site.account
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "way-out"}]}]
    asked = {"SubnetId": site.subnet, "AllocationId": site.address(), "ClientToken": "one", "TagSpecifications": tags}
    first, second = (account.call("CreateNatGateway", **asked)["NatGateway"]["NatGatewayId"] for _ in range(2))
    assert first == second
    other = site.create()["NatGatewayId"]
    account.call("CreateTags", Resources=[other], Tags=[{"Key": "Name", "Value": "other"}])
    for name, value, found in (
        ("tag:Name", "way-out", [first]),
        ("state", "pending", sorted([first, other])),
        ("state", "available", []),
        ("subnet-id", site.subnet, sorted([first, other])),
        ("vpc-id", "vpc-1", []),
        ("nat-gateway-id", other, [other]),
    ):
        shown = account.call("DescribeNatGateways", Filter=[{"Name": name, "Values": [value]}])["NatGateways"]
        assert [one["NatGatewayId"] for one in shown] == found
    described = account.call("DescribeTags", Filters=[{"Name": "resource-type", "Values": ["natgateway"]}])["Tags"]
    assert sorted(tag["ResourceId"] for tag in described) == sorted([first, other])
    page = account.call("DescribeNatGateways", MaxResults=5)
    assert len(page["NatGateways"]) == 2
    assert account.refusal("DeleteNatGateway", NatGatewayId="nat-0123456789abcdef0")[0] == "NatGatewayNotFound"
    assert account.refusal("DeleteNatGateway", NatGatewayId="igw-1")[0] == "NatGatewayMalformed"


def test_routes_lead_through_it_while_it_is_there(site: Site) -> None:
    account, gateway = site.account, site.create()["NatGatewayId"]
    table = _table(account, account.default_vpc.id)
    account.call("CreateRoute", RouteTableId=table, DestinationCidrBlock="198.51.100.0/24", NatGatewayId=gateway)

    def shown() -> dict[str, Any]:
        routes = account.call("DescribeRouteTables", RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return next(one for one in routes if one["DestinationCidrBlock"] == "198.51.100.0/24")

    assert shown() == {
        "DestinationCidrBlock": "198.51.100.0/24",
        "NatGatewayId": gateway,
        "Origin": "CreateRoute",
        "State": "active",
    }
    site.settle()
    account.call("DeleteNatGateway", NatGatewayId=gateway)
    assert shown()["State"] == "blackhole"
    account.call("DeleteRoute", RouteTableId=table, DestinationCidrBlock="198.51.100.0/24")


def test_a_zone_without_power_takes_its_wire_and_not_its_state(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]
    site.settle()
    with site.account.store.transaction() as tx:
        subnet = SUBNETS.get(tx, site.subnet)
        assert subnet is not None
        outage = ZoneOutage(id="one", cause="one", zone=subnet.zone, kind="power", since=START, begun=True, seen=True)
        ZONE_OUTAGES.put(tx, outage)
    site.settle()
    (eni,) = interfaces(site)
    assert (eni.plug, eni.address is not None, site.shown(gateway)["State"]) == (False, True, "available")
    with site.account.store.transaction() as tx:
        ZONE_OUTAGES.forget(tx, "one")
    site.settle()
    (eni,) = interfaces(site)
    assert eni.ready


def interfaces(site: Site) -> list[NetworkInterface]:
    with site.account.store.snapshot() as tx:
        return NETWORK_INTERFACES.every(tx)


class Sent:
    since, bytes = 7, 12345


def test_its_hours_and_bytes_are_billed_while_it_is_available(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]

    async def carried(netns: str) -> Sent:
        assert netns == gateway
        return Sent()

    metered = usage(site.account.store, carried)

    def seen() -> tuple[list[str], list[int]]:
        with site.account.store.snapshot() as tx:
            assert gateway in metered.resources(tx)
            billed = [f"{one.usage_type} {one.service}" for one in USAGE.billed(tx, gateway)]
        return billed, [load.processed_bytes for load in asyncio.run(_loads(metered))]

    assert seen() == ([], [])
    site.settle()
    assert seen() == (["NatGateway-Hours EC2 - Other"], [12345])
    with site.account.store.snapshot() as tx:
        (address,) = [one for key in USAGE.resources(tx) if key.startswith("eipalloc") for one in USAGE.billed(tx, key)]
    assert address.usage_type == "PublicIPv4:InUseAddress"
    site.account.call("DeleteNatGateway", NatGatewayId=gateway)
    assert seen() == ([], [])


async def _loads(metered: Any) -> list[Any]:
    return list(await metered.loads())


# --- the plan alone -----------------------------------------------------------------------------------------------

GATEWAY = NatGateway(
    id="nat-1", account="1", region="us-east-1", vpc_id="vpc-1", subnet_id="subnet-1", zone="z", created_at=START
)


def some_interface(*, plug: bool, ready: bool, wanted: bool) -> NetworkInterface:
    return NetworkInterface(
        id="eni-1", account="1", region="us-east-1", vpc_id="vpc-1", subnet_id="subnet-1", zone="z", mac="",
        private_ip="10.0.0.9", group_ids=(), created_at=START, plug=plug and wanted, plugged=ready,
        seen_generation=1 if ready else 0, wanted=wanted,
    )  # fmt: skip


def test_from_every_state_it_settles_and_is_available_only_if_its_wire_was_seen() -> None:
    wires = [None, *(some_interface(plug=p, ready=r, wanted=w) for p, r, w in product((True, False), repeat=3))]
    flags = product((True, False), repeat=6)
    for wire, (wanted, made, failed, ended, powerless, enough) in product(wires, flags):
        eni = wire
        gateway: NatGateway | None = replace(
            GATEWAY,
            wanted=wanted,
            made=made,
            failure_code="x" if failed else None,
            ended_at=START if ended else None,
        )
        first = made
        for _ in range(10):
            assert gateway is not None
            step = plan(gateway, Seen(eni, powerless=powerless, shown_enough=enough and bool(gateway.ended_at))).step
            match step:
                case None if eni is not None and not eni.wanted:
                    eni = None  # the controller of ports forgets it
                case None if eni is not None and eni.plug and not eni.ready:
                    eni = replace(eni, plugged=True, seen_generation=eni.generation)
                case None:
                    break
                case "make interface":
                    eni = some_interface(plug=True, ready=False, wanted=True)
                case "plug" | "unplug":
                    assert eni is not None
                    eni = replace(eni, plug=step == "plug", generation=eni.generation + 1)
                case "note it is made":
                    assert eni is not None
                    assert eni.ready
                    gateway = replace(gateway, made=True)
                case "delete interface":
                    assert eni is not None
                    eni = replace(eni, wanted=False, plug=False)
                case "note its end":
                    assert eni is None
                    gateway = replace(gateway, ended_at=START)
                case "forget":
                    gateway = None
                    break
        else:
            raise AssertionError(f"it never settles: {gateway} {eni}")
        if gateway is None:
            assert eni is None
        elif wanted and not failed:
            assert state(gateway) == ("available" if first or not powerless or gateway.made else "pending")
            assert eni is not None
        else:
            assert eni is None


def test_records_are_read_back_as_they_were_written(site: Site) -> None:
    gateway = site.create()["NatGatewayId"]
    site.settle()
    with site.account.store.transaction() as tx:
        found = NAT_GATEWAYS.get(tx, gateway)
        assert found is not None
        assert NAT_GATEWAYS.where(tx, "interface", found.interface_id or "") == [found]
        eni = NETWORK_INTERFACES.get(tx, found.interface_id or "")
        assert eni is not None
        assert wiring.public_address(eni) == (found.public_ip, True, found.allocation_id)
