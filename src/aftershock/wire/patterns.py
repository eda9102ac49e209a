"""AWS's patterns, which are written for Java, as Python's `re` understands them.

`re` knows neither `\\p{L}` nor surrogate pairs, and IAM's and SSM's tags are defined by both.
"""

import re
import sys
import unicodedata
import warnings
from functools import cache

_POSIX = {
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Punct": "!-/:-@\\[-`{-~",
    "Graph": "!-~",
    "Print": " -~",
    "Blank": " \\t",
    "Space": "\\s",
    "ASCII": "\\x00-\\x7F",
    "XDigit": "0-9a-fA-F",
    "Cntrl": "\\x00-\\x1F\\x7F",
}
_OTHER_NAMES = {"IsAlphabetic": "L", "IsDigit": "Nd", "IsLetter": "L"}
_PROPERTY = re.compile(r"\\([pP])(?:\{([^}]*)\}|([A-Z]))")
# Java writes the planes beyond the first as a pair of surrogates; Python has them as characters.
_SPELLINGS = (
    ("\\uD800\\uDC00-\\uDBFF\\uDFFF", "\U00010000-\U0010ffff"),
    ("\\x{10FFFF}", "\U0010ffff"),
    ("\\x{10000}", "\U00010000"),
    ("\\h", " \\t"),
)
# `(?:-?[a-z]+)*` at the end of a pattern takes time exponential in a text that nearly matches.  What its inner
# repetition takes, nothing after it could have used, so it need not give anything back.
_NESTED = re.compile(r"\]\+\)(?=(?:[*+]|\{\d*,\d*\})\)?(?:\[ \\t\]\*)?\$?$)")


@cache
def compiled(pattern: str) -> re.Pattern[str] | None:
    """None where Python cannot express the pattern; then it is not checked."""
    translated = pattern
    for java, python in _SPELLINGS:
        translated = translated.replace(java, python)
    translated = _NESTED.sub("]++)", translated)
    try:
        with warnings.catch_warnings(action="ignore", category=FutureWarning):  # of set operations that `re` may get
            return re.compile(_PROPERTY.sub(lambda found: _property(translated, found), translated), re.ASCII)
    except (re.error, KeyError, OverflowError):
        return None


def satisfies(text: str, pattern: str) -> bool:
    """As AWS does: the whole text must match, unless the pattern says itself where it is anchored."""
    expression = compiled(pattern)
    if expression is None:
        return True
    if pattern.startswith("^") or pattern.endswith("$"):
        return expression.search(text) is not None
    return expression.fullmatch(text) is not None


def _property(pattern: str, found: re.Match[str]) -> str:
    ranges = _ranges(found[2] or found[3], negated=found[1] == "P")
    before = pattern[: found.start()]
    return ranges if before.rfind("[") > before.rfind("]") else f"[{ranges}]"


@cache
def _ranges(name: str, *, negated: bool) -> str:
    """The inside of a character class.  Raises KeyError for a property that is not known."""
    if name in _POSIX and not negated:
        return _POSIX[name]
    wanted = _OTHER_NAMES.get(name, name.removeprefix("Is"))
    if not any(category.startswith(wanted) for category in _categories()):
        raise KeyError(name)
    return "".join(text for category, text in _categories().items() if category.startswith(wanted) != negated)


@cache
def _categories() -> dict[str, str]:
    """Every general category as the inside of a character class; made when first needed, in 0.2 s."""
    spans: dict[str, list[tuple[int, int]]] = {}
    start, current = 0, unicodedata.category("\0")
    for point in range(1, sys.maxunicode + 2):
        category = unicodedata.category(chr(point)) if point <= sys.maxunicode else ""
        if category != current:
            spans.setdefault(current, []).append((start, point - 1))
            start, current = point, category
    return {
        category: "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found) for category, found in spans.items()
    }
