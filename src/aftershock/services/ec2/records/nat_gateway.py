"""NAT gateways: what is wanted of them, and what was seen of their interfaces."""

from datetime import datetime

from aftershock.store import Table

from .resource import Resource


class NatGateway(Resource, frozen=True, kw_only=True):
    vpc_id: str
    subnet_id: str
    zone: str
    connectivity: str = "public"
    allocation_id: str | None = None  # of a public one's Elastic IP
    wanted_ip: str | None = None  # the private address that was asked for
    created_at: datetime
    wanted: bool = True
    generation: int = 1  # goes up with every change of what is wanted

    # Written by the controller of NAT gateways.
    interface_id: str | None = None  # these four stay when it is gone
    private_ip: str | None = None
    public_ip: str | None = None
    association_id: str | None = None
    made: bool = False  # its wire was seen, with everything that it translates by
    failure_code: str | None = None
    failure_message: str | None = None
    ended_at: datetime | None = None  # when it had failed, or nothing was left of it
    reason: str = "not looked at yet"

    @property
    def host(self) -> str:
        """The namespace in which it translates, and nothing runs."""
        return self.id


NAT_GATEWAYS = Table(
    "ec2_nat_gateway",
    NatGateway,
    indexes={
        "zone": lambda gateway: gateway.zone,
        "interface": lambda gateway: gateway.interface_id,
    },
)
