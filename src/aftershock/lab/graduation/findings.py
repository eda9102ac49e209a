"""What a check has found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    ERROR = "error"  # AWS refuses it, or nobody should deploy it like this
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    check: str  # the rule's id
    where: str  # a logical id, or empty
    line: int | None
    said: str
