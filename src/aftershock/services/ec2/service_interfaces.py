"""Network interfaces of other services' machines: load balancer nodes, database instances, mount targets.

They stand in the account's subnets under the account's security groups, where the account sees them and cannot touch
them.  Public addresses come from the region's pool, and do not count against the quota of Elastic IPs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aftershock.aws.call import Call, Principal, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.clock import Clock

from .operations import wiring
from .records.address import ADDRESSES
from .records.kinds import ELASTIC_IP, SUBNET
from .records.network_interface import NETWORK_INTERFACES, Elastic, NetworkInterface
from .records.security_group import SECURITY_GROUPS, Rule, SecurityGroup, named
from .records.subnet import SUBNETS
from .rules.permissions import ALL

INTERFACE_TABLE = NETWORK_INTERFACES.name  # whose changes say that something was plugged
DEVICE_INDEX = 1  # as AWS shows the interfaces of its load balancers
OPEN = ""  # the name of the group that lets everything pass; no group of an account can have it


@dataclass(frozen=True, slots=True)
class ServiceInterface:
    id: str
    subnet_id: str
    zone: str
    host: str  # the machine's namespace, which exists while `plugged`
    group_ids: tuple[str, ...]
    private_ip: str
    public_ip: str | None
    wanted: bool  # False: deleted, and gone as soon as the kernel shows no wire
    plugged: bool  # the kernel shows the wire as it is wanted now
    there: bool  # the kernel shows a wire, perhaps as it was wanted before
    reason: str


@dataclass(frozen=True, slots=True)
class ElasticIpSeen:
    public_ip: str
    used: bool  # some interface has it


@dataclass(frozen=True, slots=True)
class ServiceInterfaces:
    """The interfaces of one service's machines.  Every method works inside the transaction given."""

    requester: str  # as AWS names the service there: "amazon-elb"
    region: str
    clock: Clock

    def create(
        self,
        tx: Tx,
        *,
        account: str,
        subnet_id: str,
        group_ids: Sequence[str],
        description: str,
        host: str,
        public: bool = False,
        private_ip: str | None = None,
        allocation_id: str | None = None,
        interface_type: str = "interface",
    ) -> ServiceInterface:
        """An interface that is wanted to be plugged into the machine `host` at once.

        Without any group everything passes.  `public` gives it an address of the pool, unless `allocation_id` names an
        Elastic IP of the account's.  One of another type than "interface" sends on what is not its machine's own.

        Raises:
            AwsError: the subnet, groups or addresses will not do, or no address is free.
        """
        call = self._call(tx, account)
        subnet = SUBNET.require(tx, account, subnet_id)
        eni = wiring.create(
            call,
            subnet=subnet,
            group_ids=group_ids,
            private_ip=private_ip,
            description=description,
            auto_public=public,
        )
        eni = wiring.wish(
            call,
            eni,
            requester=self.requester,
            host=host,
            group_ids=eni.group_ids if group_ids else (self._open_group(call, subnet.vpc_id),),
            unfiltered=not group_ids,
            interface_type=interface_type,
            source_dest_check=interface_type == "interface",
            attachment_id=call.new_id("eni-attach" if interface_type == "interface" else "ela-attach"),
            device_index=DEVICE_INDEX,
            attached_at=call.now,
            delete_on_termination=False,
            elastic=self._elastic(call, allocation_id) if allocation_id else None,
        )
        return _shown(wiring.plug(call, eni))

    def get(self, tx: Tx, interface_id: str) -> ServiceInterface | None:
        eni = self._mine(tx, interface_id)
        return _shown(eni) if eni else None

    def every(self, tx: Tx) -> list[ServiceInterface]:
        """All of this service's, those that are deleted and not yet gone among them."""
        return [_shown(eni) for eni in NETWORK_INTERFACES.where(tx, "requester", self.requester)]

    def set_groups(self, tx: Tx, interface_id: str, group_ids: Sequence[str]) -> None:
        """Connections that are open stay so.  Without any group everything passes.

        Raises:
            AwsError: a group is missing or of another VPC, or there are too many.
        """
        eni = self._mine(tx, interface_id)
        if eni is None or not eni.wanted:
            return
        call = self._call(tx, eni.account)
        if group_ids:
            ids = wiring.groups_of_vpc(call, eni.vpc_id, group_ids, place=f"interface {eni.id}")
        else:
            ids = (self._open_group(call, eni.vpc_id),)
        wiring.wish(call, eni, group_ids=ids, unfiltered=not group_ids)

    def set_plugged(self, tx: Tx, interface_id: str, *, plugged: bool) -> None:
        """Have it in its machine or not; its addresses stay its own.  Setting what is not there is no error."""
        eni = self._mine(tx, interface_id)
        if eni is not None and eni.wanted:
            wiring.wish(_Within(tx), eni, plug=plugged)

    def delete(self, tx: Tx, interface_id: str) -> None:
        """Its record goes as soon as the kernel shows no wire.  The machine has to have ended: its namespace goes too.

        Deleting what is not there is no error.
        """
        eni = self._mine(tx, interface_id)
        if eni is None:
            return
        if eni.plug or eni.plugged:
            wiring.wish(_Within(tx), eni, wanted=False, plug=False, public_ip=None, elastic=None)
        elif eni.wanted:
            NETWORK_INTERFACES.forget(tx, eni.id)

    def elastic_ip(self, tx: Tx, account: str, allocation_id: str) -> ElasticIpSeen | None:
        found = ADDRESSES.get(tx, allocation_id)
        if found is None or found.account != account:
            return None
        return ElasticIpSeen(found.public_ip, used=bool(NETWORK_INTERFACES.where(tx, "allocation", allocation_id)))

    def check_private_ip(self, tx: Tx, subnet_id: str, private_ip: str) -> None:
        """
        Raises:
            AwsError: the subnet has no such address for an interface, or it is in use.
        """
        subnet = SUBNETS.get(tx, subnet_id)
        assert subnet is not None  # whoever asks has seen it
        wiring.check_private_ip(tx, subnet, private_ip)

    def _mine(self, tx: Tx, interface_id: str) -> NetworkInterface | None:
        eni = NETWORK_INTERFACES.get(tx, interface_id)
        return eni if eni is not None and eni.requester == self.requester else None

    def _call(self, tx: Tx, account: str) -> Call:
        principal = Principal(
            account=account, arn=f"arn:aws:iam::{account}:root", user_id=self.requester, access_key_id=""
        )
        return Call(principal=principal, region=self.region, request_id="", now=self.clock.now(), tx=tx, new_id=new_id)

    def _open_group(self, call: Call, vpc_id: str) -> str:
        """The VPC's group, which no account sees, that lets everything pass; made now if there is none."""
        group = named(call.tx, vpc_id, OPEN)
        if group is None:
            group = SecurityGroup(
                id=call.new_id("sg"),
                account=self.requester,
                region=call.region,
                name=OPEN,
                description="Everything passes",
                vpc_id=vpc_id,
                rules=tuple(
                    Rule(id=call.new_id("sgr"), egress=egress, protocol=ALL, cidr="0.0.0.0/0")
                    for egress in (False, True)
                ),
                created_at=call.now,
            )
            SECURITY_GROUPS.put(call.tx, group)
        return group.id

    def _elastic(self, call: Call, allocation_id: str) -> Elastic:
        address = ELASTIC_IP.require(call.tx, call.account, allocation_id)
        if NETWORK_INTERFACES.where(call.tx, "allocation", allocation_id):
            raise AwsError("Resource.AlreadyAssociated", f"resource {allocation_id} is already associated")
        return Elastic(allocation_id=address.id, association_id=call.new_id("eipassoc"), public_ip=address.public_ip)


@dataclass(frozen=True, slots=True)
class _Within:
    tx: Tx


def _shown(eni: NetworkInterface) -> ServiceInterface:
    return ServiceInterface(
        id=eni.id,
        subnet_id=eni.subnet_id,
        zone=eni.zone,
        host=eni.host or "",
        group_ids=eni.shown_groups,
        private_ip=eni.private_ip,
        public_ip=eni.address,
        wanted=eni.wanted,
        plugged=eni.ready,
        there=eni.plugged,
        reason=eni.reason,
    )
