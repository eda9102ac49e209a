"""What is the same for every load balancer: quotas, security policies, and that nothing is reserved."""

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.rules import errors, quotas, tls
from aftershock.services.elbv2.rules.paging import page

from .found import Handler, Sources, require_load_balancer


def describe_account_limits(sources: Sources, call: Call, params: Params) -> Result:
    shown, marker = page(params, list(quotas.LIMITS), key=lambda name: name)
    told = [{"Name": name, "Max": str(quotas.LIMITS[name])} for name in shown]
    return {"Limits": told, "NextMarker": marker}


def describe_ssl_policies(sources: Sources, call: Call, params: Params) -> Result:
    names = params.get("Names") or list(tls.POLICIES)
    for name in names:
        if name not in tls.POLICIES:
            raise errors.no_ssl_policy(name)
    if params.get("LoadBalancerType") not in (None, tls.SUPPORTED):
        names = []
    shown, marker = page(params, list(dict.fromkeys(names)), key=lambda name: name)
    return {"SslPolicies": [tls.view(name) for name in shown], "NextMarker": marker}


def describe_capacity_reservation(sources: Sources, call: Call, params: Params) -> Result:
    """Nobody can make one, so that there is none."""
    require_load_balancer(call, params["LoadBalancerArn"])
    return {"CapacityReservationState": []}


OPERATIONS: dict[str, Handler] = {
    "DescribeAccountLimits": describe_account_limits,
    "DescribeSSLPolicies": describe_ssl_policies,
    "DescribeCapacityReservation": describe_capacity_reservation,
}
