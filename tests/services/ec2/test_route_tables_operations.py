"""Route tables and internet gateways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.services.ec2.records.route_table import Route
from aftershock.services.ec2.rules.routes import internet
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
    assert account.refusal("CreateRoute", **route, NatGatewayId="nat-0123456789abcdef0")[0] == "UnsupportedOperation"
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
    assert internet([Route(*route) for route in routes], attached) == reached


@given(st.permutations([("0.0.0.0/0", "igw-a"), ("128.0.0.0/1", "igw-b"), ("192.0.0.0/2", "igw-a")]))
def test_the_order_of_routes_does_not_matter(routes: list[tuple[str, str]]) -> None:
    assert internet([Route(*route) for route in routes], "igw-a") == ("0.0.0.0/1", "192.0.0.0/2")
