"""What a parameter may hold: types, sizes, tiers, data types, keys."""

import re

from aftershock.aws.errors import AwsError

from . import errors, patterns

STANDARD, ADVANCED, INTELLIGENT = "Standard", "Advanced", "Intelligent-Tiering"
MAX_CHARACTERS = {STANDARD: 4096, ADVANCED: 8192}
MAX_STANDARD_PARAMETERS = 10_000
MAX_VERSIONS = 100
DEFAULT_KEY = "alias/aws/ssm"
_MORE = "https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"


def check_value(value: str, allowed_pattern: str | None, data_type: str) -> None:
    """
    Raises:
        AwsError: ValidationException, ParameterPatternMismatchException, InvalidAllowedPatternException
    """
    if not value:
        raise errors.validation(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1."
        )
    if allowed_pattern and not patterns.matches(allowed_pattern, value):
        text = f"Parameter value, cannot be validated against allowedPattern: {allowed_pattern}"
        raise AwsError("ParameterPatternMismatchException", text)
    if data_type == "aws:ec2:image" and not re.fullmatch("ami-[0-9a-f]{8,17}", value):
        raise errors.validation("The value of a parameter of the data type aws:ec2:image must be the id of an AMI.")
    if data_type not in ("text", "aws:ec2:image"):
        raise errors.validation(
            f"The following data type is not supported: {data_type} (Data type names are all lowercase.)"
        )


def tier(asked: str | None, before: str | None, size: int) -> str:
    """The tier of the new version; Intelligent-Tiering is resolved, as AWS shows it.

    Raises:
        AwsError: ValidationException for a value too large for it, or a way back from Advanced.
    """
    if asked in (None, INTELLIGENT):
        larger = asked == INTELLIGENT and size > MAX_CHARACTERS[STANDARD]
        chosen = ADVANCED if larger or before == ADVANCED else STANDARD
    else:
        chosen = asked or STANDARD
    if before == ADVANCED and chosen == STANDARD:
        raise errors.validation(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced "
            "parameter and recreate it as a standard parameter."
        )
    if size > MAX_CHARACTERS[chosen]:
        text = f"{chosen} tier parameters support a maximum parameter value of {MAX_CHARACTERS[chosen]} characters."
        if chosen == STANDARD:
            text += (
                " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. "
                f"For more information, see {_MORE}"
            )
        raise errors.validation(text)
    return chosen


def type_of(asked: str | None, before: str | None) -> str:
    """
    Raises:
        AwsError: ValidationException, HierarchyTypeMismatchException
    """
    if before is None and asked is None:
        raise errors.validation("A parameter type is required when you create a parameter.")
    if before is not None and asked not in (None, before):
        raise AwsError(
            "HierarchyTypeMismatchException",
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, you can't change "
            "a parameter from a String type to a SecureString type. You must create a new, unique parameter.",
        )
    return asked or before or "String"


def key_of(asked: str | None, parameter_type: str, place: str) -> str | None:
    """The key that a value is sealed with; `place` is "region:account".

    Raises:
        AwsError: ValidationException, InvalidKeyId: there is one key here, AWS's default one.
    """
    if parameter_type != "SecureString":
        if asked is not None:
            raise errors.validation("KeyId is required for SecureString type parameter only.")
        return None
    if asked not in (None, DEFAULT_KEY, f"arn:aws:kms:{place}:{DEFAULT_KEY}"):
        text = f"The key {asked} does not exist in this region; SecureString parameters use {DEFAULT_KEY}."
        raise AwsError("InvalidKeyId", text)
    return DEFAULT_KEY
