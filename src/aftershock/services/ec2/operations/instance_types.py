"""Instance types, and where they are offered: everywhere in the region, as it is one host."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.services.ec2.rules import instance_types
from aftershock.services.ec2.rules.instance_types import InstanceType
from aftershock.services.ec2.rules.parameters import honours
from aftershock.services.ec2.rules.zones import zones

from .describing import paged

PAGE = 100  # AWS: "MaxResults ... between 5 and 100"


@honours("InstanceTypes", "Filters", "MaxResults", "NextToken", "IncludeUnsupportedInRegion")
def describe_instance_types(call: Call, params: Params) -> Result:
    known = instance_types.known()
    if wanted := params.get("InstanceTypes"):
        if missing := [name for name in wanted if name not in known]:
            raise AwsError(
                "InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(missing)}]"
            )
        found = [known[name] for name in dict.fromkeys(wanted)]
    else:
        found = list(known.values())
    found = matching(found, params.get("Filters"), fields=_FIELDS)
    if not params.get("InstanceTypes"):
        params = {"MaxResults": PAGE, **params}
    return paged(
        params,
        found,
        key=lambda one: one.name,
        ids="InstanceTypes",
        answer="InstanceTypes",
        view=instance_types.view,
    )


_FIELDS: Mapping[str, Field[InstanceType]] = {
    "auto-recovery-supported": lambda one: False,
    "bare-metal": lambda one: one.bare_metal,
    "burstable-performance-supported": lambda one: one.burstable,
    "current-generation": lambda one: one.current_generation,
    "dedicated-hosts-supported": lambda one: False,
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps": lambda one: one.ebs_baseline_mbps,
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps": lambda one: one.ebs_max_mbps,
    "ebs-info.ebs-optimized-support": lambda one: "default" if one.ebs_max_mbps else "unsupported",
    "free-tier-eligible": lambda one: one.free_tier,
    "hibernation-supported": lambda one: False,
    "hypervisor": lambda one: None if one.bare_metal else one.hypervisor,
    "instance-storage-supported": lambda one: one.instance_storage_gb is not None,
    "instance-type": lambda one: one.name,
    "memory-info.size-in-mib": lambda one: one.memory_mib,
    "network-info.ipv4-addresses-per-interface": lambda one: one.ipv4_per_eni,
    "network-info.maximum-network-interfaces": lambda one: one.max_enis,
    "network-info.network-performance": lambda one: one.network,
    "processor-info.supported-architecture": lambda one: one.arch,
    "supported-root-device-type": lambda one: "ebs",
    "supported-usage-class": lambda one: "on-demand",
    "supported-virtualization-type": lambda one: "hvm",
    "vcpu-info.default-vcpus": lambda one: one.vcpu,
}


@honours("LocationType", "Filters", "MaxResults", "NextToken")
def describe_instance_type_offerings(call: Call, params: Params) -> Result:
    """Types that can be launched here: those whose processor is the host's own kind, on no bare metal."""
    location_type = params.get("LocationType", "region")
    places = {
        "region": [call.region],
        "availability-zone": [zone.name for zone in zones(call.region)],
        "availability-zone-id": [zone.id for zone in zones(call.region)],
    }
    if location_type not in places:
        raise AwsError("UnsupportedOperation", f"The location type {location_type} is not supported in this region.")
    offered = [
        (one.name, place) for one in instance_types.known().values() if one.runs_here for place in places[location_type]
    ]
    fields: Mapping[str, Field[tuple[str, str]]] = {
        "instance-type": lambda one: one[0],
        "location": lambda one: one[1],
    }
    return paged(
        {"MaxResults": 1000, **params},
        matching(offered, params.get("Filters"), fields=fields),
        key=lambda one: f"{one[0]} {one[1]}",
        ids="InstanceTypes",
        answer="InstanceTypeOfferings",
        view=lambda one: {"InstanceType": one[0], "LocationType": location_type, "Location": one[1]},
    )


OPERATIONS: dict[str, Operation] = {
    "DescribeInstanceTypeOfferings": describe_instance_type_offerings,
    "DescribeInstanceTypes": describe_instance_types,
}
