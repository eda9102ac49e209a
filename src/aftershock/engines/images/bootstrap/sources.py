"""`sources`: archives, unpacked into directories."""

import io
import re
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from .downloads import NONE, fetch, is_remote
from .errors import BuildError
from .keys import Keys
from .programs import log

_GITHUB = re.compile(r"https?://github\.com/.*?/(zipball|tarball)/.*", re.IGNORECASE)


def unpack(wanted: Mapping[str, Any], keys: Keys = NONE) -> list[str]:
    """The directories that were filled.

    Raises:
        BuildError: an archive cannot be had, is none, or has a member that would lie outside its directory
    """
    for directory, source in sorted(wanted.items()):
        text = str(source)
        if not is_remote(text) and not Path(text).is_file():
            raise BuildError(f"{text} does not exist")
        archive = fetch(text, keys) if is_remote(text) else Path(text).read_bytes()
        # An archive that GitHub makes has one directory at its top, named after the commit.
        _expand(archive, text, Path(directory), drop=1 if _GITHUB.fullmatch(text) else 0)
        log.info("unpacked %s into %s", text, directory)
    return sorted(wanted)


def _expand(archive: bytes, source: str, directory: Path, *, drop: int) -> None:
    file = io.BytesIO(archive)
    directory.mkdir(parents=True, exist_ok=True)
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as zipped:
            for info in zipped.infolist():
                target = _inside(directory, info.filename, drop)
                if target is None:
                    continue
                if info.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(zipped.read(info))
                if mode := info.external_attr >> 16 & 0o777:
                    target.chmod(mode)
        return
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:*") as tarred:
            for member in tarred.getmembers():
                if (target := _inside(directory, member.name, drop)) is not None:
                    member.name = str(target.relative_to(directory))
                    tarred.extract(member, directory)
    except tarfile.ReadError:
        raise BuildError(f"Unsupported source file (not zip or tarball): {source}") from None
    except tarfile.TarError as error:
        raise BuildError(f"Failed to unpack {source}: {error}") from None


def _inside(directory: Path, name: str, drop: int) -> Path | None:
    """Where a member goes; None for what stands above those that are kept."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise BuildError(f"{name} is not in any sub-path of {directory}")
    kept = path.parts[drop:]
    return directory.joinpath(*kept) if kept else None
