"""Parameter Store's refusals, in AWS's words.

Sources: the service model's own descriptions; aws/aws-sdk-php#1952 (names), aws/aws-sdk-js-v3#5928 (paths),
aws/aws-sdk-net#3157 (sizes), hashicorp/terraform-provider-aws#18521 (number), garystafford/emr-demo#1 (exists);
getmoto/moto, moto/ssm/models.py, for versions, labels and filters.
"""

from aftershock.aws.errors import AwsError


def validation(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def not_found(name: str) -> AwsError:
    return AwsError("ParameterNotFound", f"Parameter {name} not found.")


def version_not_found(version: int | str, name: str) -> AwsError:
    text = f"Systems Manager could not find version {version} of {name}. Verify the version and try again."
    return AwsError("ParameterVersionNotFound", text)


def already_exists() -> AwsError:
    return AwsError(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
    )


def invalid_token() -> AwsError:
    return AwsError("InvalidNextToken", "The specified token isn't valid.")


def invalid_resource_id() -> AwsError:
    text = "The resource ID isn't valid. Verify that you entered the correct ID and try again."
    return AwsError("InvalidResourceId", text)


def invalid_resource_type() -> AwsError:
    return AwsError("InvalidResourceType", "The resource type isn't valid.")
