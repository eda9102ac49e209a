"""A plan: a sentence that says what will happen, and the calls of the API that do it, which are shown before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from typing import Any

from botocore.exceptions import ClientError

from . import commands
from .api import Answer, Api
from .commands import File, Told


class Impossible(Exception):
    """The act cannot be planned; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call.  What `query`, member by member, leads to in its answer later steps have as `Told(variable)`."""

    service: str
    operation: str
    params: Mapping[str, Any]
    variable: str | None = None
    query: str | None = None
    # A refusal with this code means that what was wanted is so already.
    done_if: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    says: str
    steps: tuple[Step, ...]
    again: Mapping[str, Any] = field(default_factory=dict)  # the act and arguments that undo it
    details: tuple[str, ...] = ()  # what will happen, thing by thing


def shown(planned: Plan, api: Api) -> list[str]:
    """The plan as the AWS CLI would do it, one line a call; what a step tells goes into a variable."""
    lines = []
    for step in planned.steps:
        line = commands.command(api.model(step.service, step.operation), step.params, query=step.query)
        lines.append(f"{step.variable}=$({line})" if step.variable else line)
    return lines


def run(planned: Plan, api: Api) -> list[Answer]:
    """Carry it out, step by step, and return what was answered.

    Raises:
        ClientError: a step was refused; those before it are done.
        Unreachable
    """
    told: dict[str, Any] = {}
    answers = []
    for step in planned.steps:
        params = {name: _value(value, told) for name, value in step.params.items()}
        try:
            answer = api.ask(step.service, step.operation, params)
        except ClientError as error:
            if step.done_if is None or error.response["Error"]["Code"] != step.done_if:
                raise
            answer = {}
        if step.variable is not None and step.query is not None:
            told[step.variable] = reduce(getitem, step.query.split("."), answer)
        answers.append(answer)
    return answers


def _value(value: Any, told: Mapping[str, Any]) -> Any:
    match value:
        case Told(variable):
            return told[variable]
        case File(_, text):
            return text
    return value
