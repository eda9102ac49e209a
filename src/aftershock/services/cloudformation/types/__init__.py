"""The resource types that a template may have, one file a service, or two."""

from collections.abc import Mapping

from . import (
    acm,
    autoscaling,
    autoscaling_moves,
    cloudformation,
    cloudwatch,
    ec2_acls,
    ec2_addresses,
    ec2_compute,
    ec2_dhcp,
    ec2_groups,
    ec2_nat,
    ec2_network,
    ecr,
    elbv2,
    fis,
    iam,
    iam_policies,
    route53,
    s3,
    ssm,
)
from .model import Doing, FailedError, ResourceType, Seen

_FILES = (
    *(acm, autoscaling, autoscaling_moves, cloudformation, cloudwatch),
    *(ec2_acls, ec2_addresses, ec2_compute, ec2_dhcp, ec2_groups, ec2_nat, ec2_network, ecr, elbv2),
    *(fis, iam, iam_policies, route53, s3, ssm),
)
TYPES: Mapping[str, ResourceType] = {one.name: one for file in _FILES for one in file.TYPES}

__all__ = ["TYPES", "Doing", "FailedError", "ResourceType", "Seen"]
