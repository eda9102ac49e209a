"""Strings that somebody else made up, as words of HAProxy's configuration.

Nothing here can end its word or its line: patterns are written in letters, digits and hexadecimal escapes alone, and
everything else between single quotes, where the configuration knows no special sign (HAProxy's manual, 2.2).
"""

import re

from aftershock.engines.balancer.spec import TEMPLATE


def quoted(text: str) -> str:
    """One word.

    Raises:
        ValueError: it has a sign that no word can hold.
    """
    if not re.fullmatch(r"[ -~]*", text):
        raise ValueError(f"{text!r} cannot stand in a configuration")
    return "'" + text.replace("'", "'\\''") + "'"


def pattern(text: str, *, any_sign: str = ".") -> str:
    """A regular expression, without its anchors, for a pattern with `*` and `?`; `any_sign` is what they stand for."""
    return "".join(f"{any_sign}*" if sign == "*" else any_sign if sign == "?" else _literally(sign) for sign in text)


def _literally(sign: str) -> str:
    if re.fullmatch("[A-Za-z0-9]", sign):
        return sign
    return "".join(f"\\x{byte:02x}" for byte in sign.encode("utf-8", "surrogatepass"))


def template(text: str, meanings: dict[str, str]) -> str:
    """A log-format string, to be quoted, for a text in which #{name} is put for something."""
    # The parts take turns: what stands there, and what it is put for.
    parts = TEMPLATE.split(text)
    return "".join(meanings[part] if index % 2 else part.replace("%", "%%") for index, part in enumerate(parts))


def milliseconds(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"
