"""What EC2's records say when a region begins: a fresh account's default VPC, and nothing of a kernel that is gone."""

from datetime import datetime

from msgspec.structs import replace

from aftershock.aws.call import Call, Tx

from .operations.vpcs import build_default
from .records.image import IMAGES
from .records.instance import HEALTH, INSTANCES
from .records.network_acl import NETWORK_ACLS
from .records.network_interface import NETWORK_INTERFACES
from .records.security_group import SECURITY_GROUPS
from .records.snapshot import SNAPSHOTS
from .records.vpc import VPCS, Vpc
from .records.vpc import default_vpc as existing
from .rules import images


def default_vpc(call: Call) -> Vpc:
    """The account's default VPC, made now if there is none: 172.31.0.0/16, a /20 subnet in every zone, a main route
    table with a route to an attached internet gateway, the default security group and the default network ACL."""
    return existing(call.tx, call.account) or build_default(call)


def base_image(tx: Tx, layer: str, region: str, now: datetime) -> None:
    """Have the records of the base image that is, or will be, this layer."""
    image, snapshot = images.base_image(layer, region, now)
    if IMAGES.get(tx, image.id) is None:
        IMAGES.put(tx, image)
    if SNAPSHOTS.get(tx, snapshot.id) is None:
        SNAPSHOTS.put(tx, snapshot)


def ground_is_new(tx: Tx) -> None:
    """Take back what was seen of machines, routers, groups, lists and wires, all of which end with the region.

    To be called whenever a region comes up, and not when only its control plane does: then they are still there.
    """
    unseen = "not looked at yet"
    for vpc in VPCS.every(tx):
        VPCS.put(tx, replace(vpc, routed=False, seen_generation=0, reason=unseen))
    for group in SECURITY_GROUPS.every(tx):
        SECURITY_GROUPS.put(tx, replace(group, enforced=False, seen_generation=0, reason=unseen))
    for acl in NETWORK_ACLS.every(tx):
        NETWORK_ACLS.put(tx, replace(acl, enforced=False, seen_generation=0, reason=unseen))
    for eni in NETWORK_INTERFACES.every(tx):
        NETWORK_INTERFACES.put(tx, replace(eni, plugged=False, plugged_public=None, seen_generation=0, reason=unseen))
    for instance in INSTANCES.every(tx):
        INSTANCES.put(tx, replace(instance, up_boot=0, reason=unseen))
    for key in HEALTH.keys(tx):
        HEALTH.forget(tx, key)
