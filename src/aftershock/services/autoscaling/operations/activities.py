"""What was done, and why."""

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.filters import Field, matching
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import ACTIVITIES, GROUPS, Activity
from aftershock.services.autoscaling.rules.parameters import paged

from .found import activity_view, names_of


def describe_scaling_activities(outside: Outside, call: Call, params: Params) -> Result:
    """The newest first; those of deleted groups only where they are asked for."""
    wanted, name = names_of(params.get("ActivityIds")), params.get("AutoScalingGroupName")
    arns = {group.arn for group in GROUPS.every(call.tx)}
    deleted = bool(params.get("IncludeDeletedGroups"))
    if name is not None:
        every = ACTIVITIES.where(call.tx, "group", f"{call.account} {name}")
    else:
        every = [one for one in ACTIVITIES.every(call.tx) if one.group.startswith(f"{call.account} ")]
    found = [one for one in every if (deleted or one.group_arn in arns) and (not wanted or one.id in wanted)]
    fields: dict[str, Field[Activity]] = {"Status": lambda one: one.status}
    found = sorted(matching(found, params.get("Filters"), fields=fields), key=_order)
    return paged(
        params,
        found,
        key=_order,
        answer="Activities",
        view=lambda one: {
            **activity_view(one),
            "AutoScalingGroupState": "Deleted" if one.group_arn not in arns else None,
        },
        usual=100,
    )


def _order(activity: Activity) -> str:
    return f"{10**15 - int(activity.started_at.timestamp() * 1000):016} {activity.id}"


OPERATIONS = {"DescribeScalingActivities": describe_scaling_activities}
