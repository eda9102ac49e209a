"""What Auto Scaling's records say when a region begins."""

from datetime import datetime

from msgspec.structs import replace

from aftershock.aws.call import Tx

from .records import MEMBERS


def ground_is_new(tx: Tx, now: datetime) -> None:
    """Every instance boots again, as its group had it, and has its time to come back.

    To be called whenever a region comes up, and not when only its control plane does: then they are still there.
    """
    for member in MEMBERS.every(tx):
        if member.in_service_at is not None:
            MEMBERS.put(tx, replace(member, returned_at=now))
