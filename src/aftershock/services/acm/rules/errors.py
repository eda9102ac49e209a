"""Certificate Manager's refusals, in AWS's words.

Sources: the service model's own descriptions; "Certificate import problems" and "Prerequisites for importing" of the
user guide; hashicorp/terraform-provider-aws#19400 and aws/aws-cli#6569 (what is imported),
dfds/infrastructure-modules#5 and AlexsLemonade/refinebio#2914 (what is in use).
"""

from aftershock.aws.errors import AwsError


def validation(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def invalid_parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def unsupported(what: str) -> AwsError:
    """For what AWS has and the region does not."""
    return AwsError("InvalidParameterException", f"{what} is not supported in this region.")


def not_found(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Could not find certificate {arn}.")


def in_use(arn: str, account: str) -> AwsError:
    return AwsError("ResourceInUseException", f"Certificate {arn} in account {account} is in use.")


def in_progress(arn: str) -> AwsError:
    return AwsError("RequestInProgressException", f"Certificate request {arn} is in progress.")


def not_pem(what: str) -> AwsError:
    return validation(f"The {what} that you have specified could not be parsed. Make sure that it is PEM-encoded.")
