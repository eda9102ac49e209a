"""Tags of alarms and dashboards."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from aftershock.aws import arn as arns
from aftershock.aws.call import Call, Params, Result
from aftershock.services.cloudwatch.records.alarm import ALARMS
from aftershock.services.cloudwatch.records.dashboard import DASHBOARDS, dashboard_key
from aftershock.services.cloudwatch.rules.errors import bad_value, no_such_resource
from aftershock.services.cloudwatch.rules.tags import tagged, view

from .found import get_alarm
from .settings import Handler, Settings

Tags = Mapping[str, str]


def tag_resource(settings: Settings, call: Call, params: Params) -> Result:
    by_service = bool(call.principal.service)
    _change(call, params["ResourceARN"], lambda tags: tagged(tags, params["Tags"], by_service=by_service))
    return {}


def untag_resource(settings: Settings, call: Call, params: Params) -> Result:
    gone = set(params["TagKeys"])
    _change(call, params["ResourceARN"], lambda tags: {key: tags[key] for key in tags if key not in gone})
    return {}


def list_tags_for_resource(settings: Settings, call: Call, params: Params) -> Result:
    return {"Tags": view(_change(call, params["ResourceARN"], dict))}


def _change(call: Call, arn: str, change: Callable[[Tags], dict[str, str]]) -> Tags:
    """The tags after the change.

    Raises:
        AwsError: InvalidParameterValue for what is no ARN, ResourceNotFoundException for one of nothing
    """
    found = arns.parse(arn)
    if found is None or found.service != "cloudwatch":
        raise bad_value(arn, "ResourceARN")
    kind, _, name = found.resource.replace("/", ":", 1).partition(":")
    if found.account == call.account and kind == "alarm" and found.region == call.region:
        name = found.resource.removeprefix("alarm:")
        if (alarm := get_alarm(call, name)) is not None:
            after = change(alarm.tags)
            ALARMS.put(call.tx, replace(alarm, tags=after))
            return after
    if found.account == call.account and kind == "dashboard":
        dashboard = DASHBOARDS.get(call.tx, dashboard_key(call.account, name))
        if dashboard is not None:
            after = change(dashboard.tags)
            DASHBOARDS.put(call.tx, replace(dashboard, tags=after))
            return after
    raise no_such_resource(arn)


OPERATIONS: dict[str, Handler] = {
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
    "ListTagsForResource": list_tags_for_resource,
}
