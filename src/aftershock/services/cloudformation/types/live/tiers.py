"""Groups of instances, load balancers and alarms, as they are just now."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.types.model import Doing

from .words import Live, named, tags, told

_GROUP = (
    *("AvailabilityZones", "Context", "DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod"),
    *("HealthCheckType", "LaunchConfigurationName", "MaxInstanceLifetime", "MaxSize", "MinSize"),
    *("NewInstancesProtectedFromScaleIn", "ServiceLinkedRoleARN", "TerminationPolicies"),
)


def _scaling_group(doing: Doing, name: str) -> Mapping[str, Any]:
    (group,) = doing.ask("autoscaling", "DescribeAutoScalingGroups", AutoScalingGroupNames=[name])["AutoScalingGroups"]
    subnets = group.get("VPCZoneIdentifier", "")
    own = [tag for tag in group.get("Tags", []) if not tag["Key"].startswith("aws:")]
    return {
        **named(group, *_GROUP),
        "Cooldown": group["DefaultCooldown"],
        "LaunchTemplate": told(doing.properties.get("LaunchTemplate"), group.get("LaunchTemplate")),
        "Tags": [named(tag, "Key", "Value", "PropagateAtLaunch") for tag in own],
        "TargetGroupARNs": group.get("TargetGroupARNs", []),
        "VPCZoneIdentifier": subnets.split(",") if subnets else [],
    }


def _balanced_tags(doing: Doing, arn: str) -> list[dict[str, str]]:
    return tags(doing.ask("elbv2", "DescribeTags", ResourceArns=[arn])["TagDescriptions"][0])


def _watched_tags(doing: Doing, arn: str) -> list[dict[str, str]]:
    return tags(doing.ask("cloudwatch", "ListTagsForResource", ResourceARN=arn))


def _balancer(doing: Doing, arn: str) -> Mapping[str, Any]:
    (balancer,) = doing.ask("elbv2", "DescribeLoadBalancers", LoadBalancerArns=[arn])["LoadBalancers"]
    subnets = [zone["SubnetId"] for zone in balancer.get("AvailabilityZones", [])]
    names = ("IpAddressType", "Scheme", "SecurityGroups", "Type")
    return {**named(balancer, *names), "Subnets": subnets, "Tags": _balanced_tags(doing, arn)}


_TARGET_GROUP = (
    *("HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol"),
    *("HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount", "Matcher"),
    *("Port", "Protocol", "TargetType", "VpcId"),
)


def _target_group(doing: Doing, arn: str) -> Mapping[str, Any]:
    (group,) = doing.ask("elbv2", "DescribeTargetGroups", TargetGroupArns=[arn])["TargetGroups"]
    return {**named(group, *_TARGET_GROUP), "Tags": _balanced_tags(doing, arn)}


def _listener(doing: Doing, arn: str) -> Mapping[str, Any]:
    (listener,) = doing.ask("elbv2", "DescribeListeners", ListenerArns=[arn])["Listeners"]
    names = ("LoadBalancerArn", "Port", "Protocol", "SslPolicy")
    return {**named(listener, *names), "Tags": _balanced_tags(doing, arn)}


def _listener_rule(doing: Doing, arn: str) -> Mapping[str, Any]:
    (rule,) = doing.ask("elbv2", "DescribeRules", RuleArns=[arn])["Rules"]
    return {"Priority": int(rule["Priority"]), "Tags": _balanced_tags(doing, arn)}


_ALARM = (
    *("ActionsEnabled", "AlarmActions", "AlarmDescription", "ComparisonOperator", "DatapointsToAlarm", "Dimensions"),
    *("EvaluationPeriods", "InsufficientDataActions", "MetricName", "Namespace", "OKActions", "Period", "Statistic"),
    *("Threshold", "TreatMissingData"),
)


def _alarm(doing: Doing, name: str) -> Mapping[str, Any]:
    (alarm,) = doing.ask("cloudwatch", "DescribeAlarms", AlarmNames=[name])["MetricAlarms"]
    return {**named(alarm, *_ALARM), "Tags": _watched_tags(doing, alarm["AlarmArn"])}


def _composite_alarm(doing: Doing, name: str) -> Mapping[str, Any]:
    answer = doing.ask("cloudwatch", "DescribeAlarms", AlarmNames=[name], AlarmTypes=["CompositeAlarm"])
    names = ("ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmRule", "InsufficientDataActions", "OKActions")
    (alarm,) = answer["CompositeAlarms"]
    return {**named(alarm, *names), "Tags": _watched_tags(doing, alarm["AlarmArn"])}


def _dashboard(doing: Doing, name: str) -> Mapping[str, Any]:
    board = doing.ask("cloudwatch", "GetDashboard", DashboardName=name)
    return {"DashboardBody": board["DashboardBody"], "Tags": _watched_tags(doing, board["DashboardArn"])}


def _hook(doing: Doing, name: str) -> Mapping[str, Any]:
    group = doing.properties["AutoScalingGroupName"]
    asked = {"AutoScalingGroupName": group, "LifecycleHookNames": [name]}
    (hook,) = doing.ask("autoscaling", "DescribeLifecycleHooks", **asked)["LifecycleHooks"]
    return named(hook, "DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationMetadata")


_POLICY = (
    *("AdjustmentType", "Cooldown", "EstimatedInstanceWarmup", "MetricAggregationType", "MinAdjustmentMagnitude"),
    *("PolicyType", "ScalingAdjustment", "StepAdjustments"),
)


def _scaling_policy(doing: Doing, arn: str) -> Mapping[str, Any]:
    group = doing.properties["AutoScalingGroupName"]
    asked = {"AutoScalingGroupName": group, "PolicyNames": [arn]}
    (policy,) = doing.ask("autoscaling", "DescribePolicies", **asked)["ScalingPolicies"]
    name = "TargetTrackingConfiguration"
    return {**named(policy, *_POLICY), name: told(doing.properties.get(name), policy.get(name))}


def _schedule(doing: Doing, name: str) -> Mapping[str, Any]:
    group = doing.properties["AutoScalingGroupName"]
    asked = {"AutoScalingGroupName": group, "ScheduledActionNames": [name]}
    (action,) = doing.ask("autoscaling", "DescribeScheduledActions", **asked)["ScheduledUpdateGroupActions"]
    return named(action, "DesiredCapacity", "MaxSize", "MinSize", "Recurrence", "TimeZone")


def _experiment(doing: Doing, template_id: str) -> Mapping[str, Any]:
    template = doing.ask("fis", "GetExperimentTemplate", id=template_id)["experimentTemplate"]
    return {
        "Description": template["description"],
        "RoleArn": template["roleArn"],
        "StopConditions": [_stop(one) for one in template["stopConditions"]],
        "Tags": {key: value for key, value in template.get("tags", {}).items() if not key.startswith("aws:")},
    }


def _stop(condition: Mapping[str, str]) -> dict[str, str]:
    return {"Source": condition["source"], **({"Value": condition["value"]} if "value" in condition else {})}


def _certificate(doing: Doing, arn: str) -> Mapping[str, Any]:
    certificate = doing.ask("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"]
    name = "CertificateTransparencyLoggingPreference"
    return {
        name: certificate["Options"][name],
        "Tags": tags(doing.ask("acm", "ListTagsForCertificate", CertificateArn=arn)),
    }


LIVE: Mapping[str, Live] = {
    "AWS::AutoScaling::AutoScalingGroup": _scaling_group,
    "AWS::AutoScaling::LifecycleHook": _hook,
    "AWS::AutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::AutoScaling::ScheduledAction": _schedule,
    "AWS::CertificateManager::Certificate": _certificate,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _composite_alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": _listener_rule,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_group,
    "AWS::FIS::ExperimentTemplate": _experiment,
}
