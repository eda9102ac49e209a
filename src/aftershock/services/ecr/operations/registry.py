"""The registry of the account, and the way into it."""

import base64

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr import tokens
from aftershock.services.ecr.rules import errors, names


def describe_registry(call: Call, params: Params) -> Result:
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}


def get_authorization_token(call: Call, params: Params) -> Result:
    """One for each registry that is asked for, of which there is only the caller's own."""
    registries = params.get("registryIds") or [call.account]
    for account in registries:
        if account != call.account:
            raise errors.invalid("registryIds", f"The registry with id '{account}' is another account's")
    return {"authorizationData": [_authorization(call) for _ in dict.fromkeys(registries)]}


def _authorization(call: Call) -> dict[str, object]:
    secret, expires_at = tokens.issue(call, tokens.PASSWORD_GOOD)
    return {
        "authorizationToken": base64.b64encode(f"AWS:{secret}".encode()).decode(),
        "expiresAt": expires_at,
        "proxyEndpoint": f"https://{names.host(call.account, call.region)}",
    }


OPERATIONS = {"DescribeRegistry": describe_registry, "GetAuthorizationToken": get_authorization_token}
