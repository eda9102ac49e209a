"""The resource types that a template may have, one file a service."""

from collections.abc import Mapping

from . import (
    autoscaling,
    cloudformation,
    cloudwatch,
    ec2_compute,
    ec2_groups,
    ec2_network,
    elbv2,
    iam,
    route53,
    s3,
    ssm,
)
from .model import Doing, FailedError, ResourceType, Seen

_FILES = (autoscaling, cloudformation, cloudwatch, ec2_compute, ec2_groups, ec2_network, elbv2, iam, route53, s3, ssm)
TYPES: Mapping[str, ResourceType] = {one.name: one for file in _FILES for one in file.TYPES}

__all__ = ["TYPES", "Doing", "FailedError", "ResourceType", "Seen"]
