"""Parameters of a template: their declarations, and the values a caller gives for them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import TemplateError
from .functions import spelt

SSM = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
LIST = re.compile(r"List<(.+)>")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
AWS_TYPES = frozenset(
    {
        "AWS::EC2::AvailabilityZone::Name",
        "AWS::EC2::Image::Id",
        "AWS::EC2::Instance::Id",
        "AWS::EC2::KeyPair::KeyName",
        "AWS::EC2::SecurityGroup::GroupName",
        "AWS::EC2::SecurityGroup::Id",
        "AWS::EC2::Subnet::Id",
        "AWS::EC2::Volume::Id",
        "AWS::EC2::VPC::Id",
        "AWS::Route53::HostedZone::Id",
    }
)
MEMBERS = frozenset(
    [
        "Type",
        "Default",
        "Description",
        "AllowedValues",
        "AllowedPattern",
        "MinLength",
        "MaxLength",
        "MinValue",
        "MaxValue",
        "NoEcho",
        "ConstraintDescription",
    ]
)
MAX_DESCRIPTION = 4000  # AWS: "A string of up to 4000 characters that describes the parameter"
MAX_VALUE_BYTES = 4096  # AWS: "A parameter value's maximum size is 4,096 bytes"
HIDDEN = "****"
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
MAX_PATTERN = 1024  # characters; Python's expressions backtrack, and so a pattern's text and subject stay short


@dataclass(frozen=True, slots=True)
class Declared:
    name: str
    type: str
    default: str | None
    description: str | None
    hidden: bool
    allowed: tuple[str, ...]
    pattern: str | None
    min_length: int | None
    max_length: int | None
    min_value: float | None
    max_value: float | None
    constraint: str | None

    @property
    def from_ssm(self) -> bool:
        return SSM.fullmatch(self.type) is not None

    @property
    def element(self) -> str:
        """The type of a single value: "String" of List<String> and of AWS::SSM::Parameter::Value<List<String>>."""
        return _element(_resolved(self.type))

    @property
    def is_list(self) -> bool:
        return _is_list(_resolved(self.type))


def _resolved(kind: str) -> str:
    found = SSM.fullmatch(kind)
    return found[1] if found else kind


def _is_list(kind: str) -> bool:
    return kind == "CommaDelimitedList" or LIST.fullmatch(kind) is not None


def _element(kind: str) -> str:
    found = LIST.fullmatch(kind)
    return found[1] if found else "String" if kind == "CommaDelimitedList" else kind


def declared(written: Mapping[str, Mapping[str, Any]]) -> dict[str, Declared]:
    """
    Raises:
        TemplateError: a declaration is not as it may be, or its own default breaks it
    """
    made = {name: _declaration(name, one) for name, one in written.items()}
    for one in made.values():
        if one.default is not None:
            check(one, one.default)
    return made


def _declaration(name: str, written: Mapping[str, Any]) -> Declared:
    unknown = [member for member in written if member not in MEMBERS]
    if unknown:
        raise TemplateError(f"Invalid template parameter property '{unknown[0]}'")
    kind = written.get("Type")
    if kind is None:
        raise TemplateError(f"Template format error: Every Parameters object must contain a Type member; {name}")
    if not isinstance(kind, str) or not _known(kind):
        raise TemplateError(f"Template format error: Unrecognized parameter type: {kind}")
    allowed = written.get("AllowedValues", [])
    if not isinstance(allowed, list) or any(isinstance(one, dict | list) for one in allowed):
        raise TemplateError(f"Template format error: Parameter '{name}' must have a list of AllowedValues.")
    default = written.get("Default")
    if isinstance(default, dict | list):
        raise TemplateError("Template format error: Every Default member must be a string.")
    description = written.get("Description", "")
    if not isinstance(description, str):
        raise TemplateError("Template format error: Every Description member must be a string.")
    if len(description) > MAX_DESCRIPTION:
        raise TemplateError(
            f"Template format error: the Description of parameter '{name}' is longer than {MAX_DESCRIPTION} characters."
        )
    pattern = written.get("AllowedPattern")
    if pattern is not None:
        _compiled(name, pattern)
    return Declared(
        name=name,
        type=kind,
        default=None if default is None else spelt(default),
        description=written.get("Description"),
        hidden=spelt(written.get("NoEcho", "false")).lower() == "true",
        allowed=tuple(spelt(one) for one in allowed),
        pattern=pattern,
        min_length=_whole(name, "MinLength", written),
        max_length=_whole(name, "MaxLength", written),
        min_value=_number(name, "MinValue", written),
        max_value=_number(name, "MaxValue", written),
        constraint=written.get("ConstraintDescription"),
    )


def _known(kind: str) -> bool:
    kind = _resolved(kind)
    if kind in ("String", "Number", "CommaDelimitedList", "AWS::SSM::Parameter::Name"):
        return True
    if kind.startswith("List<"):
        return _element(kind) in AWS_TYPES | {"String", "Number"}
    return kind in AWS_TYPES


def _compiled(name: str, pattern: Any) -> re.Pattern[str]:
    try:
        if not isinstance(pattern, str) or len(pattern) > MAX_PATTERN:
            raise ValueError
        return re.compile(pattern)
    except (re.error, ValueError, RecursionError):
        raise TemplateError(
            f"Template format error: the AllowedPattern of parameter '{name}' is no valid expression."
        ) from None


def _whole(name: str, member: str, written: Mapping[str, Any]) -> int | None:
    number = _number(name, member, written)
    return None if number is None else int(number)


def _number(name: str, member: str, written: Mapping[str, Any]) -> float | None:
    value = written.get(member)
    if value is None:
        return None
    if not _NUMBER.fullmatch(spelt(value)):
        raise TemplateError(f"Template format error: {member} of parameter '{name}' must be a number.")
    return float(value)


def check(one: Declared, text: str) -> None:
    """
    Raises:
        TemplateError: the value breaks the declaration, in AWS's words or the declaration's own
    """
    problem = _problem(one, text)
    if problem is None:
        return
    if one.constraint:
        raise TemplateError(f"Parameter {one.name} failed to satisfy constraint: {one.constraint}")
    raise TemplateError(f"Parameter '{one.name}' {problem}")


def _problem(one: Declared, text: str) -> str | None:
    if len(text.encode()) > MAX_VALUE_BYTES:
        return f"must be at most {MAX_VALUE_BYTES} bytes"
    is_list = _is_list(one.type)
    items = [item.strip() for item in text.split(",")] if is_list else [text]
    for item in items:
        if _element(one.type) == "Number" and not _NUMBER.fullmatch(item):
            return "must be a number"
        if one.allowed and item not in one.allowed:
            return (
                f"must be one of AllowedValues: [{', '.join(one.allowed)}]"
                if is_list
                else "must be one of AllowedValues"
            )
        if one.pattern is not None and not _compiled(one.name, one.pattern).fullmatch(item):
            return f"must match pattern {one.pattern}"
        if one.min_length is not None and len(item) < one.min_length:
            return f"must contain at least {one.min_length} characters"
        if one.max_length is not None and len(item) > one.max_length:
            return f"must contain at most {one.max_length} characters"
        if one.min_value is not None and _NUMBER.fullmatch(item) and float(item) < one.min_value:
            return f"must be a number not less than {one.min_value:g}"
        if one.max_value is not None and _NUMBER.fullmatch(item) and float(item) > one.max_value:
            return f"must be a number not greater than {one.max_value:g}"
    return None


def given(
    declarations: Mapping[str, Declared],
    parameters: Sequence[Mapping[str, Any]] | None,
    previous: Mapping[str, str] | None,
) -> dict[str, str]:
    """The text of each parameter: the caller's, the previous one where they say so, or the default.

    `previous` is None where there is no stack yet.

    Raises:
        TemplateError: values are missing, unknown, or break their declarations
    """
    texts: dict[str, str] = {}
    for parameter in parameters or ():
        name = parameter.get("ParameterKey", "")
        if name in texts:
            raise TemplateError(f"Parameter '{name}' is given twice")
        if parameter.get("UsePreviousValue"):
            if parameter.get("ParameterValue") is not None:
                raise TemplateError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and "
                    "non empty value for a parameter"
                )
            if previous is None or name not in previous:
                raise TemplateError(
                    f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter "
                    "key not in the previous template"
                )
            texts[name] = previous[name]
        elif "ParameterValue" not in parameter:
            raise TemplateError(f"Invalid input for parameter key {name}. Need to specify either usePreviousValue as "
                                "true or a value for the parameter")  # fmt: skip
        else:
            texts[name] = parameter["ParameterValue"]
    unknown = [name for name in texts if name not in declarations]
    if unknown:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    missing = [name for name, one in declarations.items() if name not in texts and one.default is None]
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    for name, one in declarations.items():
        texts.setdefault(name, one.default or "")
        check(one, texts[name])
    return texts


def value(one: Declared, text: str) -> Any:
    """What a Ref to it gives; `text` is what Systems Manager has, where the type says so."""
    return [item.strip() for item in text.split(",")] if one.is_list else text


def absent(declarations: Mapping[str, Declared], values: Mapping[str, Any], exists: Callable[[str, str], bool]) -> None:
    """Check values of AWS's own types against what there is.

    Raises:
        TemplateError: something of this type and name is not there
    """
    for name, one in declarations.items():
        if one.element not in AWS_TYPES:
            continue
        for item in values[name] if one.is_list else [values[name]]:
            if not exists(one.element, item):
                raise TemplateError(
                    f"Parameter validation failed: parameter value {item} for parameter name {name} does not exist"
                )


def view(one: Declared) -> dict[str, Any]:
    """As ValidateTemplate and GetTemplateSummary show it."""
    return {
        "ParameterKey": one.name,
        "DefaultValue": one.default,
        "NoEcho": one.hidden,
        "Description": one.description,
    }
