"""What RunInstances may be asked, and what a launch template adds to it."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from aftershock.aws.call import Params
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.instance import CpuOptions, MetadataOptions

from .disks import DEFAULT_KEY
from .instance_types import InstanceType

MAX_USER_DATA = 16384  # bytes, before base64; AWS: "User data is limited to 16 KB, in raw form"
MAX_COUNT = 1000  # of one call; far more than one host holds

HONOURED = frozenset(
    {
        "DryRun",
        "BlockDeviceMappings.DeviceName",
        "BlockDeviceMappings.NoDevice",
        "BlockDeviceMappings.VirtualName",
        "BlockDeviceMappings.Ebs.DeleteOnTermination",
        "BlockDeviceMappings.Ebs.Encrypted",
        "BlockDeviceMappings.Ebs.Iops",
        "BlockDeviceMappings.Ebs.SnapshotId",
        "BlockDeviceMappings.Ebs.Throughput",
        "BlockDeviceMappings.Ebs.VolumeSize",
        "BlockDeviceMappings.Ebs.VolumeType",
        "CapacityReservationSpecification.CapacityReservationPreference",
        "ClientToken",
        "CpuOptions.CoreCount",
        "CpuOptions.ThreadsPerCore",
        "CreditSpecification.CpuCredits",
        "DisableApiStop",
        "DisableApiTermination",
        "EbsOptimized",
        "IamInstanceProfile",
        "ImageId",
        "InstanceInitiatedShutdownBehavior",
        "InstanceType",
        "KeyName",
        "LaunchTemplate",
        "MaxCount",
        "MetadataOptions",
        "MinCount",
        "Monitoring.Enabled",
        "NetworkInterfaces.AssociatePublicIpAddress",
        "NetworkInterfaces.DeleteOnTermination",
        "NetworkInterfaces.Description",
        "NetworkInterfaces.DeviceIndex",
        "NetworkInterfaces.Groups",
        "NetworkInterfaces.NetworkInterfaceId",
        "NetworkInterfaces.PrivateIpAddress",
        "NetworkInterfaces.PrivateIpAddresses",
        "NetworkInterfaces.SubnetId",
        "Placement.AvailabilityZone",
        "Placement.AvailabilityZoneId",
        "PrivateIpAddress",
        "SecurityGroupIds",
        "SecurityGroups",
        "SubnetId",
        "TagSpecifications",
        "UserData",
    }
)
# Parameters of which one value is true here, so that saying it changes nothing.
ONLY: Mapping[str, Any] = {
    "BlockDeviceMappings.Ebs.KmsKeyId": DEFAULT_KEY,
    "CpuOptions.AmdSevSnp": "disabled",
    "EnclaveOptions.Enabled": False,
    "HibernationOptions.Configured": False,
    "InstanceMarketOptions.MarketType": "on-demand",
    "MaintenanceOptions.AutoRecovery": "default",
    "NetworkInterfaces.AssociateCarrierIpAddress": False,
    "NetworkInterfaces.InterfaceType": "interface",
    "NetworkInterfaces.Ipv4PrefixCount": 0,
    "NetworkInterfaces.Ipv6AddressCount": 0,
    "NetworkInterfaces.Ipv6PrefixCount": 0,
    "NetworkInterfaces.NetworkCardIndex": 0,
    "NetworkInterfaces.PrimaryIpv6": False,
    "NetworkInterfaces.SecondaryPrivateIpAddressCount": 0,
    "Ipv6AddressCount": 0,
    "EnablePrimaryIpv6": False,
    "NetworkPerformanceOptions.BandwidthWeighting": "default",
    "Placement.Affinity": "default",
    "Placement.Tenancy": "default",
    "Placement.GroupName": "",
    "PrivateDnsNameOptions.EnableResourceNameDnsAAAARecord": False,
    "PrivateDnsNameOptions.EnableResourceNameDnsARecord": False,
    "PrivateDnsNameOptions.HostnameType": "ip-name",
}
TAGGABLE = ("instance", "volume", "network-interface")
# Other kinds of which a launch makes none: their tags are accepted, as on AWS, and tag nothing.
TAGGABLE_IN_VAIN = ("spot-instances-request", "elastic-gpu")


def merged(template: Mapping[str, Any] | None, params: Params) -> dict[str, Any]:
    """The request with what its launch template adds; AWS: parameters of the request override the template's."""
    result = {**(template or {}), **params}
    result.pop("LaunchTemplate", None)
    if template is None:
        return result
    if template.get("TagSpecifications") and params.get("TagSpecifications"):
        result["TagSpecifications"] = _merged_tags(template["TagSpecifications"], params["TagSpecifications"])
    for name, key in (("NetworkInterfaces", "DeviceIndex"), ("BlockDeviceMappings", "DeviceName")):
        if template.get(name) and params.get(name):
            by_key = {one.get(key): one for one in template[name]}
            by_key.update({one.get(key): one for one in params[name]})
            result[name] = list(by_key.values())
    if template.get("NetworkInterfaces") and not params.get("NetworkInterfaces"):
        # A request that names subnet, groups or address itself means the template's first interface.
        result["NetworkInterfaces"] = _with_own(template["NetworkInterfaces"], params, result)
    if "SecurityGroupIds" in params or "SecurityGroups" in params:
        for name in ("SecurityGroupIds", "SecurityGroups"):
            if name not in params:
                result.pop(name, None)
    return result


