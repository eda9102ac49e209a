"""Elastic Load Balancing's refusals, in AWS's words.

Sources: the service model's own descriptions; hashicorp/terraform#26407, #24239 and #11699 (listeners, priorities,
names), hashicorp/terraform-provider-aws#3611, #19953, #12726, #4955, #6153, #6173, #22005 and #48070 (attributes,
protocols, names, health checks), pulumi/pulumi#5900 and pulumi/pulumi-aws#1193 (use, protocols),
aws/aws-cdk#10065 and #31201 (conditions, redirects), aws-cloudformation/cfn-lint#3259 and
aws-cloudformation/rain#187 (names, protection), openshift/installer#1110 and
kubernetes-sigs/aws-load-balancer-controller#1233, #561 and #3084 (subnets, addresses),
kubernetes-sigs/cluster-api-provider-aws#5037 (instances), awslabs/fargatecli#104 (certificates),
app-sre/qontract-reconcile#2089 (stickiness),
terraform-aws-modules/terraform-aws-alb#171 and #285 (Elastic IPs),
aws/copilot-cli#3833 and aws-samples/service-screener-v2#212 (what is not found).
"""

from collections.abc import Iterable

from aftershock.aws.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def configuration(message: str) -> AwsError:
    return AwsError("InvalidConfigurationRequest", message)


def unsupported(what: str) -> AwsError:
    """For what AWS has and the region does not."""
    return configuration(f"{what} is not supported in this region.")


def not_permitted(message: str) -> AwsError:
    return AwsError("OperationNotPermitted", message)


def quoted(values: Iterable[str]) -> str:
    return "'" + ", ".join(values) + "'"


# --- what is not there -----------------------------------------------------------------------------------------


def no_load_balancer(arn: str) -> AwsError:
    return AwsError("LoadBalancerNotFound", f"Load balancer '{arn}' not found")


def no_load_balancers_named(names: Iterable[str]) -> AwsError:
    return AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(names)}]' not found")


def no_target_group(arn: str) -> AwsError:
    return AwsError("TargetGroupNotFound", f"Target groups '{arn}' not found")


def no_target_groups() -> AwsError:
    return AwsError("TargetGroupNotFound", "One or more target groups not found")


def no_listener() -> AwsError:
    return AwsError("ListenerNotFound", "One or more listeners not found")


def no_rule() -> AwsError:
    return AwsError("RuleNotFound", "One or more rules not found")


def no_subnet(subnet_id: str) -> AwsError:
    return AwsError("SubnetNotFound", f"The subnet ID '{subnet_id}' does not exist")


def no_allocations(allocation_ids: Iterable[str]) -> AwsError:
    return AwsError("AllocationIdNotFound", f"The allocation IDs {quoted(allocation_ids)} do not exist")


def no_certificate(arn: str) -> AwsError:
    return AwsError("CertificateNotFound", f"Certificate '{arn}' not found")


def no_ssl_policy(name: str) -> AwsError:
    return AwsError("SSLPolicyNotFound", f"SSL policy '{name}' not found")


# --- what is there already -------------------------------------------------------------------------------------


def duplicate_load_balancer(name: str) -> AwsError:
    text = f"A load balancer with the same name '{name}' exists, but with different settings"
    return AwsError("DuplicateLoadBalancerName", text)


def duplicate_target_group(name: str) -> AwsError:
    text = f"A target group with the same name '{name}' exists, but with different settings"
    return AwsError("DuplicateTargetGroupName", text)


def duplicate_listener(load_balancer: str) -> AwsError:
    text = f"A listener already exists on this port for this load balancer '{load_balancer}'"
    return AwsError("DuplicateListener", text)


def priority_in_use(priority: int) -> AwsError:
    return AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")


def target_group_in_use(arn: str) -> AwsError:
    return AwsError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")


def allocations_in_use() -> AwsError:
    return AwsError("ResourceInUse", "The allocation IDs are not available for use")


def other_load_balancer(groups: Iterable[str]) -> AwsError:
    text = f"The following target groups cannot be associated with more than one load balancer: {', '.join(groups)}"
    return AwsError("TargetGroupAssociationLimit", text)


# --- what does not go together ---------------------------------------------------------------------------------


def incompatible_protocols(group: str) -> AwsError:
    text = f"The listener and its associated target group '{group}' have incompatible protocols"
    return AwsError("IncompatibleProtocols", text)


def unsupported_protocol(protocol: str) -> AwsError:
    return AwsError("UnsupportedProtocol", f"The protocol {protocol} is not supported in this region.")


def invalid_action(message: str) -> AwsError:
    return AwsError("InvalidLoadBalancerAction", message)


def invalid_subnet(message: str) -> AwsError:
    return AwsError("InvalidSubnet", message)


def invalid_target(message: str) -> AwsError:
    return AwsError("InvalidTarget", message)


def invalid_groups() -> AwsError:
    return configuration("One or more security groups are invalid")
