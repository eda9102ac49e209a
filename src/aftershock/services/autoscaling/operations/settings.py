"""What CreateAutoScalingGroup and UpdateAutoScalingGroup are asked alike: where to launch from, and where to."""

from collections.abc import Mapping, Sequence
from typing import Any

from aftershock.aws.call import Call, Params
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import GroupTag, Maintenance, Override, Place, Source
from aftershock.services.autoscaling.resolving import configuration_of, resolve, template_version
from aftershock.services.autoscaling.rules import errors, termination
from aftershock.services.autoscaling.rules.parameters import refuse

SOURCES = ("LaunchConfigurationName", "LaunchTemplate", "MixedInstancesPolicy", "InstanceId")
MIN_LIFETIME_S, MAX_LIFETIME_S = 86_400, 31_536_000
MAX_TAGS, MAX_TARGET_GROUPS = 50, 50
BALANCED = ("balanced-best-effort", "balanced-only")


def refuse_unknown(params: Params) -> None:
    refuse(
        params,
        "InstanceId",
        "LoadBalancerNames",
        "PlacementGroup",
        "CapacityRebalance",
        "AvailabilityZoneIds",
        "Operator",
        "SkipZonalShiftValidation",
    )
    if params.get("DesiredCapacityType", "units") != "units":
        raise errors.unsupported("DesiredCapacityType")
    impairment = params.get("AvailabilityZoneImpairmentPolicy") or {}
    if impairment.get("ZonalShiftEnabled") or impairment.get("ImpairedZoneHealthCheckBehavior"):
        raise errors.unsupported("AvailabilityZoneImpairmentPolicy")
    reservation = params.get("CapacityReservationSpecification") or {}
    if reservation.get("CapacityReservationPreference", "default") not in ("default", "none"):
        raise errors.unsupported("CapacityReservationSpecification.CapacityReservationPreference")
    refuse(reservation, "CapacityReservationTarget")
    triggers = (params.get("InstanceLifecyclePolicy") or {}).get("RetentionTriggers") or {}
    if triggers.get("TerminateHookAbandon", "terminate") != "terminate":
        raise errors.unsupported("InstanceLifecyclePolicy.RetentionTriggers.TerminateHookAbandon")


def source_of(outside: Outside, call: Call, params: Mapping[str, Any]) -> Source | None:
    """What the request launches from, if it says; what it names is there.

    Raises:
        AwsError: ValidationError
    """
    given = [name for name in SOURCES if params.get(name)]
    if len(given) > 1:
        raise errors.validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter."
        )
    if not given:
        return None
    match given[0]:
        case "LaunchConfigurationName":
            source = Source(configuration=params["LaunchConfigurationName"])
        case "LaunchTemplate":
            source = _template(outside, call, params["LaunchTemplate"])
        case _:
            source = _mixed(outside, call, params["MixedInstancesPolicy"])
    resolve(outside.ask, source, configuration_of(call.tx, call.account, source), within=call)
    return source


def _template(outside: Outside, call: Call, given: Mapping[str, Any]) -> Source:
    name, template_id = given.get("LaunchTemplateName"), given.get("LaunchTemplateId")
    if bool(name) == bool(template_id):
        raise errors.validation("Valid requests must contain either launchTemplateId or LaunchTemplateName")
    named = {"LaunchTemplateId": template_id} if template_id else {"LaunchTemplateName": name}
    found = template_version(outside.ask, named, given.get("Version"), call)
    return Source(
        template_id=found["LaunchTemplateId"],
        template_name=found["LaunchTemplateName"],
        version=given.get("Version"),
    )


def _mixed(outside: Outside, call: Call, policy: Mapping[str, Any]) -> Source:
    template = policy.get("LaunchTemplate") or {}
    if not template.get("LaunchTemplateSpecification"):
        raise errors.validation("LaunchTemplateSpecification is required in a MixedInstancesPolicy.")
    base = _template(outside, call, template["LaunchTemplateSpecification"])
    _check_distribution(policy.get("InstancesDistribution") or {})
    overrides = tuple(_override(outside, call, one) for one in template.get("Overrides") or ())
    weighted = [one for one in overrides if one.weight is not None]
    if weighted and len(weighted) != len(overrides):
        raise errors.validation("Either all or none of the overrides must have a WeightedCapacity.")
    kinds = [one.instance_type for one in overrides]
    if len(set(kinds)) != len(kinds):
        raise errors.validation("The overrides of a MixedInstancesPolicy must have different instance types.")
    return Source(
        template_id=base.template_id,
        template_name=base.template_name,
        version=base.version,
        overrides=overrides,
        policy=_answered(policy, base),
    )


