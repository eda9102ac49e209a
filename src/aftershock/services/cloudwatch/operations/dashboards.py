"""Dashboards, which are recorded only: the region has nobody to draw them."""

import json
import re

from aftershock.aws.arn import Arn
from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.cloudwatch.records.dashboard import DASHBOARDS, Dashboard, dashboard_key
from aftershock.services.cloudwatch.rules import errors
from aftershock.services.cloudwatch.rules.tags import tagged

from .settings import Handler, Settings

PAGE = 1000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


def put_dashboard(settings: Settings, call: Call, params: Params) -> Result:
    name, body = params["DashboardName"], params["DashboardBody"]
    if not _NAME.fullmatch(name):
        raise errors.invalid_value(
            f"The value {name} for field DashboardName contains invalid characters. It can only contain alphanumerics, "
            "dash (-) and underscore (_)."
        )
    try:
        read = json.loads(body)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise AwsError("InvalidParameterInput", "The field DashboardBody must be a valid JSON object")
    before = DASHBOARDS.get(call.tx, dashboard_key(call.account, name))
    by_service = bool(call.principal.service)
    made = Dashboard(
        id=dashboard_key(call.account, name),
        account=call.account,
        name=name,
        body=body,
        modified_at=call.now,
        tags=before.tags if before else tagged({}, params.get("Tags") or (), by_service=by_service),
    )
    DASHBOARDS.put(call.tx, made)
    return {"DashboardValidationMessages": []}


def get_dashboard(settings: Settings, call: Call, params: Params) -> Result:
    found = _require(call, params["DashboardName"])
    return {"DashboardName": found.name, "DashboardArn": dashboard_arn(found), "DashboardBody": found.body}


def list_dashboards(settings: Settings, call: Call, params: Params) -> Result:
    prefix = params.get("DashboardNamePrefix") or ""
    found = [one for one in DASHBOARDS.where(call.tx, "account", call.account) if one.name.startswith(prefix)]
    try:
        shown, token = page(found, key=lambda one: one.name, token=params.get("NextToken"), size=PAGE)
    except InvalidToken:
        raise errors.bad_value(params["NextToken"], "NextToken") from None
    return {"DashboardEntries": [_entry(one) for one in shown], "NextToken": token}


def delete_dashboards(settings: Settings, call: Call, params: Params) -> Result:
    """AWS: "If you specify multiple dashboards … and one doesn't exist, none are deleted"."""
    for found in [_require(call, name) for name in params["DashboardNames"]]:
        DASHBOARDS.forget(call.tx, found.id)
    return {}


def _require(call: Call, name: str) -> Dashboard:
    found = DASHBOARDS.get(call.tx, dashboard_key(call.account, name))
    if found is None:
        raise AwsError("ResourceNotFound", f"Dashboard {name} does not exist", status=404)
    return found


def dashboard_arn(dashboard: Dashboard) -> str:
    return str(Arn("cloudwatch", "", dashboard.account, f"dashboard/{dashboard.name}"))


def _entry(dashboard: Dashboard) -> Result:
    return {
        "DashboardName": dashboard.name,
        "DashboardArn": dashboard_arn(dashboard),
        "LastModified": dashboard.modified_at,
        "Size": len(dashboard.body.encode()),
    }


OPERATIONS: dict[str, Handler] = {
    "PutDashboard": put_dashboard,
    "GetDashboard": get_dashboard,
    "ListDashboards": list_dashboards,
    "DeleteDashboards": delete_dashboards,
}
