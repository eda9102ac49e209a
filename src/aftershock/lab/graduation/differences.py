"""What will be otherwise on AWS, and why.  Pure: from the template, and from what is known of both sides.

Durations are AWS's own where it publishes them, else what was seen there; no promise of anybody's.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .template import Resource, Template, everywhere

NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class RecordedOnly:
    """What is taken here, kept and shown, and has no effect; `said` stands in the README.md of its service."""

    service: str
    types: str  # what a resource's type begins with
    keys: frozenset[str]  # of its properties, at any depth
    said: str  # the words of that README
    effect: str  # what it does on AWS


RECORDED_ONLY = (
    RecordedOnly(
        "ec2",
        "AWS::EC2::",
        frozenset({"VolumeSize", "Size", "VolumeType", "Iops", "Throughput"}),
        "Volume size, type, IOPS and throughput",
        "the disk has that size and speed, and is paid for accordingly",
    ),
    RecordedOnly(
        "ec2", "AWS::EC2::", frozenset({"EbsOptimized"}), "`EbsOptimized`", "the disk gets bandwidth of its own"
    ),
    RecordedOnly(
        "ec2",
        "AWS::EC2::",
        frozenset({"CreditSpecification"}),
        "`CreditSpecification`",
        "a burstable machine that has used its credits is slowed down, or billed for more",
    ),
    RecordedOnly(
        "iam",
        "AWS::IAM::",
        frozenset({"PolicyDocument", "ManagedPolicyArns", "PermissionsBoundary", "Policies"}),
        "Policies are not enforced",
        "what no policy allows is refused: test with the role that the site will have",
    ),
    RecordedOnly(
        "autoscaling",
        "AWS::AutoScaling::",
        frozenset({"SpotAllocationStrategy", "SpotInstancePools", "SpotMaxPrice", "OnDemandBaseCapacity"}),
        "what concerns Spot capacity only",
        "a part of the group is Spot capacity, which AWS may take back with two minutes' notice",
    ),
    RecordedOnly(
        "autoscaling",
        "AWS::AutoScaling::",
        frozenset({"NotificationMetadata"}),
        "a hook's `NotificationMetadata`",
        "it is sent along to whom the hook notifies",
    ),
    RecordedOnly(
        "cloudwatch",
        "AWS::CloudWatch::",
        frozenset({"AlarmActions", "OKActions", "InsufficientDataActions"}),
        "Actions that tell SNS, Lambda",
        "topics and functions that an alarm names are told; here only scaling policies are",
    ),
    RecordedOnly(
        "ssm", "AWS::SSM::Parameter", frozenset({"Tier"}), "`Tier`", "advanced parameters are billed, and may be larger"
    ),
    RecordedOnly(
        "route53",
        "AWS::Route53::HealthCheck",
        frozenset({"MeasureLatency", "Regions"}),
        "`MeasureLatency` and `Regions`",
        "the site is asked from those places, and its latency from them is measured",
    ),
    RecordedOnly(
        "s3",
        "AWS::S3::BucketPolicy",
        frozenset({"PolicyDocument"}),
        "Bucket policies",
        "it lets in whom it names, also without a key, and keeps out the account's own keys where it says so",
    ),
    RecordedOnly(
        "s3",
        "AWS::S3::Bucket",
        frozenset({"PublicAccessBlockConfiguration"}),
        "public access blocks",
        "policies that would let everybody in are refused",
    ),
    RecordedOnly(
        "s3",
        "AWS::S3::Bucket",
        frozenset({"CorsConfiguration"}),
        "CORS",
        "browsers are let in, or kept out, as it says",
    ),
    RecordedOnly(
        "s3",
        "AWS::S3::Bucket",
        frozenset({"LifecycleConfiguration"}),
        "Lifecycle",
        "what is old enough is deleted or moved, also what was put there before",
    ),
    RecordedOnly(
        "s3",
        "AWS::S3::Bucket",
        frozenset({"KMSMasterKeyID"}),
        "Encryption",
        "the key has to exist, every use of it is billed, and who may not use it cannot read",
    ),
)


@dataclass(frozen=True, slots=True)
class Difference:
    where: str  # logical ids, or empty for all of the stack
    said: str


def differences(template: Template, pace: float) -> list[Difference]:
    found = [*_recorded(template)]
    for kinds, say in BY_TYPE:
        there = [one for one in template.resources if one.type in kinds]
        if there:
            found += [Difference(_ids(there), text) for text in say(there)]
    if pace != 1:
        found.append(
            Difference(
                "",
                f"this region's time runs {pace:g} times as fast: health checks, alarms, cooldowns, times to live and "
                "drains take that much longer on AWS, and whatever is counted per minute is counted over a whole one",
            )
        )
    found.append(Difference("", "every call is authorised: whoever deploys needs permissions for all of this"))
    found.append(
        Difference(
            "", "quotas are those of your account; new ones have lower quotas than documented, of processors above all"
        )
    )
    return found


def _recorded(template: Template) -> Iterator[Difference]:
    for one in RECORDED_ONLY:
        there = [
            resource
            for resource in template.resources
            if resource.type.startswith(one.types)
            and any(key in one.keys for key, _ in everywhere(resource.properties))
        ]
        if there:
            yield Difference(_ids(there), f"recorded only here ({one.said}): on AWS {one.effect}")


def _ids(resources: list[Resource]) -> str:
    return ", ".join(dict.fromkeys(resource.logical_id for resource in resources))


def _instances(_: list[Resource]) -> Iterator[str]:
    yield "a machine runs 5 to 17 s after it is asked for, and takes logins after some 26 s (seen)"
    yield "it is a virtual machine with a kernel of its own; what loads kernel modules works there only"


def _balancers(_: list[Resource]) -> Iterator[str]:
    yield "a load balancer is active after 2 to 3 minutes (seen: 2m15s to 3m07s)"
    yield "it costs by the hour and by its capacity units, also when nobody asks; names of its nodes are kept for 60 s"


def _target_groups(there: list[Resource]) -> Iterator[str]:
    for resource in there:
        interval = _number(resource.properties.get("HealthCheckIntervalSeconds"), 30)
        threshold = _number(resource.properties.get("UnhealthyThresholdCount"), 2)
        if interval is not None and threshold is not None:
            yield (
                f"a dead machine is out of service after some {interval * threshold} s "
                f"({threshold} failed checks, {interval} s apart)"
            )


def _number(value: Any, otherwise: int) -> int | None:
    if value is None:
        return otherwise
    try:
        return int(value)
    except (TypeError, ValueError):
        return None  # a parameter or a function tells


def _groups(_: list[Resource]) -> Iterator[str]:
    yield "a machine that failed is replaced within a few minutes (AWS); a launch takes some 32 s (seen)"


def _policies(there: list[Resource]) -> Iterator[str]:
    if any(one.properties.get("PolicyType") == "TargetTrackingScaling" for one in there):
        yield "target tracking adds machines after 3 minutes above its target, and takes them out after 15 below it"


def _zones(_: list[Resource]) -> Iterator[str]:
    yield (
        "the domain has to be registered, and its registrar has to name the zone's own name servers: until then nobody "
        "else finds it; a zone costs by the month"
    )


def _records(_: list[Resource]) -> Iterator[str]:
    yield "a change is served everywhere generally within 60 s (AWS); old answers are remembered for their TTL"


def _nested(_: list[Resource]) -> Iterator[str]:
    yield (
        "the template of a nested stack is not looked at here: it has to lie in a bucket on AWS, and the nested stack "
        "is to be graduated by its own name, too"
    )


def _addresses(there: list[Resource]) -> Iterator[str]:
    yield (
        f"an account has 5 Elastic IPs in a region unless it has asked for more; this takes {len(there)}, "
        "and each costs by the hour"
    )


BY_TYPE: tuple[tuple[tuple[str, ...], Callable[[list[Resource]], Iterator[str]]], ...] = (
    (("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate", "AWS::AutoScaling::LaunchConfiguration"), _instances),
    (("AWS::CloudFormation::Stack",), _nested),
    (("AWS::EC2::EIP",), _addresses),
    (("AWS::ElasticLoadBalancingV2::LoadBalancer",), _balancers),
    (("AWS::ElasticLoadBalancingV2::TargetGroup",), _target_groups),
    (("AWS::AutoScaling::AutoScalingGroup",), _groups),
    (("AWS::AutoScaling::ScalingPolicy",), _policies),
    (("AWS::Route53::HostedZone",), _zones),
    (("AWS::Route53::RecordSet",), _records),
)
