"""Cost Explorer's refusals.

Sources of the texts: the service model (expressions); aws/aws-sdk-js#2732, elC0mpa/aws-doctor#1, boto/boto3#2369
(periods); aws/aws-sdk-php#1590 (groups).  The others are ours.
"""

from aftershock.aws.call import Params
from aftershock.aws.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def invalid_token() -> AwsError:
    return AwsError("InvalidNextTokenException", "The next page token is invalid.")


def refuse(params: Params, *names: str) -> None:
    """
    Raises:
        AwsError: ValidationException, naming the first of these parameters that was given.
    """
    for name in names:
        if params.get(name) not in (None, [], {}, ""):
            raise invalid(f"The parameter {name} is not supported in this region.")
