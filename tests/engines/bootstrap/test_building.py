"""`cfn-init`'s parts on this machine's own files: what metadata comes to."""

import io
import json
import logging
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from aftershock.engines.images.bootstrap import accounts, building, commands, files, packages, services, sets, sources
from aftershock.engines.images.bootstrap.errors import BuildError


def init(**configs):
    return {"AWS::CloudFormation::Init": configs}


def names(metadata, *wanted):
    return [name for name, _ in sets.chosen(metadata, wanted or ("default",))]


A, B, C = {"files": {}}, {"commands": {}}, {"users": {}}


@pytest.mark.parametrize(
    ("metadata", "wanted", "order"),
    [
        (init(config=A), (), ["config"]),
        (init(other=A), (), []),  # AWS too: without sets only "config" counts
        (init(configSets={"default": ["a", "b"]}, a=A, b=B), (), ["a", "b"]),
        (init(configSets={"default": "a"}, a=A), (), ["a"]),
        (init(configSets={"x": ["a"], "y": [{"ConfigSet": "x"}, "b"]}, a=A, b=B), ("y",), ["a", "b"]),
        (init(configSets={"x": ["a"], "y": ["b"]}, a=A, b=B), ("y", "x"), ["b", "a"]),
        (init(configSets={"x": ["a"], "y": [{"ConfigSet": "x"}, "a"]}, a=A), ("y",), ["a", "a"]),
    ],
)
def test_sets_say_which_configs_in_which_order(metadata, wanted, order):
    assert names(metadata, *wanted) == order


@pytest.mark.parametrize(
    ("metadata", "wanted", "words"),
    [
        ({}, (), "no AWS::CloudFormation::Init"),
        (init(config=A), ("x",), "no ConfigSets defined"),
        (init(configSets={"x": ["a"]}, a=A), (), "no ConfigSet named default"),
        (init(configSets={"default": ["z"]}), (), "No such configuration: z"),
        (init(configSets=["a"], a=A), (), "mapping of name to list"),
        (init(configSets={"default": [{"Set": "x"}]}), (), "neither a config nor a ConfigSet"),
        (
            init(configSets={"default": [{"ConfigSet": "x"}], "x": [{"ConfigSet": "default"}]}),
            (),
            "circular dependency detected: default -> x -> default",
        ),
        (init(configSets={"default": ["a"]}, a=["no"]), (), "should be a mapping"),
    ],
)
def test_sets_that_cannot_be_are_named(metadata, wanted, words):
    with pytest.raises(BuildError, match=words):
        names(metadata, *wanted)


def test_files_are_written_with_their_modes_and_told_when_they_change(tmp_path):
    page, link = str(tmp_path / "deep" / "page"), str(tmp_path / "link")
    wanted = {
        page: {"content": "one", "mode": "000600"},
        link: {"content": page, "mode": "120644"},
        str(tmp_path / "json"): {"content": {"a": [1]}},
        str(tmp_path / "bytes"): {"content": " AAEC\n", "encoding": "base64"},
        str(tmp_path / "empty"): {"content": ""},
    }
    assert files.write(wanted) == sorted(wanted)
    assert files.write(wanted) == []
    assert (tmp_path / "deep" / "page").stat().st_mode & 0o777 == 0o600
    assert str(Path(link).readlink()) == page
    assert json.loads((tmp_path / "json").read_text()) == {"a": [1]}
    assert (tmp_path / "bytes").read_bytes() == b"\0\1\2"
    assert files.write({page: {"content": "two"}}) == [page]
    assert (tmp_path / "deep" / "page.bak").read_text() == "one"
    assert (tmp_path / "deep" / "page").stat().st_mode & 0o777 == 0o600  # no mode was given: it keeps its own
    assert [one.name for one in (tmp_path / "deep").iterdir() if one.name.startswith(".")] == []


def test_a_new_file_without_a_mode_is_not_for_everybody_to_write(tmp_path):
    before = os.umask(0)
    try:
        files.write({str(tmp_path / "a"): {"content": "x"}})
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize(
    ("path", "given", "words"),
    [
        ("relative", {"content": "x"}, "non-absolute path"),
        ("/{tmp}/a", {}, "without source or content"),
        ("/{tmp}/a", {"content": "x", "mode": "9"}, "not octal"),
        ("/{tmp}/a", {"content": "A", "encoding": "base64"}, "Malformed base64"),
        ("/{tmp}/a", {"content": "x", "owner": "nobody-there"}, "nobody-there"),
        ("/{tmp}/a", {"content": "x", "context": {}}, "Mustache"),
        ("/{tmp}/a", {"source": "http://x", "authentication": "S3"}, "No authentication named S3 is defined"),
        ("/{tmp}/a", {"mode": "120777"}, "without a destination"),
    ],
)
def test_files_that_cannot_be_are_named(tmp_path, path, given, words):
    with pytest.raises(BuildError, match=words):
        files.write({path.format(tmp=tmp_path): given})