def _answered(policy: Mapping[str, Any], base: Source) -> dict[str, Any]:
    template = {**policy["LaunchTemplate"]}
    template["LaunchTemplateSpecification"] = {
        "LaunchTemplateId": base.template_id,
        "LaunchTemplateName": base.template_name,
        "Version": base.version or "$Default",
    }
    distribution = {
        "OnDemandAllocationStrategy": "prioritized",
        "OnDemandBaseCapacity": 0,
        "OnDemandPercentageAboveBaseCapacity": 100,
        "SpotAllocationStrategy": "lowest-price",
        **(policy.get("InstancesDistribution") or {}),
    }
    return {"LaunchTemplate": template, "InstancesDistribution": distribution}


def _check_distribution(given: Mapping[str, Any]) -> None:
    """There is no Spot capacity, so that what only concerns it changes nothing."""
    if given.get("OnDemandPercentageAboveBaseCapacity", 100) != 100:
        raise errors.validation(
            "The value of InstancesDistribution.OnDemandPercentageAboveBaseCapacity must be 100: "
            "Spot Instances are not supported in this region."
        )
    if given.get("OnDemandAllocationStrategy", "prioritized") != "prioritized":
        raise errors.validation(
            "The value of InstancesDistribution.OnDemandAllocationStrategy must be prioritized in this region."
        )
    refuse(given, "DistributionSegments")


def _override(outside: Outside, call: Call, given: Mapping[str, Any]) -> Override:
    refuse(given, "InstanceRequirements")
    weight = given.get("WeightedCapacity")
    if weight is not None and (not weight.isdigit() or not 1 <= int(weight) <= 999):
        raise errors.validation("WeightedCapacity must be a number between 1 and 999.")
    if not given.get("InstanceType"):
        raise errors.validation("InstanceType is required in an override.")
    own = given.get("LaunchTemplateSpecification")
    template = _template(outside, call, own) if own else None
    return Override(
        instance_type=given["InstanceType"],
        weight=int(weight) if weight is not None else None,
        image_id=given.get("ImageId"),
        template_id=template.template_id if template else None,
        version=(template.version or "$Default") if template else "$Default",
    )


def places_of(outside: Outside, call: Call, params: Params) -> tuple[Place, ...] | None:
    """Where to launch, if the request says.

    Raises:
        AwsError: ValidationError
    """
    zones = params.get("AvailabilityZones") or ()
    identifier = params.get("VPCZoneIdentifier")
    if identifier:
        ids = [one.strip() for one in identifier.split(",") if one.strip()]
        places = _subnets(outside, call, list(dict.fromkeys(ids)))
        if zones and set(zones) != {place.zone for place in places}:
            raise errors.validation(
                "The availability zones of the specified subnets and the AutoScalingGroup do not match"
            )
        return places
    if not zones:
        return None
    answer = outside.ask("ec2", "DescribeAvailabilityZones", {}, within=call)
    known = {zone["ZoneName"] for zone in answer["AvailabilityZones"]}
    for zone in zones:
        if zone not in known:
            raise errors.validation(f"Invalid availability zone: {zone}")
    return tuple(Place(zone) for zone in dict.fromkeys(zones))


def _subnets(outside: Outside, call: Call, ids: Sequence[str]) -> tuple[Place, ...]:
    try:
        answer = outside.ask("ec2", "DescribeSubnets", {"SubnetIds": list(ids)}, within=call)
    except AwsError as error:
        raise errors.validation(error.message) from error
    if len({subnet["VpcId"] for subnet in answer["Subnets"]}) > 1:
        raise errors.validation("The subnets of an AutoScalingGroup must be in one VPC.")
    zones = {subnet["SubnetId"]: subnet["AvailabilityZone"] for subnet in answer["Subnets"]}
    return tuple(Place(zones[one], one) for one in ids)


def check_sizes(low: int, high: int, desired: int) -> None:
    if low < 0 or high < 0 or desired < 0:
        raise errors.validation("MinSize, MaxSize and DesiredCapacity must not be negative.")
    if high < low:
        raise errors.validation(f"Max bound, {high}, must be greater than or equal to min bound, {low}")
    if not low <= desired <= high:
        raise errors.validation(
            f"Desired capacity:{desired} must be between the specified min size:{low} and max size:{high}"
        )


