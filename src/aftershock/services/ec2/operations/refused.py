"""Operations that the region does not have and knows why: the answer says more than that they are missing."""

from collections.abc import Mapping

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.aws.errors import AwsError

_ONE_VOLUME = "an instance has its root volume and no other"
_NO_RESALE = "there is no marketplace of reserved instances"
_STANDARD_ONLY = "reserved instances are of the standard class, which cannot be exchanged"
_AS_BOUGHT = "reserved instances stay as they were bought"
REASONS: Mapping[str, str] = {
    "AttachVolume": _ONE_VOLUME,
    "CreateVolume": _ONE_VOLUME,
    "DetachVolume": _ONE_VOLUME,
    "CancelReservedInstancesListing": _NO_RESALE,
    "CreateReservedInstancesListing": _NO_RESALE,
    "AcceptReservedInstancesExchangeQuote": _STANDARD_ONLY,
    "DeleteQueuedReservedInstances": "purchases are made at once, and are never queued",
    "DescribeReservedInstancesListings": _NO_RESALE,
    "DescribeReservedInstancesModifications": _AS_BOUGHT,
    "GetReservedInstancesExchangeQuote": _STANDARD_ONLY,
    "ModifyReservedInstances": _AS_BOUGHT,
}


def _refuse(name: str, reason: str) -> Operation:
    def refuse(_call: Call, _params: Params) -> Result:
        raise AwsError("UnsupportedOperation", f"{name} is not supported in this region: {reason}.")

    return refuse


OPERATIONS: dict[str, Operation] = {name: _refuse(name, reason) for name, reason in REASONS.items()}
