"""Elastic network interfaces: an address in a subnet, and a machine's wire to it."""

from datetime import datetime

from msgspec import Struct

from aftershock.store import Table

from .resource import Resource


class Elastic(Struct, frozen=True):
    """An Elastic IP's association.  It stands on the interface and nowhere else."""

    allocation_id: str
    association_id: str
    public_ip: str


class NetworkInterface(Resource, frozen=True, kw_only=True):
    vpc_id: str
    subnet_id: str
    zone: str
    private_ip: str
    mac: str
    group_ids: tuple[str, ...]
    description: str = ""
    interface_type: str = "interface"
    source_dest_check: bool = True  # False: it may send on what others sent, and be sent what is for others
    created_at: datetime
    requester: str = ""  # the service that has it for a machine of its own, such as "amazon-elb"
    host: str | None = None  # that machine's namespace
    unfiltered: bool = False  # its only group is one of the service's, which lets everything pass
    instance_id: str | None = None
    attachment_id: str | None = None
    device_index: int = 0
    attached_at: datetime | None = None
    delete_on_termination: bool = True
    auto_public: bool = False  # gets an automatic public address whenever it is plugged
    public_ip: str | None = None  # the automatic public address it has now
    elastic: Elastic | None = None  # goes before the automatic one
    plug: bool = False  # the machine is wanted to have this wire now
    wanted: bool = True  # False: to be forgotten as soon as the kernel shows no wire
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of ports.
    plugged: bool = False  # the kernel showed a wire when last looked at
    plugged_public: str | None = None  # the public address that the kernel showed with it
    seen_generation: int = 0  # the generation as which the wire was seen to be; 0: it was not as wanted
    reason: str = "not looked at yet"

    @property
    def machine(self) -> str | None:
        """The namespace that its wire leads into."""
        return self.host if self.requester else self.instance_id

    @property
    def shown_groups(self) -> tuple[str, ...]:
        """The groups that the account knows of."""
        return () if self.unfiltered else self.group_ids

    @property
    def address(self) -> str | None:
        """The public address that it is wanted to have now."""
        return self.elastic.public_ip if self.elastic else self.public_ip

    @property
    def forwards(self) -> bool:
        """What is sent to it for others may go on from it: its wire is there, and was when last looked at."""
        return self.plug and self.plugged and not self.source_dest_check

    @property
    def ready(self) -> bool:
        """The kernel shows the wire as it is wanted now, not as it was wanted a moment ago."""
        return self.plug and self.plugged and self.seen_generation == self.generation


NETWORK_INTERFACES = Table(
    "ec2_network_interface",
    NetworkInterface,
    indexes={
        "instance": lambda eni: eni.instance_id,
        "requester": lambda eni: eni.requester or None,
        "attachment": lambda eni: eni.attachment_id,
        "subnet": lambda eni: eni.subnet_id,
        "vpc": lambda eni: eni.vpc_id,
        "group": lambda eni: eni.group_ids,
        "private_ip": lambda eni: f"{eni.subnet_id} {eni.private_ip}",
        "public_ip": lambda eni: eni.public_ip,
        "allocation": lambda eni: eni.elastic.allocation_id if eni.elastic else None,
        "association": lambda eni: eni.elastic.association_id if eni.elastic else None,
    },
)
