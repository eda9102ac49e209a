"""Groups and members, in the words of the wire."""

from collections.abc import Sequence
from typing import Any

from aftershock.services.autoscaling.records import Group, Made, Member, Source


def group_view(group: Group, members: Sequence[Member], *, instances: bool = True) -> dict[str, Any]:
    return {
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        **source_view(group.source),
        "MinSize": group.min_size,
        "MaxSize": group.max_size,
        "DesiredCapacity": group.desired,
        "DefaultCooldown": group.cooldown_s,
        "AvailabilityZones": list(dict.fromkeys(place.zone for place in group.places)),
        "LoadBalancerNames": [],
        "TargetGroupARNs": list(group.target_groups),
        "HealthCheckType": group.health_check_type,
        "HealthCheckGracePeriod": group.grace_s,
        "Instances": [member_view(one) for one in shown(members)] if instances else [],
        "CreatedTime": group.created_at,
        "SuspendedProcesses": [{"ProcessName": name, "SuspensionReason": why} for name, why in group.suspended],
        "VPCZoneIdentifier": group.subnets or "",
        "EnabledMetrics": [{"Metric": name, "Granularity": "1Minute"} for name in group.metrics],
        "Status": "Delete in progress" if group.deleting else None,
        "Tags": tags_view(group),
        "TerminationPolicies": list(group.termination_policies),
        "NewInstancesProtectedFromScaleIn": group.protect_new,
        "ServiceLinkedRoleARN": group.role_arn,
        "MaxInstanceLifetime": group.max_lifetime_s,
        "Context": group.context,
        "DefaultInstanceWarmup": group.warmup_s,
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in group.target_groups],
        "InstanceMaintenancePolicy": {
            "MinHealthyPercentage": group.maintenance.min_healthy,
            "MaxHealthyPercentage": group.maintenance.max_healthy,
        }
        if group.maintenance
        else None,
        "DeletionProtection": group.deletion_protection,
        "AvailabilityZoneDistribution": {"CapacityDistributionStrategy": group.distribution},
    }


def shown(members: Sequence[Member]) -> list[Member]:
    """Those that exist: an intent to launch is no instance yet."""
    return sorted((one for one in members if one.instance_id), key=lambda one: one.instance_id or "")


def source_view(source: Source) -> dict[str, Any]:
    if source.configuration is not None:
        return {"LaunchConfigurationName": source.configuration}
    if source.policy is not None:
        return {"MixedInstancesPolicy": dict(source.policy)}
    return {
        "LaunchTemplate": {
            "LaunchTemplateId": source.template_id,
            "LaunchTemplateName": source.template_name,
            "Version": source.version,
        }
    }


def made_view(made: Made) -> dict[str, Any]:
    if made.configuration is not None:
        return {"LaunchConfigurationName": made.configuration}
    if made.template_id is None:
        return {}
    return {
        "LaunchTemplate": {
            "LaunchTemplateId": made.template_id,
            "LaunchTemplateName": made.template_name,
            "Version": made.version,
        }
    }


def member_view(member: Member) -> dict[str, Any]:
    return {
        "InstanceId": member.instance_id,
        "InstanceType": member.made.instance_type,
        "AvailabilityZone": member.zone,
        "LifecycleState": member.state,
        "HealthStatus": member.health,
        **made_view(member.made),
        "ImageId": member.made.override_image,
        "ProtectedFromScaleIn": member.protected,
        "WeightedCapacity": None if member.weight is None else str(member.weight),
    }


def details_view(group: Group, member: Member) -> dict[str, Any]:
    """As DescribeAutoScalingInstances has it, whose health status is in capitals."""
    view = member_view(member)
    return {**view, "AutoScalingGroupName": group.name, "HealthStatus": member.health.upper()}


def tags_view(group: Group) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": group.name,
            "ResourceType": "auto-scaling-group",
            "Key": tag.key,
            "Value": tag.value,
            "PropagateAtLaunch": tag.propagate,
        }
        for tag in sorted(group.tags, key=lambda tag: tag.key)
    ]
