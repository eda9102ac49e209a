"""STS's rules: for how long, and what is refused, in AWS's words.

Sources: STS API reference; answers recorded from AWS (localstack/localstack, tests/aws/services/sts);
aws/eks-anywhere#9485 (chained roles), Netflix/security_monkey#1026 (root), aws/aws-sdk-php#1876 (sessions).
"""

from collections.abc import Iterable

from aftershock.aws import arn
from aftershock.aws.call import Params, Principal
from aftershock.aws.errors import AwsError

ASSUMED_ROLE_S = 3600  # AWS: "By default, the value is set to 3600 seconds."
CHAINED_ROLE_MAX_S = 3600
USER_SESSION_S = 43_200
ROOT_SESSION_MAX_S = 3600  # AWS: "If the duration is longer than one hour, the session … defaults to one hour."


def is_root(principal: Principal) -> bool:
    return principal.arn == f"arn:aws:iam::{principal.account}:root"


def is_session(principal: Principal) -> bool:
    return principal.access_key_id.startswith("ASIA")


def check_role_arn(text: str) -> None:
    """
    Raises:
        AwsError: ValidationError for what is no ARN at all.
    """
    parsed = arn.parse(text)
    if parsed is None or not (parsed.partition and parsed.service and parsed.resource):
        raise AwsError("ValidationError", f"{text} is invalid")


def check_may_ask_for_roles(principal: Principal) -> None:
    """
    Raises:
        AwsError: AccessDenied for the account's root.
    """
    if is_root(principal):
        raise AwsError("AccessDenied", "Roles may not be assumed by root accounts.", status=403)


def not_authorized(principal: Principal, role_arn: str) -> AwsError:
    """AWS says the same of a role that does not exist."""
    text = f"User: {principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    return AwsError("AccessDenied", text, status=403)


def assumed_for_s(principal: Principal, asked_s: int | None, role_max_s: int) -> int:
    """How long the credentials of the role are good.

    Raises:
        AwsError: ValidationError where more is asked for than the role, or taking on one role from another, allows.
    """
    duration_s = ASSUMED_ROLE_S if asked_s is None else asked_s
    if is_session(principal) and duration_s > CHAINED_ROLE_MAX_S:
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        raise AwsError("ValidationError", text)
    if duration_s > role_max_s:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise AwsError("ValidationError", text)
    return duration_s


def own_session_s(principal: Principal, asked_s: int | None) -> int:
    """How long the credentials from GetSessionToken are good.

    Raises:
        AwsError: AccessDenied for a session.
    """
    if is_session(principal):
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", status=403)
    if is_root(principal):
        return min(asked_s or ROOT_SESSION_MAX_S, ROOT_SESSION_MAX_S)
    return asked_s or USER_SESSION_S


def refuse(params: Params, names: Iterable[str]) -> None:
    """
    Raises:
        AwsError: ValidationError, for a parameter that is not honoured here.
    """
    for name in names:
        if params.get(name):
            raise AwsError("ValidationError", f"The parameter {name} is not supported in this region.")
