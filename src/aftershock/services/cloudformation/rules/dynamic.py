"""Dynamic references: `{{resolve:ssm:NAME}}` and `{{resolve:ssm:NAME:VERSION}}` in the properties of resources."""

import re
from collections.abc import Callable

from .errors import TemplateError

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]*)\}\}")
_SSM = re.compile(r"([a-zA-Z0-9_.\-/]+)(?::([0-9]{1,18}))?")


def resolve(text: str, parameter: Callable[[str], str | None]) -> str:
    """The text with the values of parameters in the place of their references.

    `parameter` gives the value of one, by its name or by its name and version as Systems Manager takes them.

    Raises:
        TemplateError: a reference is not as it may be, names nothing, or is to a service that is not there
    """

    def value(found: re.Match[str]) -> str:
        service, key = found[1], found[2].strip()
        if service != "ssm":
            raise TemplateError(
                f"Template error: dynamic references to {service} are not supported in this region: {found[0]}"
            )
        if not _SSM.fullmatch(key):
            raise TemplateError(f"Incorrect format is used in the following SSM reference: [{found[0]}]")
        resolved = parameter(key)
        if resolved is None:
            raise TemplateError(f"Parameters: [ssm:{key}] cannot be found.")
        return resolved

    return _REFERENCE.sub(value, text)
