"""Records' values: which are good for a type, and how DNS's own files would write them."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from . import names
from .errors import fatal
from .names import InvalidName

STRING_MAX = 255  # bytes; RFC 1035 §3.3


class InvalidValue(ValueError):
    """Not a value of the type; the message is AWS's."""


def presentation(kind: str, value: str) -> str:
    """The value as a zone file would have it: names absolute, escapes decimal.

    Raises:
        InvalidValue
    """
    if kind not in ("TXT", "SPF", "CAA") and not value.isprintable():
        raise InvalidValue(fatal("UnsupportedCharacter", "Value contains unsupported characters", value))
    found = written(kind, value)
    try:
        dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(kind), found)
    except (dns.exception.DNSException, ValueError) as error:
        raise InvalidValue(fatal(f"Invalid{kind}RDATA", f"Value is not valid: {error}", value)) from error
    return found


@lru_cache(maxsize=65536)
def written(kind: str, value: str) -> str:
    """`presentation` of a value that is known to be one, for a tenth of the time.

    Raises:
        InvalidValue
    """
    try:
        return _READERS[kind](kind, value)
    except InvalidName as error:
        raise InvalidValue(str(error)) from error


def _ipv4(kind: str, value: str) -> str:
    _single(kind, value)
    try:
        return str(IPv4Address(value))
    except AddressValueError:
        raise InvalidValue(fatal("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)) from None


def _ipv6(kind: str, value: str) -> str:
    _single(kind, value)
    try:
        return str(IPv6Address(value))
    except AddressValueError:
        raise InvalidValue(fatal("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)) from None


def _single(kind: str, value: str) -> None:
    if " " in value or not value:
        raise InvalidValue(fatal(f"{kind}RRDATANotSingleField", "Value contains spaces", value))


def _name(kind: str, value: str) -> str:
    _single(kind, value)
    return names.dns(value)


def _fields(count: int, *, name_at: int) -> Callable[[str, str], str]:
    """Fields between blanks, one of which is a name and the others numbers."""

    def read(kind: str, value: str) -> str:
        fields = value.split()
        if len(fields) != count:
            problem = f"{kind} record doesn't have {count} fields"
            raise InvalidValue(fatal(f"{kind}RRDATAWrongNumberOfFields", problem, value))
        for position, one in enumerate(fields):
            if position != name_at and not (one.isdecimal() and one.isascii() and int(one) < 2**16):
                raise InvalidValue(fatal(f"{kind}RRDATAIllegalField", "Value is not a number up to 65535", one))
        fields[name_at] = names.dns(fields[name_at])
        return " ".join(fields)

    return read


def _soa(kind: str, value: str) -> str:
    fields = value.split()
    if len(fields) != 7:
        raise InvalidValue(fatal("SOARRDATAWrongNumberOfFields", "SOA record doesn't have 7 fields", value))
    return " ".join([names.dns(fields[0]), names.dns(fields[1]), *fields[2:]])


_STRING = re.compile(r'"((?:[^"\\]|\\[0-3][0-7]{2}|\\.)*)"(?:\s+|$)', re.DOTALL)
_ESCAPE = re.compile(r"\\([0-3][0-7]{2})|\\(.)|(.)", re.DOTALL)


def _strings(kind: str, value: str) -> str:
    """Strings in quotation marks, with octal escapes."""
    out, position = [], 0
    text = value.strip(" ")
    while found := _STRING.match(text, position):
        out.append(_string(found[1], value))
        position = found.end()
    if not out or position != len(text):
        problem = "Value should be enclosed in quotation marks"
        raise InvalidValue(fatal("InvalidCharacterString", problem, value))
    return " ".join(out)


def _string(inner: str, value: str) -> str:
    data = bytearray()
    for octal, escaped, plain in _ESCAPE.findall(inner):
        code = int(octal, 8) if octal else ord(escaped or plain)
        if code > 255 or (plain and not 0x20 <= code <= 0x7E):
            raise InvalidValue(fatal("UnsupportedCharacter", "Value contains unsupported characters", value))
        data.append(code)
    if len(data) > STRING_MAX:
        problem = "CharacterStringTooLong", "Value is too long"
        raise InvalidValue(fatal(*problem, value))
    return '"' + "".join(chr(c) if 0x20 <= c <= 0x7E and c not in b'"\\' else f"\\{c:03d}" for c in data) + '"'


def _naptr(kind: str, value: str) -> str:
    head, _, replacement = value.strip().rpartition(" ")
    return f"{head} {names.dns(replacement)}"


def _service(kind: str, value: str) -> str:
    """SVCB and HTTPS: a priority, a name, parameters."""
    fields = value.split(None, 2)
    if len(fields) < 2:
        raise InvalidValue(fatal(f"{kind}RRDATAWrongNumberOfFields", f"{kind} record doesn't have 2 fields", value))
    return " ".join([fields[0], names.dns(fields[1]), *fields[2:]])


def _as_given(kind: str, value: str) -> str:
    return value


_READERS: dict[str, Callable[[str, str], str]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CAA": _as_given,
    "CNAME": _name,
    "DS": _as_given,
    "HTTPS": _service,
    "MX": _fields(2, name_at=1),
    "NAPTR": _naptr,
    "NS": _name,
    "PTR": _name,
    "SOA": _soa,
    "SPF": _strings,
    "SRV": _fields(4, name_at=3),
    "SSHFP": _as_given,
    "SVCB": _service,
    "TLSA": _as_given,
    "TXT": _strings,
}
