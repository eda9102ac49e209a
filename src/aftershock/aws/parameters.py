"""What a request was given, place by place; for services that refuse what they do not honour."""

from collections.abc import Iterator, Mapping
from typing import Any


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is given, with the dotted path of its place; members of a list have the list's own."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner, path)
    elif value is not None:
        yield path, value


def spelt(value: Any) -> str:
    """A value as AWS's messages write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
