"""Target groups and targets as callers make, register, describe and delete them."""

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from aftershock.services.elbv2.records.target_group import TARGETS
from tests.services.elbv2.account import Balancing, forward

DEFAULTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"Protocol": "HTTP"},
        {
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPath": "/",
            "HealthCheckTimeoutSeconds": 5,
            "Matcher": {"HttpCode": "200"},
            "ProtocolVersion": "HTTP1",
        },
    ),
    ({"Protocol": "HTTPS"}, {"HealthCheckProtocol": "HTTP", "HealthCheckTimeoutSeconds": 5}),
    ({"Protocol": "TCP"}, {"HealthCheckProtocol": "TCP", "HealthCheckTimeoutSeconds": 10}),
    (
        {"Protocol": "TCP", "HealthCheckProtocol": "HTTP"},
        {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 6, "Matcher": {"HttpCode": "200-399"}},
    ),
]


@pytest.mark.parametrize(("asked", "told"), DEFAULTS)
def test_a_new_group_checks_health_as_aws_does(account: Balancing, asked: dict[str, Any], told: dict[str, Any]) -> None:
    arn = account.group(**asked)
    found = account.call("DescribeTargetGroups", TargetGroupArns=[arn])["TargetGroups"][0]
    usual = {
        "HealthCheckIntervalSeconds": 30,
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 2,
        "HealthCheckPort": "traffic-port",
        "TargetType": "instance",
        "LoadBalancerArns": [],
    }
    assert found.items() >= {**usual, **told}.items(), found
    if found["HealthCheckProtocol"] == "TCP":
        assert "Matcher" not in found and "HealthCheckPath" not in found


def test_the_same_group_again_is_the_same_and_another_of_its_name_is_refused(account: Balancing) -> None:
    assert account.group() == account.group()
    asked = {"Name": "web", "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1"}
    assert account.refusal("CreateTargetGroup", **asked) == (
        "DuplicateTargetGroupName",
        "A target group with the same name 'web' exists, but with different settings",
    )


REFUSED = [
    ({"Name": "a_b"}, "Target group name 'a_b' can only contain characters that are alphanumeric"),
    ({"Name": "a" * 33}, f"Target group name '{'a' * 33}' cannot be longer than '32' characters"),
    ({"Port": None}, "A port must be specified"),
    ({"Protocol": None}, "A protocol must be specified"),
    ({"VpcId": None}, "A VPC ID must be specified"),
    ({"VpcId": "vpc-nil"}, "The VPC ID 'vpc-nil' is not found"),
    ({"Protocol": "UDP"}, "UDP"),
    ({"Protocol": "GENEVE"}, "GENEVE"),
    ({"ProtocolVersion": "GRPC"}, "GRPC"),
    ({"ProtocolVersion": "HTTP2"}, "HTTP2"),
    ({"Protocol": "TCP", "ProtocolVersion": "HTTP1"}, "protocol version cannot be specified"),
    ({"TargetType": "lambda"}, "lambda"),
    ({"TargetType": "alb"}, "alb"),
    ({"IpAddressType": "ipv6"}, "ipv6"),
    ({"TargetControlPort": 3000}, "TargetControlPort"),
    ({"HealthCheckEnabled": False}, "Health checks cannot be disabled"),
    ({"HealthCheckIntervalSeconds": 5}, "Health check interval must be greater than the timeout."),
    ({"HealthCheckTimeoutSeconds": 30}, "Health check interval must be greater than the timeout."),
    ({"HealthCheckPath": "x"}, "must begin with a '/' character"),
    ({"HealthCheckPath": "/a b"}, "not valid"),
    ({"HealthCheckPort": "0"}, "Health check port '0' must be 'traffic-port' or in the range"),
    ({"HealthCheckPort": "http"}, "Health check port 'http' must be 'traffic-port' or in the range"),
    ({"HealthCheckProtocol": "TCP"}, "Health check protocol 'TCP' must be one of 'HTTP, HTTPS'"),
    ({"Matcher": {"HttpCode": "600"}}, "must be within '200-499' inclusive"),
    ({"Matcher": {"HttpCode": "500"}}, "must be within '200-499' inclusive"),
    ({"Matcher": {"HttpCode": "ok"}}, "'ok' is not valid"),
    ({"Matcher": {"HttpCode": "302-301"}}, "must be within '200-499' inclusive"),
    ({"Matcher": {"GrpcCode": "0"}}, "GRPC"),
    ({"Protocol": "TCP", "Matcher": {"HttpCode": "200"}}, "matchers are not supported for TCP health checks"),
    ({"Protocol": "TCP", "HealthCheckPath": "/"}, "paths are not supported for TCP health checks"),
]


