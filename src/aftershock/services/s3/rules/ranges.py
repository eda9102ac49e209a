"""Parts of an object: `Range` headers, numbered parts, and the pieces that they mean."""

import re
from collections.abc import Iterator, Sequence

from aftershock.services.s3.records import Piece

from .errors import invalid_argument, refuse

# RFC 9110 §14.1.2.  S3: "Amazon S3 doesn't support retrieving multiple ranges of data per GET request."
_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_COPIED = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")


def of_header(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte; None for what is no range, and so means all.

    Raises:
        AwsError: InvalidRange
    """
    found = _RANGE.fullmatch(text)
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = min(int(found[2]), size)
        first, last = size - length, size - 1
    else:
        first, last = int(found[1]), min(int(found[2] or size), size - 1)
        if found[2] and int(found[2]) < first:
            return None
    if first > last:
        message = "The requested range is not satisfiable"
        raise refuse("InvalidRange", message, 416, RangeRequested=text.strip(), ActualObjectSize=size)
    return first, last


def of_copy(text: str, size: int) -> tuple[int, int]:
    """First and last byte of `x-amz-copy-source-range`, which has to lie within the source."""
    found = _COPIED.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
        raise invalid_argument(message + "zero-based offsets of the first and last bytes to copy", "range", text)
    if int(found[2]) >= size:
        message = f"Range specified is not valid for source object of size: {size}"
        raise invalid_argument(message, "x-amz-copy-source-range", text)
    return int(found[1]), int(found[2])


def of_part(number: int, part_sizes: Sequence[int], size: int) -> tuple[int, int]:
    """First and last byte of a numbered part; what was not uploaded in parts is one part."""
    sizes = part_sizes or (size,)
    if not 1 <= number <= len(sizes):
        message = "The requested partnumber is not satisfiable"
        raise refuse("InvalidPartNumber", message, 416, PartNumberRequested=number, ActualPartCount=len(sizes))
    first = sum(sizes[: number - 1])
    return first, first + sizes[number - 1] - 1


def cut(pieces: Sequence[Piece], first: int, last: int) -> tuple[Piece, ...]:
    return tuple(_cut(pieces, first, last))


def _cut(pieces: Sequence[Piece], first: int, last: int) -> Iterator[Piece]:
    at = 0
    for piece in pieces:
        low, high = max(first, at), min(last + 1, at + piece.size)
        if low < high:
            yield Piece(piece.blob, piece.offset + low - at, high - low)
        at += piece.size
