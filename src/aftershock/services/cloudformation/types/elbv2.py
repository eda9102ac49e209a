"""AWS::ElasticLoadBalancingV2: load balancers, listeners, rules, target groups."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    STRINGS,
    TAGS,
    changed,
    changing,
    fixed,
    many,
    members,
)

from .model import Doing, ResourceType, Seen, found, tag_changes, unless_gone

NO_BALANCER, NO_GROUP = "LoadBalancerNotFound", "TargetGroupNotFound"
NO_LISTENER, NO_RULE = "ListenerNotFound", "RuleNotFound"
LONGEST = 32  # characters of a name
PAIRS = many(members("Key Value", Key=STRING, Value=STRING))
CERTIFICATES = many(members(CertificateArn=STRING))
_FORWARD = members(
    TargetGroups=many(members("TargetGroupArn", TargetGroupArn=STRING, Weight=INTEGER)),
    TargetGroupStickinessConfig=members(DurationSeconds=INTEGER, Enabled=BOOLEAN),
)
ACTIONS = many(
    members(
        "Type",
        Type=STRING,
        Order=INTEGER,
        TargetGroupArn=STRING,
        ForwardConfig=_FORWARD,
        RedirectConfig=members(
            "StatusCode", Host=STRING, Path=STRING, Port=STRING, Protocol=STRING, Query=STRING, StatusCode=STRING
        ),
        FixedResponseConfig=members("StatusCode", ContentType=STRING, MessageBody=STRING, StatusCode=STRING),
    )
)
CONDITIONS = many(
    members(
        Field=STRING,
        Values=STRINGS,
        RegexValues=STRINGS,
        HostHeaderConfig=members(Values=STRINGS, RegexValues=STRINGS),
        HttpHeaderConfig=members(HttpHeaderName=STRING, Values=STRINGS, RegexValues=STRINGS),
        HttpRequestMethodConfig=members(Values=STRINGS),
        PathPatternConfig=members(Values=STRINGS, RegexValues=STRINGS),
        QueryStringConfig=members(Values=many(members(Key=STRING, Value=STRING))),
        SourceIpConfig=members(Values=STRINGS),
    )
)


def _ask(doing: Doing, operation: str, **params: Any) -> dict[str, Any]:
    return doing.ask("elbv2", operation, **params)


def _retag(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    put, gone = tag_changes(before, doing.properties)
    if gone:
        _ask(doing, "RemoveTags", ResourceArns=[arn], TagKeys=gone)
    if put:
        _ask(doing, "AddTags", ResourceArns=[arn], Tags=put)


def _tags(doing: Doing) -> dict[str, Any]:
    tags = doing.tags("elbv2")
    return {"Tags": tags} if tags else {}


def _create_balancer(doing: Doing) -> str:
    answer = _ask(
        doing,
        "CreateLoadBalancer",
        Name=doing.properties.get("Name") or doing.name(LONGEST),
        **doing.given("IpAddressType", "Scheme", "SecurityGroups", "SubnetMappings", "Subnets", "Type"),
        **_tags(doing),
    )
    arn = str(answer["LoadBalancers"][0]["LoadBalancerArn"])
    _attributes(doing, "LoadBalancer", arn, {})
    return arn


def _attributes(doing: Doing, kind: str, arn: str, before: Mapping[str, Any]) -> None:
    name = f"{kind}Attributes"
    wanted = doing.properties.get(name, [])
    if wanted and wanted != before.get(name):
        _ask(doing, f"Modify{kind}Attributes", **{f"{kind}Arn": arn}, Attributes=wanted)


def _read_balancer(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: _ask(doing, "DescribeLoadBalancers", LoadBalancerArns=[arn]), NO_BALANCER)
    if answer is None or not answer["LoadBalancers"]:
        return None
    balancer = answer["LoadBalancers"][0]
    state = balancer["State"]
    attributes = {
        "LoadBalancerArn": arn,
        "CanonicalHostedZoneID": balancer.get("CanonicalHostedZoneId", ""),
        "DNSName": balancer.get("DNSName", ""),
        "LoadBalancerFullName": arn.partition("loadbalancer/")[2],
        "LoadBalancerName": balancer["LoadBalancerName"],
        "SecurityGroups": balancer.get("SecurityGroups", []),
    }
    code = state["Code"]
    return Seen(
        attributes,
        waiting=f"the load balancer is {code}" if code == "provisioning" else None,
        failed=f"Load balancer failed: {state.get('Reason', code)}" if code == "failed" else None,
    )


def _update_balancer(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    names = changed(before, doing.properties)
    if {"Subnets", "SubnetMappings"} & set(names):
        _ask(doing, "SetSubnets", LoadBalancerArn=arn, **doing.given("Subnets", "SubnetMappings"))
    if "SecurityGroups" in names:
        groups = doing.properties.get("SecurityGroups", [])
        _ask(doing, "SetSecurityGroups", LoadBalancerArn=arn, SecurityGroups=groups)
    if "IpAddressType" in names:
        kind = doing.properties.get("IpAddressType", "ipv4")
        _ask(doing, "SetIpAddressType", LoadBalancerArn=arn, IpAddressType=kind)
    _attributes(doing, "LoadBalancer", arn, before)
    _retag(doing, arn, before)


def _delete_balancer(doing: Doing, arn: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteLoadBalancer", LoadBalancerArn=arn), NO_BALANCER)


LOAD_BALANCER = ResourceType(
    name="AWS::ElasticLoadBalancingV2::LoadBalancer",
    properties={
        "IpAddressType": changing(STRING),
        "LoadBalancerAttributes": changing(PAIRS),
        "Name": fixed(STRING),
        "Scheme": fixed(STRING),
        "SecurityGroups": changing(STRINGS),
        "SubnetMappings": changing(
            many(members("SubnetId", AllocationId=STRING, PrivateIPv4Address=STRING, SubnetId=STRING))
        ),
        "Subnets": changing(STRINGS),
        "Tags": changing(TAGS),
        "Type": fixed(STRING),
    },
    named="Name",
    create=_create_balancer,
    read=_read_balancer,
    update=_update_balancer,
    delete=_delete_balancer,
    attributes=(
        "LoadBalancerArn",
        "CanonicalHostedZoneID",
        "DNSName",
        "LoadBalancerFullName",
        "LoadBalancerName",
        "SecurityGroups",
    ),
    tags="list",
)

_HEALTH = {
    "HealthCheckEnabled": BOOLEAN,
    "HealthCheckIntervalSeconds": INTEGER,
    "HealthCheckPath": STRING,
    "HealthCheckPort": STRING,
    "HealthCheckProtocol": STRING,
    "HealthCheckTimeoutSeconds": INTEGER,
    "HealthyThresholdCount": INTEGER,
    "Matcher": members(HttpCode=STRING, GrpcCode=STRING),
    "UnhealthyThresholdCount": INTEGER,
}
_MADE_SO = {
    "IpAddressType": STRING,
    "Port": INTEGER,
    "Protocol": STRING,
    "ProtocolVersion": STRING,
    "TargetType": STRING,
    "VpcId": STRING,
}


def _create_group(doing: Doing) -> str:
    answer = _ask(
        doing,
        "CreateTargetGroup",
        Name=doing.properties.get("Name") or doing.name(LONGEST),
        **doing.given(*_HEALTH, *_MADE_SO),
        **_tags(doing),
    )
    arn = str(answer["TargetGroups"][0]["TargetGroupArn"])
    _attributes(doing, "TargetGroup", arn, {})
    _targets(doing, arn, {})
    return arn


def _targets(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    was, now = before.get("Targets", []), doing.properties.get("Targets", [])
    if gone := [one for one in was if one not in now]:
        _ask(doing, "DeregisterTargets", TargetGroupArn=arn, Targets=gone)
    if new := [one for one in now if one not in was]:
        _ask(doing, "RegisterTargets", TargetGroupArn=arn, Targets=new)


def _read_group(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: _ask(doing, "DescribeTargetGroups", TargetGroupArns=[arn]), NO_GROUP)
    if answer is None or not answer["TargetGroups"]:
        return None
    group = answer["TargetGroups"][0]
    return Seen(
        {
            "TargetGroupArn": arn,
            "LoadBalancerArns": group.get("LoadBalancerArns", []),
            "TargetGroupFullName": arn.rpartition(":")[2],
            "TargetGroupName": group["TargetGroupName"],
        }
    )


def _update_group(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    names = [name for name in changed(before, doing.properties) if name in _HEALTH]
    if names:
        _ask(doing, "ModifyTargetGroup", TargetGroupArn=arn, **doing.given(*names))
    _attributes(doing, "TargetGroup", arn, before)
    _targets(doing, arn, before)
    _retag(doing, arn, before)


def _delete_group(doing: Doing, arn: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteTargetGroup", TargetGroupArn=arn), NO_GROUP)


TARGET_GROUP = ResourceType(
    name="AWS::ElasticLoadBalancingV2::TargetGroup",
    properties={
        **{name: changing(kind) for name, kind in _HEALTH.items()},
        **{name: fixed(kind) for name, kind in _MADE_SO.items()},
        "Name": fixed(STRING),
        "Tags": changing(TAGS),
        "TargetGroupAttributes": changing(PAIRS),
        "Targets": changing(many(members("Id", Id=STRING, Port=INTEGER, AvailabilityZone=STRING))),
    },
    named="Name",
    create=_create_group,
    read=_read_group,
    update=_update_group,
    delete=_delete_group,
    attributes=("TargetGroupArn", "LoadBalancerArns", "TargetGroupFullName", "TargetGroupName"),
    tags="list",
)

_LISTENER = ("Certificates", "DefaultActions", "Port", "Protocol", "SslPolicy")


def _create_listener(doing: Doing) -> str:
    answer = _ask(doing, "CreateListener", **doing.given("LoadBalancerArn", *_LISTENER), **_tags(doing))
    arn = str(answer["Listeners"][0]["ListenerArn"])
    _attributes(doing, "Listener", arn, {})
    return arn


def _read_listener(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: _ask(doing, "DescribeListeners", ListenerArns=[arn]), NO_LISTENER)
    return Seen({"ListenerArn": arn}) if answer and answer["Listeners"] else None


def _update_listener(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    names = [name for name in changed(before, doing.properties) if name in _LISTENER]
    if names:
        _ask(doing, "ModifyListener", ListenerArn=arn, **doing.given(*names))
    _attributes(doing, "Listener", arn, before)
    _retag(doing, arn, before)


def _delete_listener(doing: Doing, arn: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteListener", ListenerArn=arn), NO_LISTENER)


LISTENER = ResourceType(
    name="AWS::ElasticLoadBalancingV2::Listener",
    properties={
        "Certificates": changing(CERTIFICATES),
        "DefaultActions": changing(ACTIONS, required=True),
        "ListenerAttributes": changing(PAIRS),
        "LoadBalancerArn": fixed(STRING, required=True),
        "Port": changing(INTEGER),
        "Protocol": changing(STRING),
        "SslPolicy": changing(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_listener,
    read=_read_listener,
    update=_update_listener,
    delete=_delete_listener,
    attributes=("ListenerArn",),
    tags="list",
)


def _create_rule(doing: Doing) -> str:
    asked = doing.given("ListenerArn", "Actions", "Conditions", "Priority")
    answer = _ask(doing, "CreateRule", **asked, **_tags(doing))
    return str(answer["Rules"][0]["RuleArn"])


def _read_rule(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: _ask(doing, "DescribeRules", RuleArns=[arn]), NO_RULE)
    if answer is None or not answer["Rules"]:
        return None
    return Seen({"RuleArn": arn, "IsDefault": answer["Rules"][0].get("IsDefault", False)})


def _update_rule(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    names = changed(before, doing.properties)
    if {"Actions", "Conditions"} & set(names):
        _ask(doing, "ModifyRule", RuleArn=arn, **doing.given("Actions", "Conditions"))
    if "Priority" in names:
        priority = [{"RuleArn": arn, "Priority": doing.properties["Priority"]}]
        _ask(doing, "SetRulePriorities", RulePriorities=priority)
    _retag(doing, arn, before)


def _delete_rule(doing: Doing, arn: str) -> None:
    unless_gone(lambda: _ask(doing, "DeleteRule", RuleArn=arn), NO_RULE)


LISTENER_RULE = ResourceType(
    name="AWS::ElasticLoadBalancingV2::ListenerRule",
    properties={
        "Actions": changing(ACTIONS, required=True),
        "Conditions": changing(CONDITIONS, required=True),
        "ListenerArn": fixed(STRING, required=True),
        "Priority": changing(INTEGER, required=True),
        "Tags": changing(TAGS),
    },
    create=_create_rule,
    read=_read_rule,
    update=_update_rule,
    delete=_delete_rule,
    attributes=("RuleArn", "IsDefault"),
    tags="list",
)


def _create_certificates(doing: Doing) -> str:
    _ask(doing, "AddListenerCertificates", **doing.given("ListenerArn", "Certificates"))
    return doing.name(64)


def _read_certificates(doing: Doing, physical_id: str) -> Seen | None:
    arn = doing.properties["ListenerArn"]
    answer = found(lambda: _ask(doing, "DescribeListenerCertificates", ListenerArn=arn), NO_LISTENER)
    there = {one["CertificateArn"] for one in answer["Certificates"] if not one.get("IsDefault")} if answer else set()
    own = {one["CertificateArn"] for one in doing.properties["Certificates"]}
    return Seen({"Id": physical_id}) if there & own else None


def _update_certificates(doing: Doing, _physical_id: str, before: Mapping[str, Any]) -> None:
    was, now = before["Certificates"], doing.properties["Certificates"]
    arn = doing.properties["ListenerArn"]
    if gone := [one for one in was if one not in now]:
        _ask(doing, "RemoveListenerCertificates", ListenerArn=arn, Certificates=gone)
    if new := [one for one in now if one not in was]:
        _ask(doing, "AddListenerCertificates", ListenerArn=arn, Certificates=new)


def _delete_certificates(doing: Doing, _physical_id: str) -> None:
    asked = doing.given("ListenerArn", "Certificates")
    unless_gone(lambda: _ask(doing, "RemoveListenerCertificates", **asked), NO_LISTENER)


LISTENER_CERTIFICATE = ResourceType(
    name="AWS::ElasticLoadBalancingV2::ListenerCertificate",
    properties={
        "Certificates": changing(CERTIFICATES, required=True),
        "ListenerArn": fixed(STRING, required=True),
    },
    create=_create_certificates,
    read=_read_certificates,
    update=_update_certificates,
    delete=_delete_certificates,
    attributes=("Id",),
)

TYPES = (LOAD_BALANCER, TARGET_GROUP, LISTENER, LISTENER_RULE, LISTENER_CERTIFICATE)
