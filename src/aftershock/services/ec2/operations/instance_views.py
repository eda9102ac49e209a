"""Instances in the words of the service model, many at once from few reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aftershock.aws.call import Call, Result
from aftershock.services.ec2.records.instance import Instance
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES, NetworkInterface
from aftershock.services.ec2.records.security_group import SECURITY_GROUPS, SecurityGroup
from aftershock.services.ec2.records.volume import VOLUMES, Volume
from aftershock.services.ec2.records.vpc import VPCS, Vpc
from aftershock.services.ec2.rules import instances, launch, names, tags
from aftershock.services.ec2.rules.zones import zones

# Up to so many instances, or of so many times as many, parts are looked up one by one; else whole tables are read once.
FEW, FAR_MORE = 4, 4


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that instances' descriptions take from other records."""

    region: str
    interfaces: dict[str, NetworkInterface]
    volumes: dict[str, Volume]
    groups: dict[str, SecurityGroup]
    vpcs: dict[str, Vpc]
    zone_ids: dict[str, str]

    def interface(self, instance: Instance) -> NetworkInterface | None:
        eni = self.interfaces.get(instance.interface_id)
        return eni if eni is not None and eni.instance_id == instance.id else None

    def volume(self, instance: Instance) -> Volume | None:
        volume = self.volumes.get(instance.volume_id)
        return volume if volume is not None and volume.instance_id == instance.id else None

    def public_dns_name(self, vpc_id: str, address: str | None) -> str:
        """AWS: instances of a VPC get public names only if it has enableDnsHostnames."""
        vpc = self.vpcs.get(vpc_id)
        return names.public_dns_name(self.region, address) if address and vpc and vpc.dns_hostnames else ""


def parts(call: Call, wanted: Sequence[Instance]) -> Parts:
    tx = call.tx
    if len(wanted) <= FEW or NETWORK_INTERFACES.has_more_than(tx, FAR_MORE * len(wanted)):
        interfaces = [eni for one in wanted if (eni := NETWORK_INTERFACES.get(tx, one.interface_id))]
        volumes = [volume for one in wanted if (volume := VOLUMES.get(tx, one.volume_id))]
        group_ids = {group_id for eni in interfaces for group_id in eni.group_ids}
        groups = [group for group_id in group_ids if (group := SECURITY_GROUPS.get(tx, group_id))]
        vpcs = [vpc for vpc_id in {one.vpc_id for one in wanted} if (vpc := VPCS.get(tx, vpc_id))]
    else:
        interfaces, volumes = NETWORK_INTERFACES.every(tx), VOLUMES.every(tx)
        groups, vpcs = SECURITY_GROUPS.every(tx), VPCS.every(tx)
    return Parts(
        region=call.region,
        interfaces={eni.id: eni for eni in interfaces},
        volumes={volume.id: volume for volume in volumes},
        groups={group.id: group for group in groups},
        vpcs={vpc.id: vpc for vpc in vpcs},
        zone_ids={zone.name: zone.id for zone in zones(call.region)},
    )


def reservation(call: Call, launched: Sequence[Instance]) -> Result:
    return reservations(call, launched)[0]


def reservations(call: Call, wanted: Sequence[Instance]) -> list[Result]:
    """The instances under their reservations, in the order in which they were given."""
    known = parts(call, wanted)
    found: dict[str, Result] = {}
    for instance in wanted:
        one = found.get(instance.reservation_id)
        if one is None:
            one = found[instance.reservation_id] = {
                "ReservationId": instance.reservation_id,
                "OwnerId": instance.account,
                "Groups": [],
                "Instances": [],
            }
        one["Instances"].append(view(instance, known))
    return list(found.values())


