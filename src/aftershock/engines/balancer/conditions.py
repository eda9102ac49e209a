"""A rule's conditions as access lists of HAProxy's."""

import re
from collections.abc import Callable, Iterator

from aftershock.engines.balancer.quoting import pattern, quoted
from aftershock.engines.balancer.spec import Condition, Header, Host, Method, Path, Query, Source


def tests(condition: Condition) -> Iterator[str]:
    """What stands behind the list's name, a line each: it holds if one of them does."""
    match condition:
        case Host(patterns, regexes):
            yield from _texts("req.hdr(host),host_only", patterns, regexes, " -i")
        case Path(patterns, regexes):
            yield from _texts("path", patterns, regexes, "")
        case Header(name, patterns, regexes):
            yield from _texts(quoted(f"req.fhdr({name})"), patterns, regexes, " -i")
        case Method(values):
            yield f"method -m str {' '.join(quoted(value) for value in values)}"
        case Source(networks):
            yield f"src {' '.join(networks)}"
        case Query(pairs):
            yield _words("query -m reg -i", [f"^{_pair(key, value)}$" for key, value in pairs], quoted)


def _texts(fetch: str, patterns: tuple[str, ...], regexes: tuple[str, ...], case: str) -> Iterator[str]:
    """Most patterns are a text, or its beginning or end: these are found without a regular expression."""
    kinds: dict[str, list[str]] = {"str": [], "beg": [], "end": [], "reg": []}
    for text in patterns:
        kind, plain = _kind(text)
        kinds[kind].append(plain)
    for kind, values in kinds.items():
        if values:
            yield _words(f"{fetch} -m {kind}{case}", values, quoted)
    if regexes:
        # In brackets, so that none begins with the dash of an option.
        yield _words(f"{fetch} -m reg", [f"(?:{regex})" for regex in regexes], quoted)


def _kind(text: str) -> tuple[str, str]:
    for kind, plain in (("str", text), ("beg", text.removesuffix("*")), ("end", text.removeprefix("*"))):
        if (kind == "str") == (plain == text) and re.fullmatch(r"[ -~]+", plain) and not set("*?") & set(plain):
            return kind, plain
    return "reg", f"^{pattern(text)}$"


def _words(test: str, values: list[str], write: Callable[[str], str]) -> str:
    return f"{test} -- {' '.join(write(value) for value in values)}"


def _pair(key: str | None, value: str) -> str:
    name = "[^&=]*" if key is None else pattern(key, any_sign="[^&=]")
    optional = "?" if key is None else ""
    return f"(.*&)?({name}=){optional}{pattern(value, any_sign='[^&]')}(&.*)?"
