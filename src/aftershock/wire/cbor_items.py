"""Reading CBOR (RFC 8949), the part of it that Smithy's RPC v2 uses.

A decoder of our own, because a general one also decodes bignums, shared references and regular expressions, none of
which a caller should be able to make us build.  Lengths are believed only as far as there are bytes.
"""

import struct
from collections.abc import Callable
from typing import Any

from aftershock.wire import scalars
from aftershock.wire.scalars import Malformed

_DEPTH = 64
_INDEFINITE = 31
_BREAK = 0xFF
_LENGTH_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}


def load(body: bytes) -> Any:
    reader = _Reader(body)
    value = reader.item(0)
    if reader.at != len(body):
        raise Malformed("The request body has bytes after its CBOR value")
    return value


class _Reader:
    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0

    def item(self, depth: int) -> Any:
        if depth > _DEPTH:
            raise Malformed("The request body is nested too deeply")
        initial = self._take(1)[0]
        major, info = initial >> 5, initial & 0x1F
        match major:
            case 0:
                return self._number(info)
            case 1:
                return -1 - self._number(info)
            case 2:
                return self._string(info, 2)
            case 3:
                return _text(self._string(info, 3))
            case 4:
                return self._repeated(info, lambda: self.item(depth + 1))
            case 5:
                return dict(self._repeated(info, lambda: (self._key(depth), self.item(depth + 1))))
            case 6:
                return self._tagged(info, depth)
        return self._simple(info)

    def _take(self, size: int) -> bytes:
        taken = self.body[self.at : self.at + size]
        if len(taken) != size:
            raise Malformed("The request body is not complete CBOR")
        self.at += size
        return taken

    def _number(self, info: int) -> int:
        if info < 24:
            return info
        if info not in _LENGTH_BYTES:
            raise Malformed("The request body is not valid CBOR")
        return int.from_bytes(self._take(_LENGTH_BYTES[info]), "big")

    def _string(self, info: int, major: int) -> bytes:
        if info != _INDEFINITE:
            return self._take(self._number(info))
        chunks = []
        while not self._ended():
            initial = self._take(1)[0]
            if initial >> 5 != major or initial & 0x1F == _INDEFINITE:
                raise Malformed("The request body is not valid CBOR")
            chunks.append(self._take(self._number(initial & 0x1F)))
        return b"".join(chunks)

    def _repeated(self, info: int, read: Callable[[], Any]) -> list[Any]:
        items = []
        if info == _INDEFINITE:
            while not self._ended():
                items.append(read())
            return items
        count = self._number(info)
        if count > len(self.body) - self.at:  # every item takes a byte at least
            raise Malformed("The request body is not complete CBOR")
        for _ in range(count):
            items.append(read())
        return items

    def _ended(self) -> bool:
        ended = self.body[self.at : self.at + 1] == bytes([_BREAK])
        self.at += ended
        return ended

    def _key(self, depth: int) -> str:
        key = self.item(depth + 1)
        if not isinstance(key, str):
            raise Malformed("The request body has a key that is not a text")
        return key

    def _tagged(self, info: int, depth: int) -> Any:
        tag, value = self._number(info), self.item(depth + 1)
        if tag != 1 or isinstance(value, bool) or not isinstance(value, int | float):
            raise Malformed("The request body has a tag that is not a timestamp")
        return scalars.moment(value)

    def _simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info not in _FLOATS:
            raise Malformed("The request body is not valid CBOR")
        layout = _FLOATS[info]
        return struct.unpack(layout, self._take(struct.calcsize(layout)))[0]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Malformed("The request body has a text that is not UTF-8") from None
