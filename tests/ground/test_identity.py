import os
import tempfile
from pathlib import Path

import pytest

from aftershock.ground import identity, view
from aftershock.ground.errors import GroundError
from aftershock.ground.identity import IDS, UNCLAIMED, Identity, Range, Subordinate, for_root, for_user, parse

ROOT = [Subordinate("root", 100000, IDS)]
ALICE = [Subordinate("alice", 231072, IDS), Subordinate("bob", 300000, IDS)]


def test_subuid_files_are_read_as_newuidmap_reads_them():
    text = "root:100000:65536\n# comment\n\nalice:231072:65536\nbroken:x:1\n1000:5:7"
    assert parse(text) == [*ROOT, Subordinate("alice", 231072, 65536), Subordinate("1000", 5, 7)]


@pytest.mark.parametrize(
    "uids, owner, first",
    [
        (ROOT, None, 100000),
        ([Subordinate("0", 200000, IDS)], None, 200000),
        ([Subordinate("root", 100000, 10)], None, UNCLAIMED[0]),  # too few
        ([], None, UNCLAIMED[0]),
        ([Subordinate("x", UNCLAIMED[0] + 5, 10)], None, UNCLAIMED[1]),
        ([Subordinate("x", UNCLAIMED[0] - 5, 10)], None, UNCLAIMED[1]),
        ([Subordinate("x", UNCLAIMED[0] - 5, 5)], None, UNCLAIMED[0]),
        (ROOT, (500000, 500000), 500000),  # what is there already decides
    ],
)
def test_the_range_of_a_region_that_root_starts(uids, owner, first):
    ids = for_root(uids, uids, owner)
    assert ids == Identity((Range(0, first, IDS),), (Range(0, first, IDS),), privileged=True)
    assert ids.uid == ids.gid == first


def test_the_maps_of_a_user():
    ids = for_user("alice", 1000, 1001, uids=ALICE, gids=ALICE, owner=(1000, 1001))
    assert [one.line() for one in ids.uids] == ["0 1000 1", "1 231072 65535"]
    assert [one.line() for one in ids.gids] == ["0 1001 1", "1 231072 65535"]


@pytest.mark.parametrize(
    "refused, words",
    [
        (lambda: for_root(ROOT, ROOT, (1000, 1000)), "belongs to user 1000"),
        (lambda: for_user("eve", 5, 5, uids=ALICE, gids=ALICE, owner=None), "usermod --add-subuids .* eve"),
        (lambda: for_user("alice", 5, 5, uids=ALICE, gids=[], owner=None), "/etc/subgid"),
        (lambda: for_user("alice", 5, 5, uids=ALICE, gids=ALICE, owner=(6, 6)), "belongs to user 6, not to you"),
        (lambda: for_root([Subordinate("x", 0, 2**32)], [], None), "no range"),
    ],
)
def test_refusals_say_what_to_do(refused, words):
    with pytest.raises(GroundError, match=words):
        refused()


def test_a_link_that_the_regions_root_has_put_is_not_followed(tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="logs"):
        identity.make_own([tmp_path / "logs"], for_root(ROOT, ROOT, None))
    assert (tmp_path / "precious").stat().st_uid == os.geteuid()


@pytest.fixture
def tree():
    """A place with only open directories above, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        Path(place).chmod(0o755)
        yield Path(place)


def make(place, *directories, closed=()):
    for directory in directories:
        (place / directory).mkdir(parents=True)
    for directory in closed:
        (place / directory).chmod(0o700)


def covered(place, *needed):
    found = view.coverings([place / name for name in needed], for_root(ROOT, ROOT, None))
    return [
        (str(closed.relative_to(place)), [str(path.relative_to(place)) for path in shown])
        for closed, shown in found.items()
    ]


@pytest.mark.parametrize(
    "directories, closed, needed, expected",
    [
        (["open/a"], [], ["open/a"], []),
        (["home/a/b"], ["home"], ["home/a/b"], [("home", ["home/a/b"])]),
        (["home/a/b", "home/c"], ["home"], ["home/c", "home/a/b", "home/a"], [("home", ["home/a", "home/c"])]),
        (["home/a/deep/b"], ["home", "home/a/deep"], ["home/a/deep/b"], [("home", ["home/a/deep/b"])]),
        (
            ["home/a/deep/b"],
            ["home", "home/a/deep"],
            ["home/a", "home/a/deep/b"],
            [("home", ["home/a"]), ("home/a/deep", ["home/a/deep/b"])],
        ),
        (["home/a"], ["home", "home/a"], ["home/a"], []),  # it cannot be read itself
        (["home/a/b"], ["home", "home/a"], ["home/a", "home/a/b"], [("home", ["home/a/b"])]),
        (["home"], ["home"], ["home/absent"], [("home", ["home/absent"])]),
    ],
)
def test_closed_directories_on_the_way_are_covered_and_what_is_needed_is_shown(
    tree, directories, closed, needed, expected
):
    make(tree, *directories, closed=closed)
    assert covered(tree, *needed) == expected


def test_a_link_and_what_it_leads_to_are_both_reachable(tree):
    make(tree, "home/a", "other/b", closed=["home", "other"])
    (tree / "home/link").symlink_to(tree / "other/b")
    assert covered(tree, "home/link") == [("home", ["home/link"]), ("other", ["other/b"])]


def test_what_the_regions_root_owns_it_may_pass(tmp_path):
    own = tmp_path / "own"
    (own / "below").mkdir(parents=True)
    os.chown(own, 100000, 100000)
    own.chmod(0o700)
    assert view._may_pass(own, for_root(ROOT, ROOT, None))
    assert not view._may_pass(own, for_root(ROOT, ROOT, (500000, 500000)))
