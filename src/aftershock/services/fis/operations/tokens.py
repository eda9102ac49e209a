"""Client tokens: a request sent twice makes one resource."""

import hashlib
import json

from aftershock.aws.call import Call, Params
from aftershock.services.fis.records import USED_TOKENS, UsedToken
from aftershock.services.fis.rules.errors import conflict


def made_before(call: Call, operation: str, params: Params) -> str | None:
    """The id of what this request made when it came before, if it did.

    Raises:
        AwsError: ConflictException, where the token came with other parameters.
    """
    found = USED_TOKENS.get(call.tx, _key(call, operation, params))
    if found is None:
        return None
    if found.digest != _digest(params):
        raise conflict(f"The client token {params['clientToken']} was used before with other parameters.")
    return found.made


def remember(call: Call, operation: str, params: Params, made: str) -> None:
    USED_TOKENS.put(call.tx, UsedToken(_key(call, operation, params), _digest(params), made, call.now))


def _key(call: Call, operation: str, params: Params) -> str:
    return f"{call.account} {operation} {params['clientToken']}"


def _digest(params: Params) -> str:
    return hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
