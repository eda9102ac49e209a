"""Service-linked roles of the services that this region has or will have.

Sources: each service's guide, "Using service-linked roles"; the policies are AWS's own.
"""

import json
from dataclasses import dataclass

from . import errors


@dataclass(frozen=True, slots=True)
class ServiceLinked:
    service: str
    name: str
    policy: str
    takes_suffix: bool = False

    def role_name(self, suffix: str | None) -> str:
        """
        Raises:
            AwsError: InvalidInput where the service takes no suffix.
        """
        if suffix is None:
            return self.name
        if not self.takes_suffix:
            raise errors.invalid_input(f"Custom suffix is not allowed for {self.service}")
        return f"{self.name}_{suffix}"

    @property
    def policy_arn(self) -> str:
        return f"arn:aws:iam::aws:policy/aws-service-role/{self.policy}"

    def trust(self) -> str:
        statement = {"Effect": "Allow", "Principal": {"Service": self.service}, "Action": "sts:AssumeRole"}
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_KNOWN = {
    linked.service: linked
    for linked in (
        ServiceLinked(
            "autoscaling.amazonaws.com",
            "AWSServiceRoleForAutoScaling",
            "AutoScalingServiceRolePolicy",
            takes_suffix=True,
        ),
        ServiceLinked(
            "elasticloadbalancing.amazonaws.com",
            "AWSServiceRoleForElasticLoadBalancing",
            "AWSElasticLoadBalancingServiceRolePolicy",
        ),
        ServiceLinked("rds.amazonaws.com", "AWSServiceRoleForRDS", "AmazonRDSServiceRolePolicy"),
        ServiceLinked("elasticache.amazonaws.com", "AWSServiceRoleForElastiCache", "ElastiCacheServiceRolePolicy"),
        ServiceLinked(
            "elasticfilesystem.amazonaws.com",
            "AWSServiceRoleForAmazonElasticFileSystem",
            "AmazonElasticFileSystemServiceRolePolicy",
        ),
        ServiceLinked(
            "elasticbeanstalk.amazonaws.com",
            "AWSServiceRoleForElasticBeanstalk",
            "AWSElasticBeanstalkServiceRolePolicy",
        ),
    )
}


def require(service: str) -> ServiceLinked:
    """
    Raises:
        AwsError: InvalidInput for a service that has no such role here.
    """
    if linked := _KNOWN.get(service):
        return linked
    raise errors.invalid_input(f"Service {service} has no service-linked role in this region.")
