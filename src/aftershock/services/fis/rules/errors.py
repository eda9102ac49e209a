"""The refusals of Fault Injection Service."""

from aftershock.aws.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, status=404)


def over_quota(message: str) -> AwsError:
    return AwsError("ServiceQuotaExceededException", message, status=402)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message, status=409)