def view(instance: Instance, known: Parts) -> Result:
    state = instances.state(instance)
    eni, volume = known.interface(instance), known.volume(instance)
    shown: Result = {
        "InstanceId": instance.id,
        "ImageId": instance.image_id,
        "State": instances.state_view(state),
        "StateTransitionReason": instances.transition_reason(instance),
        "PrivateDnsName": "",
        "PublicDnsName": "",
        "KeyName": instance.key_name,
        "AmiLaunchIndex": instance.launch_index,
        "ProductCodes": [],
        "InstanceType": instance.instance_type,
        "LaunchTime": instance.launched_at,
        "Placement": {
            "AvailabilityZone": instance.zone,
            "AvailabilityZoneId": known.zone_ids.get(instance.zone),
            "GroupName": "",
            "Tenancy": "default",
        },
        "Monitoring": {"State": "enabled" if instance.monitored else "disabled"},
        "Architecture": instance.architecture,
        "BlockDeviceMappings": [] if volume is None else [block_device(volume)],
        "ClientToken": instance.client_token,
        "EbsOptimized": instance.ebs_optimized,
        "EnaSupport": True,
        "Hypervisor": "xen",  # AWS: "The value xen is used for both Xen and Nitro hypervisors"
        "NetworkInterfaces": [],
        "RootDeviceName": instance.root_device,
        "RootDeviceType": "ebs",
        "SecurityGroups": [],
        "VirtualizationType": "hvm",
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "HibernationOptions": {"Configured": False},
        "MetadataOptions": launch.metadata_view(instance.metadata),
        "EnclaveOptions": {"Enabled": False},
        "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances",
        "UsageOperationUpdateTime": instance.created_at,
        "MaintenanceOptions": {"AutoRecovery": "default"},
    }
    if instance.cpu_options is not None:
        cpu = instance.cpu_options
        shown["CpuOptions"] = {"CoreCount": cpu.cores, "ThreadsPerCore": cpu.threads_per_core}
    if instance.tags:
        shown["Tags"] = tags.view(instance.tags)
    if reason := instances.state_reason(instance):
        shown["StateReason"] = reason
    if instance.profile is not None:
        shown["IamInstanceProfile"] = {"Arn": instance.profile.arn, "Id": instance.profile.profile_id}
    if eni is not None and state != "terminated":
        _add_network(shown, instance, eni, known)
    return shown


def _add_network(shown: Result, instance: Instance, eni: NetworkInterface, known: Parts) -> None:
    private_name = names.private_dns_name(known.region, eni.private_ip)
    groups = [{"GroupId": group_id, "GroupName": known.groups[group_id].name} for group_id in eni.group_ids]
    public_name = known.public_dns_name(instance.vpc_id, eni.address)
    shown["PrivateDnsName"] = private_name
    shown["PublicDnsName"] = public_name
    shown["PrivateIpAddress"] = eni.private_ip
    shown["PublicIpAddress"] = eni.address
    shown["SubnetId"], shown["VpcId"] = instance.subnet_id, instance.vpc_id
    shown["SourceDestCheck"] = eni.source_dest_check
    shown["SecurityGroups"] = groups
    shown["PrivateDnsNameOptions"] = {
        "HostnameType": "ip-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": False,
    }
    address: Result = {"PrivateIpAddress": eni.private_ip, "PrivateDnsName": private_name, "Primary": True}
    interface: Result = {
        "Attachment": {
            "AttachTime": eni.attached_at,
            "AttachmentId": eni.attachment_id,
            "DeleteOnTermination": eni.delete_on_termination,
            "DeviceIndex": eni.device_index,
            "Status": "attached" if eni.plugged or not eni.plug else "attaching",
            "NetworkCardIndex": 0,
        },
        "Description": eni.description,
        "Groups": groups,
        "Ipv6Addresses": [],
        "MacAddress": eni.mac,
        "NetworkInterfaceId": eni.id,
        "OwnerId": eni.account,
        "PrivateDnsName": private_name,
        "PrivateIpAddress": eni.private_ip,
        "PrivateIpAddresses": [address],
        "SourceDestCheck": eni.source_dest_check,
        "Status": "in-use",
        "SubnetId": eni.subnet_id,
        "VpcId": eni.vpc_id,
        "InterfaceType": "interface",
    }
    if eni.address:
        # AWS: an automatic address belongs to Amazon, an Elastic IP to its account.
        owner = eni.account if eni.elastic else "amazon"
        interface["Association"] = address["Association"] = {
            "IpOwnerId": owner,
            "PublicDnsName": public_name,
            "PublicIp": eni.address,
        }
    shown["NetworkInterfaces"] = [interface]


def block_device(volume: Volume) -> Result:
    return {
        "DeviceName": volume.device,
        "Ebs": {
            "AttachTime": volume.attached_at,
            "DeleteOnTermination": volume.delete_on_termination,
            "Status": "attached" if volume.exists else "attaching",
            "VolumeId": volume.id,
        },
    }


def state_changes(before_and_after: Iterable[tuple[Instance, Instance]]) -> list[Result]:
    return [
        {
            "InstanceId": after.id,
            "CurrentState": instances.state_view(instances.state(after)),
            "PreviousState": instances.state_view(instances.state(before)),
        }
        for before, after in before_and_after
    ]
