"""Elastic IPs and private addresses that a network load balancer's owner chooses for its nodes."""

from typing import Any

import pytest

from tests.services.elbv2.account import Balancing, Elastic


def mapped(**addresses: str) -> list[dict[str, str]]:
    """Subnet mappings by the last letter of the subnet: an allocation, an address, or "" for neither."""
    made = []
    for letter, chosen in addresses.items():
        member = "AllocationId" if chosen.startswith("eipalloc") else "PrivateIPv4Address"
        made.append({"SubnetId": f"subnet-{letter}", **({member: chosen} if chosen else {})})
    return made


def network(account: Balancing, name: str = "n", **addresses: str) -> dict[str, Any]:
    made = account.call("CreateLoadBalancer", Name=name, Type="network", SubnetMappings=mapped(**addresses))
    balancer: dict[str, Any] = made["LoadBalancers"][0]
    return balancer


def shown(zones: list[dict[str, Any]]) -> dict[str, Any]:
    return {zone["SubnetId"][-1]: zone.get("LoadBalancerAddresses", []) for zone in zones}


E1 = [{"IpAddress": "198.18.1.1", "AllocationId": "eipalloc-1"}]
E2 = [{"IpAddress": "198.18.1.2", "AllocationId": "eipalloc-2"}]


def test_the_elastic_ips_are_told_as_they_were_chosen(account: Balancing) -> None:
    made = network(account, a="eipalloc-1", b="eipalloc-2")
    assert shown(made["AvailabilityZones"]) == {"a": E1, "b": E2}
    assert shown(account.described(made["LoadBalancerArn"])["AvailabilityZones"]) == {"a": E1, "b": E2}


def test_without_a_choice_no_addresses_are_told(account: Balancing) -> None:
    assert shown(network(account, a="", b="")["AvailabilityZones"]) == {"a": [], "b": []}


def test_private_addresses_of_an_internal_one_may_be_chosen_for_some_subnets(account: Balancing) -> None:
    asked = {"Type": "network", "Scheme": "internal", "SubnetMappings": mapped(a="10.0.0.7", b="")}
    made = account.call("CreateLoadBalancer", Name="n", **asked)["LoadBalancers"][0]
    assert shown(made["AvailabilityZones"]) == {"a": [{"PrivateIPv4Address": "10.0.0.7"}], "b": []}


def test_the_same_request_again_finds_its_own_addresses_and_another_choice_is_another_load_balancer(
    account: Balancing,
) -> None:
    made = network(account, a="eipalloc-1")
    account.around.elastic_ips["eipalloc-1"] = Elastic("198.18.1.1", used=True)  # its node has it by now
    assert network(account, a="eipalloc-1")["LoadBalancerArn"] == made["LoadBalancerArn"]
    asked: dict[str, Any] = {"Name": "n", "Type": "network", "SubnetMappings": mapped(a="eipalloc-2")}
    assert account.refusal("CreateLoadBalancer", **asked)[0] == "DuplicateLoadBalancerName"


REFUSED = [
    ({}, {"a": "eipalloc-nil"}, "AllocationIdNotFound", "The allocation IDs 'eipalloc-nil' do not exist"),
    ({}, {"a": "eipalloc-used"}, "ResourceInUse", "The allocation IDs are not available for use"),
    ({}, {"a": "eipalloc-1", "b": "eipalloc-1"}, "ResourceInUse", "The allocation IDs are not available for use"),
    (
        {},
        {"a": "eipalloc-1", "b": ""},
        "InvalidConfigurationRequest",
        "Elastic IPs must be specified for all subnets or for none of them",
    ),
    (
        {"Scheme": "internal"},
        {"a": "eipalloc-1"},
        "InvalidConfigurationRequest",
        "Elastic IPs are not supported for load balancers with scheme 'internal'",
    ),
    (
        {"Type": "application"},
        {"a": "eipalloc-1", "b": "eipalloc-2"},
        "InvalidConfigurationRequest",
        "Elastic IPs are not supported for load balancers of type 'application'",
    ),
    (
        {},
        {"a": "10.0.0.7"},
        "InvalidConfigurationRequest",
        "Private IPv4 addresses are not supported for load balancers with scheme 'internet-facing'",
    ),
    ({"Scheme": "internal"}, {"a": "10.0.0.9"}, "InvalidConfigurationRequest", "Address 10.0.0.9 is in use."),
]


@pytest.mark.parametrize(("params", "addresses", "code", "message"), REFUSED)
def test_what_cannot_be_had_is_refused_in_the_words_of_aws(
    account: Balancing, params: dict[str, str], addresses: dict[str, str], code: str, message: str
) -> None:
    asked = {"Name": "n", "Type": "network", "SubnetMappings": mapped(**addresses), **params}
    assert account.refusal("CreateLoadBalancer", **asked) == (code, message)


def test_an_address_promised_to_one_load_balancer_is_not_to_be_had_by_another(account: Balancing) -> None:
    arn = network(account, a="eipalloc-1")["LoadBalancerArn"]
    asked: dict[str, Any] = {"Name": "other", "Type": "network", "SubnetMappings": mapped(a="eipalloc-1")}
    assert account.refusal("CreateLoadBalancer", **asked)[0] == "ResourceInUse"
    account.call("DeleteLoadBalancer", LoadBalancerArn=arn)
    account.call("CreateLoadBalancer", **asked)


def test_another_zone_is_enabled_with_an_address_of_its_own(account: Balancing) -> None:
    arn = network(account, a="eipalloc-1")["LoadBalancerArn"]
    account.around.elastic_ips["eipalloc-1"] = Elastic("198.18.1.1", used=True)
    asked = {"LoadBalancerArn": arn, "SubnetMappings": mapped(a="eipalloc-1", b="eipalloc-2")}
    assert shown(account.call("SetSubnets", **asked)["AvailabilityZones"]) == {"a": E1, "b": E2}
    kept = account.call("SetSubnets", LoadBalancerArn=arn, Subnets=["subnet-a"])
    assert shown(kept["AvailabilityZones"]) == {"a": E1}


@pytest.mark.parametrize(
    ("addresses", "code"),
    [
        ({"a": "eipalloc-2"}, "InvalidConfigurationRequest"),  # it has an address already
        ({"a": "", "b": ""}, "InvalidConfigurationRequest"),  # one with an address and one without
        ({"a2": "eipalloc-1"}, "ResourceInUse"),  # the former node still has it
        ({"a": "eipalloc-1", "b": "eipalloc-nil"}, "AllocationIdNotFound"),
    ],
)
def test_an_enabled_zone_keeps_its_address(account: Balancing, addresses: dict[str, str], code: str) -> None:
    arn = network(account, a="eipalloc-1")["LoadBalancerArn"]
    before = account.described(arn), account.generation(arn)
    asked = {"LoadBalancerArn": arn, "SubnetMappings": mapped(**addresses)}
    assert account.refusal("SetSubnets", **asked)[0] == code
    assert (account.described(arn), account.generation(arn)) == before
