"""Single attributes of an instance, and the options of its metadata service."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.compute_kinds import INSTANCE
from aftershock.services.ec2.records.instance import INSTANCES, Instance
from aftershock.services.ec2.records.kinds import SECURITY_GROUP
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.volume import VOLUMES
from aftershock.services.ec2.rules import instance_types, instances, launch
from aftershock.services.ec2.rules.parameters import honours

from . import instance_views, wiring

# The attributes that ModifyInstanceAttribute takes as members of their own; with Attribute and Value it takes any.
MEMBERS = {
    "DisableApiStop": "disableApiStop",
    "DisableApiTermination": "disableApiTermination",
    "EbsOptimized": "ebsOptimized",
    "EnaSupport": "enaSupport",
    "Groups": "groupSet",
    "InstanceInitiatedShutdownBehavior": "instanceInitiatedShutdownBehavior",
    "InstanceType": "instanceType",
    "SourceDestCheck": "sourceDestCheck",
    "UserData": "userData",
    "BlockDeviceMappings": "blockDeviceMapping",
}
SHUTDOWN_BEHAVIORS = ("stop", "terminate")


@honours(
    "InstanceId",
    "Attribute",
    "Value",
    "DisableApiStop",
    "DisableApiTermination",
    "EbsOptimized",
    "Groups",
    "InstanceInitiatedShutdownBehavior",
    "InstanceType",
    "SourceDestCheck",
    "UserData",
    "BlockDeviceMappings.DeviceName",
    "BlockDeviceMappings.Ebs.DeleteOnTermination",
    "BlockDeviceMappings.Ebs.VolumeId",
    only={"EnaSupport.Value": True},
)
def modify_instance_attribute(call: Call, params: Params) -> Result:
    instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
    given = {attribute: params[member] for member, attribute in MEMBERS.items() if params.get(member) is not None}
    if attribute := params.get("Attribute"):
        given.setdefault(attribute, {"Value": params.get("Value")})
    if not given:
        raise AwsError("MissingParameter", "The request must contain the parameter attribute")
    if len(given) > 1:
        raise AwsError(
            "InvalidParameterCombination", f"Fields for multiple attribute types specified: {', '.join(sorted(given))}"
        )
    ((attribute, value),) = given.items()
    if attribute not in _CHANGES:
        raise AwsError("UnsupportedOperation", f"The attribute {attribute} cannot be modified in this region.")
    instances.check_alive(instance)
    _CHANGES[attribute](call, instance, value)
    return {}


def _value(value: Any, attribute: str) -> Any:
    found = value.get("Value") if isinstance(value, Mapping) else value
    if found is None:
        raise AwsError("MissingParameter", f"The request must contain the parameter {attribute}")
    return found


def _boolean(value: Any, attribute: str) -> bool:
    found = _value(value, attribute)
    if isinstance(found, str):
        if found.lower() not in ("true", "false"):
            raise AwsError(
                "InvalidParameterValue", f"Value ({found}) for parameter value is invalid. Expecting true or false."
            )
        return found.lower() == "true"
    return bool(found)


def _put(call: Call, instance: Instance, **changes: Any) -> None:
    INSTANCES.put(call.tx, replace(instance, **changes))


def _type(call: Call, instance: Instance, value: Any) -> None:
    instances.check_stopped(instance)
    found = instance_types.offered(_value(value, "instanceType"))
    instance_types.check_architecture(found, instance.architecture)
    credits_now = instance.cpu_credits if found.burstable else None
    if found.burstable and credits_now is None:
        credits_now = "standard" if found.family == "t2" else "unlimited"
    _put(call, instance, instance_type=found.name, cpu_credits=credits_now, cpu_options=None)


def _user_data(call: Call, instance: Instance, value: Any) -> None:
    """AWS: the new text is run no more, as user data is run once; it can be read."""
    instances.check_stopped(instance)
    found = value.get("Value") if isinstance(value, Mapping) else value
    if isinstance(found, bytes):
        _put(call, instance, user_data=launch.encoded_user_data(found))
    else:
        _put(call, instance, user_data=launch.user_data(found))


def _groups(call: Call, instance: Instance, value: Any) -> None:
    if not isinstance(value, list | tuple) or not value:
        raise AwsError("InvalidParameterValue", "At least one security group must be specified")
    for group_id in value:
        SECURITY_GROUP.require(call.tx, call.account, group_id)
    eni = _interface(call, instance)
    place = f"interface {eni.id}"
    wiring.wish(call, eni, group_ids=wiring.groups_of_vpc(call, eni.vpc_id, value, place=place))


def _interface(call: Call, instance: Instance) -> NetworkInterface:
    eni = NETWORK_INTERFACES.get(call.tx, instance.interface_id)
    if eni is None or eni.instance_id != instance.id:
        raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' has no network interface.")
    return eni


def _source_dest_check(call: Call, instance: Instance, value: Any) -> None:
    wiring.wish(call, _interface(call, instance), source_dest_check=_boolean(value, "sourceDestCheck"))


def _ebs_optimized(call: Call, instance: Instance, value: Any) -> None:
    instances.check_stopped(instance)
    _put(call, instance, ebs_optimized=_boolean(value, "ebsOptimized"))


def _shutdown_behavior(call: Call, instance: Instance, value: Any) -> None:
    found = _value(value, "instanceInitiatedShutdownBehavior")
    if found not in SHUTDOWN_BEHAVIORS:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({found}) for parameter instanceInitiatedShutdownBehavior is invalid. "
            f"Expecting one of {', '.join(SHUTDOWN_BEHAVIORS)}.",
        )
    _put(call, instance, shutdown_behavior=found)


def _block_devices(call: Call, instance: Instance, value: Any) -> None:
    for mapping in value:
        volume = VOLUMES.get(call.tx, instance.volume_id)
        if volume is None or volume.instance_id != instance.id or mapping.get("DeviceName") != volume.device:
            raise AwsError(
                "InvalidInstanceAttributeValue",
                f"No device is currently mapped at {mapping.get('DeviceName')}",
            )
        keep = (mapping.get("Ebs") or {}).get("DeleteOnTermination", volume.delete_on_termination)
        VOLUMES.put(call.tx, replace(volume, delete_on_termination=keep))


_CHANGES: Mapping[str, Callable[[Call, Instance, Any], None]] = {
    "blockDeviceMapping": _block_devices,
    "disableApiStop": lambda call, one, value: _put(call, one, stop_protected=_boolean(value, "disableApiStop")),
    "disableApiTermination": lambda call, one, value: _put(
        call, one, termination_protected=_boolean(value, "disableApiTermination")
    ),
    "ebsOptimized": _ebs_optimized,
    "enaSupport": lambda call, one, value: None,
    "groupSet": _groups,
    "instanceInitiatedShutdownBehavior": _shutdown_behavior,
    "instanceType": _type,
    "sourceDestCheck": _source_dest_check,
    "userData": _user_data,
}


@honours("InstanceId", "Attribute")
def describe_instance_attribute(call: Call, params: Params) -> Result:
    instance, attribute = INSTANCE.require(call.tx, call.account, params["InstanceId"]), params["Attribute"]
    eni = NETWORK_INTERFACES.get(call.tx, instance.interface_id)
    volume = VOLUMES.get(call.tx, instance.volume_id)
    shown: Mapping[str, tuple[str, Any]] = {
        "blockDeviceMapping": ("BlockDeviceMappings", [instance_views.block_device(volume)] if volume else []),
        "disableApiStop": ("DisableApiStop", {"Value": instance.stop_protected}),
        "disableApiTermination": ("DisableApiTermination", {"Value": instance.termination_protected}),
        "ebsOptimized": ("EbsOptimized", {"Value": instance.ebs_optimized}),
        "enaSupport": ("EnaSupport", {"Value": True}),
        "enclaveOptions": ("EnclaveOptions", {"Enabled": False}),
        "groupSet": ("Groups", [{"GroupId": group_id} for group_id in (eni.group_ids if eni else ())]),
        "instanceInitiatedShutdownBehavior": (
            "InstanceInitiatedShutdownBehavior",
            {"Value": instance.shutdown_behavior},
        ),
        "instanceType": ("InstanceType", {"Value": instance.instance_type}),
        "kernel": ("KernelId", {}),
        "productCodes": ("ProductCodes", []),
        "ramdisk": ("RamdiskId", {}),
        "rootDeviceName": ("RootDeviceName", {"Value": instance.root_device}),
        "sourceDestCheck": ("SourceDestCheck", {"Value": eni.source_dest_check if eni else True}),
        "sriovNetSupport": ("SriovNetSupport", {}),
        "userData": ("UserData", {"Value": instance.user_data} if instance.user_data else {}),
    }
    if attribute not in shown:
        raise AwsError(
            "InvalidParameterValue", f"Value ({attribute}) for parameter attribute is invalid. Unknown attribute."
        )
    member, value = shown[attribute]
    return {"InstanceId": instance.id, member: value}


@honours("InstanceId", "Attribute")
def reset_instance_attribute(call: Call, params: Params) -> Result:
    """sourceDestCheck goes back to true; images here have no kernel and no ramdisk to reset."""
    instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
    if params["Attribute"] != "sourceDestCheck":
        raise AwsError("UnsupportedOperation", f"The attribute {params['Attribute']} cannot be reset in this region.")
    instances.check_alive(instance)
    _source_dest_check(call, instance, True)
    return {}


@honours(
    "InstanceId",
    "HttpTokens",
    "HttpPutResponseHopLimit",
    "HttpEndpoint",
    "InstanceMetadataTags",
    only={"HttpProtocolIpv6": "disabled"},
)
def modify_instance_metadata_options(call: Call, params: Params) -> Result:
    """The metadata service reads the record at every request, so that a change is in force at once."""
    instance = INSTANCE.require(call.tx, call.account, params["InstanceId"])
    instances.check_alive(instance)
    options = launch.metadata_options(params, instance.metadata)
    launch.check_metadata_tags(options, instance.tags)
    _put(call, instance, metadata=options)
    return {"InstanceId": instance.id, "InstanceMetadataOptions": launch.metadata_view(options)}


OPERATIONS: dict[str, Operation] = {
    "DescribeInstanceAttribute": describe_instance_attribute,
    "ModifyInstanceAttribute": modify_instance_attribute,
    "ModifyInstanceMetadataOptions": modify_instance_metadata_options,
    "ResetInstanceAttribute": reset_instance_attribute,
}