@pytest.mark.parametrize(("params", "part"), REFUSED)
def test_a_group_that_cannot_be_is_refused_in_the_words_of_aws(
    account: Balancing, params: dict[str, Any], part: str
) -> None:
    asked = {"Name": "web", "Protocol": "HTTP", "Port": 80, "VpcId": "vpc-1", **params}
    given = {key: one for key, one in asked.items() if one is not None}
    code, message = account.refusal("CreateTargetGroup", **given)
    assert code in ("ValidationError", "InvalidConfigurationRequest") and part in message, message


def test_a_health_check_is_changed_in_part(account: Balancing) -> None:
    arn = account.group(HealthCheckPath="/well")
    matcher = {"HttpCode": "200,301-302"}
    account.call("ModifyTargetGroup", TargetGroupArn=arn, Matcher=matcher, HealthCheckIntervalSeconds=10)
    found = account.call("DescribeTargetGroups", Names=["web"])["TargetGroups"][0]
    assert found["HealthCheckPath"] == "/well" and found["Matcher"] == matcher
    assert found["HealthCheckIntervalSeconds"] == 10
    code, _ = account.refusal("ModifyTargetGroup", TargetGroupArn=arn, HealthCheckTimeoutSeconds=10)
    assert code == "ValidationError"


def test_what_is_not_there_is_not_described(account: Balancing) -> None:
    account.group()
    for params in ({"Names": ["nobody"]}, {"Names": ["web", "nobody"]}, {"TargetGroupArns": ["arn:nobody"]}):
        assert account.refusal("DescribeTargetGroups", **params) == (
            "TargetGroupNotFound",
            "One or more target groups not found",
        )


def test_a_group_in_use_is_not_deleted(account: Balancing) -> None:
    balancer, group = account.balancer(), account.group()
    listener = account.listener(balancer)
    rule = account.rule(listener, 1, forward(group))
    assert account.refusal("DeleteTargetGroup", TargetGroupArn=group) == (
        "ResourceInUse",
        f"Target group '{group}' is currently in use by a listener or a rule",
    )
    account.call("DeleteRule", RuleArn=rule)
    register(account, group, "i-1")
    account.call("DeleteTargetGroup", TargetGroupArn=group)
    assert account.call("DescribeTargetGroups")["TargetGroups"] == []
    assert account.target(group, "i-1", 80) is None


def register(account: Balancing, group: str, *ids: str, **more: Any) -> None:
    targets = [{"Id": one, **more} for one in ids]
    account.call("RegisterTargets", TargetGroupArn=group, Targets=targets)


def health(account: Balancing, group: str, *targets: dict[str, Any]) -> list[tuple[Any, ...]]:
    given = {"Targets": list(targets)} if targets else {}
    told = account.call("DescribeTargetHealth", TargetGroupArn=group, **given)["TargetHealthDescriptions"]
    return [
        (one["Target"]["Id"], one["Target"]["Port"], one["TargetHealth"]["State"], one["TargetHealth"].get("Reason"))
        for one in told
    ]


def test_a_target_of_a_group_in_use_is_initial_until_somebody_saw_it(account: Balancing) -> None:
    group = account.group()
    account.listener(account.balancer(), group)
    register(account, group, "i-1", "i-2")
    expected = [(one, 80, "initial", "Elb.RegistrationInProgress") for one in ("i-1", "i-2")]
    assert health(account, group) == expected
    assert health(account, group, {"Id": "i-2"}) == expected[1:]


def test_what_was_seen_is_described(account: Balancing) -> None:
    group = account.group(HealthCheckPort="9000")
    account.listener(account.balancer(), group)
    register(account, group, "i-1")
    with account.store.transaction() as tx:
        target = TARGETS.where(tx, "group", group)[0]
        TARGETS.put(tx, changed(target, state="unhealthy", fault="Target.Timeout", description="Request timed out"))
    told = account.call("DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"]
    assert told == [
        {
            "Target": {"Id": "i-1", "Port": 80},
            "HealthCheckPort": "9000",
            "TargetHealth": {
                "State": "unhealthy",
                "Reason": "Target.Timeout",
                "Description": "Request timed out",
            },
        }
    ]


