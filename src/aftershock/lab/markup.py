"""HTML and SVG out of plain values.  What is text is escaped, always; only what was made here is markup."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from html import escape
from itertools import accumulate

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


# Widths of characters in ems, at the upper end of what systems' sans-serif fonts have.
NARROW, USUAL, CAPITAL, WIDE = 0.42, 0.66, 0.82, 1.05


def fitting(text: str, width: float, size: float) -> str:
    """The text as far as it is sure to fit, at a font size, into a width; what is left out is an ellipsis."""
    room = width / size
    ends = list(accumulate(map(_em, text)))
    if not ends or ends[-1] <= room:
        return text
    return text[: bisect_right(ends, room - WIDE)] + "…"


def _em(character: str) -> float:
    if character in " .,:;'|!()[]/-fijlrtI":
        return NARROW
    if character in "mwMW@%" or ord(character) > 0x2FF:
        return WIDE
    return CAPITAL if character.isupper() else USUAL
