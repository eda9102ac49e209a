"""Target groups."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS, TARGETS, TargetGroup, TargetType
from aftershock.services.elbv2.records.use import load_balancers_of
from aftershock.services.elbv2.rules import errors, names, quotas
from aftershock.services.elbv2.rules.paging import page
from aftershock.services.elbv2.rules.parameters import honours
from aftershock.services.elbv2.rules.tags import tagged
from aftershock.services.elbv2.rules.target_groups import PROTOCOLS, changed_check, check_of, is_http, view

from .forwarding import groups_used_by
from .found import Handler, Sources, require_load_balancer, require_target_group, require_vpc

HEALTH_CHECK = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
)


@honours(
    "Name",
    "Protocol",
    "ProtocolVersion",
    "Port",
    "VpcId",
    "TargetType",
    "Tags",
    *HEALTH_CHECK,
    only={"IpAddressType": "ipv4"},
)
def create_target_group(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: "idempotent": with the settings of one of the same name it answers with that."""
    name = names.require_target_group_name(params["Name"])
    if params.get("TargetType") in ("lambda", "alb"):
        raise errors.unsupported(f"The target type '{params['TargetType']}'")
    target_type: TargetType = "ip" if params.get("TargetType") == "ip" else "instance"
    protocol, version = _protocol(params)
    if not params.get("Port"):
        raise errors.invalid("A port must be specified")
    if not params.get("VpcId"):
        raise errors.invalid("A VPC ID must be specified")
    vpc = require_vpc(sources, call, params["VpcId"])
    check = check_of(protocol, params)
    tags = tagged({}, params.get("Tags") or ())
    existing = TARGET_GROUPS.where(call.tx, "name", f"{call.account} {name}")
    if existing:
        found = existing[0]
        same = (found.target_type, found.protocol, found.protocol_version, found.port, found.vpc_id, found.check)
        if same != (target_type, protocol, version, params["Port"], vpc.id, check):
            raise errors.duplicate_target_group(name)
        return {"TargetGroups": [view(found, load_balancers_of(call.tx, found.arn))]}
    count = TARGET_GROUPS.count(call.tx, "account", call.account)
    quotas.require_within("TooManyTargetGroups", count + 1, quotas.TARGET_GROUPS)
    own_id = names.opaque_id(call.new_id("tg"))
    made = TargetGroup(
        arn=names.target_group_arn(call.region, call.account, name, own_id),
        account=call.account,
        id=own_id,
        name=name,
        target_type=target_type,
        protocol=protocol,
        protocol_version=version,
        port=params["Port"],
        vpc_id=vpc.id,
        check=check,
        tags=tags,
        created_at=call.now,
    )
    TARGET_GROUPS.put(call.tx, made)
    return {"TargetGroups": [view(made, ())]}


def _protocol(params: Params) -> tuple[str, str | None]:
    """The protocol, and the version of HTTP."""
    protocol, version = params.get("Protocol"), params.get("ProtocolVersion")
    if not protocol:
        raise errors.invalid("A protocol must be specified")
    if protocol not in PROTOCOLS:
        raise errors.unsupported(f"The target group protocol '{protocol}'")
    if version and not is_http(protocol):
        raise errors.configuration(f"A protocol version cannot be specified for target groups with protocol {protocol}")
    if version not in (None, "", "HTTP1"):
        raise errors.unsupported(f"The protocol version '{version}'")
    return protocol, "HTTP1" if is_http(protocol) else None


@honours("TargetGroupArn", *HEALTH_CHECK)
def modify_target_group(sources: Sources, call: Call, params: Params) -> Result:
    before = require_target_group(call, params["TargetGroupArn"])
    check = changed_check(before.protocol, before.check, params)
    after = before
    if check != before.check:
        after = replace(before, check=check, generation=before.generation + 1)
        TARGET_GROUPS.put(call.tx, after)
    return {"TargetGroups": [view(after, load_balancers_of(call.tx, after.arn))]}


def describe_target_groups(sources: Sources, call: Call, params: Params) -> Result:
    balancer, arns, wanted_names = (
        params.get("LoadBalancerArn"),
        params.get("TargetGroupArns") or (),
        params.get("Names") or (),
    )
    if sum(map(bool, (balancer, arns, wanted_names))) > 1:
        raise errors.invalid(
            "Target group ARNs, target group names and a load balancer ARN cannot be specified at the same time"
        )
    found = TARGET_GROUPS.where(call.tx, "account", call.account)
    if balancer:
        used = groups_used_by(call, require_load_balancer(call, balancer).arn)
        found = [group for group in found if group.arn in used]
    asked = set(arns) or set(wanted_names)
    if asked:
        found = [group for group in found if group.arn in asked or group.name in asked]
        if len(found) < len(asked):
            raise errors.no_target_groups()
    shown, marker = page(params, found, key=lambda group: group.arn)
    told = [view(group, load_balancers_of(call.tx, group.arn)) for group in shown]
    return {"TargetGroups": told, "NextMarker": marker}


def delete_target_group(sources: Sources, call: Call, params: Params) -> Result:
    """Deleting what is not there is no error: the service model has none for it."""
    group = TARGET_GROUPS.get(call.tx, params["TargetGroupArn"])
    if group is None or group.account != call.account:
        return {}
    if load_balancers_of(call.tx, group.arn):
        raise errors.target_group_in_use(group.arn)
    for target in TARGETS.where(call.tx, "group", group.arn):
        TARGETS.forget(call.tx, target.key)
    TARGET_GROUPS.forget(call.tx, group.arn)
    return {}


OPERATIONS: dict[str, Handler] = {
    "CreateTargetGroup": create_target_group,
    "ModifyTargetGroup": modify_target_group,
    "DescribeTargetGroups": describe_target_groups,
    "DeleteTargetGroup": delete_target_group,
}