def test_a_target_of_a_group_that_nobody_uses_is_unused(account: Balancing) -> None:
    group = account.group()
    register(account, group, "i-1")
    assert health(account, group) == [("i-1", 80, "unused", "Target.NotInUse")]
    assert health(account, group, {"Id": "i-9"}) == [("i-9", 80, "unused", "Target.NotRegistered")]


def test_a_target_may_be_registered_on_several_ports(account: Balancing) -> None:
    group = account.group()
    register(account, group, "i-1")
    register(account, group, "i-1", Port=8080)
    assert [port for _, port, _, _ in health(account, group)] == [80, 8080]
    account.call("DeregisterTargets", TargetGroupArn=group, Targets=[{"Id": "i-1", "Port": 8080}])
    assert [state for _, _, state, _ in health(account, group)] == ["unused", "draining"]


def test_a_deregistered_target_drains_and_can_come_back(account: Balancing) -> None:
    group = account.group()
    account.listener(account.balancer(), group)
    register(account, group, "i-1")
    first = account.target(group, "i-1", 80)
    account.call("DeregisterTargets", TargetGroupArn=group, Targets=[{"Id": "i-1"}, {"Id": "i-nobody"}])
    assert health(account, group) == [("i-1", 80, "draining", "Target.DeregistrationInProgress")]
    leaving = account.target(group, "i-1", 80)
    account.call("DeregisterTargets", TargetGroupArn=group, Targets=[{"Id": "i-1"}])
    assert account.target(group, "i-1", 80) == leaving, "its delay counts from the first time"
    register(account, group, "i-1")
    again = account.target(group, "i-1", 80)
    assert first and again and again.deregistering_at is None and again.generation > first.generation
    assert health(account, group) == [("i-1", 80, "initial", "Elb.RegistrationInProgress")]
    register(account, group, "i-1")
    assert account.target(group, "i-1", 80) == again, "nothing was changed"


REFUSED_TARGETS = [
    ("i-stopped", "InvalidTarget", "are not in a running state and cannot be registered: 'i-stopped'"),
    ("i-other", "InvalidTarget", "are not in the target group VPC 'vpc-1': 'i-other'"),
    ("i-nobody", "InvalidTarget", "do not exist: 'i-nobody'"),
    ("10.0.0.1", "ValidationError", "Instance ID '10.0.0.1' is not valid"),
]


@pytest.mark.parametrize(("target", "code", "part"), REFUSED_TARGETS)
def test_an_instance_that_cannot_be_a_target_is_refused(account: Balancing, target: str, code: str, part: str) -> None:
    given = [{"Id": "i-1"}, {"Id": target}]
    group = account.group()
    found, message = account.refusal("RegisterTargets", TargetGroupArn=group, Targets=given)
    assert found == code and part in message, message
    assert health(account, group) == [], "all or nothing"


ADDRESSES: list[tuple[dict[str, str], str | None, str]] = [
    ({"Id": "10.0.0.7"}, "us-east-1a", ""),
    ({"Id": "10.0.1.7", "AvailabilityZone": "us-east-1b"}, "us-east-1b", ""),
    ({"Id": "192.168.1.1", "AvailabilityZone": "all"}, "all", ""),
    ({"Id": "192.168.1.1", "AvailabilityZone": "us-east-1a"}, "us-east-1a", ""),
    ({"Id": "10.0.1.7", "AvailabilityZone": "all"}, None, "cannot have its Availability Zone overridden to 'all'"),
    ({"Id": "192.168.1.1"}, None, "since the IP address '192.168.1.1' is outside the VPC"),
    ({"Id": "192.168.1.1", "AvailabilityZone": "eu-west-1a"}, None, "You must specify a valid Availability Zone"),
    ({"Id": "8.8.8.8", "AvailabilityZone": "all"}, None, "8.8.8.8"),
    ({"Id": "i-1"}, None, "The IP address 'i-1' is not a valid IPv4 address"),
]


@pytest.mark.parametrize(("given", "zone", "part"), ADDRESSES)
def test_an_address_is_a_target_where_its_subnet_is(
    account: Balancing, given: dict[str, str], zone: str | None, part: str
) -> None:
    group = account.group(TargetType="ip")
    if zone is None:
        code, message = account.refusal("RegisterTargets", TargetGroupArn=group, Targets=[given])
        assert code == "ValidationError" and part in message, message
        return
    account.call("RegisterTargets", TargetGroupArn=group, Targets=[given])
    told = account.call("DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"][0]["Target"]
    assert told == {"Id": given["Id"], "Port": 80, "AvailabilityZone": zone}


