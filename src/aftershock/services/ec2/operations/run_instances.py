"""RunInstances: one wish for each instance, with its interface and its root disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aftershock.aws import arn as arns
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.image import Image
from aftershock.services.ec2.records.instance import (
    INSTANCES,
    CpuOptions,
    Instance,
    MetadataOptions,
    ProfileAssociation,
)
from aftershock.services.ec2.records.key_pair import KEY_PAIRS
from aftershock.services.ec2.records.kinds import NETWORK_INTERFACE, SECURITY_GROUP, SUBNET
from aftershock.services.ec2.records.network_interface import NetworkInterface
from aftershock.services.ec2.records.security_group import named
from aftershock.services.ec2.records.snapshot import Snapshot
from aftershock.services.ec2.records.subnet import Subnet, default_subnet
from aftershock.services.ec2.records.volume import VOLUMES, Volume
from aftershock.services.ec2.records.vpc import default_vpc
from aftershock.services.ec2.records.zone_outage import dark_zones
from aftershock.services.ec2.rules import disks, instance_types, launch, tags
from aftershock.services.ec2.rules.parameters import refuse_others
from aftershock.services.ec2.rules.zones import zone_with_id, zones

from . import images, instance_views, launch_templates, wiring
from .idempotency import made_before, remember
from .outside import Outside, Profile
from .room import require_room


def run_instances(outside: Outside, call: Call, params: Params) -> Result:
    if reservation := made_before(call, "RunInstances", params):
        launched = INSTANCES.where(call.tx, "reservation", reservation)
        if not launched:  # terminated, and not shown any more
            return {"ReservationId": reservation, "OwnerId": call.account, "Groups": [], "Instances": []}
        return instance_views.reservation(call, launched)
    asked = launch.merged(launch_templates.data_of(call, params.get("LaunchTemplate")), params)
    refuse_others(asked, launch.HONOURED, launch.ONLY)
    least, most = launch.counts(asked)
    image_id = images.resolved(outside, call, asked.get("ImageId") or "")
    image, snapshot = images.require_launchable(call, image_id)
    made = launch_spec(call, outside, asked, image=image, snapshot=snapshot, count=most)
    count = require_room(call, outside, made.instance_type, made.subnet.zone, least=least, most=most)
    reservation = call.new_id("r")
    launched = [_launch(call, made, reservation, index) for index in range(count)]
    remember(call, "RunInstances", params, reservation)
    return instance_views.reservation(call, launched)


@dataclass(frozen=True, slots=True)
class LaunchSpec:
    """A checked request: what every instance of it is made from."""

    image: Image
    layers: tuple[str, ...]
    instance_type: str
    subnet: Subnet
    group_ids: tuple[str, ...]
    interface: Mapping[str, Any]
    existing: NetworkInterface | None  # made before, and not for this instance; the others are made with theirs
    private_ip: str | None
    auto_public: bool
    disk: disks.RootDisk
    cpu: CpuOptions | None
    key_name: str | None
    user_data: str | None
    profile: Profile | None
    metadata: MetadataOptions
    tags: dict[str, dict[str, str]]
    asked: Mapping[str, Any]


def launch_spec(
    call: Call, outside: Outside, asked: Mapping[str, Any], *, image: Image, snapshot: Snapshot, count: int
) -> LaunchSpec:
    """
    Raises:
        AwsError: something that the request names is not there, or does not go together.
    """
    name = asked.get("InstanceType") or instance_types.DEFAULT
    found = instance_types.offered(name)
    instance_types.check_architecture(found, image.architecture)
    mappings: Sequence[Mapping[str, Any]] = asked.get("BlockDeviceMappings") or ()
    if found.instance_storage_gb is None:
        mappings = disks.without_instance_store(mappings, image.root_device)
    interface = launch.interface(asked)
    existing = _existing(call, launch.existing_interface(interface or {}, count))
    subnet = _subnet(call, asked, {"SubnetId": existing.subnet_id} if existing else interface)
    tagged = _tags(call, asked)
    metadata = launch.metadata_options(asked.get("MetadataOptions"))
    launch.check_metadata_tags(metadata, tagged["instance"])
    _check_reservations(asked)
    auto_public = (interface or {}).get("AssociatePublicIpAddress")
    return LaunchSpec(
        image=image,
        layers=snapshot.layers,
        instance_type=name,
        subnet=subnet,
        group_ids=_groups(call, asked, interface, subnet),
        interface=interface or {},
        existing=existing,
        private_ip=launch.private_address(interface or asked, count),
        auto_public=subnet.map_public_ip_on_launch if auto_public is None else auto_public,
        disk=disks.root_disk(
            mappings,
            device=image.root_device,
            snapshot_id=image.snapshot_id,
            size_gib=image.size_gib,
            kind=image.volume_kind,
            delete_on_termination=image.delete_on_termination,
            encrypted=snapshot.encrypted,
        ),
        cpu=launch.cpu_options(asked.get("CpuOptions"), found),
        key_name=_key_name(call, asked.get("KeyName")),
        user_data=launch.user_data(asked.get("UserData")),
        profile=profile_of(call, outside, asked.get("IamInstanceProfile")),
        metadata=metadata,
        tags=tagged,
        asked=asked,
    )


def _launch(call: Call, made: LaunchSpec, reservation: str, index: int) -> Instance:
    instance_id = call.new_id("i")
    eni = wiring.plug(call, _interface(call, made, instance_id))
    volume = _root_volume(call, made, instance_id)
    asked = made.asked
    instance = Instance(
        id=instance_id,
        account=call.account,
        region=call.region,
        tags=made.tags["instance"],
        reservation_id=reservation,
        launch_index=index,
        launched_by=call.principal.arn,
        image_id=made.image.id,
        layers=made.layers,
        architecture=made.image.architecture,
        root_device=made.image.root_device,
        instance_type=made.instance_type,
        zone=made.subnet.zone,
        vpc_id=made.subnet.vpc_id,
        subnet_id=made.subnet.id,
        private_ip=eni.private_ip,
        interface_id=eni.id,
        volume_id=volume.id,
        key_name=made.key_name,
        user_data=made.user_data,
        profile=association(call, made.profile) if made.profile else None,
        metadata=made.metadata,
        shutdown_behavior=asked.get("InstanceInitiatedShutdownBehavior") or "stop",
        termination_protected=asked.get("DisableApiTermination", False),
        stop_protected=asked.get("DisableApiStop", False),
        ebs_optimized=asked.get("EbsOptimized", False),
        cpu_credits=_credits(made.instance_type, asked.get("CreditSpecification")),
        cpu_options=made.cpu,
        monitored=(asked.get("Monitoring") or {}).get("Enabled", False),
        client_token=asked.get("ClientToken", ""),
        created_at=call.now,
        launched_at=call.now,
        asked_at=call.now,
    )
    INSTANCES.put(call.tx, instance)
    return instance


def _existing(call: Call, interface_id: str | None) -> NetworkInterface | None:
    """
    Raises:
        AwsError: InvalidNetworkInterface.InUse, also while the wire to the machine that had it before is still there.
    """
    if interface_id is None:
        return None
    eni = wiring.own(NETWORK_INTERFACE.require(call.tx, call.account, interface_id))
    if eni.attachment_id is not None or eni.plug or eni.plugged:
        raise AwsError("InvalidNetworkInterface.InUse", f"Interface: [{eni.id}] in use.")
    return eni


def _interface(call: Call, made: LaunchSpec, instance_id: str) -> NetworkInterface:
    """AWS: one that is there already is never deleted with the instance, unless that is asked for later."""
    if made.existing is not None:
        return wiring.attach(call, made.existing, instance_id=instance_id, device_index=0, delete_on_termination=False)
    return wiring.create(
        call,
        subnet=made.subnet,
        group_ids=made.group_ids,
        private_ip=made.private_ip,
        description=made.interface.get("Description", ""),
        instance_id=instance_id,
        device_index=0,
        delete_on_termination=made.interface.get("DeleteOnTermination", True),
        auto_public=made.auto_public,
        tags=made.tags["network-interface"],
    )


def _root_volume(call: Call, made: LaunchSpec, instance_id: str) -> Volume:
    volume = Volume(
        id=call.new_id("vol"),
        account=call.account,
        region=call.region,
        tags=made.tags["volume"],
        size_gib=made.disk.size_gib,
        kind=made.disk.kind,
        iops=made.disk.iops,
        throughput=made.disk.throughput,
        encrypted=made.disk.encrypted,
        zone=made.subnet.zone,
        snapshot_id=made.image.snapshot_id,
        layers=made.layers,
        created_at=call.now,
        instance_id=instance_id,
        device=made.image.root_device,
        attached_at=call.now,
        delete_on_termination=made.disk.delete_on_termination,
    )
    VOLUMES.put(call.tx, volume)
    return volume


def _subnet(call: Call, asked: Mapping[str, Any], interface: Mapping[str, Any] | None) -> Subnet:
    """Where to launch: the subnet named, or the default one of the zone named, or any default one."""
    zone = _zone(call, asked.get("Placement") or {})
    subnet_id = (interface or {}).get("SubnetId") or asked.get("SubnetId")
    if subnet_id:
        subnet = SUBNET.require(call.tx, call.account, subnet_id)
        if zone not in (None, subnet.zone):
            raise AwsError(
                "InvalidParameterCombination",
                f"The specified subnet '{subnet.id}' is in the availability zone '{subnet.zone}', not in '{zone}'.",
            )
        return subnet
    out = frozenset(dark_zones(call.tx))
    if found := default_subnet(call.tx, call.account, zone, without=out if zone is None else frozenset()):
        return found
    if zone is None and (found := default_subnet(call.tx, call.account)):
        return found  # every zone is out, and the one named in the refusal is as good as any
    vpc = default_vpc(call.tx, call.account)
    if vpc is None:
        raise AwsError("VPCIdNotSpecified", "No default VPC for this user")
    if zone is not None:
        raise AwsError("InvalidInput", f"No default subnet for availability zone: '{zone}'.")
    raise AwsError("MissingInput", f"No subnets found for the default VPC '{vpc.id}'. Please specify a subnet.")


def _zone(call: Call, placement: Mapping[str, Any]) -> str | None:
    name, zone_id = placement.get("AvailabilityZone"), placement.get("AvailabilityZoneId")
    known = {zone.name: zone.id for zone in zones(call.region)}
    if name and name not in known:
        raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{name}]")
    if not zone_id:
        return name or None
    found = zone_with_id(call.region, zone_id)
    if name and found.name != name:
        raise AwsError(
            "InvalidParameterCombination", f"The availability zone '{name}' does not have the id '{zone_id}'."
        )
    return found.name


def _groups(
    call: Call, asked: Mapping[str, Any], interface: Mapping[str, Any] | None, subnet: Subnet
) -> tuple[str, ...]:
    """The groups by id; none means the VPC's default group, which `wiring.create` knows."""
    if interface is not None:
        return tuple(interface.get("Groups") or ())
    ids, names = list(asked.get("SecurityGroupIds") or ()), asked.get("SecurityGroups") or ()
    if names and asked.get("SubnetId"):
        raise AwsError(
            "InvalidParameterCombination", "The parameter groupName cannot be used with the parameter subnet"
        )
    for name in names:
        group = named(call.tx, subnet.vpc_id, name)
        if group is None:
            raise AwsError(
                "InvalidGroup.NotFound",
                f"The security group '{name}' does not exist in default VPC '{subnet.vpc_id}'",
            )
        ids.append(group.id)
    for group_id in ids:
        SECURITY_GROUP.require(call.tx, call.account, group_id)
    return tuple(ids)


