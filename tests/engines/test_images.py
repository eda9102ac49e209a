import asyncio
import os
from pathlib import Path

import pytest

from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images, LayerRecipe, Progress, recipe, tree
from aftershock.engines.volumes import Volumes
from tests.engines.lab import CACHE, eventually

LOG = "I: automatically chosen format\nI: running apt-get update...\nI: downloading packages with apt...\nX: noise\n"


@pytest.mark.parametrize(
    ("log", "phase", "fraction"),
    [
        ("", "starting", 0.0),
        (LOG, "downloading Debian's essential packages", 0.08),
        (LOG + "I: extracting archives...\n", "unpacking Debian's essential packages", 0.2),
    ],
)
def test_the_log_tells_how_far_a_build_is(log, phase, fraction):
    assert recipe.progress(log) == (phase, fraction)


def test_lists_have_their_comments_and_empty_lines_left_out():
    assert recipe.parse_list("# why\na\n\n  b \n#c\n") == ("a", "b")


def test_the_key_changes_with_every_file_the_mirror_and_the_mapping_of_ids(tmp_path):
    def key(mirror="http://m", uid_map="0 100000 65536"):
        return recipe.read(mirror, uid_map, uid_map, tmp_path).key

    (tmp_path / "packages.txt").write_text("a\n")
    first = key()
    assert key(uid_map="  0   100000 65536\n") == first
    assert key(mirror="http://other") != first and key(uid_map="0 200000 65536") != first
    (tmp_path / "new").write_text("")
    assert key() != first


def test_the_base_layer_is_built_once_and_found_by_everyone(tmp_path):
    one, other = Images(tmp_path / "1", CACHE), Images(tmp_path / "2", CACHE)

    async def both():
        return await asyncio.gather(one.ensure_base(), other.ensure_base())

    first, second = asyncio.run(both())
    assert first == second and first.size_bytes > 100_000_000
    assert one.base_progress() == Progress("built", 1.0)
    assert asyncio.run(one.observe(first.name)) == first
    assert not list(CACHE.glob("layers/.*.new"))


def test_a_layer_of_packages_holds_them_and_nothing_of_how_they_came(tmp_path):
    wanted = LayerRecipe("haproxy", ("haproxy",))
    one, other = Images(tmp_path / "1", CACHE), Images(tmp_path / "2", CACHE)

    async def both():
        return await asyncio.gather(one.ensure_layer(wanted), other.ensure_layer(wanted))

    first, second = asyncio.run(both())
    assert first == second == asyncio.run(one.observe(first.name))
    assert (first.path / "usr/sbin/haproxy").is_file() and not (first.path / "usr/bin/bash").exists()
    assert not (first.path / "usr/sbin/policy-rc.d").exists() and not (first.path / "etc/resolv.conf").exists()
    assert not list(first.path.glob("var/cache/apt/archives/*.deb"))


def test_a_layer_that_cannot_be_built_says_why_and_leaves_nothing(tmp_path):
    wanted = LayerRecipe("nothing", ("there-is-no-such-package",))
    images = Images(tmp_path, CACHE)
    with pytest.raises(EngineError, match="Unable to locate package there-is-no-such-package"):
        asyncio.run(images.ensure_layer(wanted))
    assert not [path for path in CACHE.glob("layers/*nothing-*") if path.is_dir()]
    assert not [path for path in CACHE.glob("layers/.nothing-*") if path.is_dir()]


def test_the_key_of_a_layer_changes_with_its_base_and_its_packages():
    names = {
        LayerRecipe("a", ("b", "c")).layer("x"),
        LayerRecipe("a", ("b",)).layer("x"),
        LayerRecipe("a", ("b",)).layer("y"),
    }
    assert len(names) == 3


def test_the_base_image_carries_no_machine_s_identity(tmp_path):
    images = Images(tmp_path, CACHE)
    root = asyncio.run(images.ensure_base()).path
    assert (root / "etc/machine-id").read_text() == "" and (root / "etc/hostname").read_text() == ""
    assert not list(root.glob("etc/ssh/ssh_host_*")) and not list(root.glob("var/cache/apt/archives/*.deb"))
    assert (root / "home/admin").stat().st_uid != 0
    sources = (root / "etc/apt/sources.list").read_text()
    assert [suite in sources for suite in ("bookworm main", "bookworm-updates", "bookworm-security")] == [True] * 3


def test_a_build_that_fails_says_why_and_leaves_nothing(tmp_path):
    images = Images(tmp_path, tmp_path / "cache", mirror="http://127.0.0.1:9/debian")
    said = []
    with pytest.raises(EngineError, match=r"could not be built from http://127\.0\.0\.1:9/debian"):
        asyncio.run(images.ensure_base(said.append))
    assert said and said[0].fraction < 0.1
    assert asyncio.run(images.list()) == set()
    assert not list((tmp_path / "cache/layers").glob(".*.new"))


