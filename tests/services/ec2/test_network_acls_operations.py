"""Network ACLs: their entries, and the subnets that they guard."""

from typing import Any

import pytest

from tests.services.ec2.net_account import NetworkAccount

DENY_ALL = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}
ALLOW_ALL = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100}
NOWHERE = "acl-0123456789abcdef0"


class Site:
    """A VPC with a subnet, and a network ACL beside the default one."""

    def __init__(self, account: NetworkAccount) -> None:
        self.account = account
        self.vpc_id = account.vpc()
        self.subnet_id = account.subnet(self.vpc_id)
        self.default_id = self.found(default="true")[0]["NetworkAclId"]
        self.acl_id = account.call("CreateNetworkAcl", VpcId=self.vpc_id)["NetworkAcl"]["NetworkAclId"]

    def found(self, **filters: str) -> list[dict[str, Any]]:
        wanted = {
            "vpc-id": self.vpc_id,
            **{name.replace("__", "-").replace("_", "."): v for name, v in filters.items()},
        }
        asked = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
        return list(self.account.call("DescribeNetworkAcls", Filters=asked)["NetworkAcls"])

    def acl(self, acl_id: str | None = None) -> dict[str, Any]:
        (found,) = self.account.call("DescribeNetworkAcls", NetworkAclIds=[acl_id or self.acl_id])["NetworkAcls"]
        return dict(found)

    def entries(self, acl_id: str | None = None, *, egress: bool = False) -> list[dict[str, Any]]:
        """Of one direction, without what every list ends with."""
        shown = [one for one in self.acl(acl_id)["Entries"] if one["Egress"] == egress]
        assert shown[-1] == {**DENY_ALL, "Egress": egress}
        return [{name: value for name, value in one.items() if name != "Egress"} for one in shown[:-1]]

    def entry(self, **more: Any) -> dict[str, Any]:
        return {"NetworkAclId": self.acl_id, "Egress": False, **ALLOW_ALL, **more}

    def add(self, **more: Any) -> None:
        self.account.call("CreateNetworkAclEntry", **self.entry(**more))

    def refused(self, **more: Any) -> tuple[str, str]:
        return self.account.refusal("CreateNetworkAclEntry", **self.entry(**more))

    def association(self) -> dict[str, Any]:
        (acl,) = self.found(association_subnet__id=self.subnet_id)
        return dict(next(one for one in acl["Associations"] if one["SubnetId"] == self.subnet_id))


@pytest.fixture
def site(account: NetworkAccount) -> Site:
    return Site(account)


def test_a_new_one_denies_everything_and_the_default_one_allows_it(site: Site) -> None:
    assert site.acl() == {
        "NetworkAclId": site.acl_id,
        "VpcId": site.vpc_id,
        "OwnerId": "123456789012",
        "IsDefault": False,
        "Associations": [],
        "Entries": [{**DENY_ALL, "Egress": egress} for egress in (True, False)],
        "Tags": [],
    }
    for egress in (True, False):
        assert site.entries(site.default_id, egress=egress) == [ALLOW_ALL]
    assert [one["SubnetId"] for one in site.acl(site.default_id)["Associations"]] == [site.subnet_id]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({}, {}),
        ({"CidrBlock": "10.1.2.3/8"}, {"CidrBlock": "10.0.0.0/8"}),
        ({"Protocol": "6", "PortRange": {"From": 22, "To": 23}}, {"PortRange": {"From": 22, "To": 23}}),
        ({"Protocol": "17", "PortRange": {"From": 0, "To": 65535}}, {"PortRange": {"From": 0, "To": 65535}}),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": -1, "Code": -1}}, {"IcmpTypeCode": {"Type": -1, "Code": -1}}),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 3, "Code": 4}}, {"IcmpTypeCode": {"Type": 3, "Code": 4}}),
        # AWS: with other protocols, ports, types and codes mean nothing.
        ({"PortRange": {"From": 22, "To": 22}, "IcmpTypeCode": {"Type": 8, "Code": 0}}, {}),
        ({"Protocol": "50", "PortRange": {"From": 22, "To": 22}}, {}),
        ({"Protocol": "58", "IcmpTypeCode": {"Type": 128, "Code": 0}}, {}),
        ({"RuleNumber": 1}, {}),
        ({"RuleNumber": 32766, "RuleAction": "deny"}, {}),
    ],
)
def test_an_entry_is_shown_as_it_was_asked_for(site: Site, asked: dict[str, Any], shown: dict[str, Any]) -> None:
    site.add(**asked)
    plain = {name: value for name, value in asked.items() if name not in ("PortRange", "IcmpTypeCode")}
    assert site.entries() == [{**ALLOW_ALL, **plain, **shown}]
    assert site.entries(egress=True) == []