def _with_own(
    interfaces: Sequence[Mapping[str, Any]], params: Params, result: dict[str, Any]
) -> list[Mapping[str, Any]]:
    first, *others = interfaces
    own = dict(first)
    for name, inner in (
        ("SubnetId", "SubnetId"),
        ("PrivateIpAddress", "PrivateIpAddress"),
        ("SecurityGroupIds", "Groups"),
    ):
        if params.get(name):
            own[inner] = result.pop(name)
    return [own, *others]


def _merged_tags(template: Sequence[Mapping[str, Any]], request: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, str]] = {}
    for one in (*template, *request):
        tags = found.setdefault(one.get("ResourceType", ""), {})
        tags.update({tag["Key"]: tag.get("Value", "") for tag in one.get("Tags", ())})
    return [
        {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
        for kind, tags in found.items()
    ]


def counts(params: Params) -> tuple[int, int]:
    """
    Raises:
        AwsError: InvalidParameterValue, InvalidParameterCombination
    """
    least, most = params["MinCount"], params["MaxCount"]
    for name, value in (("minCount", least), ("maxCount", most)):
        if value < 1:
            raise AwsError(
                "InvalidParameterValue",
                f"Value ({value}) for parameter {name} is invalid. Expected a positive, non-zero number.",
            )
    if least > most:
        raise AwsError(
            "InvalidParameterCombination",
            f"The parameter minCount ({least}) may not be greater than the parameter maxCount ({most})",
        )
    if least > MAX_COUNT:
        raise AwsError(
            "InstanceLimitExceeded",
            f"You have requested more instances ({least}) than your current instance limit of {MAX_COUNT} allows.",
        )
    return least, min(most, MAX_COUNT)


def user_data(text: str | None, *, code: str = "InvalidParameterValue", message: str = "") -> str | None:
    """The user data as base64 again, without line ends; None where there is none.

    Raises:
        AwsError: it is not base64, or too long.
    """
    if not text:
        return None
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise AwsError(code, message or "Invalid BASE64 encoding of user data") from None
    return encoded_user_data(raw)


def encoded_user_data(raw: bytes) -> str | None:
    if len(raw) > MAX_USER_DATA:
        raise AwsError("InvalidParameterValue", f"User data is limited to {MAX_USER_DATA} bytes")
    return base64.b64encode(raw).decode() or None


def interface(params: Params) -> Mapping[str, Any] | None:
    """The one network interface that the request describes.

    Raises:
        AwsError: InvalidParameterCombination with what describes it a second time; UnsupportedOperation for others.
    """
    interfaces = params.get("NetworkInterfaces")
    if not interfaces:
        return None
    for name, words in (
        ("SubnetId", "subnet ID"),
        ("SecurityGroupIds", "security groups"),
        ("SecurityGroups", "security groups"),
        ("PrivateIpAddress", "private IP address"),
    ):
        if params.get(name):
            raise AwsError(
                "InvalidParameterCombination",
                f"Network interfaces and an instance-level {words} may not be specified on the same request",
            )
    if len(interfaces) > 1 or interfaces[0].get("DeviceIndex", 0) != 0:
        raise AwsError(
            "UnsupportedOperation",
            "An instance in this region has one network interface, the one with the device index 0.",
        )
    return dict(interfaces[0])


def existing_interface(interface: Mapping[str, Any], count: int) -> str | None:
    """The interface that is there already and is to be the instance's, if the request names one.

    Raises:
        AwsError: InvalidParameterCombination with what only a new one can be given, and for several instances.
    """
    interface_id: str | None = interface.get("NetworkInterfaceId")
    if not interface_id:
        return None
    if interface.get("AssociatePublicIpAddress") is not None:
        raise AwsError(
            "InvalidParameterCombination",
            "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.",
        )
    for name, words in (
        ("SubnetId", "a subnet"),
        ("PrivateIpAddress", "a private IP address"),
        ("PrivateIpAddresses", "a private IP address"),
        ("Groups", "security groups"),
        ("Description", "a description"),
        ("DeleteOnTermination", "delete on termination as true"),
    ):
        if interface.get(name):
            raise AwsError(
                "InvalidParameterCombination",
                f"A network interface may not specify both a network interface ID and {words}",
            )
    if count > 1:
        raise AwsError(
            "InvalidParameterCombination",
            "Multiple instances creation is not compatible with private IP address or network interface ID parameters.",
        )
    return interface_id


def private_address(interface_or_request: Mapping[str, Any], count: int) -> str | None:
    """The private address asked for.

    Raises:
        AwsError: UnsupportedOperation for secondary addresses; InvalidParameterCombination for several instances.
    """
    address = interface_or_request.get("PrivateIpAddress")
    for one in interface_or_request.get("PrivateIpAddresses") or ():
        if not one.get("Primary") or address not in (None, one.get("PrivateIpAddress")):
            raise AwsError("UnsupportedOperation", "Secondary private IP addresses are not supported in this region.")
        address = one.get("PrivateIpAddress")
    if address and count > 1:
        raise AwsError(
            "InvalidParameterCombination",
            "A private IP address may not be specified when launching more than one instance",
        )
    return address or None


def cpu_options(given: Mapping[str, Any] | None, found: InstanceType) -> CpuOptions | None:
    """The options, if the request says any; they have to come to all of the type's vCPUs.

    Raises:
        AwsError: UnsupportedOperation
    """
    cores, threads = (given or {}).get("CoreCount"), (given or {}).get("ThreadsPerCore")
    if cores is None and threads is None:
        return None
    if cores is None or threads is None or cores * threads != found.vcpu:
        raise AwsError(
            "UnsupportedOperation",
            f"The value ({cores} cores of {threads} threads) for parameter CpuOptions is not supported in this region. "
            f"The only supported values are those that come to the {found.vcpu} vCPUs of the type {found.name}.",
        )
    return CpuOptions(cores=cores, threads_per_core=threads)


def metadata_options(given: Mapping[str, Any] | None, before: MetadataOptions | None = None) -> MetadataOptions:
    """
    Raises:
        AwsError: InvalidParameterValue for a hop limit out of range; UnsupportedOperation for IPv6.
    """
    now, given = before or MetadataOptions(), given or {}
    hop_limit = given.get("HttpPutResponseHopLimit", now.hop_limit)
    if not 1 <= hop_limit <= 64:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({hop_limit}) for parameter HttpPutResponseHopLimit is invalid. "
            "Parameter value must be between 1 and 64.",
        )
    if given.get("HttpProtocolIpv6", "disabled") != "disabled":
        raise AwsError(
            "UnsupportedOperation", "The IPv6 endpoint of the metadata service is not supported in this region."
        )
    return MetadataOptions(
        http_tokens=given.get("HttpTokens", now.http_tokens),
        http_endpoint=given.get("HttpEndpoint", now.http_endpoint),
        instance_tags=given.get("InstanceMetadataTags", now.instance_tags),
        hop_limit=hop_limit,
    )


def metadata_view(options: MetadataOptions) -> dict[str, Any]:
    return {
        "State": "applied",
        "HttpTokens": options.http_tokens,
        "HttpPutResponseHopLimit": options.hop_limit,
        "HttpEndpoint": options.http_endpoint,
        "HttpProtocolIpv6": options.ipv6,
        "InstanceMetadataTags": options.instance_tags,
    }


def check_metadata_tags(options: MetadataOptions, tags: Mapping[str, str]) -> None:
    """AWS: tags in the metadata have keys of letters, digits and +-=.,_:@ only, and not ".", ".." or "_index"."""
    if options.instance_tags != "enabled":
        return
    allowed = set("+-=.,_:@")
    for key in tags:
        if key in (".", "..", "_index") or not all(one.isascii() and (one.isalnum() or one in allowed) for one in key):
            raise AwsError(
                "InvalidParameterValue",
                f"'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and "
                "must not be a reserved name ('.', '..', '_index')",
            )
