"""The pages of docs/ that are made from the code: `python -m tests.docs.pages` writes them, a test compares them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import click

from aftershock import wiring
from aftershock.cli import main
from aftershock.services import ec2

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MADE = "<!-- Made from the code by `python -m tests.docs.pages`; do not edit. -->\n"


def commands() -> str:
    """docs/cli.md: the help of every command, as it is printed."""
    parts = [MADE, "# The commands\n"]
    for words, command in _walk(main, ("aftershock",)):
        context = click.Context(command, info_name=" ".join(words), max_content_width=100, terminal_width=100)
        parts.append(f"## `{' '.join(words)}`\n\n```\n{command.get_help(context).rstrip()}\n```\n")
    return "\n".join(parts)


def _walk(command: click.Command, words: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        for name, inner in sorted(command.commands.items()):
            yield from _walk(inner, (*words, name))


def services() -> Mapping[str, Mapping[str, Any]]:
    """The operations that the region has, by service; those that only say why they are not there do not count."""
    return {name: dict.fromkeys(set(names) - ec2.REFUSED) for name, names in wiring.catalogue().items()}


def coverage() -> str:
    """docs/coverage.md: for every service, which of the operations in its model there are."""
    loader = botocore.session.get_session()
    rows, lists = [], []
    for name, operations in sorted(services().items()):
        model = loader.get_service_model(name)
        there = sorted(operations)
        unknown = set(there) - set(model.operation_names)
        assert not unknown, f"{name} has operations that AWS does not: {unknown}"
        title = model.metadata.get("serviceAbbreviation", model.metadata["serviceFullName"])
        rows.append(f"| [{title}](#{name}) | {len(there)} | {len(model.operation_names)} |")
        readme = f"../src/aftershock/services/{name}/README.md"
        lists.append(f"## {name}\n\n{', '.join(there)}.\n\n[What is real, recorded only, refused]({readme})\n")
    text = (
        "Every other operation is refused as not implemented.  What a service does for real, and which parameters it\n"
        "only records or refuses, stands in the page that its section leads to.\n"
    )
    table = "\n".join(["| service | operations here | in AWS's model |", "| --- | ---: | ---: |", *rows])
    return "\n".join([MADE, "# Which operations there are\n", text, table, "", *lists])


PAGES = {"cli.md": commands, "coverage.md": coverage}


if __name__ == "__main__":
    for name, render in PAGES.items():
        (DOCS / name).write_text(render())