def test_entries_of_ipv6_are_shown_too(site: Site) -> None:
    six = {"CidrBlock": None, "Ipv6CidrBlock": "2001:DB8::1/32", "Protocol": "58"}
    call = {name: value for name, value in site.entry(**six).items() if value is not None}
    assert site.account.refusal("CreateNetworkAclEntry", **call)[0] == "MissingParameter"
    site.account.call("CreateNetworkAclEntry", **call, IcmpTypeCode={"Type": -1, "Code": -1})
    (shown,) = site.entries()
    assert (shown["Ipv6CidrBlock"], "CidrBlock" in shown) == ("2001:db8::/32", False)


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        ({"RuleNumber": 0}, "InvalidParameterValue", "Value (0) for parameter ruleNumber is invalid."),
        ({"RuleNumber": 32767}, "InvalidParameterValue", "Rulenumber must be in range 1..32766"),
        ({"RuleNumber": 7}, "NetworkAclEntryAlreadyExists", "The network acl entry identified by 7 already exists."),
        ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue", "cidrBlock"),
        ({"CidrBlock": None}, "MissingParameter", "cidrBlock"),
        ({"CidrBlock": None, "Ipv6CidrBlock": "10.0.0.0/8"}, "InvalidParameterValue", "ipv6CidrBlock"),
        ({"Ipv6CidrBlock": "::/0"}, "InvalidParameterCombination", "cannot be used together"),
        ({"Protocol": "tcp"}, "InvalidParameterValue", "Invalid value 'tcp' for IP protocol"),
        ({"Protocol": "256"}, "InvalidParameterValue", "256"),
        ({"Protocol": "6"}, "MissingParameter", "portRange.from"),
        ({"Protocol": "6", "PortRange": {"From": 1}}, "MissingParameter", "portRange.to"),
        ({"Protocol": "17", "PortRange": {"From": -1, "To": -1}}, "InvalidParameterValue", "port (-1) out of range"),
        ({"Protocol": "6", "PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue", "(2:1)"),
        (
            {"Protocol": "1"},
            "MissingParameter",
            "The request must contain the parameter icmpTypeCode.type",
        ),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 8}}, "MissingParameter", "icmpTypeCode.code"),
        ({"Protocol": "1", "IcmpTypeCode": {"Type": 256, "Code": 0}}, "InvalidParameterValue", "type (256)"),
        ({"NetworkAclId": NOWHERE}, "InvalidNetworkAclID.NotFound", f"The networkAcl ID '{NOWHERE}' does not exist"),
    ],
)
def test_entries_that_will_not_do(site: Site, asked: dict[str, Any], code: str, words: str) -> None:
    site.add(RuleNumber=7)
    call = {name: value for name, value in site.entry(**asked).items() if value is not None}
    refused = site.account.refusal("CreateNetworkAclEntry", **call)
    assert refused[0] == code
    assert words in refused[1]


def test_directions_have_numbers_of_their_own_and_are_shown_in_order(site: Site) -> None:
    for number in (300, 100, 200):
        for egress in (False, True):
            site.add(RuleNumber=number, Egress=egress)
    for egress in (False, True):
        assert [one["RuleNumber"] for one in site.entries(egress=egress)] == [100, 200, 300]


def test_twenty_a_direction_and_family_are_the_most_with_the_last_one(site: Site) -> None:
    six = {**site.entry(), "Ipv6CidrBlock": "::/0"}
    del six["CidrBlock"]
    for number in range(1, 20):
        site.add(RuleNumber=number)
        site.account.call("CreateNetworkAclEntry", **{**six, "RuleNumber": 100 + number})
    refused = ("NetworkAclEntryLimitExceeded", "The maximum number of network ACL entries has been reached.")
    assert site.refused(RuleNumber=20) == refused
    assert site.account.refusal("CreateNetworkAclEntry", **{**six, "RuleNumber": 200}) == refused
    site.account.call("ReplaceNetworkAclEntry", **site.entry(RuleNumber=19, RuleAction="deny"))
    site.add(RuleNumber=20, Egress=True)


