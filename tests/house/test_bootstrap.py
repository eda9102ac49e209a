"""`./aftershock` before Python packages are there: what it asks of a machine, and what it says when it cannot go on.

That it really makes a bare machine ready is shown by tests/system/test_bare_debian.py.
"""

import ast
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from aftershock.ground import requirements

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "aftershock"
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")
ECHO = '#!/bin/sh\necho "called with: $*"\n'


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of what the script looks at, where every user may read it (pytest's own directories are root's)."""
    with tempfile.TemporaryDirectory() as top:
        Path(top).chmod(0o755)
        clone = Path(top) / "a clone"
        clone.mkdir()
        for name in ("aftershock", "pyproject.toml", *LOCKS):
            shutil.copy2(ROOT / name, clone)
        yield clone


def prepared(clone: Path) -> None:
    program = clone / ".venv" / "bin" / "aftershock"
    program.parent.mkdir(parents=True)
    program.write_text(ECHO)
    program.chmod(0o755)
    (clone / ".venv" / ".ready").write_text(f"{clone}\n")


def call(clone: Path, *arguments: str, path: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(clone / "aftershock"), *arguments],
        env={"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        user=user,
    )


def only(directory: Path, *programs: str) -> str:
    """A PATH on which there are these programs and no others."""
    directory.mkdir()
    directory.chmod(0o755)
    for program in programs:
        (directory / program).symlink_to(shutil.which(program) or f"/no {program} here")
    return str(directory)


def packages(name: str) -> set[str]:
    """The package names of one of the script's lists."""
    text = re.search(rf"^{name}='$(.*?)^'$", SCRIPT.read_text(), re.MULTILINE | re.DOTALL)
    assert text is not None
    return {entry.split("=")[0] for entry in text[1].split()}


def test_a_prepared_clone_starts_no_program_of_its_own(clone: Path, tmp_path: Path) -> None:
    prepared(clone)
    done = call(clone, "status", "--json", path=str(tmp_path / "nothing here"))
    assert (done.stdout, done.stderr) == ("called with: status --json\n", "")


@pytest.mark.parametrize("change", ["lock", "script", "moved"])
def test_a_clone_that_changed_or_moved_is_prepared_again(clone: Path, tmp_path: Path, change: str) -> None:
    prepared(clone)
    stamp = (clone / ".venv" / ".ready").stat().st_mtime
    match change:
        case "lock":
            os.utime(clone / "requirements.lock", (stamp + 5, stamp + 5))
        case "script":
            os.utime(clone / "aftershock", (stamp + 5, stamp + 5))
        case "moved":
            clone = clone.rename(clone.with_name("elsewhere"))
    done = call(clone, "status", path=only(tmp_path / "bin", "mkdir", "grep", "id"))
    assert done.returncode == 1
    assert "called with" not in done.stdout


def test_a_machine_without_apt_is_told_what_it_lacks(clone: Path, tmp_path: Path) -> None:
    done = call(clone, "up", path=only(tmp_path / "bin", "mkdir", "python3", "id"))
    assert done.returncode == 1
    assert "has no apt-get; install their like:" in done.stderr
    assert {"conmon", "slirp4netns", "mmdebstrap"} <= set(done.stderr.split())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="not a Debian")
def test_a_user_without_sudo_is_told_what_an_administrator_has_to_run(clone: Path) -> None:
    nobody = 65534
    os.chown(clone, nobody, nobody)
    done = call(clone, "up", path=only(clone / "bin", "mkdir", "python3", "id", "apt-get"), user=nobody)
    assert done.returncode == 1
    assert "an administrator has to run: apt-get install -y --no-install-recommends" in done.stderr


# A host of its own for the script: with this limit, booted by systemd (or not), and with an apt-get that has it all.
HOST = """
set -e
mount --bind "$1/limit" /proc/sys/fs/inotify/max_user_instances
mount -t tmpfs none /run
[ "$2" = container ] || mkdir -p /run/systemd/system
mount --bind "$1/sysctl.d" /etc/sysctl.d
PATH="$1/bin" exec /bin/sh "$3" status
"""