def _key_name(call: Call, name: str | None) -> str | None:
    if not name:
        return None
    if not any(pair.account == call.account for pair in KEY_PAIRS.where(call.tx, "name", name)):
        raise AwsError("InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
    return name


def _tags(call: Call, asked: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    given = asked.get("TagSpecifications")
    return tags.specified(given, *launch.TAGGABLE, *launch.TAGGABLE_IN_VAIN, by=call.principal)


def _check_reservations(asked: Mapping[str, Any]) -> None:
    """There are no capacity reservations, so that using one if there is one, and using none, are honoured alike."""
    wanted = (asked.get("CapacityReservationSpecification") or {}).get("CapacityReservationPreference")
    if wanted not in (None, "open", "none"):
        raise AwsError("UnsupportedOperation", "Capacity reservations are not supported in this region.")


def _credits(instance_type: str, given: Mapping[str, Any] | None) -> str | None:
    found = instance_types.known()[instance_type]
    wanted = (given or {}).get("CpuCredits")
    if not found.burstable:
        if wanted:
            raise AwsError(
                "InvalidParameterCombination",
                f"The parameter creditSpecification is not supported for instance type {instance_type}",
            )
        return None
    if wanted not in (None, "standard", "unlimited"):
        raise AwsError("InvalidParameterValue", f"Invalid value for CpuCredits: {wanted}")
    return wanted or ("standard" if found.family == "t2" else "unlimited")


def profile_of(call: Call, outside: Outside, given: Mapping[str, Any] | None) -> Profile | None:
    """The instance profile that the request names.

    Raises:
        AwsError: InvalidParameterCombination for both a name and an ARN, InvalidParameterValue for one IAM has not.
    """
    name, arn = (given or {}).get("Name"), (given or {}).get("Arn")
    if name and arn:
        raise AwsError(
            "InvalidParameterCombination",
            "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'",
        )
    if not name and not arn:
        return None
    if arn and ((parsed := arns.parse(arn)) is None or parsed.service != "iam"):
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN",
        )
    found = outside.profile_of(call.tx, call.account, arn or name or "")
    if found is None:
        which, what = ("arn", "ARN") if arn else ("name", "name")
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({arn or name}) for parameter iamInstanceProfile.{which} is invalid. "
            f"Invalid IAM Instance Profile {what}",
        )
    return found


def association(call: Call, profile: Profile) -> ProfileAssociation:
    return ProfileAssociation(id=call.new_id("iip-assoc"), arn=profile.arn, profile_id=profile.id, since=call.now)


def operations(outside: Outside) -> dict[str, Operation]:
    return {"RunInstances": partial(run_instances, outside)}