def test_entries_are_replaced_and_deleted(site: Site) -> None:
    missing = ("InvalidNetworkAclEntry.NotFound", "no ingress entry with number 100")
    which = {"NetworkAclId": site.acl_id, "RuleNumber": 100, "Egress": False}
    assert site.account.refusal("ReplaceNetworkAclEntry", **site.entry()) == missing
    assert site.account.refusal("DeleteNetworkAclEntry", **which) == missing
    assert site.account.refusal("DeleteNetworkAclEntry", **{**which, "RuleNumber": 32767})[0] == "InvalidParameterValue"
    site.add()
    site.account.call("ReplaceNetworkAclEntry", **site.entry(RuleAction="deny", CidrBlock="10.0.0.0/8"))
    assert site.entries() == [{**ALLOW_ALL, "RuleAction": "deny", "CidrBlock": "10.0.0.0/8"}]
    assert site.account.refusal("DeleteNetworkAclEntry", **{**which, "Egress": True})[1] == (
        "no egress entry with number 100"
    )
    site.account.call("DeleteNetworkAclEntry", **which)
    assert site.entries() == []


def test_the_default_one_can_be_changed_and_not_deleted(site: Site) -> None:
    site.account.call("DeleteNetworkAclEntry", NetworkAclId=site.default_id, RuleNumber=100, Egress=False)
    assert site.entries(site.default_id) == []
    assert site.entries(site.default_id, egress=True) == [ALLOW_ALL]
    assert site.account.refusal("DeleteNetworkAcl", NetworkAclId=site.default_id) == (
        "InvalidParameterValue",
        f"cannot delete default network ACL {site.default_id}",
    )


def test_a_subnet_has_one_at_a_time_and_gets_another(site: Site) -> None:
    before = site.association()
    assert before["NetworkAclId"] == site.default_id
    moved = site.account.call(
        "ReplaceNetworkAclAssociation",
        AssociationId=before["NetworkAclAssociationId"],
        NetworkAclId=site.acl_id,
    )
    assert site.association() == {
        "NetworkAclAssociationId": moved["NewAssociationId"],
        "NetworkAclId": site.acl_id,
        "SubnetId": site.subnet_id,
    }
    assert site.acl(site.default_id)["Associations"] == []
    again = {"AssociationId": before["NetworkAclAssociationId"], "NetworkAclId": site.acl_id}
    assert site.account.refusal("ReplaceNetworkAclAssociation", **again) == (
        "InvalidAssociationID.NotFound",
        f"The association ID '{before['NetworkAclAssociationId']}' does not exist",
    )
    assert site.account.refusal("DeleteNetworkAcl", NetworkAclId=site.acl_id) == (
        "DependencyViolation",
        f"The networkAcl '{site.acl_id}' has dependencies and cannot be deleted.",
    )
    site.account.call("DeleteSubnet", SubnetId=site.subnet_id)
    site.account.call("DeleteNetworkAcl", NetworkAclId=site.acl_id)
    assert [one["NetworkAclId"] for one in site.found()] == [site.default_id]
    assert site.account.refusal("DeleteNetworkAcl", NetworkAclId=site.acl_id)[0] == "InvalidNetworkAclID.NotFound"