def prepare_on_a_host(clone: Path, top: Path, limit: int, kind: str) -> tuple[str, str, dict[str, str]]:
    """What the first call said, the limit afterwards, and what stands in /etc/sysctl.d."""
    path = only(top / "bin", "mkdir", "grep", "id", "env", "sysctl", "tee")
    for program, text in (("apt-get", "#!/bin/sh\n"), ("python3", "#!/bin/sh\nexit 1\n")):
        (Path(path) / program).write_text(text)
        (Path(path) / program).chmod(0o755)
    (top / "limit").write_text(f"{limit}\n")
    (top / "sysctl.d").mkdir()
    command = ["unshare", "--mount", "bash", "-c", HOST, "host", str(top), kind, str(clone / "aftershock")]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert "this machine lacks:" in done.stderr, done.stderr
    kept = {file.name: file.read_text() for file in (top / "sysctl.d").iterdir()}
    return done.stderr, (top / "limit").read_text().strip(), kept


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can show the script another host")
@pytest.mark.skipif(not Path("/etc/debian_version").exists(), reason="not a Debian")
@pytest.mark.parametrize(
    ("limit", "kind", "after"),
    [(128, "host", "8192"), (128, "container", "8192"), (8192, "host", "8192"), (9000, "host", "9000")],
)
def test_a_limit_that_is_too_low_is_raised_with_the_packages_and_said(
    clone: Path, tmp_path: Path, limit: int, kind: str, after: str
) -> None:
    said, found, kept = prepare_on_a_host(clone, tmp_path, limit, kind)
    assert found == after
    assert (f"fs.inotify.max_user_instances is {limit}" in said) == (limit != int(after))
    lasts = limit != int(after) and kind == "host"  # nothing reads the file when a container starts
    assert kept == ({"60-aftershock.conf": "fs.inotify.max_user_instances = 8192\n"} if lasts else {})
    assert ("60-aftershock.conf" in said) == lasts


def test_the_limit_is_the_one_that_is_asked_for_afterwards() -> None:
    assert f"\nINOTIFY={requirements.INOTIFY_INSTANCES} " in SCRIPT.read_text()


def test_an_old_python_is_refused_by_its_version(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "old-python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2 && exit\nexit 1\n')
    old.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "PYTHON": str(old)}
    done = subprocess.run(["sh", str(clone / "aftershock")], env=env, capture_output=True, text=True, check=False)
    if "this machine lacks" in done.stderr:
        pytest.skip("this machine lacks packages")
    assert done.returncode == 1
    assert "Python 3.9.2 is too old, 3.11 or newer is needed" in done.stderr


def test_it_installs_whatever_the_ground_requires() -> None:
    wanted = {*requirements.PROGRAMS.values(), *requirements.EGRESS_PROGRAMS.values()}
    assert wanted | set(requirements.USER_PROGRAMS.values()) <= packages("RUNTIME")


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_one_version_and_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text().replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    names = [re.split(r"==| ;", line)[0] for line in lines]
    assert len(names) == len(set(names))
    for line in lines:
        assert re.match(r"[\w.\[\]-]+==[\w.+]+ .*--hash=sha256:", line), line


def test_what_is_declared_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = project["project"]["dependencies"]
    for lock, names in (
        ("requirements.lock", declared),
        ("requirements-dev.lock", declared + project["project"]["optional-dependencies"]["dev"]),
        ("requirements.lock", project["build-system"]["requires"]),
    ):
        text = (ROOT / lock).read_text()
        for name in names:
            assert re.search(rf"^{re.escape(name.split('==')[0])}==", text, re.MULTILINE), f"{name} is not in {lock}"


def test_the_two_locks_agree() -> None:
    pins = [set(re.findall(r"^[\w.-]+==\S+", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS[:2]]
    assert pins[0] <= pins[1]


def test_the_check_of_a_clean_checkout_is_the_readmes_command() -> None:
    check = ROOT / ".ci" / "run"
    assert os.access(check, os.X_OK)
    assert "./aftershock test </dev/null" in check.read_text()


def test_what_the_package_imports_is_declared() -> None:
    modules = {
        alias.split(".")[0]
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for alias in imported(node)
    }
    providers = importlib.metadata.packages_distributions()
    foreign = modules - set(sys.stdlib_module_names) - {"aftershock"}
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\s<>=\[~!]", one)[0].lower() for one in declared}
    assert {module for module in foreign if not names & {name.lower() for name in providers.get(module, [])}} == set()


def imported(node: ast.AST) -> list[str]:
    """The absolute names that an import statement asks for."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []
