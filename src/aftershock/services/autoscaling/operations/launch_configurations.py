"""Launch configurations: AWS advises templates instead, and goes on accepting these."""

from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.autoscaling.outside import Outside
from aftershock.services.autoscaling.records import CONFIGURATIONS, GROUPS, LaunchConfiguration, group_key
from aftershock.services.autoscaling.rules import errors
from aftershock.services.autoscaling.rules.parameters import paged, refuse

from .found import names_of, new_uuid

MAX_CONFIGURATIONS = 200
KEPT = (
    "ImageId",
    "KeyName",
    "SecurityGroups",
    "UserData",
    "InstanceType",
    "BlockDeviceMappings",
    "IamInstanceProfile",
    "EbsOptimized",
    "AssociatePublicIpAddress",
    "MetadataOptions",
)


def create_launch_configuration(outside: Outside, call: Call, params: Params) -> Result:
    refuse(
        params,
        "ClassicLinkVPCId",
        "ClassicLinkVPCSecurityGroups",
        "InstanceId",
        "KernelId",
        "RamdiskId",
        "SpotPrice",
    )
    if params.get("PlacementTenancy", "default") != "default":
        raise errors.unsupported("PlacementTenancy")
    name = params["LaunchConfigurationName"]
    if CONFIGURATIONS.get(call.tx, group_key(call.account, name)):
        raise AwsError(
            "AlreadyExists",
            "Launch Configuration by this name already exists - A launch configuration already exists with the name "
            + name,
        )
    if len(CONFIGURATIONS.keys(call.tx)) >= MAX_CONFIGURATIONS:
        raise errors.limit("launch configurations", MAX_CONFIGURATIONS)
    if not params.get("ImageId") or not params.get("InstanceType"):
        raise errors.validation(
            "Valid requests must contain either the InstanceID parameter or both the ImageId and "
            "InstanceType parameters."
        )
    _check_there(outside, call, params)
    given = {member: params[member] for member in KEPT if params.get(member) is not None}
    # AWS: detailed monitoring unless it is switched off.
    given["InstanceMonitoring"] = {"Enabled": (params.get("InstanceMonitoring") or {}).get("Enabled", True)}
    CONFIGURATIONS.put(
        call.tx,
        LaunchConfiguration(
            account=call.account,
            region=call.region,
            name=name,
            uuid=new_uuid(call),
            created_at=call.now,
            given=given,
        ),
    )
    return {}


def _check_there(outside: Outside, call: Call, params: Params) -> None:
    asked = [("DescribeImages", {"ImageIds": [params["ImageId"]]})]
    if groups := [one for one in params.get("SecurityGroups", ()) if one.startswith("sg-")]:
        asked.append(("DescribeSecurityGroups", {"GroupIds": groups}))
    if key := params.get("KeyName"):
        asked.append(("DescribeKeyPairs", {"KeyNames": [key]}))
    for operation, named in asked:
        try:
            outside.ask("ec2", operation, named, within=call)
        except AwsError as error:
            raise errors.validation(error.message) from error


def describe_launch_configurations(outside: Outside, call: Call, params: Params) -> Result:
    wanted = names_of(params.get("LaunchConfigurationNames"))
    found = [one for one in CONFIGURATIONS.every(call.tx) if one.account == call.account]
    found = sorted((one for one in found if not wanted or one.name in wanted), key=lambda one: one.name)
    return paged(params, found, key=lambda one: one.name, answer="LaunchConfigurations", view=_view)


def _view(found: LaunchConfiguration) -> dict[str, Any]:
    arn = (
        f"arn:aws:autoscaling:{found.region}:{found.account}:launchConfiguration:{found.uuid}"
        f":launchConfigurationName/{found.name}"
    )
    return {
        "EbsOptimized": False,
        "SecurityGroups": [],
        "BlockDeviceMappings": [],
        "KeyName": "",
        "UserData": "",
        "KernelId": "",
        "RamdiskId": "",
        **found.given,
        "LaunchConfigurationName": found.name,
        "LaunchConfigurationARN": arn,
        "CreatedTime": found.created_at,
    }


def delete_launch_configuration(outside: Outside, call: Call, params: Params) -> Result:
    name = params["LaunchConfigurationName"]
    key = group_key(call.account, name)
    if CONFIGURATIONS.get(call.tx, key) is None:
        raise errors.no_such_configuration(name)
    if GROUPS.where(call.tx, "configuration", key):
        raise errors.in_use(f"Cannot delete launch configuration {name} because it is attached to an AutoScalingGroup")
    CONFIGURATIONS.forget(call.tx, key)
    return {}


OPERATIONS = {
    "CreateLaunchConfiguration": create_launch_configuration,
    "DeleteLaunchConfiguration": delete_launch_configuration,
    "DescribeLaunchConfigurations": describe_launch_configurations,
}
