"""Records, transactions, the change feed, and what is left after a kill."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.store import Change, NewerDatabase, Store, Table


class Thing(msgspec.Struct, frozen=True):
    id: str
    colour: str = "red"
    tags: tuple[str, ...] = ()


THINGS = Table("thing", Thing, indexes={"colour": lambda thing: thing.colour, "tag": lambda thing: thing.tags})


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "region.db", [THINGS])
    yield store
    store.close()


def put(store, *things):
    with store.transaction() as tx:
        for thing in things:
            THINGS.put(tx, thing)


def test_what_is_put_is_got_and_listed_in_the_order_of_keys(store):
    put(store, Thing("b"), Thing("a", tags=("x", "y")))
    with store.snapshot() as tx:
        assert THINGS.get(tx, "a") == Thing("a", tags=("x", "y"))
        assert THINGS.get(tx, "c") is None
        assert [thing.id for thing in THINGS.every(tx)] == ["a", "b"]
        assert THINGS.keys(tx) == {"a", "b"}


def test_an_index_is_walked_in_the_order_of_its_values_from_one_on(store):
    put(store, Thing("b", tags=("y", "x")), Thing("a", tags=("y",)), Thing("c", tags=("z",)), Thing("d"))
    with store.snapshot() as tx:
        assert [thing.id for thing in THINGS.following(tx, "tag", "")] == ["b", "a", "b", "c"]
        assert [thing.id for thing in THINGS.following(tx, "tag", "y")] == ["a", "b", "c"]
        assert [thing.id for thing in THINGS.following(tx, "tag", "yy")] == ["c"]
        with pytest.raises(KeyError):
            THINGS.following(tx, "size", "1")
        assert [THINGS.has_more_than(tx, count) for count in (0, 3, 4, 5)] == [True, True, False, False]


def test_an_index_follows_its_records(store):
    put(store, Thing("a", tags=("x", "y")), Thing("b", colour="blue", tags=("y",)))
    put(store, Thing("a", colour="blue", tags=("z",)))
    with store.transaction() as tx:
        assert [thing.id for thing in THINGS.where(tx, "colour", "blue")] == ["a", "b"]
        assert (THINGS.count(tx, "colour", "blue"), THINGS.count(tx, "colour", "none")) == (2, 0)
        assert [thing.id for thing in THINGS.where(tx, "tag", "y")] == ["b"]
        THINGS.forget(tx, "b")
        assert THINGS.where(tx, "tag", "y") == []
        with pytest.raises(KeyError):
            THINGS.where(tx, "size", "1")


def test_listeners_hear_after_the_commit_which_records_changed(store):
    heard = []
    store.after_commit.append(heard.append)
    put(store, Thing("a"), Thing("b"))
    assert heard == [frozenset({Change("thing", "a"), Change("thing", "b")})]


def test_writing_what_is_there_already_wakes_nobody(store):
    put(store, Thing("a"))
    heard = []
    store.after_commit.append(heard.append)
    put(store, Thing("a"))
    with store.transaction() as tx:
        THINGS.forget(tx, "never there")
    with store.snapshot() as tx:
        THINGS.get(tx, "a")
    assert heard == []


def test_a_transaction_that_fails_leaves_nothing_and_wakes_nobody(store):
    heard = []
    store.after_commit.append(heard.append)
    with pytest.raises(RuntimeError), store.transaction() as tx:
        THINGS.put(tx, Thing("a"))
        raise RuntimeError
    with store.snapshot() as tx:
        assert THINGS.every(tx) == []
    assert heard == []


def test_clearing_spares_what_is_to_be_kept(tmp_path):
    others = Table("other", Thing)
    store = Store(tmp_path / "region.db", [THINGS, others])
    put(store, Thing("a"))
    with store.transaction() as tx:
        others.put(tx, Thing("kept"))
    with store.transaction() as tx:
        store.clear(tx, keep=["other"])
        assert (THINGS.every(tx), others.keys(tx)) == ([], {"kept"})


def test_a_record_reads_rows_written_before_it_grew(tmp_path):
    class Small(msgspec.Struct, frozen=True):
        id: str

    first = Store(tmp_path / "region.db", [small := Table("thing", Small)])
    with first.transaction() as tx:
        small.put(tx, Small("a"))
    first.close()
    with Store(tmp_path / "region.db", [THINGS]).snapshot() as tx:
        assert THINGS.get(tx, "a") == Thing("a", colour="red")


def test_each_migration_is_applied_once_and_not_to_a_fresh_file(tmp_path):
    ran = []
    path = tmp_path / "region.db"
    Store(path, [THINGS], [lambda tx: ran.append(1)]).close()
    Store(path, [THINGS], [lambda tx: ran.append(1), lambda tx: ran.append(2)]).close()
    Store(path, [THINGS], [lambda tx: ran.append(1), lambda tx: ran.append(2)]).close()
    assert ran == [2]
    with pytest.raises(NewerDatabase):
        Store(path, [THINGS], [])


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "region.db"
    first = Store(path, [THINGS])
    put(first, Thing("a"))
    first.close()

    def fails(tx):
        tx.execute("DELETE FROM thing")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Store(path, [THINGS], [fails])
    with Store(path, [THINGS]).snapshot() as tx:
        assert THINGS.keys(tx) == {"a"}


WRITER = """
import sys, msgspec
from pathlib import Path
from tests.store.test_store import THINGS, Thing
from aftershock.store import Store
store = Store(Path(sys.argv[1]), [THINGS])
for n in range(1_000_000):
    with store.transaction() as tx:
        THINGS.put(tx, Thing(f"{n:07}", tags=(f"t{n}",)))
        THINGS.put(tx, Thing("last", colour=str(n)))
    print(n, flush=True)
"""


def test_every_acknowledged_write_survives_a_kill(tmp_path):
    path = tmp_path / "region.db"
    root = Path(__file__).parents[2]
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ.copy()
        )
        acknowledged = -1
        while acknowledged < 25:
            acknowledged = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        store = Store(path, [THINGS])
        with store.snapshot() as tx:
            last = int(THINGS.get(tx, "last").colour)
            assert last >= acknowledged
            assert [thing.id for thing in THINGS.where(tx, "tag", f"t{last}")] == [f"{last:07}"]
        store.close()
        assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        path.unlink()


operations = st.lists(
    st.tuples(st.sampled_from("abc"), st.none() | st.builds(Thing, id=st.just(""), colour=st.sampled_from(["r", "g"]))),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(operations)
def test_a_table_is_a_mapping_and_its_index_is_derived(tmp_path_factory, ops):
    store = Store(tmp_path_factory.mktemp("db") / "region.db", [THINGS])
    model = {}
    with store.transaction() as tx:
        for key, thing in ops:
            if thing is None:
                THINGS.forget(tx, key)
                model.pop(key, None)
            else:
                model[key] = msgspec.structs.replace(thing, id=key)
                THINGS.put(tx, model[key])
        assert {thing.id: thing for thing in THINGS.every(tx)} == model
        for colour in "rg":
            assert THINGS.where(tx, "colour", colour) == [model[k] for k in sorted(model) if model[k].colour == colour]
    store.close()
