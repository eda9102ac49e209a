"""CloudWatch's refusals, in AWS's words.

Sources: getmoto/moto#3880 and sj26/sidekiq-cloudwatchmetrics#16 (values), boto/boto3#1847 (namespaces),
cloud-custodian/cloud-custodian#2559 (times), papertrail/papertrail-services#66 and aws/aws-sdk-java-v2#3080 (sizes),
AdRoll/goamz#301 (no value), cloud-custodian/cloud-custodian#7683 (too many datapoints), hashicorp/terraform#24070 and
aws-cloudformation/cfn-lint#771 (alarms); the service model's own descriptions.
"""

from aftershock.aws.errors import AwsError


def invalid_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)


def invalid_combination(message: str) -> AwsError:
    return AwsError("InvalidParameterCombination", message)


def missing(message: str) -> AwsError:
    return AwsError("MissingParameter", message)


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def bad_value(value: object, parameter: str) -> AwsError:
    return invalid_value(f"The value {value} for parameter {parameter} is invalid.")


def too_many(parameter: str, most: int) -> AwsError:
    return invalid_value(f"The collection {parameter} must not have a size greater than {most}.")


def unsupported(parameter: str) -> AwsError:
    return validation(f"The parameter {parameter} is not supported in this region.")


def invalid_token() -> AwsError:
    return AwsError("InvalidNextToken", "The next token specified is invalid.")


def no_such_alarm(name: str) -> AwsError:
    return AwsError("ResourceNotFound", f"Alarm {name} does not exist", status=404)


def no_such_resource(arn: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The resource {arn} does not exist.", status=404)


def limit(message: str) -> AwsError:
    return AwsError("LimitExceeded", message)