def test_an_interrupted_build_is_swept_away_and_can_be_begun_again(tmp_path):
    images = Images(tmp_path, tmp_path / "cache", mirror="http://127.0.0.1:9/debian")
    draft = tmp_path / f"cache/layers/.{images.base_name()}.new"
    (draft / "etc").mkdir(parents=True)
    with pytest.raises(EngineError):
        asyncio.run(images.ensure_base())
    assert not draft.exists() and asyncio.run(images.list()) == set()

    async def interrupted():
        task = asyncio.create_task(Images(tmp_path, tmp_path / "cache").ensure_base())
        await asyncio.wait({task}, timeout=2)
        task.cancel()
        return await asyncio.gather(task, return_exceptions=True)

    assert isinstance(asyncio.run(interrupted())[0], asyncio.CancelledError)
    assert not list((tmp_path / "cache/layers").glob(".*.new"))
    eventually(lambda: _none_running(b"mmdebstrap"))


def test_a_base_layer_is_not_removed_with_a_region_s_own(tmp_path):
    images = Images(tmp_path, CACHE)
    base = asyncio.run(images.ensure_base())
    asyncio.run(images.remove(base.name))
    assert base.path.is_dir()
    with pytest.raises(EngineError, match="no layer"):
        images.path("not-there")
    assert asyncio.run(images.observe("not-there")) is None


def test_a_captured_layer_is_the_volume_file_by_file(tmp_path):
    images = Images(tmp_path, tmp_path)
    volumes = Volumes(tmp_path, images)
    asyncio.run(volumes.ensure("v1", source=None))
    upper = volumes.upper("v1")
    (upper / "file").write_bytes(b"x")
    os.chown(upper / "file", 33, 33)
    (upper / "file").chmod(0o4750)
    os.link(upper / "file", upper / "link")
    (upper / "symlink").symlink_to("file")
    with (upper / "sparse").open("wb") as sparse:
        sparse.truncate(1 << 30)
    os.mknod(upper / "whiteout", 0o020000, os.makedev(0, 0))
    (upper / "opaque").mkdir()
    os.setxattr(upper / "opaque", "user.overlay.opaque", b"y")
    layer = asyncio.run(volumes.capture("v1", "l1")).path
    status = (layer / "file").stat()
    assert (status.st_uid, status.st_mode & 0o7777, status.st_nlink) == (33, 0o4750, 2)
    assert (layer / "symlink").readlink() == Path("file")
    assert (layer / "sparse").stat().st_size == 1 << 30 and (layer / "sparse").stat().st_blocks < 100
    assert (layer / "whiteout").stat().st_rdev == 0 and (layer / "whiteout").is_char_device()
    assert os.getxattr(layer / "opaque", "user.overlay.opaque") == b"y"
    asyncio.run(volumes.ensure("v2", source="l1"))
    assert (volumes.upper("v2") / "file").read_bytes() == b"x"
    (upper / "file").write_bytes(b"changed")
    assert asyncio.run(volumes.capture("v1", "l1")).path == layer and (layer / "file").read_bytes() == b"x"
    for _ in range(2):
        asyncio.run(images.remove("l1"))
        asyncio.run(volumes.remove("v1"))
    assert asyncio.run(images.list()) == set() and asyncio.run(volumes.list()) == {"v2"}


def test_a_capture_that_was_interrupted_is_no_layer_and_can_be_begun_again(tmp_path):
    images = Images(tmp_path, tmp_path)
    volumes = Volumes(tmp_path, images)
    asyncio.run(volumes.ensure("v1", source=None))
    half = tmp_path / "images/.l1.new"
    half.mkdir(parents=True)
    (half / "half").touch()
    assert asyncio.run(images.list()) == set()
    layer = asyncio.run(volumes.capture("v1", "l1")).path
    assert list(layer.iterdir()) == [] and not half.exists()


def test_what_is_not_there_is_said_to_be_missing(tmp_path):
    volumes = Volumes(tmp_path, Images(tmp_path, tmp_path))
    with pytest.raises(EngineError, match="no volume"):
        asyncio.run(volumes.capture("v1", "l1"))
    with pytest.raises(EngineError, match="no layer"):
        asyncio.run(volumes.ensure("v1", source="l1"))
    assert asyncio.run(volumes.size_bytes("v1")) == 0


def test_a_tree_s_size_is_its_room_on_the_disk_and_a_file_of_two_names_counts_once(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    alone = asyncio.run(tree.size_bytes(tmp_path))
    os.link(tmp_path / "a", tmp_path / "b")
    assert asyncio.run(tree.size_bytes(tmp_path)) == alone >= 100_000


def _none_running(program):
    running = [
        entry for entry in Path("/proc").iterdir() if entry.name.isdigit() and program in (entry / "comm").read_bytes()
    ]
    assert not running
