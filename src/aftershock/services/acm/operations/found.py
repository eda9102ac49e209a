"""What operations look up before they decide."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from aftershock.aws import arn
from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.acm.outside import Outside
from aftershock.services.acm.records import CERTIFICATES, Certificate
from aftershock.services.acm.rules import errors

MAX_CERTIFICATES = 2500  # AWS: the quota of an account


@dataclass(frozen=True, slots=True)
class Sources:
    """What an operation may ask besides its records."""

    outside: Outside


Handler = Callable[[Sources, Call, Params], Result]


def require(call: Call, text: str) -> Certificate:
    found = CERTIFICATES.get(call.tx, text)
    if found is None or found.account != call.account:
        raise errors.not_found(text)
    return found


def new_arn(call: Call) -> str:
    digits = hashlib.sha256(call.new_id("certificate").encode()).hexdigest()
    own_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
    return str(arn.Arn("acm", call.region, call.account, f"certificate/{own_id}"))


def require_room(call: Call) -> None:
    if CERTIFICATES.count(call.tx, "account", call.account) >= MAX_CERTIFICATES:
        raise AwsError(
            "LimitExceededException", f"Error: you have reached your limit of {MAX_CERTIFICATES} certificates."
        )
