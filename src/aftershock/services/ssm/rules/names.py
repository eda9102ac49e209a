"""Names of parameters: what may be one, and which version of what a name asks for."""

import re
from dataclasses import dataclass

from aftershock.aws import arn
from aftershock.aws.errors import AwsError

from . import errors

MAX_LENGTH = 1011  # AWS: "The maximum length constraint for the parameter name that you specify is 1011 characters."
MAX_LEVELS = 15
_SHAPE = re.compile(r"/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_RULES = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following "
    "3 symbols .-_"
)
PATH_RULES = (
    "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "
    '"/". It can\'t be prefixed with \\"aws\\" or \\"ssm\\" (case-insensitive). It must use only letters, numbers, or '
    "the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, "
    'if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.'
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A parameter as somebody asks for it: by its name, and maybe for one version by number or label."""

    name: str
    version: int | None = None
    label: str | None = None

    @property
    def selector(self) -> str | None:
        chosen = self.label if self.version is None else self.version
        return None if chosen is None else f":{chosen}"


def check_new(name: str) -> None:
    """Refuse a name that a parameter cannot be given.

    Raises:
        AwsError: ValidationException, AccessDeniedException, HierarchyLevelLimitExceededException
    """
    bare = name.lower().removeprefix("/")
    if name.lower().startswith("/aws/"):
        raise AwsError("AccessDeniedException", f"No access to reserved parameter name: {name}.")
    if bare.startswith(("aws", "ssm")) and "/" not in bare:
        raise errors.validation('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).')
    if bare.startswith(("aws", "ssm")) or not _SHAPE.fullmatch(name):
        raise errors.validation(_RULES)
    if "/" in name and not name.startswith("/"):
        raise errors.validation("Parameter name must be a fully qualified name.")
    if len(name) > MAX_LENGTH:
        raise errors.validation(f"Parameter name: can't be longer than {MAX_LENGTH} characters.")
    if name.count("/") > MAX_LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"A hierarchy can have a maximum of {MAX_LEVELS} levels. For more information, see Requirements and "
            "constraints for parameter names in the AWS Systems Manager User Guide.",
        )


def asked(text: str) -> list[Asked]:
    """What a name, a name with a version or label, or an ARN may mean, likeliest first.

    Raises:
        AwsError: ValidationException
    """
    names = [text]
    if parsed := arn.parse(text):
        if parsed.service != "ssm" or not parsed.resource.startswith("parameter/"):
            raise errors.validation(f"Invalid parameter ARN: {text}")
        # An ARN does not tell whether the name begins with a slash; a name of several levels must.
        rest = parsed.resource.removeprefix("parameter/")
        names = [f"/{rest}"] if "/" in rest else [f"/{rest}", rest]
    return [_selected(name) for name in names]


def _selected(text: str) -> Asked:
    name, colon, selector = text.partition(":")
    qualified = name.startswith("/") or "/" not in name
    reserved = name.lower().removeprefix("/").startswith("ssm")
    if not _SHAPE.fullmatch(name) or not qualified or reserved or ":" in selector:
        raise errors.validation(_RULES)
    if not colon:
        return Asked(name)
    if selector.isascii() and selector.isdecimal():
        return Asked(name, version=int(selector[:18]))
    if not selector:
        raise errors.validation(_RULES)
    return Asked(name, label=selector)


def check_path(path: str) -> None:
    """
    Raises:
        AwsError: ValidationException
    """
    shaped = path == "/" or (path.startswith("/") and _SHAPE.fullmatch(path.removesuffix("/")))
    if not shaped or path.lower().startswith("/ssm"):
        raise errors.validation(PATH_RULES)


def is_below(name: str, path: str, *, recursive: bool) -> bool:
    """Whether the parameter lies in the hierarchy, directly or, when `recursive`, at any depth."""
    full = name if name.startswith("/") else f"/{name}"
    prefix = path if path.endswith("/") else f"{path}/"
    return full.startswith(prefix) and len(full) > len(prefix) and (recursive or "/" not in full[len(prefix) :])