def test_commands_run_in_the_order_of_their_names_each_after_its_test(tmp_path):
    said = tmp_path / "said"
    ran = commands.run_all(
        {
            "2": {"command": f"echo two >> {said}"},
            "1": {"command": ["sh", "-c", f"echo $WHO $HOME- >> {said}"], "env": {"WHO": "one"}},
            "3": {"command": f"echo three >> {said}", "test": "false"},
            "4": {"command": "exit 3", "ignoreErrors": True},
            "5": {"command": "echo five > here", "cwd": str(tmp_path), "test": "test -e said"},
            "6": {
                "command": f"echo $A$B >> {said}",
                "defaults": """echo '{"env": {"A": "a", "B": "b"}}'""",
                "env": {"A": "x"},
            },
        }
    )
    assert ran == ["1", "2", "4", "5", "6"]
    assert said.read_text() == "one -\ntwo\nxb\n"  # AWS: env overwrites the environment
    assert (tmp_path / "here").read_text() == "five\n"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"command": "exit 3"}, "Command a failed"),
        ({"test": "true"}, "does not specify the 'command' attribute"),
        ({"command": ["/no/such/program"]}, "Command a failed"),
        ({"command": "true", "defaults": "echo no"}, "Defaults script for command a failed"),
    ],
)
def test_a_command_that_fails_ends_the_build(tmp_path, given, words):
    with pytest.raises(BuildError, match=words):
        commands.run_all({"a": given, "b": {"command": f"touch {tmp_path}/b"}})
    assert not (tmp_path / "b").exists()


def archive(path, *members, kind="tar"):
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as file:
            for name in members:
                file.writestr(name, name)
    else:
        with tarfile.open(path, "w:gz") as file:
            for name in members:
                info = tarfile.TarInfo(name)
                info.size = len(name)
                file.addfile(info, io.BytesIO(name.encode()))
    return str(path)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_archives_are_unpacked_into_their_directories(tmp_path, kind):
    packed = archive(tmp_path / "a", "one", "sub/two", kind=kind)
    assert sources.unpack({str(tmp_path / "out"): packed}) == [str(tmp_path / "out")]
    assert (tmp_path / "out" / "sub" / "two").read_text() == "sub/two"


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil"])
def test_nothing_is_unpacked_outside_of_its_directory(tmp_path, kind, name):
    packed = archive(tmp_path / "a", name, kind=kind)
    with pytest.raises(BuildError, match="not in any sub-path"):
        sources.unpack({str(tmp_path / "out"): packed})
    assert not (tmp_path / "evil").exists()


def test_what_is_no_archive_is_said_to_be_none(tmp_path):
    (tmp_path / "a").write_text("text")
    with pytest.raises(BuildError, match="not zip or tarball"):
        sources.unpack({str(tmp_path / "out"): str(tmp_path / "a")})
    with pytest.raises(BuildError, match="does not exist"):
        sources.unpack({str(tmp_path / "out"): "/nowhere"})


@pytest.mark.parametrize(
    ("given", "changed", "restarts"),
    [
        ({"files": ["/a"]}, {"files": ["/a", "/b"]}, True),
        ({"files": ["/a"]}, {"files": ["/b"]}, False),
        ({"sources": ["/a"]}, {"sources": ["/a"]}, True),
        ({"commands": ["a"]}, {"commands": ["a"]}, True),
        ({"packages": {"apt": ["nginx"]}}, {"packages": {"apt": ["nginx"]}}, True),
        ({"packages": {"apt": ["nginx"]}}, {"packages": {"dpkg": ["nginx"]}}, False),
        ({}, {"files": ["/a"]}, False),
    ],
)
def test_a_service_is_restarted_when_what_it_is_made_of_has_changed(given, changed, restarts):
    assert services.must_restart(given, changed) is restarts


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        (init(config={"packages": {"yum": {"httpd": []}}}), "Unsupported package manager: yum"),
        (init(config={"services": {"windows": {"x": {}}}}), "Unsupported service manager: windows"),
        (init(config={"file": {}}), "unknown section: file"),
        ({**init(config=A), "AWS::CloudFormation::Authentication": {"x": {}}}, "x has an unknown type: None"),
    ],
)
def test_what_is_not_honoured_ends_the_build(metadata, words):
    with pytest.raises(BuildError, match=words):
        building.build(metadata, ["default"])


def test_packages_that_are_there_are_not_asked_for(monkeypatch):
    asked = []

    def run(command, **_):
        asked.append(command[0])
        return (0, "install ok installed|base=1.0") if command[0] == "dpkg-query" else (0, "")

    monkeypatch.setattr(packages, "run", run)
    assert packages.install({"apt": {"base": [], "same": ""}}) == {"apt": []}
    assert packages.install({"apt": {"base": "1.0"}}) == {"apt": []}
    assert packages.install({"apt": {"base": "2.0"}}) == {"apt": ["base"]}
    assert asked == ["dpkg-query"] * 4 + ["apt-cache", "apt-get"]


def test_users_are_made_as_aws_makes_them():
    assert accounts.user_command("joe", ["a", "b"], "/home/joe", "500") == [
        *("useradd", "-M", "-r", "--shell", "/sbin/nologin", "-d", "/home/joe", "-u", "500", "-G", "a,b", "joe")
    ]


def test_the_steps_stand_in_the_order_that_aws_documents():
    assert [name for name, _ in building.STEPS] == ["packages", "groups", "users", "sources", "files", "commands"]


@pytest.fixture(autouse=True)
def quiet():
    logging.getLogger("cfn-init").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("cfn-init").setLevel(logging.NOTSET)
