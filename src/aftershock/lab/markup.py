"""HTML and SVG out of plain values.  What is text is escaped, always; only what was made here is markup."""

from collections.abc import Iterable, Mapping
from html import escape

VOID = frozenset({"meta", "br"})


class Markup(str):
    """Text that is markup already, because `element` made it."""

    __slots__ = ()


Child = str | int | Iterable["Child"]


def element(name: str, attributes: Mapping[str, str | int | float] | None = None, *children: Child) -> Markup:
    """An element.  Numbers of attributes are written with one decimal at most; lists of children may be nested."""
    said = "".join(f' {key}="{escape(_value(value))}"' for key, value in (attributes or {}).items())
    if name in VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[Child]) -> Markup:
    return Markup("".join(_child(child) for child in children))


def _child(child: Child) -> str:
    match child:
        case Markup():
            return child
        case str() | int():
            return escape(str(child))
    return join(child)


def _value(value: str | float) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
