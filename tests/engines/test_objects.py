"""Blobs are whole or not there, are given back as they were written, and go only when nobody reads them."""

import asyncio
import hashlib
from pathlib import Path

import pytest

from aftershock.engines.objects import Damaged, Objects, Piece


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    objects = Objects(tmp_path)
    objects.open()
    return objects


def put(objects: Objects, data: bytes) -> str:
    incoming = objects.draft({"MD5": hashlib.md5})
    incoming.write(data)
    written = incoming.finish()
    incoming.close(kept=True)
    assert written.digests == {"MD5": hashlib.md5(data).digest()}
    return written.name


def test_what_was_written_is_read(objects: Objects) -> None:
    data = bytes(range(256)) * 9000
    name = put(objects, data)
    assert objects.read([Piece(name, 0, len(data))]).whole() == data
    assert objects.read([Piece(name, 5, 3), Piece(name, 0, 2)]).whole() == data[5:8] + data[:2]
    assert objects.read([]).whole() == b""
    assert objects.list() == {name}


def test_blocks_are_read_without_holding_them_all(objects: Objects) -> None:
    data = bytes(3 * 2**20 + 7)
    reading = objects.read([Piece(put(objects, data), 0, len(data))])

    async def sizes() -> list[int]:
        return [len(block) async for block in reading.blocks()]

    assert asyncio.run(sizes()) == [2**20, 2**20, 2**20, 7]
    assert reading.size == len(data)


@pytest.mark.parametrize("finished", [False, True])
def test_a_discarded_draft_leaves_nothing(objects: Objects, tmp_path: Path, finished: bool) -> None:
    incoming = objects.draft({})
    incoming.write(b"abc")
    if finished:
        incoming.finish()
    incoming.close(kept=False)
    incoming.close(kept=False)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_new_process_removes_drafts_and_keeps_blobs(objects: Objects, tmp_path: Path) -> None:
    name = put(objects, b"kept")
    objects.draft({}).write(b"half")
    again = Objects(tmp_path)
    again.open()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [name] == list(again.list())


def test_a_blob_is_not_listed_before_it_is_settled(objects: Objects) -> None:
    incoming = objects.draft({})
    incoming.write(b"abc")
    written = incoming.finish()
    assert objects.list() == set()
    incoming.close(kept=True)
    assert objects.list() == {written.name}


def test_a_blob_that_is_read_stays_until_it_was(objects: Objects) -> None:
    name = put(objects, b"abc")
    with objects.read([Piece(name, 0, 3)]) as reading:
        assert not objects.remove(name)
        assert b"".join(reading.each()) == b"abc"
    assert objects.remove(name)
    assert objects.remove(name)
    assert objects.list() == set()


@pytest.mark.parametrize("damage", [lambda data: data[:-1] + b"x", lambda data: data[:-1]])
def test_damaged_bytes_are_not_given_as_whole(objects: Objects, tmp_path: Path, damage) -> None:
    data = bytes(2**20 + 5)
    name = put(objects, data)
    path = tmp_path / "blobs" / name[:2] / name
    path.write_bytes(damage(data))
    given = b""
    with pytest.raises(Damaged):
        for block in objects.read([Piece(name, 0, len(data))]).each():
            given += block
    assert len(given) < len(data)