def test_a_subnet_cannot_get_one_of_another_vpc(site: Site) -> None:
    other = site.account.call("CreateNetworkAcl", VpcId=site.account.default_vpc.id)["NetworkAcl"]["NetworkAclId"]
    association = site.association()["NetworkAclAssociationId"]
    refused = site.account.refusal("ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=other)
    assert refused[0] == "InvalidParameterValue"
    assert site.account.refusal("ReplaceNetworkAclAssociation", AssociationId=association, NetworkAclId=NOWHERE)[0] == (
        "InvalidNetworkAclID.NotFound"
    )


def test_two_hundred_are_the_most_of_a_vpc(account: NetworkAccount) -> None:
    vpc_id = account.vpc()
    for _ in range(199):
        account.call("CreateNetworkAcl", VpcId=vpc_id)
    assert account.refusal("CreateNetworkAcl", VpcId=vpc_id)[0] == "NetworkAclLimitExceeded"
    account.call("CreateNetworkAcl", VpcId=account.default_vpc.id)


def test_a_request_sent_twice_makes_one(site: Site) -> None:
    asked = {
        "VpcId": site.vpc_id,
        "ClientToken": "once",
        "TagSpecifications": [{"ResourceType": "network-acl", "Tags": [{"Key": "Name", "Value": "edge"}]}],
    }
    made = site.account.call("CreateNetworkAcl", **asked)
    assert site.account.call("CreateNetworkAcl", **asked) == made
    assert made["ClientToken"] == "once"
    assert made["NetworkAcl"]["Tags"] == [{"Key": "Name", "Value": "edge"}]
    other = {**asked, "VpcId": site.account.default_vpc.id}
    assert site.account.refusal("CreateNetworkAcl", **other)[0] == "IdempotentParameterMismatch"


@pytest.mark.parametrize(
    ("filters", "default", "own"),
    [
        ({"default": "false"}, False, True),
        ({"association_subnet__id": "subnet-*"}, True, False),
        ({"association_association__id": "aclassoc-*"}, True, False),
        ({"association_network__acl__id": "acl-*"}, True, False),
        ({"entry_protocol": "tcp"}, False, True),
        ({"entry_protocol": "6"}, False, True),
        ({"entry_protocol": "-1"}, True, True),
        ({"entry_port__range_from": "22"}, False, True),
        ({"entry_port__range_to": "24"}, False, False),
        ({"entry_icmp_type": "8"}, False, True),
        ({"entry_icmp_code": "-1"}, False, True),
        ({"entry_ipv6__cidr": "::/0"}, False, True),
        ({"entry_rule__number": "100"}, True, False),
        ({"entry_rule__action": "allow"}, True, True),
        ({"entry_egress": "true"}, True, True),
        ({"entry_cidr": "0.0.0.0/0"}, True, True),
        ({"owner__id": "123456789012"}, True, True),
        ({"tag:team": "web"}, False, True),
        ({"tag-key": "team"}, False, True),
    ],
)
def test_they_are_found_by_what_they_are(site: Site, filters: dict[str, str], default: bool, own: bool) -> None:
    site.add(RuleNumber=1, Protocol="6", PortRange={"From": 22, "To": 23})
    site.add(RuleNumber=2, Protocol="1", IcmpTypeCode={"Type": 8, "Code": -1})
    six = {**site.entry(RuleNumber=3), "Ipv6CidrBlock": "::/0"}
    del six["CidrBlock"]
    site.account.call("CreateNetworkAclEntry", **six)
    site.account.call("CreateTags", Resources=[site.acl_id], Tags=[{"Key": "team", "Value": "web"}])
    ids = {one["NetworkAclId"] for one in site.found(**filters)}
    assert (site.default_id in ids, site.acl_id in ids) == (default, own)


def test_they_are_tagged_and_come_in_pages(site: Site) -> None:
    site.account.call("CreateTags", Resources=[site.acl_id], Tags=[{"Key": "Name", "Value": "edge"}])
    (tag,) = site.account.call("DescribeTags", Filters=[{"Name": "resource-type", "Values": ["network-acl"]}])["Tags"]
    assert (tag["ResourceId"], tag["Key"], tag["Value"]) == (site.acl_id, "Name", "edge")
    assert site.acl()["Tags"] == [{"Key": "Name", "Value": "edge"}]
    made = {site.account.call("CreateNetworkAcl", VpcId=site.vpc_id)["NetworkAcl"]["NetworkAclId"] for _ in range(6)}
    first = site.account.call("DescribeNetworkAcls", MaxResults=5)
    rest = site.account.call("DescribeNetworkAcls", MaxResults=5, NextToken=first["NextToken"])
    shown = {one["NetworkAclId"] for page in (first, rest) for one in page["NetworkAcls"]}
    assert shown == {one["NetworkAclId"] for one in site.account.call("DescribeNetworkAcls")["NetworkAcls"]}
    assert made < shown
    assert site.account.refusal("DescribeNetworkAcls", NetworkAclIds=[NOWHERE]) == (
        "InvalidNetworkAclID.NotFound",
        f"The networkAcl ID '{NOWHERE}' does not exist",
    )
