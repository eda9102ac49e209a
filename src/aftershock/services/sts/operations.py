"""STS's operations.  The identities and their credentials are IAM's records; the region hands in how to reach them."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from aftershock.aws.call import Call, Operation, Params, Result, Tx
from aftershock.aws.errors import AwsError

from . import rules


class Role(Protocol):
    @property
    def max_session_duration_s(self) -> int: ...


class Session(Protocol):
    """Temporary credentials, and the principal they speak for."""

    @property
    def id(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...
    @property
    def arn(self) -> str: ...
    @property
    def user_id(self) -> str: ...


R = TypeVar("R", bound=Role)


def operations(
    *,
    assumable_role: Callable[[Call, str, str, str | None], R | None],
    issue_role_session: Callable[[Tx, R, str, int, datetime], Session],
    issue_own_session: Callable[[Call, int], Session],
    account_of_key: Callable[[Tx, str], str | None],
) -> dict[str, Operation]:
    """
    Args:
        assumable_role: the role with this ARN if the caller may assume it, under a session name and an external id.
        issue_role_session: new credentials of a role: its session name, and for how many seconds from when on.
        issue_own_session: new credentials of the caller, good for so many seconds.
        account_of_key: the account that an access key id belongs to.
    """

    def assume_role(call: Call, params: Params) -> Result:
        rules.refuse(
            params,
            (
                "Policy",
                "PolicyArns",
                "Tags",
                "TransitiveTagKeys",
                "SerialNumber",
                "TokenCode",
                "SourceIdentity",
                "ProvidedContexts",
                "MinimumSessionTokenSize",
            ),
        )
        role_arn, session_name = params["RoleArn"], params["RoleSessionName"]
        rules.check_role_arn(role_arn)
        rules.check_may_ask_for_roles(call.principal)
        role = assumable_role(call, role_arn, session_name, params.get("ExternalId"))
        if role is None:
            raise rules.not_authorized(call.principal, role_arn)
        asked_s = params.get("DurationSeconds")
        duration_s = rules.assumed_for_s(call.principal, asked_s, role.max_session_duration_s)
        session = issue_role_session(call.tx, role, session_name, duration_s, call.now)
        return {
            "Credentials": view(session),
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        }

    def get_session_token(call: Call, params: Params) -> Result:
        rules.refuse(params, ("SerialNumber", "TokenCode", "MinimumSessionTokenSize"))
        duration_s = rules.own_session_s(call.principal, params.get("DurationSeconds"))
        return {"Credentials": view(issue_own_session(call, duration_s))}

    def get_access_key_info(call: Call, params: Params) -> Result:
        account = account_of_key(call.tx, params["AccessKeyId"])
        if account is None:
            raise AwsError("ValidationError", f"Access key {params['AccessKeyId']} does not exist in this region.")
        return {"Account": account}

    return {
        "GetCallerIdentity": get_caller_identity,
        "AssumeRole": assume_role,
        "GetSessionToken": get_session_token,
        "GetAccessKeyInfo": get_access_key_info,
    }


def get_caller_identity(call: Call, params: Params) -> Result:
    principal = call.principal
    return {"UserId": principal.user_id, "Account": principal.account, "Arn": principal.arn}


def view(session: Session) -> Result:
    return {
        "AccessKeyId": session.id,
        "SecretAccessKey": session.secret,
        "SessionToken": session.token,
        "Expiration": session.expires_at,
    }
