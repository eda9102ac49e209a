"""Names of repositories, digests and tags."""

import re

from . import errors

MOST_NAME = 256
# As the service model has them, which checks what comes by the API; what comes by other doors is checked here.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# OCI distribution specification, "Pulling manifests"
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_name(text: str) -> bool:
    return 2 <= len(text) <= MOST_NAME and _NAME.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    return _TAG.fullmatch(text) is not None


def check_tag(tag: str) -> None:
    """
    Raises:
        AwsError: InvalidParameterException
    """
    if not is_tag(tag):
        raise errors.invalid("imageTag", f"must satisfy regular expression '{_TAG.pattern}'")


def host(account: str, region: str) -> str:
    """The name of a registry, which stands before the name of each of its repositories."""
    return f"{account}.dkr.ecr.{region}.amazonaws.com"
