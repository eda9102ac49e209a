"""Labels of versions.  A label sits on one version at most."""

import re
from collections.abc import Iterable, Sequence

from aftershock.aws.errors import AwsError

MAX_LABELS = 10  # of one version


def is_valid(label: str) -> bool:
    """AWS: letters, numbers, "." "-" "_"; not begun by a number, "aws" or "ssm"."""
    return bool(re.fullmatch(r"[A-Za-z_.-][A-Za-z0-9_.-]*", label)) and not label.lower().startswith(("aws", "ssm"))


def added(present: Sequence[str], new: Iterable[str]) -> tuple[str, ...]:
    """
    Raises:
        AwsError: ParameterVersionLabelLimitExceeded
    """
    after = tuple(dict.fromkeys((*present, *new)))
    if len(after) > MAX_LABELS:
        raise AwsError(
            "ParameterVersionLabelLimitExceeded",
            f"A parameter version can have maximum {MAX_LABELS} labels."
            "Move one or more labels to another version and try again.",
        )
    return after