def tags_of(call: Call, given: Sequence[Mapping[str, Any]], before: Sequence[GroupTag] = ()) -> tuple[GroupTag, ...]:
    """
    Raises:
        AwsError: ValidationError or LimitExceeded
    """
    merged = {tag.key: tag for tag in before}
    for one in given:
        key = one["Key"]
        if key.lower().startswith("aws:") and not call.principal.service:
            raise errors.validation("Tag keys starting with 'aws:' are reserved for internal use.")
        merged[key] = GroupTag(key, one.get("Value", ""), bool(one.get("PropagateAtLaunch", False)))
    if len([key for key in merged if not key.lower().startswith("aws:")]) > MAX_TAGS:
        raise errors.limit("tags per Auto Scaling group", MAX_TAGS)
    return tuple(merged.values())


def target_groups_of(outside: Outside, call: Call, arns: Sequence[str]) -> tuple[str, ...]:
    """The target groups named, which are there.

    Raises:
        AwsError: ValidationError
    """
    if not arns:
        return ()
    try:
        answer = outside.ask("elbv2", "DescribeTargetGroups", {"TargetGroupArns": list(arns)}, within=call)
    except AwsError as error:
        raise _no_target_group() from error
    if any(group.get("TargetType") != "instance" for group in answer["TargetGroups"]):
        raise _no_target_group()
    return tuple(dict.fromkeys(arns))


def _no_target_group() -> AwsError:
    return errors.validation("Provided Target Groups may not be valid. Please ensure they exist and try again.")


def sources_of_traffic(given: Sequence[Mapping[str, Any]]) -> list[str]:
    """The target groups among the traffic sources; there are no others here.

    Raises:
        AwsError: ValidationError
    """
    for one in given:
        if one.get("Type", "elbv2") != "elbv2" or ":targetgroup/" not in one["Identifier"]:
            raise errors.validation("Traffic sources other than of the type elbv2 are not supported in this region.")
    return [one["Identifier"] for one in given]


def common(params: Params) -> dict[str, Any]:
    """The group's fields that the request gives, by the record's names.

    Raises:
        AwsError: ValidationError
    """
    found: dict[str, Any] = {}
    for member, field in (
        ("DefaultCooldown", "cooldown_s"),
        ("HealthCheckGracePeriod", "grace_s"),
        ("NewInstancesProtectedFromScaleIn", "protect_new"),
        ("Context", "context"),
        ("ServiceLinkedRoleARN", "role_arn"),
        ("DeletionProtection", "deletion_protection"),
    ):
        if params.get(member) is not None:
            found[field] = params[member]
    for field in ("cooldown_s", "grace_s"):
        if found.get(field, 0) < 0:
            raise errors.validation("A cooldown or grace period must not be negative.")
    if (kind := params.get("HealthCheckType")) is not None:
        if kind not in ("EC2", "ELB"):
            raise errors.validation(f"The health check type {kind} is not supported in this region.")
        found["health_check_type"] = kind
    if (policies := params.get("TerminationPolicies")) is not None:
        for name in policies:
            if name not in termination.TYPES:
                raise errors.validation(f"Invalid termination policy: {name}")
        found["termination_policies"] = tuple(policies) or ("Default",)
    if (lifetime_s := params.get("MaxInstanceLifetime")) is not None:
        if lifetime_s != 0 and not MIN_LIFETIME_S <= lifetime_s <= MAX_LIFETIME_S:
            raise errors.validation(f"MaxInstanceLifetime must be 0 or between {MIN_LIFETIME_S} and {MAX_LIFETIME_S}.")
        found["max_lifetime_s"] = lifetime_s or None
    if (warmup_s := params.get("DefaultInstanceWarmup")) is not None:
        if warmup_s < -1:
            raise errors.validation("DefaultInstanceWarmup must be -1 or more.")
        found["warmup_s"] = None if warmup_s == -1 else warmup_s
    if (policy := params.get("InstanceMaintenancePolicy")) is not None:
        found["maintenance"] = _maintenance(policy)
    if zones := params.get("AvailabilityZoneDistribution"):
        strategy = zones.get("CapacityDistributionStrategy", BALANCED[0])
        if strategy not in BALANCED:
            raise errors.validation(f"The capacity distribution strategy {strategy} is not supported in this region.")
        found["distribution"] = strategy
    return found


def _maintenance(policy: Mapping[str, Any]) -> Maintenance | None:
    low, high = policy.get("MinHealthyPercentage"), policy.get("MaxHealthyPercentage")
    if low == -1 and high == -1:
        return None
    if low is None or high is None or low < 0 or high < 100 or high - low > 100:
        raise errors.validation(
            "An InstanceMaintenancePolicy must have a MinHealthyPercentage between 0 and 100 and a "
            "MaxHealthyPercentage between 100 and 200, which differ by 100 at most."
        )
    return Maintenance(low, high)
