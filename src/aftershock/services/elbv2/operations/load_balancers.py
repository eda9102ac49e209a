"""Load balancers: made, described, deleted, and moved between subnets and security groups."""

from collections.abc import Sequence

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.outside import Subnet
from aftershock.services.elbv2.records.listener import LISTENERS, RULES
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, Kind, LoadBalancer, Scheme, named
from aftershock.services.elbv2.rules import balancers, errors, names, quotas
from aftershock.services.elbv2.rules.attributes import balancer_value
from aftershock.services.elbv2.rules.paging import page
from aftershock.services.elbv2.rules.parameters import honours
from aftershock.services.elbv2.rules.tags import tagged

from . import addresses
from .found import Handler, Sources, require_load_balancer, require_security_groups


@honours(
    "Name",
    "Subnets",
    "SubnetMappings.SubnetId",
    "SubnetMappings.AllocationId",
    "SubnetMappings.PrivateIPv4Address",
    "SecurityGroups",
    "Scheme",
    "Tags",
    "Type",
    only={"IpAddressType": "ipv4", "EnablePrefixForIpv6SourceNat": "off"},
)
def create_load_balancer(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: "idempotent": with the settings of one of the same name it answers with that."""
    name = names.require_load_balancer_name(params["Name"])
    if params.get("Type") == "gateway":
        raise errors.unsupported("The load balancer type 'gateway'")
    kind: Kind = "network" if params.get("Type") == "network" else "application"
    scheme: Scheme = "internal" if params.get("Scheme") == "internal" else "internet-facing"
    subnets = _subnets(sources, call, params)
    zones = addresses.chosen(
        sources, call, balancers.places(kind, subnets), params.get("SubnetMappings") or (), kind=kind, scheme=scheme
    )
    vpc = sources.outside.vpc(call.tx, call.account, subnets[0].vpc_id)
    assert vpc is not None  # it has the subnets
    groups = require_security_groups(sources, call, vpc.id, params.get("SecurityGroups") or (), quotas.SECURITY_GROUPS)
    if not groups and kind == "application":
        groups = (vpc.default_group,)
    tags = tagged({}, params.get("Tags") or ())
    existing = named(call.tx, call.account, name)
    if existing:
        same = (existing.kind, existing.scheme, existing.zones, set(existing.group_ids))
        if same != (kind, scheme, zones, set(groups)):
            raise errors.duplicate_load_balancer(name)
        return {"LoadBalancers": [balancers.view(existing)]}
    if scheme == "internet-facing" and not vpc.has_internet_gateway:
        raise errors.invalid_subnet(f"VPC {vpc.id} has no internet gateway")
    balancers.require_room(subnets)
    addresses.require_free(sources, call, zones)
    of_kind = [one for one in LOAD_BALANCERS.where(call.tx, "account", call.account) if one.kind == kind]
    quotas.require_within("TooManyLoadBalancers", len(of_kind) + 1, quotas.LOAD_BALANCERS)
    own_id = names.opaque_id(call.new_id("elb"))
    made = LoadBalancer(
        arn=names.load_balancer_arn(call.region, call.account, kind, name, own_id),
        account=call.account,
        region=call.region,
        id=own_id,
        name=name,
        kind=kind,
        scheme=scheme,
        vpc_id=vpc.id,
        zones=zones,
        group_ids=groups,
        dns_name=names.dns_name(call.region, kind, scheme, name, own_id),
        key=names.secret(call.new_id("elb")),
        tags=tags,
        created_at=call.now,
    )
    LOAD_BALANCERS.put(call.tx, made)
    return {"LoadBalancers": [balancers.view(made)]}


def _subnets(sources: Sources, call: Call, params: Params) -> list[Subnet]:
    plain, mapped = params.get("Subnets") or (), params.get("SubnetMappings") or ()
    if plain and mapped:
        raise errors.invalid("You must specify either subnets or subnet mappings, not both")
    ids: Sequence[str] = plain or [one.get("SubnetId") or "" for one in mapped]
    found = []
    for subnet_id in dict.fromkeys(ids):
        subnet = sources.outside.subnet(call.tx, call.account, subnet_id)
        if subnet is None:
            raise errors.no_subnet(subnet_id)
        found.append(subnet)
    return found


def describe_load_balancers(sources: Sources, call: Call, params: Params) -> Result:
    arns, wanted_names = params.get("LoadBalancerArns") or (), params.get("Names") or ()
    if arns and wanted_names:
        raise errors.invalid("Load balancer names and load balancer ARNs cannot be specified at the same time")
    found = LOAD_BALANCERS.where(call.tx, "account", call.account)
    if arns:
        by_arn = {one.arn: one for one in found}
        for arn in arns:
            if arn not in by_arn:
                raise errors.no_load_balancer(arn)
        found = [by_arn[arn] for arn in dict.fromkeys(arns)]
    if wanted_names:
        by_name = {one.name: one for one in found}
        if missing := [name for name in wanted_names if name not in by_name]:
            raise errors.no_load_balancers_named(missing)
        found = [by_name[name] for name in dict.fromkeys(wanted_names)]
    shown, marker = page(params, found, key=lambda one: one.arn)
    return {"LoadBalancers": [balancers.view(one) for one in shown], "NextMarker": marker}


def delete_load_balancer(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: "If the load balancer does not exist or has already been deleted, the call succeeds."

    Its listeners go with it, and its target groups are free for another one at once.
    """
    balancer = LOAD_BALANCERS.get(call.tx, params["LoadBalancerArn"])
    if balancer is None or not balancer.wanted or balancer.account != call.account:
        return {}
    if balancer_value(balancer, "deletion_protection.enabled") == "true":
        raise errors.not_permitted(
            f"Load balancer '{balancer.arn}' cannot be deleted because deletion protection is enabled"
        )
    for rule in RULES.where(call.tx, "load_balancer", balancer.arn):
        RULES.forget(call.tx, rule.arn)
    for listener in LISTENERS.where(call.tx, "load_balancer", balancer.arn):
        LISTENERS.forget(call.tx, listener.arn)
    LOAD_BALANCERS.put(call.tx, replace(balancer, wanted=False, generation=balancer.generation + 1))
    return {}


@honours(
    "LoadBalancerArn",
    "Subnets",
    "SubnetMappings.SubnetId",
    "SubnetMappings.AllocationId",
    "SubnetMappings.PrivateIPv4Address",
    only={"IpAddressType": "ipv4", "EnablePrefixForIpv6SourceNat": "off"},
)
def set_subnets(sources: Sources, call: Call, params: Params) -> Result:
    balancer = require_load_balancer(call, params["LoadBalancerArn"])
    subnets = _subnets(sources, call, params)
    zones = addresses.chosen(
        sources,
        call,
        balancers.places(balancer.kind, subnets),
        params.get("SubnetMappings") or (),
        kind=balancer.kind,
        scheme=balancer.scheme,
        before=balancer.zones,
    )
    if any(subnet.vpc_id != balancer.vpc_id for subnet in subnets):
        raise errors.configuration("The subnets must belong to the VPC of the load balancer")
    before = {place.subnet_id for place in balancer.zones}
    balancers.require_room([subnet for subnet in subnets if subnet.id not in before])
    addresses.require_free(sources, call, [place for place in zones if place.subnet_id not in before])
    if zones != balancer.zones:
        LOAD_BALANCERS.put(call.tx, replace(balancer, zones=zones, generation=balancer.generation + 1))
    return {"AvailabilityZones": balancers.zones_view(zones), "IpAddressType": "ipv4"}


@honours("LoadBalancerArn", "SecurityGroups")
def set_security_groups(sources: Sources, call: Call, params: Params) -> Result:
    balancer = require_load_balancer(call, params["LoadBalancerArn"])
    given = params["SecurityGroups"]
    if balancer.kind == "network" and bool(given) != bool(balancer.group_ids):
        # AWS: "You can't ... associate security groups later on if you don't do so at creation", nor remove them all.
        raise errors.configuration(
            f"You cannot {'add security groups to' if given else 'remove all security groups from'} this load balancer"
        )
    if not given and balancer.kind == "application":
        raise errors.invalid("A security group must be specified")
    groups = require_security_groups(sources, call, balancer.vpc_id, given, quotas.SECURITY_GROUPS)
    if groups != balancer.group_ids:
        LOAD_BALANCERS.put(call.tx, replace(balancer, group_ids=groups, generation=balancer.generation + 1))
    return {"SecurityGroupIds": [*groups]}


@honours("LoadBalancerArn", only={"IpAddressType": "ipv4"})
def set_ip_address_type(sources: Sources, call: Call, params: Params) -> Result:
    require_load_balancer(call, params["LoadBalancerArn"])
    return {"IpAddressType": "ipv4"}


OPERATIONS: dict[str, Handler] = {
    "CreateLoadBalancer": create_load_balancer,
    "DescribeLoadBalancers": describe_load_balancers,
    "DeleteLoadBalancer": delete_load_balancer,
    "SetSubnets": set_subnets,
    "SetSecurityGroups": set_security_groups,
    "SetIpAddressType": set_ip_address_type,
}
