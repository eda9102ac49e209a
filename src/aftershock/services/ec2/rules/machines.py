"""The machine that an instance is: AWS's words on the one side, the engine's on the other."""

from ipaddress import IPv4Network

from aftershock.engines.machines import MachineSpec
from aftershock.services.ec2.records.instance import Instance
from aftershock.services.ec2.records.vpc import Vpc

from . import addressing, instance_types, names

# Where Debian's update-ca-certificates looks for what else is to be trusted; instance-init adds it at the first boot.
AUTHORITY = "/usr/local/share/ca-certificates/aftershock-region.crt"


def machine_spec(instance: Instance, vpc: Vpc, authority: bytes) -> MachineSpec:
    """`authority` is the certificate that vouches for the endpoints of the region's API, PEM."""
    found = instance_types.known()[instance.instance_type]
    return MachineSpec(
        name=instance.id,
        hostname=host_name(instance),
        layers=instance.layers,
        volume=instance.volume_id,
        netns=instance.id,
        nameserver=str(addressing.resolver(IPv4Network(vpc.cidr))),
        search=names.internal_domain(instance.region),
        cpus=float(found.vcpu),
        memory_mib=found.memory_mib,
        files={AUTHORITY: authority},
    )


def host_name(instance: Instance) -> str:
    """As an image of Debian's calls itself on AWS: the first label of its private name."""
    return f"ip-{instance.private_ip.replace('.', '-')}"
