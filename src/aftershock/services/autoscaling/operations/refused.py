"""What the region does not have, and says so."""

from collections.abc import Callable

from aftershock.aws.call import Call, Params, Result
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.rules.errors import validation

WHY = {
    "AttachLoadBalancers": "Classic Load Balancers are not supported in this region.",
    "DeleteNotificationConfiguration": "Notifications are not supported in this region.",
    "DeleteWarmPool": "Warm pools are not supported in this region.",
    "DescribeAccountSettings": "Account settings are not supported in this region.",
    "DescribeWarmPool": "Warm pools are not supported in this region.",
    "DetachLoadBalancers": "Classic Load Balancers are not supported in this region.",
    "GetPredictiveScalingForecast": "Predictive scaling is not supported in this region.",
    "LaunchInstances": "LaunchInstances is not supported in this region.",
    "PutAccountSetting": "Account settings are not supported in this region.",
    "PutNotificationConfiguration": "Notifications are not supported in this region.",
    "PutWarmPool": "Warm pools are not supported in this region.",
}


def _refusing(message: str) -> Callable[[Outside, Call, Params], Result]:
    def refuse(outside: Outside, call: Call, params: Params) -> Result:
        raise validation(message)

    return refuse


OPERATIONS = {name: _refusing(message) for name, message in WHY.items()}
