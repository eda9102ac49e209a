"""Shows how far long work has come: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

LINE_EVERY_S = 10.0  # where lines are kept, in a log, this often is enough


class Progress:
    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._phase = ""
        self._said_at = float("-inf")
        self._bar: Bar | None = None

    def show(self, phase: str, fraction: float) -> None:
        if self._terminal:
            bar = self._bar = self._bar or _bar()
            bar.update(bar.task_ids[0], description=phase, completed=fraction)
        elif phase != self._phase or time.monotonic() - self._said_at > LINE_EVERY_S:
            click.echo(f"aftershock: {phase}" + (f" ({fraction:.0%})" if fraction else ""), err=True)
            self._said_at = time.monotonic()
        self._phase = phase

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()


def _bar() -> Bar:
    from rich.console import Console  # noqa: PLC0415  # takes longer to import than a warm `up` takes
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415

    columns = (TextColumn("aftershock: {task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Bar(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("", total=1.0)
    bar.start()
    return bar
