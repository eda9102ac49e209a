"""What operations look up before they decide: zones, checks, and the revision that a change makes."""

from dataclasses import dataclass
from typing import Any

from aftershock.aws.call import Call, Params, Tx
from aftershock.services.route53.outside import Outside
from aftershock.services.route53.records import (
    CHANGES,
    HEALTH_CHECKS,
    HOSTED_ZONES,
    RECORD_SETS,
    REVISIONS,
    Change,
    HealthCheck,
    HostedZone,
    Revision,
)
from aftershock.services.route53.rules import errors
from aftershock.services.route53.rules.batch import Targets
from aftershock.services.route53.rules.names import normal
from aftershock.services.route53.rules.parameters import zone_id
from aftershock.services.route53.rules.zones import opaque_id

REVISION = "route53"


@dataclass(frozen=True, slots=True)
class Sources:
    """What an operation may ask besides its records."""

    outside: Outside

    def targets(self, tx: Tx) -> Targets:
        names: dict[str, set[str]] = {}
        for known in self.outside.names(tx):
            if known.alias_zone:
                names.setdefault(known.alias_zone, set()).add(normal(known.name))
        domains = {zone: frozenset({normal(domain)}) for zone, domain in self.outside.alias_domains.items()}
        return Targets({zone: frozenset(found) for zone, found in names.items()}, domains)

    def require_vpc(self, tx: Tx, region: str, given: Params) -> tuple[str, str]:
        """The region and the id of a VPC of ours.

        Raises:
            AwsError: InvalidInput, InvalidVPCId
        """
        if not given.get("VPCId") or not given.get("VPCRegion"):
            raise errors.invalid_input("You must specify both VPCId and VPCRegion.")
        if given["VPCRegion"] != region or given["VPCId"] not in {network.id for network in self.outside.networks(tx)}:
            raise errors.invalid_vpc()
        return given["VPCRegion"], given["VPCId"]


def require_zone(call: Call, given: str) -> HostedZone:
    found = HOSTED_ZONES.get(call.tx, zone_id(given))
    if found is None or found.account != call.account:
        raise errors.no_such_zone(zone_id(given))
    return found


def require_check(call: Call, given: str) -> HealthCheck:
    found = HEALTH_CHECKS.get(call.tx, given)
    if found is None or found.account != call.account:
        raise errors.no_such_health_check(given)
    return found


def record_change(call: Call, comment: str | None = None) -> Change:
    """A change that is to be served; it is in sync when the resolver was seen to serve it."""
    last = REVISIONS.get(call.tx, REVISION)
    revision = Revision(REVISION, last.number + 1 if last else 1)
    REVISIONS.put(call.tx, revision)
    change = Change(
        id=opaque_id("C", call.new_id("change")),
        account=call.account,
        comment=comment,
        submitted_at=call.now,
        revision=revision.number,
    )
    CHANGES.put(call.tx, change)
    return change


def change_view(change: Change) -> dict[str, Any]:
    return {
        "Id": f"/change/{change.id}",
        "Status": "INSYNC" if change.in_sync else "PENDING",
        "SubmittedAt": change.submitted_at,
        "Comment": change.comment,
    }


def zone_view(call: Call, zone: HostedZone) -> dict[str, Any]:
    return {
        "Id": f"/hostedzone/{zone.id}",
        "Name": zone.name,
        "CallerReference": zone.caller_reference,
        "Config": {"Comment": zone.comment, "PrivateZone": zone.private},
        "ResourceRecordSetCount": RECORD_SETS.count(call.tx, "zone", zone.id),
    }
