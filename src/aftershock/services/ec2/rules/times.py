"""Moments as AWS writes them in text, such as filters compare: "2026-11-22T12:00:00.000Z"."""

from datetime import datetime
from typing import overload


@overload
def wire_time(moment: datetime) -> str: ...


@overload
def wire_time(moment: None) -> None: ...


def wire_time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
