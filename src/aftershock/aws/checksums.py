"""The checksums that AWS's clients state of what they send, and S3 keeps: cyclic redundancy checks and hashes.

zlib knows CRC-32 alone.  The other two, which only some clients ask for, are made here.
"""

import base64
import hashlib
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache, reduce
from operator import xor
from typing import Protocol

HEADER = "x-amz-checksum-"

_BLOCK_BYTES, _LANE_BYTES = 2**18, 256

Bytes = bytes | memoryview


class Checksum(Protocol):
    def update(self, data: Bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Bytes, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _TableCrc:
    """A reflected CRC that begins and ends with all bits turned.

    Python is slow byte by byte, and fast with many bytes alike.  So a block is cut into lanes of equal length, which
    advance by a byte at a time all together: the registers' bytes lie in one long integer, and the table is looked up
    by `bytes.translate`.  A CRC is linear, so the lanes' registers make the block's.
    """

    def __init__(self, polynomial: int, bits: int) -> None:
        self._polynomial, self._width = polynomial, bits // 8
        self._value = self._ones = (1 << bits) - 1
        self._waiting = bytearray()

    def update(self, data: Bytes, /) -> None:
        self._waiting += data
        if len(self._waiting) >= _BLOCK_BYTES:
            whole = len(self._waiting) - len(self._waiting) % _LANE_BYTES
            self._value = self._after_lanes(bytes(self._waiting[:whole]))
            del self._waiting[:whole]

    def digest(self) -> bytes:
        whole = len(self._waiting) - len(self._waiting) % _LANE_BYTES
        value = self._after_lanes(bytes(self._waiting[:whole])) if whole else self._value
        table = _table(self._polynomial)
        for byte in self._waiting[whole:]:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        return (value ^ self._ones).to_bytes(self._width, "big")

    def _after_lanes(self, data: bytes) -> int:
        count, width = len(data) // _LANE_BYTES, self._width
        lowest, tables = (1 << 8 * count) - 1, _byte_tables(self._polynomial, width)
        registers = 0  # the first bytes of all lanes, then the second ones …
        for at in range(_LANE_BYTES):
            column = int.from_bytes(data[at::_LANE_BYTES], "little")
            index = ((registers & lowest) ^ column).to_bytes(count, "little")
            looked_up = b"".join([index.translate(table) for table in tables])
            registers = (registers >> 8 * count) ^ int.from_bytes(looked_up, "little")
        bytewise, lanewise = registers.to_bytes(width * count, "little"), bytearray(width * count)
        for place in range(width):
            lanewise[place::width] = bytewise[place * count : (place + 1) * count]
        value, shifted = self._value, _lane_shift(self._polynomial, width)
        for lane in struct.unpack(f"<{count}{'I' if width == 4 else 'Q'}", lanewise):
            after = lane
            for table in shifted:
                after ^= table[value & 0xFF]
                value >>= 8
            value = after
        return value


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


@cache
def _byte_tables(polynomial: int, width: int) -> tuple[bytes, ...]:
    """Per byte of the register, what a looked-up byte puts there."""
    return tuple(bytes(entry >> 8 * place & 0xFF for entry in _table(polynomial)) for place in range(width))


@cache
def _lane_shift(polynomial: int, width: int) -> tuple[tuple[int, ...], ...]:
    """Per byte of a register and its value, what becomes of it behind a lane of zeros."""
    shift = _power_of_x(_LANE_BYTES * 8, polynomial, width * 8)
    bit = [_product(1 << place, shift, polynomial, width * 8) for place in range(width * 8)]
    return tuple(
        tuple(reduce(xor, (bit[8 * byte + one] for one in range(8) if value >> one & 1), 0) for value in range(256))
        for byte in range(width)
    )


# Reflected polynomials and widths: IEEE 802.3, Castagnoli, and NVM Express's (its specification, "64b CRC").
_POLYNOMIALS = {"CRC32": (0xEDB88320, 32), "CRC32C": (0x82F63B78, 32), "CRC64NVME": (0x9A6C9329AC4BC9B5, 64)}
ALGORITHMS: Mapping[str, Callable[[], Checksum]] = {
    "CRC32": _Crc32,
    "CRC32C": lambda: _TableCrc(*_POLYNOMIALS["CRC32C"]),
    "CRC64NVME": lambda: _TableCrc(*_POLYNOMIALS["CRC64NVME"]),
    "SHA1": hashlib.sha1,
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": hashlib.md5,
}
COMBINED = frozenset(_POLYNOMIALS)  # those that the parts' checksums make the whole's of


def of(algorithm: str, data: Bytes) -> bytes:
    checksum = ALGORITHMS[algorithm]()
    checksum.update(data)
    return checksum.digest()


def text(digest: bytes) -> str:
    """As headers spell it."""
    return base64.b64encode(digest).decode()


def joined(algorithm: str, first: bytes, second: bytes, second_size: int) -> bytes:
    """The CRC of two pieces of data one after the other, from their own."""
    polynomial, bits = _POLYNOMIALS[algorithm]
    shift = _power_of_x(second_size * 8, polynomial, bits)
    value = _product(int.from_bytes(first, "big"), shift, polynomial, bits) ^ int.from_bytes(second, "big")
    return value.to_bytes(bits // 8, "big")


def _power_of_x(exponent: int, polynomial: int, bits: int) -> int:
    """x to the exponent, modulo the polynomial; reflected: the highest bit is the constant."""
    result, square = 1 << (bits - 1), 1 << (bits - 2)
    while exponent:
        if exponent & 1:
            result = _product(result, square, polynomial, bits)
        square = _product(square, square, polynomial, bits)
        exponent >>= 1
    return result


def _product(one: int, other: int, polynomial: int, bits: int) -> int:
    result = 0
    for bit in range(bits - 1, -1, -1):
        if one >> bit & 1:
            result ^= other
        other = (other >> 1) ^ (polynomial if other & 1 else 0)
    return result
