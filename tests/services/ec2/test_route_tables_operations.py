"""Route tables and internet gateways."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.network import PortSpec
from aftershock.services.ec2.operations import wiring
from aftershock.services.ec2.records.route_table import Route
from aftershock.services.ec2.rules.routes import ways
from tests.services.ec2.net_account import NetworkAccount


class Site:
    """A VPC with a gateway, a subnet and a route table of its own."""

    def __init__(self, account: NetworkAccount) -> None:
        self.account = account
        self.vpc_id = account.vpc()
        self.subnet_id = account.subnet(self.vpc_id)
        self.gateway_id = account.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
        self.attach()
        self.table_id = account.call("CreateRouteTable", VpcId=self.vpc_id)["RouteTable"]["RouteTableId"]

    def attach(self) -> None:
        self.account.call("AttachInternetGateway", InternetGatewayId=self.gateway_id, VpcId=self.vpc_id)

    def detach(self) -> None:
        self.account.call("DetachInternetGateway", InternetGatewayId=self.gateway_id, VpcId=self.vpc_id)

    def route(self, destination: str = "0.0.0.0/0") -> dict[str, str]:
        return {
            "RouteTableId": self.table_id,
            "DestinationCidrBlock": destination,
            "GatewayId": self.gateway_id,
        }

    def table(self) -> dict[str, list[dict[str, str]]]:
        (found,) = self.account.call("DescribeRouteTables", RouteTableIds=[self.table_id])["RouteTables"]
        return dict(found)


@pytest.fixture
def site(account: NetworkAccount) -> Site:
    return Site(account)


def test_a_route_is_a_black_hole_while_its_gateway_is_detached(account: NetworkAccount, site: Site) -> None:
    account.call("CreateRoute", **site.route())
    states = [[route["State"] for route in site.table()["Routes"]]]
    site.detach()
    states.append([route["State"] for route in site.table()["Routes"]])
    site.attach()
    states.append([route["State"] for route in site.table()["Routes"]])
    assert states == [["active", "active"], ["active", "blackhole"], ["active", "active"]]


@pytest.mark.parametrize(
    ("destination", "code", "words"),
    [
        ("10.0.0.0/16", "RouteAlreadyExists", "The route identified by 10.0.0.0/16 already exists."),
        ("10.0.1.0/24", "InvalidParameterValue", "more specific than one of this VPC's CIDR blocks"),
        ("8.8.8.8", "InvalidParameterValue", "destinationCidrBlock"),
        ("1.0.0.0/8", "RouteAlreadyExists", "The route identified by 1.0.0.0/8 already exists."),
    ],
)
def test_destinations_that_cannot_be_routed(
    account: NetworkAccount, site: Site, destination: str, code: str, words: str
) -> None:
    account.call("CreateRoute", **site.route("1.2.3.4/8"))
    refused = account.refusal("CreateRoute", **site.route(destination))
    assert refused[0] == code
    assert words in refused[1]


def test_targets_that_are_not_there(account: NetworkAccount, site: Site) -> None:
    route = {"RouteTableId": site.table_id, "DestinationCidrBlock": "0.0.0.0/0"}
    other = account.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    assert account.refusal("CreateRoute", **route)[0] == "InvalidParameterCombination"
    assert account.refusal("CreateRoute", **route, GatewayId="igw-0123456789abcdef0")[0] == "InvalidGatewayID.NotFound"
    for target, code in (
        ({"NatGatewayId": "nat-0123456789abcdef0"}, "InvalidNatGatewayID.NotFound"),
        ({"InstanceId": "i-0123456789abcdef0"}, "InvalidInstanceID.NotFound"),
        ({"NetworkInterfaceId": "eni-0123456789abcdef0"}, "InvalidNetworkInterfaceID.NotFound"),
        ({"NetworkInterfaceId": account.eni()}, "InvalidParameterValue"),  # of another VPC
        ({"VpcPeeringConnectionId": "pcx-0123456789abcdef0"}, "UnsupportedOperation"),
        ({"GatewayId": site.gateway_id, "NetworkInterfaceId": account.eni()}, "InvalidParameterCombination"),
    ):
        assert account.refusal("CreateRoute", **route, **target)[0] == code
    assert account.refusal("CreateRoute", **route, GatewayId=other) == (
        "InvalidParameterValue",
        f"route table {site.table_id} and network gateway {other} belong to different networks",
    )


def test_routes_are_replaced_and_deleted(account: NetworkAccount, site: Site) -> None:
    assert "Use CreateRoute instead" in account.refusal("ReplaceRoute", **site.route())[1]
    account.call("CreateRoute", **site.route())
    account.call("ReplaceRoute", **site.route())
    where = {"RouteTableId": site.table_id, "DestinationCidrBlock": "0.0.0.0/0"}
    account.call("DeleteRoute", **where)
    assert account.refusal("DeleteRoute", **where) == (
        "InvalidRoute.NotFound",
        f"no route with destination-cidr-block 0.0.0.0/0 in route table {site.table_id}",
    )
    local = {"RouteTableId": site.table_id, "DestinationCidrBlock": "10.0.0.0/16"}
    assert "cannot remove local route" in account.refusal("DeleteRoute", **local)[1]


def test_a_subnet_uses_one_table_at_a_time(account: NetworkAccount, site: Site) -> None:
    first = account.call("AssociateRouteTable", RouteTableId=site.table_id, SubnetId=site.subnet_id)
    again = account.call("AssociateRouteTable", RouteTableId=site.table_id, SubnetId=site.subnet_id)
    assert first["AssociationId"] == again["AssociationId"]
    other = account.call("CreateRouteTable", VpcId=site.vpc_id)["RouteTable"]["RouteTableId"]
    refused = account.refusal("AssociateRouteTable", RouteTableId=other, SubnetId=site.subnet_id)
    assert refused[0] == "Resource.AlreadyAssociated"
    assert account.refusal("DeleteRouteTable", RouteTableId=site.table_id)[0] == "DependencyViolation"
    moved = account.call("ReplaceRouteTableAssociation", AssociationId=first["AssociationId"], RouteTableId=other)
    assert account.refusal("DisassociateRouteTable", AssociationId=first["AssociationId"])[0] == (
        "InvalidAssociationID.NotFound"
    )
    account.call("DeleteRouteTable", RouteTableId=site.table_id)
    account.call("DisassociateRouteTable", AssociationId=moved["NewAssociationId"])
    account.call("DeleteRouteTable", RouteTableId=other)


def test_another_table_becomes_the_main_one(account: NetworkAccount, site: Site) -> None:
    filters = [
        {"Name": "vpc-id", "Values": [site.vpc_id]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    (main,) = account.call("DescribeRouteTables", Filters=filters)["RouteTables"]
    association = main["Associations"][0]["RouteTableAssociationId"]
    assert "main route table" in account.refusal("DisassociateRouteTable", AssociationId=association)[1]
    account.call("ReplaceRouteTableAssociation", AssociationId=association, RouteTableId=site.table_id)
    (now,) = account.call("DescribeRouteTables", Filters=filters)["RouteTables"]
    assert now["RouteTableId"] == site.table_id
    account.call("DeleteRouteTable", RouteTableId=main["RouteTableId"])


def test_a_table_and_a_subnet_of_different_vpcs_do_not_meet(account: NetworkAccount, site: Site) -> None:
    refused = account.refusal("AssociateRouteTable", RouteTableId=site.table_id, SubnetId=account.default_subnet())
    assert refused[0] == "InvalidParameterValue"


def test_a_client_token_makes_one_table(account: NetworkAccount, site: Site) -> None:
    asked = {"VpcId": site.vpc_id, "ClientToken": "once"}
    first, second = (account.call("CreateRouteTable", **asked)["RouteTable"]["RouteTableId"] for _ in range(2))
    assert first == second
    asked["VpcId"] = account.default_vpc.id
    assert account.refusal("CreateRouteTable", **asked)[0] == "IdempotentParameterMismatch"


def test_gateways_and_vpcs_attach_one_to_one(account: NetworkAccount, site: Site) -> None:
    other = account.call("CreateInternetGateway")["InternetGateway"]["InternetGatewayId"]
    assert account.refusal("AttachInternetGateway", InternetGatewayId=site.gateway_id, VpcId=site.vpc_id)[0] == (
        "Resource.AlreadyAssociated"
    )
    assert account.refusal("AttachInternetGateway", InternetGatewayId=other, VpcId=site.vpc_id) == (
        "InvalidParameterValue",
        f"Network {site.vpc_id} already has an internet gateway attached",
    )
    assert account.refusal("DetachInternetGateway", InternetGatewayId=other, VpcId=site.vpc_id) == (
        "Gateway.NotAttached",
        f"resource {other} is not attached to network {site.vpc_id}",
    )
    assert account.refusal("DeleteInternetGateway", InternetGatewayId=site.gateway_id)[0] == "DependencyViolation"
    site.detach()
    account.call("DeleteInternetGateway", InternetGatewayId=site.gateway_id)


def test_the_sixth_gateway_is_refused(account: NetworkAccount) -> None:
    for _ in range(4):
        account.call("CreateInternetGateway")
    assert account.refusal("CreateInternetGateway")[0] == "InternetGatewayLimitExceeded"


def test_a_gateway_with_mapped_addresses_stays_attached(account: NetworkAccount) -> None:
    account.instance_eni(auto_public=True)
    gateway_id = account.default_vpc.internet_gateway_id
    code, message = account.refusal("DetachInternetGateway", InternetGatewayId=gateway_id, VpcId=account.default_vpc.id)
    assert code == "DependencyViolation"
    assert message == (
        f"Network {account.default_vpc.id} has some mapped public address(es). "
        "Please unmap those public address(es) before detaching the gateway."
    )


@pytest.mark.parametrize(
    ("routes", "attached", "reached"),
    [
        ([], "igw-a", ()),
        ([("0.0.0.0/0", "igw-a")], "igw-a", ("0.0.0.0/0",)),
        ([("0.0.0.0/0", "igw-a")], None, ()),
        ([("0.0.0.0/0", "igw-b")], "igw-a", ()),
        ([("0.0.0.0/0", "igw-a"), ("128.0.0.0/1", "igw-b")], "igw-a", ("0.0.0.0/1",)),
        ([("128.0.0.0/1", "igw-a"), ("0.0.0.0/0", "igw-b")], "igw-a", ("128.0.0.0/1",)),
        ([("198.18.0.0/16", "igw-a"), ("198.19.0.0/16", "igw-a")], "igw-a", ("198.18.0.0/15",)),
    ],
)
def test_the_most_specific_route_decides_what_is_reached(
    routes: list[tuple[str, str]], attached: str | None, reached: tuple[str, ...]
) -> None:
    assert ways([Route(*route) for route in routes], attached, {}).internet == reached


@given(st.permutations([("0.0.0.0/0", "igw-a"), ("128.0.0.0/1", "igw-b"), ("192.0.0.0/2", "igw-a")]))
def test_the_order_of_routes_does_not_matter(routes: list[tuple[str, str]]) -> None:
    assert ways([Route(*route) for route in routes], "igw-a", {}).internet == ("0.0.0.0/1", "192.0.0.0/2")


@pytest.mark.parametrize(
    ("routes", "reached", "via"),
    [
        ([Route("0.0.0.0/0", nat_gateway_id="nat-a")], (), (("0.0.0.0/0", "10.0.0.7"),)),
        ([Route("0.0.0.0/0", nat_gateway_id="nat-b")], (), ()),  # which is not there
        ([Route("0.0.0.0/0", interface_id="eni-a")], (), (("0.0.0.0/0", "10.0.0.9"),)),
        (
            [Route("0.0.0.0/0", nat_gateway_id="nat-a"), Route("128.0.0.0/1", "igw-a")],
            ("128.0.0.0/1",),
            (("0.0.0.0/1", "10.0.0.7"),),
        ),
        (
            [Route("0.0.0.0/0", "igw-a"), Route("128.0.0.0/1", interface_id="eni-a"), Route("192.0.0.0/2", "igw-b")],
            ("0.0.0.0/1",),
            (("128.0.0.0/2", "10.0.0.9"),),
        ),
        (
            [Route("0.0.0.0/0", nat_gateway_id="nat-a"), Route("0.0.0.0/1", nat_gateway_id="nat-b")],
            (),
            (("128.0.0.0/1", "10.0.0.7"),),
        ),
    ],
)
def test_the_most_specific_route_decides_what_is_gone_through(
    routes: list[Route], reached: tuple[str, ...], via: tuple[tuple[str, str], ...]
) -> None:
    found = ways(routes, "igw-a", {"nat-a": "10.0.0.7", "eni-a": "10.0.0.9"})
    assert (found.internet, found.via) == (reached, via)


targets = st.sampled_from([{"gateway_id": "igw-a"}, {"gateway_id": "igw-b"}, {"nat_gateway_id": "nat-a"},
                           {"nat_gateway_id": "nat-b"}, {"interface_id": "eni-a"}])  # fmt: skip
ranges = st.integers(0, 8).flatmap(
    lambda bits: st.integers(0, 2**bits - 1).map(lambda n: f"{ip_address(n << (32 - bits) if bits else 0)}/{bits}")
)


@given(st.dictionaries(ranges, targets, max_size=8), st.integers(0, 2**32 - 1))
def test_every_address_goes_where_its_most_specific_route_leads_and_nowhere_else(
    table: dict[str, dict[str, str]], number: int
) -> None:
    """No ranges overlap, so the network takes what comes of any table."""
    through = {"nat-a": "10.0.0.7", "eni-a": "10.0.0.9"}
    found = ways([Route(destination, **target) for destination, target in table.items()], "igw-a", through)
    port = PortSpec("p", "r", "n", "02:00:00:00:00:01", "10.0.0.4", 24, "10.0.0.1", "z", internet=found.internet)
    assert replace(port, via=found.via).internet == found.internet
    address = ip_address(number)
    matching = [ip_network(one) for one in table if address in ip_network(one)]
    target = table[str(max(matching, key=lambda one: one.prefixlen))] if matching else {}
    place = through.get(target.get("nat_gateway_id") or target.get("interface_id") or "")
    assert [via for one, via in found.via if address in ip_network(one)] == ([place] if place else [])
    assert any(address in ip_network(one) for one in found.internet) == (target.get("gateway_id") == "igw-a")


def test_a_route_through_an_interface_is_a_black_hole_while_nothing_is_plugged(
    account: NetworkAccount, site: Site
) -> None:
    eni_id = account.eni(site.subnet_id)
    route = {"RouteTableId": site.table_id, "DestinationCidrBlock": "0.0.0.0/0"}
    account.call("CreateRoute", **route, NetworkInterfaceId=eni_id)
    assert shown(account, site) == {
        "DestinationCidrBlock": "0.0.0.0/0",
        "NetworkInterfaceId": eni_id,
        "Origin": "CreateRoute",
        "State": "blackhole",
    }
    with account.store.transaction() as tx:
        call = account.context(tx)
        mine = wiring.attach(
            call, account.record_in(tx, eni_id), instance_id="i-1", device_index=0, delete_on_termination=True
        )
        wiring.plug(call, mine)
    assert shown(account, site) | {"State": "active", "InstanceId": "i-1"} == shown(account, site)
    filters = [{"Name": "route.instance-id", "Values": ["i-1"]}]
    (found,) = account.call("DescribeRouteTables", Filters=filters)["RouteTables"]
    assert found["RouteTableId"] == site.table_id


def shown(account: NetworkAccount, site: Site) -> dict[str, str]:
    (table,) = account.call("DescribeRouteTables", RouteTableIds=[site.table_id])["RouteTables"]
    found: dict[str, str] = table["Routes"][1]
    return found


def test_routes_within_the_vpc_lead_nowhere_else(account: NetworkAccount, site: Site) -> None:
    route = {"RouteTableId": site.table_id, "DestinationCidrBlock": "10.0.3.0/24"}
    assert account.refusal("CreateRoute", **route, GatewayId=site.gateway_id)[0] == "InvalidParameterValue"
    found = account.refusal("CreateRoute", **route, NetworkInterfaceId=account.eni(site.subnet_id))
    assert found[0] == "UnsupportedOperation"
