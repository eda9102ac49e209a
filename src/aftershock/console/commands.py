"""How the AWS CLI says an API call, so that whoever has clicked can paste what it was.  Pure."""

import base64
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.model import OperationModel, Shape


@dataclass(frozen=True, slots=True)
class Told:
    """What an earlier step's answer told; in a shell, a variable."""

    variable: str


@dataclass(frozen=True, slots=True)
class File:
    """A text that lies in a file; the CLI is shown the file, and the API gets the text."""

    name: str
    text: str


def command(model: OperationModel, params: Mapping[str, Any], *, query: str | None = None) -> str:
    """One line for a POSIX shell."""
    words = ["aws", model.service_model.service_name, _dashed(model.name)]
    shape = model.input_shape
    members: Mapping[str, Shape] = shape.members if shape is not None else {}
    given = dict(params)
    if "MinCount" in given and given.get("MinCount") == given.get("MaxCount"):
        words += ["--count", str(given.pop("MinCount"))]  # the CLI has one option for both
        del given["MaxCount"]
    for name, value in given.items():
        member = members[name]
        if member.metadata.get("idempotencyToken"):
            continue  # the CLI makes one up itself
        words += _option(f"--{_dashed(name)}", value, name)
    if query is not None:
        words += ["--query", shlex.quote(query), "--output", "text"]
    return " ".join(words)


def _option(option: str, value: Any, name: str) -> list[str]:
    match value:
        case True:
            return [option]
        case False:
            return [option.replace("--", "--no-", 1)]
        case File(file):
            return [option, shlex.quote(f"file://{file}")]
        case Told(variable):
            return [option, f'"${variable}"']
        case [*items] if items and all(isinstance(item, str | int) for item in items):
            return [option, *(shlex.quote(str(item)) for item in items)]
        case str() if name == "UserData":
            return [option, shlex.quote(base64.b64decode(value).decode())]  # the CLI encodes it
        case str() | int() | float():
            return [option, shlex.quote(str(value))]
    return [option, shlex.quote(json.dumps(value))]


def _dashed(name: str) -> str:
    return str(xform_name(name, "-"))