def test_no_more_targets_than_the_quota_allows(account: Balancing) -> None:
    group = account.group()
    targets = [{"Id": "i-1", "Port": port} for port in range(1, 1001)]
    account.call("RegisterTargets", TargetGroupArn=group, Targets=targets)
    one_more = [{"Id": "i-1", "Port": 2000}]
    assert account.refusal("RegisterTargets", TargetGroupArn=group, Targets=one_more)[0] == "TooManyTargets"


def test_a_terminated_instance_is_no_target(account: Balancing) -> None:
    account.around.instances["i-1"] = replace(account.around.instances["i-1"], state="terminated")
    given = [{"Id": "i-1"}]
    assert account.refusal("RegisterTargets", TargetGroupArn=account.group(), Targets=given)[0] == "InvalidTarget"


def test_attributes_are_what_aws_has_until_somebody_sets_them(account: Balancing) -> None:
    arn = account.group()
    found = account.attributes("TargetGroup", TargetGroupArn=arn)
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["stickiness.type"] == "lb_cookie" and found["stickiness.enabled"] == "false"
    assert found["load_balancing.algorithm.type"] == "round_robin" and found["slow_start.duration_seconds"] == "0"
    network = account.attributes("TargetGroup", TargetGroupArn=account.group("tcp", Protocol="TCP"))
    assert network["stickiness.type"] == "source_ip" and "slow_start.duration_seconds" not in network


VALUE, SETTING = "ValidationError", "InvalidConfigurationRequest"
REFUSED_ATTRIBUTES: list[tuple[dict[str, str], str, str]] = [
    ({"deregistration_delay.timeout_seconds": "3601"}, VALUE, "between '0' and '3600' inclusive"),
    ({"slow_start.duration_seconds": "29"}, VALUE, "must be '0' or between '30' and '900' inclusive"),
    ({"stickiness.type": "source_ip"}, VALUE, "must be one of 'lb_cookie, app_cookie'"),
    ({"stickiness.app_cookie.cookie_name": "AWSALBX"}, VALUE, "reserved"),
    ({"stickiness.app_cookie.cookie_name": "it's"}, VALUE, "is not the name of a cookie"),
    ({"load_balancing.algorithm.anomaly_mitigation": "on"}, SETTING, "can only be 'off'"),
    ({"preserve_client_ip.enabled": "true"}, SETTING, "The provided target group attribute is not supported"),
    ({"nonsense": "true"}, SETTING, "Target group attribute key 'nonsense' is not recognized"),
    ({"stickiness.enabled": "true", "stickiness.type": "app_cookie"}, SETTING, "You must specify a cookie name"),
    (
        {"stickiness.enabled": "true", "load_balancing.cross_zone.enabled": "false"},
        SETTING,
        "Stickiness cannot be enabled",
    ),
    (
        {"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests"},
        SETTING,
        "Slow start can only be enabled",
    ),
]


@pytest.mark.parametrize(("attributes", "code", "part"), REFUSED_ATTRIBUTES)
def test_an_attribute_that_is_not_honoured_is_refused(
    account: Balancing, attributes: dict[str, str], code: str, part: str
) -> None:
    arn = account.group()
    given = [{"Key": key, "Value": value} for key, value in attributes.items()]
    found, message = account.refusal("ModifyTargetGroupAttributes", TargetGroupArn=arn, Attributes=given)
    assert found == code and part in message, message


def test_listener_attributes_say_what_holds(account: Balancing) -> None:
    listener = account.listener(account.balancer(Type="network"), account.group(Protocol="TCP"), Protocol="TCP")
    assert account.attributes("Listener", ListenerArn=listener) == {"tcp.idle_timeout.seconds": "350"}
    change = [{"Key": "tcp.idle_timeout.seconds", "Value": "60"}]
    account.call("ModifyListenerAttributes", ListenerArn=listener, Attributes=change)
    assert account.attributes("Listener", ListenerArn=listener) == {"tcp.idle_timeout.seconds": "60"}
    change[0]["Value"] = "59"
    code, _ = account.refusal("ModifyListenerAttributes", ListenerArn=listener, Attributes=change)
    assert code == "ValidationError"
