"""Runs that a region keeps: what was written is read again, and nothing else is taken for one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from aftershock.lab.records import FILE, MOST_KEPT, MOST_LINES, REPORT, BusyError, Claim, Record, Records, write

ONE = Record(
    id="20261122-214000-0123abcd",
    names=("1-one-machine",),
    began=1.5,
    ended=9.0,
    claims=(Claim("1-one-machine", True, ""),),
    lines=((0.1, "Stage 1"),),
    why="",
)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def test_what_was_written_is_read_again(records: Records) -> None:
    records.put(ONE)
    assert records.all() == [ONE]
    write(records.directory(ONE.id) / REPORT, b"<!doctype html>")
    assert records.get(ONE.id) == replace(ONE, reported=True)
    assert records.report(ONE.id) == b"<!doctype html>"


@pytest.mark.parametrize(
    "name", ["../state", "", ".", "20261122-214000-0123abcd/..", "20261122-214000-0123ABCD", "lock"]
)
def test_only_what_looks_like_a_run_is_one(records: Records, tmp_path: Path, name: str) -> None:
    (tmp_path / REPORT).write_text("not ours")
    assert records.get(name) is None
    assert records.report(name) is None


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"null", b'{"names": 3}', b"\xff"])
def test_a_file_that_is_none_is_left_out(records: Records, content: bytes) -> None:
    records.put(ONE)
    (records.directory(ONE.id) / FILE).write_bytes(content)
    assert records.all() == []
    records.put(ONE)
    said = json.loads((records.directory(ONE.id) / FILE).read_text())
    (records.directory(ONE.id) / FILE).write_text(json.dumps(said | {"lines": [1]}))
    assert records.all() == []


def test_one_at_a_time_and_who_dies_is_out_of_the_way(records: Records, tmp_path: Path) -> None:
    assert not records.busy()
    with records.alone():
        assert Records(tmp_path).busy()
        with pytest.raises(BusyError), Records(tmp_path).alone():
            raise AssertionError
    assert not records.busy()


def test_what_is_not_over_or_not_cleaned_up_is_unfinished(records: Records) -> None:
    records.put(ONE)
    assert records.unfinished() == []
    for left in (replace(ONE, ended=None), replace(ONE, clean=False)):
        records.put(left)
        assert records.unfinished() == [left]


def test_the_latest_are_kept(records: Records) -> None:
    names = [f"20261122-{number:06d}-0123abcd" for number in range(MOST_KEPT + 3)]
    for name in names:
        records.put(replace(ONE, id=name))
    records.forget_old()
    assert [one.id for one in records.all()] == names[:2:-1]


def test_a_long_story_keeps_its_end() -> None:
    record = replace(ONE, lines=(), now="it goes on")
    for number in range(MOST_LINES + 5):
        record = record.told(number, f"line {number}")
    assert len(record.lines) == MOST_LINES
    assert record.lines[-1] == (MOST_LINES + 4, f"line {MOST_LINES + 4}")
    assert record.now == ""
