"""Has every VPC's network ACLs enforced at the edges of its subnets."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from aftershock.control import Done, Outcome
from aftershock.engines.network import AclSpec, Network
from aftershock.services.ec2.records.network_acl import NETWORK_ACLS, NetworkAcl
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.network_acls import plan
from aftershock.store import Change, Store

from .observing import Looks


class NetworkAclController:
    """One key for each VPC, all of whose ACLs change in one act: a subnet goes from one to another without a gap."""

    kind = "ec2.network-acl"

    def __init__(self, store: Store, network: Network) -> None:
        self._store, self._network = store, network
        self._looks: Looks[Sequence[AclSpec] | None] = Looks(self._list)

    async def keys(self) -> set[str]:
        """A router without a VPC goes with its lists, and is another controller's."""
        with self._store.snapshot() as tx:
            return VPCS.keys(tx)

    async def _list(self) -> Mapping[str, Sequence[AclSpec] | None]:
        return await self._network.list_acls()

    def concerned(self, change: Change) -> Iterable[str]:
        """The VPC of an ACL that changed; one that is deleted guarded nothing.  And a VPC that may have its router."""
        if change.table == VPCS.name:
            return (change.key,)
        if change.table != NETWORK_ACLS.name:
            return ()
        with self._store.snapshot() as tx:
            acl = NETWORK_ACLS.get(tx, change.key)
        return (acl.vpc_id,) if acl else ()

    async def reconcile(self, key: str) -> Outcome:
        with self._store.snapshot() as tx:
            vpc = VPCS.get(tx, key)
            acls = NETWORK_ACLS.where(tx, "vpc", key)
            cidrs = {subnet.id: subnet.cidr for subnet in SUBNETS.where(tx, "vpc", key)}
        if vpc is None:
            return Done("there is no such VPC")
        observed = (await self._looks.recent()).get(key)
        if observed is None and vpc.routed:  # the last look may be older than the router
            observed = (await self._looks.now()).get(key)
        decided = plan(acls, cidrs, routed=vpc.routed, observed=observed)
        if decided.step is not None:
            try:
                await self._network.set_acls(key, decided.step.specs)
            finally:
                self._looks.acted()
            decided = plan(acls, cidrs, routed=vpc.routed, observed=(await self._looks.now()).get(key))
        self._record(acls, enforced=decided.enforced, reason=decided.reason)
        return Done(decided.reason)

    def _record(self, looked_at: Iterable[NetworkAcl], *, enforced: bool, reason: str) -> None:
        with self._store.transaction() as tx:
            for acl in looked_at:
                now = NETWORK_ACLS.get(tx, acl.id)
                if now and now.generation == acl.generation:
                    seen = replace(now, enforced=enforced, seen_generation=now.generation, reason=reason)
                    NETWORK_ACLS.put(tx, seen)
