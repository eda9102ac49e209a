"""Client tokens: a request sent twice makes one resource."""

import hashlib
import json

from aftershock.aws.call import Call, Params
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.records.client_token import CLIENT_TOKENS, ClientToken

NOT_COMPARED = {"ClientToken", "DryRun"}


def made_before(call: Call, operation: str, params: Params) -> str | None:
    """The id of what this request made when it came before, if it did.

    Raises:
        AwsError: IdempotentParameterMismatch, where the token came with other parameters.
    """
    token = params.get("ClientToken")
    found = CLIENT_TOKENS.get(call.tx, _key(call, operation, token)) if token else None
    if found is None:
        return None
    if found.digest != _digest(params):
        raise AwsError(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        )
    return found.resource_id


def remember(call: Call, operation: str, params: Params, resource_id: str) -> None:
    token = params.get("ClientToken")
    if token:
        key = _key(call, operation, token)
        CLIENT_TOKENS.put(
            call.tx, ClientToken(id=key, digest=_digest(params), resource_id=resource_id, used_at=call.now)
        )


def _key(call: Call, operation: str, token: str) -> str:
    return f"{call.account} {operation} {token}"


def _digest(params: Params) -> str:
    compared = {name: value for name, value in params.items() if name not in NOT_COMPARED}
    return hashlib.sha256(json.dumps(compared, sort_keys=True, default=str).encode()).hexdigest()
