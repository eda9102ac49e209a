"""How much an account may have.

Source: "Quotas for your Application Load Balancers" and "... Network Load Balancers".
"""

from aftershock.aws.errors import AwsError

LOAD_BALANCERS = 50  # of each type
LISTENERS = 50  # of a load balancer
RULES = 100  # of a load balancer, the default rules not counted
TARGET_GROUPS = 3000
TARGET_GROUPS_PER_BALANCER = 100
TARGET_GROUPS_PER_ACTION = 5
TARGETS_PER_GROUP = 1000
TARGETS_PER_BALANCER = 1000
CERTIFICATES = 25  # of a load balancer, the default ones not counted
SECURITY_GROUPS = 5
TAGS = 50
FREE_ADDRESSES = 8  # that a subnet must have left

# What DescribeAccountLimits answers, by AWS's names.
LIMITS = {
    "target-groups": TARGET_GROUPS,
    "targets-per-application-load-balancer": TARGETS_PER_BALANCER,
    "listeners-per-application-load-balancer": LISTENERS,
    "rules-per-application-load-balancer": RULES,
    "network-load-balancers": LOAD_BALANCERS,
    "targets-per-network-load-balancer": TARGETS_PER_BALANCER,
    "targets-per-availability-zone-per-network-load-balancer": TARGETS_PER_BALANCER,
    "listeners-per-network-load-balancer": LISTENERS,
    "condition-values-per-alb-rule": 5,
    "condition-wildcards-per-alb-rule": 5,
    "target-groups-per-application-load-balancer": TARGET_GROUPS_PER_BALANCER,
    "target-groups-per-action-on-application-load-balancer": TARGET_GROUPS_PER_ACTION,
    "target-groups-per-action-on-network-load-balancer": 1,
    "certificates-per-application-load-balancer": CERTIFICATES,
    "targets-per-target-group": TARGETS_PER_GROUP,
    "application-load-balancers": LOAD_BALANCERS,
}

_TEXTS = {
    "TooManyLoadBalancers": "You've reached the limit on the number of load balancers for your AWS account",
    "TooManyListeners": "You've reached the limit on the number of listeners per load balancer",
    "TooManyRules": "You've reached the limit on the number of rules per load balancer",
    "TooManyTargetGroups": "You've reached the limit on the number of target groups for your AWS account",
    "TooManyUniqueTargetGroupsPerLoadBalancer": (
        "You've reached the limit on the number of unique target groups per load balancer across all listeners"
    ),
    "TooManyTargets": "You've reached the limit on the number of targets",
    "TooManyCertificates": "You've reached the limit on the number of certificates per load balancer",
    "TooManyTags": "You've reached the limit on the number of tags for this resource",
}


def require_within(code: str, count: int, most: int) -> None:
    """
    Raises:
        AwsError: `code`, one of those above, if there would be more than `most`
    """
    if count > most:
        raise AwsError(code, _TEXTS[code])
