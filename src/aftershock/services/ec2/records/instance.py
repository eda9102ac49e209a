"""Instances: what is wanted of them, and what was seen of their machines."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from aftershock.store import Table

from .resource import Resource

Wish = Literal["running", "stopped", "terminated"]


class MetadataOptions(Struct, frozen=True, kw_only=True):
    """How the instance may ask for its metadata, in AWS's own words."""

    http_tokens: str = "optional"
    http_endpoint: str = "enabled"
    instance_tags: str = "disabled"
    hop_limit: int = 1
    ipv6: str = "disabled"


class CpuOptions(Struct, frozen=True):
    """Recorded only: they come to the vCPUs that the type has anyway."""

    cores: int
    threads_per_core: int


class ProfileAssociation(Struct, frozen=True, kw_only=True):
    id: str
    arn: str
    profile_id: str
    since: datetime


class Instance(Resource, frozen=True, kw_only=True):
    reservation_id: str
    launch_index: int
    launched_by: str  # the ARN of whoever asked for it
    image_id: str
    layers: tuple[str, ...]  # the image's, lowest first: the image may be deregistered before the instance ends
    architecture: str
    root_device: str
    instance_type: str
    zone: str
    vpc_id: str
    subnet_id: str
    private_ip: str
    interface_id: str
    volume_id: str
    key_name: str | None = None
    user_data: str | None = None  # base64, as it is asked for and answered
    profile: ProfileAssociation | None = None
    metadata: MetadataOptions = MetadataOptions()
    shutdown_behavior: str = "stop"
    termination_protected: bool = False
    stop_protected: bool = False
    ebs_optimized: bool = False  # recorded only
    cpu_credits: str | None = None  # recorded only
    cpu_options: CpuOptions | None = None  # those that were asked for
    monitored: bool = False  # measured every minute, and not every five
    client_token: str = ""
    created_at: datetime
    launched_at: datetime  # of the last start that somebody asked for

    wanted: Wish = "running"
    boot: int = 1  # which start of the machine is meant; goes up with every StartInstances
    reboots: int = 0  # how many RebootInstances were accepted
    forced: bool = False  # whether the system in it need not be asked to shut down
    asked_at: datetime  # when `wanted` was last changed
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of instances.
    up_boot: int = 0  # the boot of which the machine was running when last looked at
    up_at: datetime | None = None  # when that was seen first; billing begins with it
    ended_boot: int = 0  # the boot that ended without anybody asking for it through the API
    ended_how: str = ""  # "poweroff", "killed", or "failed": it could not be started
    ended_at: datetime | None = None
    down_boot: int = 0  # the boot of which neither machine nor wire was left when last looked at
    rebooted: int = 0  # how many of `reboots` were carried out
    restart: bool = False  # the machine ended on the region's account, and is to be started again
    terminated_at: datetime | None = None  # nothing was left of it
    reason: str = "not looked at yet"


class Health(Struct, frozen=True, kw_only=True):
    """What the status checks last saw of an instance's present boot."""

    id: str
    boot: int
    reboots: int = 0
    host_ok: bool = False  # the machine runs and its wire is there
    reachable: bool = False  # it answered
    ever_reachable: bool = False
    host_impaired_since: datetime | None = None
    impaired_since: datetime | None = None


INSTANCES = Table(
    "ec2_instance",
    Instance,
    indexes={
        "vpc": lambda instance: instance.vpc_id,
        "reservation": lambda instance: instance.reservation_id,
        "profile_association": lambda instance: instance.profile.id if instance.profile else None,
        "volume": lambda instance: instance.volume_id,
        "interface": lambda instance: instance.interface_id,
    },
)
HEALTH = Table("ec2_instance_health", Health)
