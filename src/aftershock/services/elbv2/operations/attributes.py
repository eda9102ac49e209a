"""Attributes of load balancers, listeners and target groups."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.listener import LISTENERS
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS
from aftershock.services.elbv2.records.target_group import TARGET_GROUPS
from aftershock.services.elbv2.rules import attributes

from .found import Handler, Sources, require_listener, require_load_balancer, require_target_group, touch


def describe_load_balancer_attributes(sources: Sources, call: Call, params: Params) -> Result:
    balancer = require_load_balancer(call, params["LoadBalancerArn"])
    return {"Attributes": attributes.view(attributes.LOAD_BALANCER[balancer.kind], balancer.attributes)}


def modify_load_balancer_attributes(sources: Sources, call: Call, params: Params) -> Result:
    before = require_load_balancer(call, params["LoadBalancerArn"])
    after = attributes.changed_balancer(before, params["Attributes"])
    if after != before.attributes:
        LOAD_BALANCERS.put(call.tx, replace(before, attributes=after, generation=before.generation + 1))
    return {"Attributes": attributes.view(attributes.LOAD_BALANCER[before.kind], after)}


def describe_target_group_attributes(sources: Sources, call: Call, params: Params) -> Result:
    group = require_target_group(call, params["TargetGroupArn"])
    return {"Attributes": attributes.view(attributes.of_group(group.protocol), group.attributes)}


def modify_target_group_attributes(sources: Sources, call: Call, params: Params) -> Result:
    before = require_target_group(call, params["TargetGroupArn"])
    after = attributes.changed_group(before, params["Attributes"])
    if after != before.attributes:
        TARGET_GROUPS.put(call.tx, replace(before, attributes=after, generation=before.generation + 1))
    return {"Attributes": attributes.view(attributes.of_group(before.protocol), after)}


def describe_listener_attributes(sources: Sources, call: Call, params: Params) -> Result:
    listener = require_listener(call, params["ListenerArn"])
    return {"Attributes": attributes.view(attributes.LISTENER[listener.protocol], listener.attributes)}


def modify_listener_attributes(sources: Sources, call: Call, params: Params) -> Result:
    before = require_listener(call, params["ListenerArn"])
    after = attributes.changed_listener(before.protocol, before.attributes, params["Attributes"])
    if after != before.attributes:
        LISTENERS.put(call.tx, replace(before, attributes=after))
        touch(call, before.load_balancer)
    return {"Attributes": attributes.view(attributes.LISTENER[before.protocol], after)}


OPERATIONS: dict[str, Handler] = {
    "DescribeLoadBalancerAttributes": describe_load_balancer_attributes,
    "ModifyLoadBalancerAttributes": modify_load_balancer_attributes,
    "DescribeTargetGroupAttributes": describe_target_group_attributes,
    "ModifyTargetGroupAttributes": modify_target_group_attributes,
    "DescribeListenerAttributes": describe_listener_attributes,
    "ModifyListenerAttributes": modify_listener_attributes,
}
