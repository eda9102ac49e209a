"""Domain names as Route 53 reads and shows them, which is not quite how DNS's own files do: escapes are octal.

AWS: "If the domain name includes any characters other than a to z, 0 to 9, - (hyphen), or _ (underscore), Route 53 API
actions return the characters as escape codes."
"""

import re
from collections.abc import Sequence

from .errors import fatal

Labels = tuple[bytes, ...]

_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_PART = re.compile(r"\\([0-3][0-7]{2})|\\(.)|([^\\])", re.DOTALL)
_USUAL = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+")  # and nothing in it to be escaped
_NAME_MAX, _LABEL_MAX = 255, 63


class InvalidName(ValueError):
    """Not a domain name; the message is AWS's."""


def parse(text: str) -> Labels:
    """The labels of an absolute name, whether or not it has the final dot.

    Raises:
        InvalidName
    """
    if text in ("", "."):
        if text:
            return ()
        raise InvalidName(fatal("DomainLabelEmpty", "Domain label is empty", text))
    labels, label = [], bytearray()
    body = text[:-1] if text.endswith(".") and not text.endswith("\\.") else text
    position = 0
    for found in _PART.finditer(body):
        position = found.end()
        octal, escaped, plain = found.groups()
        if plain == ".":
            labels.append(bytes(label))
            label.clear()
            continue
        code = int(octal, 8) if octal else ord(escaped or plain)
        if code > 255 or (plain and not 0x21 <= code <= 0x7E):
            raise InvalidName(fatal("UnsupportedCharacter", "Value contains unsupported characters", text))
        label.append(code)
    if position != len(body):
        raise InvalidName(fatal("UnsupportedCharacter", "Value contains unsupported characters", text))
    labels.append(bytes(label))
    for one in labels:
        if not one:
            raise InvalidName(fatal("DomainLabelEmpty", "Domain label is empty", text))
        if len(one) > _LABEL_MAX:
            raise InvalidName(fatal("DomainLabelTooLong", "Domain label is too long", one.decode("latin-1")))
    if sum(len(one) + 1 for one in labels) + 1 > _NAME_MAX:
        raise InvalidName(fatal("DomainNameTooLong", "Domain name is too long", text))
    return tuple(one.lower() for one in labels)


def show(labels: Sequence[bytes]) -> str:
    """As AWS's answers have it: `\\052.example.com.`"""
    return "".join(_escaped(label, "\\{:03o}") + "." for label in labels) or "."


def presentation(labels: Sequence[bytes]) -> str:
    """As DNS's own files have it (RFC 1035 §5.1): `*.example.com.`"""
    return "".join(_escaped(label, "\\{:03d}", also=b"*") + "." for label in labels) or "."


def _escaped(label: bytes, escape: str, also: bytes = b"") -> str:
    return "".join(chr(code) if code in _PLAIN or code in also else escape.format(code) for code in label)


def normal(text: str) -> str:
    """
    Raises:
        InvalidName
    """
    return text if _is_usual(text) else show(parse(text))


def dns(text: str) -> str:
    """The presentation form of a name that Route 53 shows or was given.

    Raises:
        InvalidName
    """
    return text if _is_usual(text) else presentation(parse(text))


def _is_usual(text: str) -> bool:
    return len(text) < _NAME_MAX and _USUAL.fullmatch(text) is not None


def lies_in(name: str, zone: str) -> bool:
    """Of names as they are shown."""
    return zone in (name, ".") or name.endswith(f".{zone}")
