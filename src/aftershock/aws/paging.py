"""Pages of long answers, and the opaque tokens between them.

A token names the last key of the page before it, so that pages neither repeat nor skip what is inserted or
deleted meanwhile, and a token is good after a restart.
"""

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


class InvalidToken(ValueError):
    """The token was not made here; the service says so in its own words."""


def page(
    items: Sequence[T], *, key: Callable[[T], str], token: str | None, size: int | None
) -> tuple[Sequence[T], str | None]:
    """The page of `items` (sorted by `key`) after `token`, and the token of the next page if there is one.

    Raises:
        InvalidToken
    """
    start = 0 if token is None else bisect_right([key(item) for item in items], _decode(token))
    if size is None or start + size >= len(items):
        return items[start:], None
    chosen = items[start : start + size]
    return chosen, _encode(key(chosen[-1]))


def page_of(
    listed: Callable[[str], Iterable[T]], *, key: Callable[[T], str], token: str | None, size: int | None
) -> tuple[Sequence[T], str | None]:
    """As `page`, where there is no need to have all items: no more of them are asked for than the page takes.

    `listed` begins, in the order of `key`, anywhere between the first item and the one behind the key that it is given.

    Raises:
        InvalidToken
    """
    last = "" if token is None else _decode(token)
    left = (item for item in listed(last) if token is None or key(item) > last)
    if size is None:
        return list(left), None
    chosen = list(islice(left, size + 1))
    return (chosen, None) if len(chosen) <= size else (chosen[:size], _encode(key(chosen[size - 1])))


def _encode(last: str) -> str:
    return base64.urlsafe_b64encode(b"1:" + last.encode()).decode()


def _decode(token: str) -> str:
    try:
        version, _, last = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
    except (binascii.Error, ValueError):
        raise InvalidToken(token) from None
    if version != "1":
        raise InvalidToken(token)
    return last
