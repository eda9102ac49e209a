"""The recipe of the base layer: what is installed, how the program that installs it is called, how far it is."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent / "base"
PROGRAMS = Path(__file__).parent / "bootstrap"  # the customise script lays them in
LAYER_SCRIPT = Path(__file__).parent / "layer.sh"
SUITE = "bookworm"
DEFAULT_MIRROR = "http://deb.debian.org/debian"

# mmdebstrap's own lines in the order in which they come, and how much of the time is over by then.
_PHASES = (
    ("running apt-get update", "reading the package lists", 0.02),
    ("downloading packages with apt", "downloading Debian's essential packages", 0.08),
    ("extracting archives", "unpacking Debian's essential packages", 0.2),
    ("installing essential packages", "installing Debian's essential packages", 0.25),
    ("installing remaining packages", "downloading and installing the other packages", 0.4),
    ("running --customize-hook", "making it a machine's image", 0.92),
    ("cleaning package lists", "cleaning up", 0.97),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that the content of a base layer depends on, but the packages that the mirror has at that time."""

    packages: tuple[str, ...]
    customise: Path
    key: str  # of the recipe's files, the mirror and the mapping of ids: the same key, the same layer


def read(mirror: str, uid_map: str, gid_map: str, directory: Path = DIRECTORY) -> Recipe:
    """The recipe as it stands in its directory.

    The mirror belongs to the key, for machines use it too.  So do the id maps: the same files belong to other users
    of the host under another mapping.
    """
    digest = hashlib.sha256()
    files = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    files |= {f"bootstrap/{path.name}": path for path in PROGRAMS.glob("*.py")}
    for name, path in sorted(files.items()):
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    for text in (SUITE, mirror, " ".join(uid_map.split()), " ".join(gid_map.split())):
        digest.update(text.encode() + b"\0")
    return Recipe(
        packages=parse_list((directory / "packages.txt").read_text()),
        customise=directory / "customise.sh",
        key=digest.hexdigest()[:16],
    )


@dataclass(frozen=True, slots=True)
class LayerRecipe:
    """Debian packages on top of the base layer."""

    name: str  # what the layer's name begins with
    packages: tuple[str, ...]

    def layer(self, base: str) -> str:
        """The layer's name: another one for another base, other packages or another way to install them."""
        digest = hashlib.sha256("\0".join((base, *self.packages)).encode() + LAYER_SCRIPT.read_bytes())
        return f"{self.name}-{digest.hexdigest()[:16]}"


def parse_list(text: str) -> tuple[str, ...]:
    """One name a line; empty lines, and lines that begin with #, say nothing."""
    return tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def sources(mirror: str) -> str:
    """apt's sources for a mirror.  Debian's security archive stands beside the main one, `-security` behind it."""
    return (
        f"deb {mirror} {SUITE} main\n"
        f"deb {mirror} {SUITE}-updates main\n"
        f"deb {mirror.rstrip('/')}-security {SUITE}-security main\n"
    )


# It ends with us, and with it all that it started: nobody writes to a draft that the next builder sweeps away.
_CONFINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc"),
)


def layer_command(recipe: LayerRecipe, base: Path, upper: Path, work: Path, root: Path) -> list[str | Path]:
    """Installs the packages over `base`; `upper`, `work` and `root` are directories that are empty."""
    return [*_CONFINED, "sh", LAYER_SCRIPT, base, upper, work, root, *recipe.packages]


def command(recipe: Recipe, target: Path, sources_file: Path, log_file: Path) -> list[str | Path]:
    """mmdebstrap's command line.  What it excludes is left out of the image alone: the customise script drops it."""
    return [
        *_CONFINED,
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--logfile={log_file}",
        f"--include={','.join(recipe.packages)}",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "3"',
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-include=/usr/share/doc/*/copyright",
        f"--customize-hook=sh '{recipe.customise}' \"$1\"",
        SUITE,
        target,
        sources_file,
    ]


def progress(log: str) -> tuple[str, float]:
    """The phase that a build is in, in words, and the part of its time that is over: from 0 to 1."""
    said = re.findall(r"^I: (.*)$", log, re.MULTILINE)
    reached = [(words, fraction) for line, words, fraction in _PHASES if any(text.startswith(line) for text in said)]
    return reached[-1] if reached else ("starting", 0.0)
