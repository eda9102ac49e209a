"""The words of a metric math expression."""

import re
from dataclasses import dataclass
from typing import Literal

from .series import MathError

Kind = Literal["number", "name", "text", "symbol", "end"]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z][A-Za-z0-9_]*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<symbol>&&|\|\||==|!=|<=|>=|[-+*/^()\[\],<>])
    )""",
    re.VERBOSE,
)
_WORDS = {"AND": "&&", "OR": "||"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    at: int  # how many characters stand before it


def tokens(expression: str) -> list[Token]:
    """
    Raises:
        MathError: a character that no word begins with
    """
    found, at = [], 0
    end = len(expression.rstrip())
    while at < end:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise MathError(f"Invalid syntax at position {end - len(expression[at:end].lstrip())}")
        found.append(_token(match))
        at = match.end()
    return [*found, Token("end", "", end)]


def _token(match: "re.Match[str]") -> Token:
    start = match.end() - len(match[0].lstrip())
    match match.lastgroup:
        case "number":
            return Token("number", match["number"], start)
        case "name" if match["name"] in _WORDS:
            return Token("symbol", _WORDS[match["name"]], start)
        case "name":
            return Token("name", match["name"], start)
        case "text":
            return Token("text", match["text"][1:-1], start)
    return Token("symbol", match["symbol"], start)
