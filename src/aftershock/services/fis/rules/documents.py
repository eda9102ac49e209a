"""The command documents that experiments can run in instances, by AWS's names and with AWS's parameters.

Source: AWS FIS user guide, "Use Systems Manager SSM documents with AWS FIS".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aftershock.aws import arn as arns
from aftershock.engines.network import Blackhole

from .errors import invalid

CPU_STRESS, BLACKHOLE_PORT = "AWSFIS-Run-CPU-Stress", "AWSFIS-Run-Network-Blackhole-Port"
DOCUMENTS = (CPU_STRESS, BLACKHOLE_PORT)
# The documents: "The duration - in seconds", from 1 to 43200.
LONGEST_S = 43200


@dataclass(frozen=True, slots=True)
class CpuStress:
    lasts_s: int
    workers: int  # 0: one for each processor
    load_percent: int


@dataclass(frozen=True, slots=True)
class BlackholePort:
    lasts_s: int
    blackhole: Blackhole


Command = CpuStress | BlackholePort


def check_arn(name: str, value: str) -> None:
    document_of(value)


def document_of(arn: str) -> str:
    """
    Raises:
        AwsError: ValidationException, for a document that the region does not have.
    """
    parsed = arns.parse(arn)
    name = parsed.resource.removeprefix("document/") if parsed and parsed.service == "ssm" else ""
    if name not in DOCUMENTS:
        raise invalid(f"The document {arn} is not supported in this region. Supported are: {', '.join(DOCUMENTS)}.")
    return name


def command(parameters: Mapping[str, str]) -> Command:
    """What `aws:ssm:send-command` is to run, from the action's parameters.

    Raises:
        AwsError: ValidationException, for a parameter that the document does not take, or not so.
    """
    name = document_of(parameters["documentArn"])
    given = _given(parameters.get("documentParameters") or "{}")
    # Nothing has to be installed for either of the two, so that both answers to the question are honoured alike.
    _word(given, "InstallDependencies", "True", allowed=("True", "False"))
    lasts_s = _number(given, "DurationSeconds", None, 1, LONGEST_S)
    found: Command
    if name == CPU_STRESS:
        workers, load = _number(given, "CPU", 0, 0, 256), _number(given, "LoadPercent", 100, 1, 100)
        found = CpuStress(lasts_s, workers, load)
    else:
        protocol = _word(given, "Protocol", None, allowed=("tcp", "udp"))
        direction = _word(given, "TrafficType", "egress", allowed=("egress", "ingress"))
        port = _number(given, "Port", None, 1, 65535)
        hole = Blackhole(
            protocol="tcp" if protocol == "tcp" else "udp",
            port=port,
            direction="egress" if direction == "egress" else "ingress",
        )
        found = BlackholePort(lasts_s, hole)
    if given:
        raise invalid(f"The document {name} has no parameter {min(given)} in this region.")
    return found


def _given(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise invalid('Parameter "documentParameters" is not a JSON object.')
    return {name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()}


def _word(given: dict[str, Any], name: str, default: str | None, *, allowed: tuple[str, ...]) -> str:
    value = given.pop(name, default)
    if value is None:
        raise invalid(f'The document parameter "{name}" is required.')
    if value not in allowed:
        raise invalid(f'The document parameter "{name}" has the value "{value}"; it can be: {", ".join(allowed)}.')
    return str(value)


def _number(given: dict[str, Any], name: str, default: int | None, least: int, most: int) -> int:
    value = given.pop(name, default)
    if value is None:
        raise invalid(f'The document parameter "{name}" is required.')
    text = str(value)
    if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
        raise invalid(f'The document parameter "{name}" has the value "{value}", which is not from {least} to {most}.')
    return int(text)
