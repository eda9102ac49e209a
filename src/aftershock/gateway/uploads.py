"""A body of any size on its way from the network to the disk, with no more of it in memory than a few blocks."""

import asyncio
from collections.abc import AsyncIterator

from aftershock.wire import Payload

from .door import Intake

BLOCK_BYTES = 2**20  # enough that going to the thread and back costs nothing beside hashing and writing


async def upload(pieces: AsyncIterator[bytes], payload: Payload, intake: Intake) -> tuple[object, dict[str, str]]:
    """Take in a whole body: what became of it, and the trailers that came behind it.

    While one block is hashed and written the next one is received.

    Raises:
        AwsError: it is not what was signed
        ClientGoneError
    """
    writing: asyncio.Future[None] | None = None
    block: list[bytes] = []
    size = 0
    try:
        async for piece in pieces:
            block.append(piece)
            size += len(piece)
            if size >= BLOCK_BYTES:
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(asyncio.to_thread(_take, block, payload, intake))
                block, size = [], 0
    finally:
        if writing is not None:  # before anybody closes what it writes to
            await asyncio.wait([writing])
    if writing is not None:
        await writing
    return await asyncio.to_thread(_take_last, block, payload, intake)


def _take(block: list[bytes], payload: Payload, intake: Intake) -> None:
    for plain in payload.feed(b"".join(block)):
        intake.write(plain)


def _take_last(block: list[bytes], payload: Payload, intake: Intake) -> tuple[object, dict[str, str]]:
    _take(block, payload, intake)
    trailers = payload.end()
    return intake.finish(), trailers
