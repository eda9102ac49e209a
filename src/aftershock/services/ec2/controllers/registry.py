"""All of EC2's controllers."""

from collections.abc import Callable, Sequence

from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.images import Images
from aftershock.engines.machines import Machines
from aftershock.engines.network import Network
from aftershock.engines.volumes import Volumes
from aftershock.services.ec2.rules.nat_gateways import IDLE_S, LEAST_IDLE_S
from aftershock.store import Store

from .base_image import BaseImageController
from .client_tokens import client_token_controller
from .groups import GroupController
from .health import HealthController
from .instances import InstanceController
from .locks import Locks
from .metadata import CredentialsOf, MetadataController
from .nat_gateways import NatGatewayController
from .network_acls import NetworkAclController
from .ports import PortController
from .reserved_instances import ReservedInstanceController
from .routers import RouterController
from .snapshots import SnapshotController
from .volumes import VolumeController
from .zones import Others, ZoneController


def controllers(
    store: Store,
    clock: Clock,
    region: str,
    wake: Callable[[str, str], None],
    *,
    images: Images,
    volumes: Volumes,
    machines: Machines,
    network: Network,
    credentials_of: CredentialsOf,
    authority: bytes,
    others: Sequence[Others] = (),
) -> tuple[Controller, ...]:
    """`wake` is the control loop's; `credentials_of` are those of the role in an instance profile; `authority` is the
    certificate that machines are to trust, PEM; `others` are the machines of other services."""
    locks = Locks()  # a machine is not started while its disk is captured
    return (
        BaseImageController(store, images, clock, region),
        ZoneController(store, machines, network, locks, others),
        RouterController(store, network),
        GroupController(store, network),
        NetworkAclController(store, network),
        PortController(store, network, max(LEAST_IDLE_S, clock.paced(IDLE_S))),
        NatGatewayController(store, clock, region),
        VolumeController(store, volumes),
        SnapshotController(store, clock, locks, images=images, volumes=volumes, machines=machines),
        InstanceController(store, machines, clock, locks, wake, authority=authority),
        HealthController(store, clock, network.ping),
        MetadataController(store, clock, credentials_of),
        ReservedInstanceController(store, clock),
        client_token_controller(store, clock),
    )
