"""Load balancers as callers make, describe, move and delete them."""

from typing import Any

import pytest

from tests.services.elbv2.account import CERTIFICATE, Balancing, fixed

ATTRIBUTES = {
    "idle_timeout.timeout_seconds": "60",
    "client_keep_alive.seconds": "3600",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "deletion_protection.enabled": "false",
    "load_balancing.cross_zone.enabled": "true",
}


def test_a_new_load_balancer_is_described_as_it_was_asked_for(account: Balancing) -> None:
    arn = account.balancer(SecurityGroups=["sg-web"], Tags=[{"Key": "stage", "Value": "4"}])
    found = account.described(arn)
    assert found["State"] == {"Code": "provisioning"}
    assert found["Type"] == "application" and found["Scheme"] == "internet-facing"
    assert [zone["ZoneName"] for zone in found["AvailabilityZones"]] == ["us-east-1a", "us-east-1b"]
    assert found["SecurityGroups"] == ["sg-web"] and found["VpcId"] == "vpc-1"
    assert found["DNSName"].startswith("web-") and found["DNSName"].endswith(".us-east-1.elb.amazonaws.com")
    assert found["CanonicalHostedZoneId"] == "Z35SXDOTRQ7X7K"
    tags = account.call("DescribeTags", ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    assert tags == [{"Key": "stage", "Value": "4"}]


def test_without_groups_an_application_load_balancer_has_the_default_one_and_a_network_one_none(
    account: Balancing,
) -> None:
    assert account.described(account.balancer())["SecurityGroups"] == ["sg-default"]
    assert "SecurityGroups" not in account.described(account.balancer("net", Type="network"))


def test_an_internal_one_says_so_in_its_name(account: Balancing) -> None:
    assert account.described(account.balancer(Scheme="internal"))["DNSName"].startswith("internal-web-")


def test_a_network_load_balancer_may_stand_in_one_zone(account: Balancing) -> None:
    found = account.described(account.balancer(Type="network", Subnets=["subnet-a"]))
    assert found["DNSName"] == f"web-{found['LoadBalancerArn'][-16:]}.elb.us-east-1.amazonaws.com"
    assert found["CanonicalHostedZoneId"] == "Z26RNL4JYFTOTI"


def test_the_same_request_again_answers_with_the_same_load_balancer(account: Balancing) -> None:
    assert account.balancer() == account.balancer(Subnets=["subnet-b", "subnet-a"])
    asked: dict[str, Any] = {"Name": "web", "Subnets": ["subnet-a", "subnet-c"]}
    assert account.refusal("CreateLoadBalancer", **asked) == (
        "DuplicateLoadBalancerName",
        "A load balancer with the same name 'web' exists, but with different settings",
    )


REFUSED = [
    ({"Name": "a" * 33}, "ValidationError", "cannot be longer than '32' characters"),
    ({"Name": "a_b"}, "ValidationError", "alphanumeric characters or hyphens(-)"),
    ({"Name": "-a"}, "ValidationError", "begin or end with a hyphen(-)"),
    ({"Name": "internal-a"}, "ValidationError", "cannot begin with 'internal-'"),
    ({"Subnets": []}, "ValidationError", "At least two subnets in two different Availability Zones"),
    ({"Subnets": ["subnet-a"]}, "ValidationError", "At least two subnets in two different Availability Zones"),
    ({"Subnets": ["subnet-a", "subnet-a2"]}, "InvalidConfigurationRequest", "multiple subnets in the same"),
    ({"Subnets": ["subnet-a", "subnet-nil"]}, "SubnetNotFound", "subnet-nil"),
    ({"Subnets": ["subnet-a", "subnet-other"]}, "InvalidConfigurationRequest", "same VPC"),
    ({"Subnets": ["subnet-a", "subnet-tiny"]}, "InvalidSubnet", "Not enough IP space available in subnet-tiny."),
    ({"SubnetMappings": [{"SubnetId": "subnet-a"}]}, "ValidationError", "not both"),
    ({"SecurityGroups": ["sg-nil"]}, "InvalidConfigurationRequest", "One or more security groups are invalid"),
    ({"SecurityGroups": ["sg-other"]}, "InvalidConfigurationRequest", "One or more security groups are invalid"),
    ({"Type": "gateway"}, "InvalidConfigurationRequest", "gateway"),
    ({"IpAddressType": "dualstack"}, "InvalidConfigurationRequest", "dualstack"),
    ({"CustomerOwnedIpv4Pool": "ipv4pool-coip-1"}, "InvalidConfigurationRequest", "CustomerOwnedIpv4Pool"),
    ({"Tags": [{"Key": "a"}, {"Key": "a"}]}, "DuplicateTagKeys", "a"),
]


@pytest.mark.parametrize(("params", "code", "part"), REFUSED)
def test_what_cannot_be_made_is_refused_in_the_words_of_aws(
    account: Balancing, params: dict[str, Any], code: str, part: str
) -> None:
    found, message = account.refusal(
        "CreateLoadBalancer", **{"Name": "web", "Subnets": ["subnet-a", "subnet-b"], **params}
    )
    assert found == code and part in message, message


def test_one_that_faces_the_internet_needs_an_internet_gateway(account: Balancing) -> None:
    asked: dict[str, Any] = {"Name": "n", "Type": "network", "Subnets": ["subnet-other"]}
    assert account.refusal("CreateLoadBalancer", **asked) == ("InvalidSubnet", "VPC vpc-2 has no internet gateway")
    account.call("CreateLoadBalancer", **asked, Scheme="internal")


def test_what_is_not_there_is_not_described(account: Balancing) -> None:
    arn = account.balancer()
    missing = arn[:-1] + ("0" if arn[-1] != "0" else "1")
    assert account.refusal("DescribeLoadBalancers", LoadBalancerArns=[missing]) == (
        "LoadBalancerNotFound",
        f"Load balancer '{missing}' not found",
    )
    assert account.refusal("DescribeLoadBalancers", Names=["nobody"]) == (
        "LoadBalancerNotFound",
        "Load balancers '[nobody]' not found",
    )
    assert account.call("DescribeLoadBalancers", Names=["web"])["LoadBalancers"][0]["LoadBalancerArn"] == arn


def test_pages_neither_repeat_nor_skip(account: Balancing) -> None:
    arns = {account.balancer(f"web-{number}") for number in range(5)}
    seen: list[str] = []
    marker: dict[str, str] = {}
    for _ in range(3):
        page = account.call("DescribeLoadBalancers", PageSize=2, **marker)
        seen += [one["LoadBalancerArn"] for one in page["LoadBalancers"]]
        marker = {"Marker": page["NextMarker"]} if "NextMarker" in page else {}
    assert set(seen) == arns and len(seen) == 5 and not marker
    assert account.refusal("DescribeLoadBalancers", Marker="nonsense")[0] == "ValidationError"


def test_a_deleted_one_is_gone_with_its_listeners_and_its_groups_are_free(account: Balancing) -> None:
    arn, group = account.balancer(), account.group()
    listener = account.listener(arn, group)
    rule = account.rule(listener, 1)
    account.call("DeleteLoadBalancer", LoadBalancerArn=arn)
    account.call("DeleteLoadBalancer", LoadBalancerArn=arn)
    assert account.call("DescribeLoadBalancers")["LoadBalancers"] == []
    assert account.refusal("DescribeListeners", ListenerArns=[listener])[0] == "ListenerNotFound"
    assert account.refusal("DescribeRules", RuleArns=[rule])[0] == "RuleNotFound"
    assert account.refusal("AddTags", ResourceArns=[arn], Tags=[{"Key": "a"}])[0] == "LoadBalancerNotFound"
    account.listener(account.balancer(), group)  # of the same name, and yet another one


def test_a_protected_one_is_not_deleted(account: Balancing) -> None:
    arn = account.balancer()
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    account.call("ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=[protection])
    assert account.refusal("DeleteLoadBalancer", LoadBalancerArn=arn) == (
        "OperationNotPermitted",
        f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
    )


def test_other_subnets_replace_those_before(account: Balancing) -> None:
    arn = account.balancer()
    before = account.generation(arn)
    answer = account.call("SetSubnets", LoadBalancerArn=arn, Subnets=["subnet-c", "subnet-b"])
    assert [zone["SubnetId"] for zone in answer["AvailabilityZones"]] == ["subnet-b", "subnet-c"]
    assert account.generation(arn) == before + 1
    account.call("SetSubnets", LoadBalancerArn=arn, Subnets=["subnet-b", "subnet-c"])
    assert account.generation(arn) == before + 1, "nothing was changed"
    code, message = account.refusal("SetSubnets", LoadBalancerArn=arn, Subnets=["subnet-b"])
    assert code == "ValidationError" and "At least two subnets" in message


def test_other_security_groups_replace_those_before(account: Balancing) -> None:
    arn = account.balancer()
    answer = account.call("SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=["sg-web", "sg-default"])
    assert answer == {"SecurityGroupIds": ["sg-web", "sg-default"]}
    assert account.described(arn)["SecurityGroups"] == ["sg-web", "sg-default"]
    assert account.refusal("SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=[])[0] == "ValidationError"


def test_a_network_load_balancer_made_without_groups_gets_none(account: Balancing) -> None:
    arn = account.balancer(Type="network")
    code, _ = account.refusal("SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=["sg-web"])
    assert code == "InvalidConfigurationRequest"


def test_there_is_no_ipv6(account: Balancing) -> None:
    arn = account.balancer()
    assert account.call("SetIpAddressType", LoadBalancerArn=arn, IpAddressType="ipv4") == {"IpAddressType": "ipv4"}
    code, _ = account.refusal("SetIpAddressType", LoadBalancerArn=arn, IpAddressType="dualstack")
    assert code == "InvalidConfigurationRequest"


def test_attributes_are_what_aws_has_until_somebody_sets_them(account: Balancing) -> None:
    arn = account.balancer()
    found = account.attributes("LoadBalancer", LoadBalancerArn=arn)
    assert found.items() >= ATTRIBUTES.items()
    change = [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}]
    answer = account.call("ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=change)
    assert change[0] in answer["Attributes"]
    assert account.attributes("LoadBalancer", LoadBalancerArn=arn) == {**found, "idle_timeout.timeout_seconds": "30"}
    assert account.generation(arn) == 2


VALUE, SETTING = "ValidationError", "InvalidConfigurationRequest"
REFUSED_ATTRIBUTES = [
    ("idle_timeout.timeout_seconds", "0", VALUE, "between '1' and '4000' inclusive"),
    ("idle_timeout.timeout_seconds", "4001", VALUE, "between '1' and '4000' inclusive"),
    ("idle_timeout.timeout_seconds", "x", VALUE, "between '1' and '4000' inclusive"),
    ("client_keep_alive.seconds", "59", VALUE, "between '60' and '604800' inclusive"),
    ("routing.http2.enabled", "yes", VALUE, "must be one of 'true, false'"),
    ("load_balancing.cross_zone.enabled", "false", SETTING, "can only be 'true'"),
    ("access_logs.s3.enabled", "true", SETTING, "can only be 'false'"),
    ("dns_record.client_routing_policy", "any_availability_zone", SETTING, "not supported on load balancers with type"),
    ("nonsense.enabled", "true", SETTING, "'nonsense.enabled' is not recognized"),
]


@pytest.mark.parametrize(("key", "value", "code", "part"), REFUSED_ATTRIBUTES)
def test_an_attribute_that_is_not_honoured_is_refused(
    account: Balancing, key: str, value: str, code: str, part: str
) -> None:
    arn = account.balancer()
    found, message = account.refusal(
        "ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=[{"Key": key, "Value": value}]
    )
    assert found == code and part in message and key in message, message


def test_a_network_load_balancer_has_no_idle_timeout_of_its_own(account: Balancing) -> None:
    arn = account.balancer(Type="network")
    change = [{"Key": "idle_timeout.timeout_seconds", "Value": "120"}]
    # hashicorp/terraform-provider-aws#3611
    assert account.refusal("ModifyLoadBalancerAttributes", LoadBalancerArn=arn, Attributes=change) == (
        "InvalidConfigurationRequest",
        "Load balancer attribute key 'idle_timeout.timeout_seconds' is not supported on load balancers with type "
        "'network'",
    )


def test_tags_of_everything_are_found_by_its_arn(account: Balancing) -> None:
    balancer, group = account.balancer(), account.group()
    listener = account.listener(balancer, group)
    arns = [balancer, group, listener, account.rule(listener, 1)]
    account.call("AddTags", ResourceArns=arns, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    account.call("RemoveTags", ResourceArns=arns, TagKeys=["a", "nobody"])
    told = account.call("DescribeTags", ResourceArns=arns)["TagDescriptions"]
    assert told == [{"ResourceArn": arn, "Tags": [{"Key": "b", "Value": ""}]} for arn in arns]


REFUSED_TAGS = [
    ([{"Key": "aws:x", "Value": "1"}], "ValidationError"),
    ([{"Key": str(number)} for number in range(51)], "TooManyTags"),
]


@pytest.mark.parametrize(("tags", "code"), REFUSED_TAGS)
def test_tags_have_the_limits_of_aws(account: Balancing, tags: list[dict[str, str]], code: str) -> None:
    assert account.refusal("AddTags", ResourceArns=[account.balancer()], Tags=tags)[0] == code


def test_no_more_load_balancers_than_the_quota_allows(account: Balancing) -> None:
    for number in range(50):
        account.balancer(f"web-{number}")
    asked: dict[str, Any] = {"Name": "one-more", "Subnets": ["subnet-a", "subnet-b"]}
    assert account.refusal("CreateLoadBalancer", **asked)[0] == "TooManyLoadBalancers"
    account.balancer("one-more", Type="network")


def test_quotas_and_policies_are_listed(account: Balancing) -> None:
    limits = {one["Name"]: one["Max"] for one in account.call("DescribeAccountLimits")["Limits"]}
    assert limits["application-load-balancers"] == "50" and limits["rules-per-application-load-balancer"] == "100"
    names = {one["Name"] for one in account.call("DescribeSSLPolicies")["SslPolicies"]}
    assert {"ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-TLS13-1-2-2021-06"} <= names
    assert account.refusal("DescribeSSLPolicies", Names=["nobody"])[0] == "SSLPolicyNotFound"
    assert account.call("DescribeSSLPolicies", LoadBalancerType="network")["SslPolicies"] == []


def test_no_capacity_is_reserved(account: Balancing) -> None:
    answer = account.call("DescribeCapacityReservation", LoadBalancerArn=account.balancer())
    assert answer == {"CapacityReservationState": []}


def test_a_refused_call_leaves_nothing_behind(account: Balancing) -> None:
    arn = account.balancer()
    asked: dict[str, Any] = {"LoadBalancerArn": arn, "Protocol": "HTTPS", "Port": 443, "DefaultActions": [fixed()]}
    account.refusal("CreateListener", **asked, Certificates=[{"CertificateArn": CERTIFICATE + "0"}])
    assert account.call("DescribeListeners", LoadBalancerArn=arn)["Listeners"] == []
    assert account.generation(arn) == 1
