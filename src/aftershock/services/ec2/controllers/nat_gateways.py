"""Has an interface for every NAT gateway, and says what was seen of it.

The interface's port translates by itself, in a namespace in which nothing runs; that it is there is the controller of
ports' business.  A zone without power takes the wire, and with it all that was known of connections.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.control import Again, Done, Outcome
from aftershock.services.ec2.records.nat_gateway import NAT_GATEWAYS, NatGateway
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES, struck_zones
from aftershock.services.ec2.rules.nat_gateways import INTERFACE_TYPE, REQUESTER, SHOWN_S, Plan, Seen, failure, plan
from aftershock.services.ec2.service_interfaces import ServiceInterfaces
from aftershock.store import Change, Store, Transaction

SOON_S = 0.05  # until the record that was just written is looked at again


class NatGatewayController:
    """One key for each NAT gateway."""

    kind = "ec2.nat-gateway"

    def __init__(self, store: Store, clock: Clock, region: str) -> None:
        self._store, self._clock = store, clock
        self._interfaces = ServiceInterfaces(REQUESTER, region, clock)

    async def keys(self) -> set[str]:
        with self._store.snapshot() as tx:
            return NAT_GATEWAYS.keys(tx)

    def concerned(self, change: Change) -> Iterable[str]:
        if change.table == NAT_GATEWAYS.name:
            return (change.key,)
        if change.table not in (NETWORK_INTERFACES.name, ZONE_OUTAGES.name):
            return ()
        with self._store.snapshot() as tx:
            if change.table == ZONE_OUTAGES.name:
                return NAT_GATEWAYS.keys(tx)
            return [gateway.id for gateway in NAT_GATEWAYS.where(tx, "interface", change.key)]

    async def reconcile(self, key: str) -> Outcome:
        try:
            with self._store.transaction() as tx:
                gateway = NAT_GATEWAYS.get(tx, key)
                if gateway is None:
                    return Done("there is no such NAT gateway")
                decided = plan(gateway, self._look(tx, gateway))
                self._do(tx, gateway, decided)
        except AwsError as error:
            return self._fail(key, error)
        if decided.step is not None and decided.step != "forget":
            return Again(decided.reason, after_s=SOON_S)
        if gateway.ended_at is not None and decided.step is None:
            left = gateway.ended_at + self._shown() - self._clock.now()
            return Again(decided.reason, after_s=max(SOON_S, left.total_seconds()))
        return Done(decided.reason)

    def _look(self, tx: Transaction, gateway: NatGateway) -> Seen:
        ended = gateway.ended_at
        return Seen(
            interface=NETWORK_INTERFACES.get(tx, gateway.interface_id) if gateway.interface_id else None,
            powerless=gateway.zone in struck_zones(tx),
            shown_enough=ended is not None and self._clock.now() >= ended + self._shown(),
        )

    def _shown(self) -> timedelta:
        return timedelta(seconds=self._clock.paced(SHOWN_S))

    def _do(self, tx: Transaction, gateway: NatGateway, decided: Plan) -> None:
        changes: dict[str, Any] = {}
        eni = NETWORK_INTERFACES.get(tx, gateway.interface_id) if gateway.interface_id else None
        match decided.step:
            case "make interface":
                changes = self._make(tx, gateway)
            case "plug" if eni is not None:
                self._interfaces.set_plugged(tx, eni.id, plugged=True)
            case "unplug" if eni is not None:
                self._interfaces.set_plugged(tx, eni.id, plugged=False)
            case "note it is made":
                changes = {"made": True}
            case "delete interface" if eni is not None:
                self._interfaces.delete(tx, eni.id)
            case "note its end":
                changes = {"ended_at": self._clock.now()}
            case "forget":
                NAT_GATEWAYS.forget(tx, gateway.id)
                return
        NAT_GATEWAYS.put(tx, replace(gateway, reason=decided.reason, **changes))

    def _make(self, tx: Transaction, gateway: NatGateway) -> dict[str, Any]:
        vpc = VPCS.get(tx, gateway.vpc_id)
        if gateway.connectivity == "public" and (vpc is None or vpc.internet_gateway_id is None):
            raise AwsError("Gateway.NotAttached", f"Network {gateway.vpc_id} is not attached to any internet gateway")
        made = self._interfaces.create(
            tx,
            account=gateway.account,
            subnet_id=gateway.subnet_id,
            group_ids=(),
            description=f"Interface for NAT Gateway {gateway.id}",
            host=gateway.host,
            private_ip=gateway.wanted_ip,
            allocation_id=gateway.allocation_id,
            interface_type=INTERFACE_TYPE,
        )
        eni = NETWORK_INTERFACES.get(tx, made.id)
        return {
            "interface_id": made.id,
            "private_ip": made.private_ip,
            "public_ip": made.public_ip,
            "association_id": eni.elastic.association_id if eni and eni.elastic else None,
        }

    def _fail(self, key: str, error: AwsError) -> Outcome:
        with self._store.transaction() as tx:
            gateway = NAT_GATEWAYS.get(tx, key)
            if gateway is None or not gateway.wanted:
                return Again("it is wanted no more", after_s=SOON_S)
            said = failure(error.code, error.message, gateway)
            failed = replace(
                gateway,
                failure_code=said.code,
                failure_message=said.message,
                ended_at=self._clock.now(),
                reason=said.message,
            )
            NAT_GATEWAYS.put(tx, failed)
        return Again(said.message, after_s=SOON_S)
