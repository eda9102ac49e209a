"""`files`: written whole, with owner, group and mode."""

import base64
import binascii
import grp
import json
import os
import pwd
import shutil
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .downloads import NONE, fetch, is_remote
from .errors import BuildError
from .keys import Keys
from .programs import log


def write(wanted: Mapping[str, Any], keys: Keys = NONE) -> list[str]:
    """The files whose content is another one now.  What was there is kept beside it, as `.bak`.

    Raises:
        BuildError
    """
    return [path for path, given in sorted(wanted.items()) if _write(path, given, keys)]


def _write(path: str, given: Mapping[str, Any], keys: Keys) -> bool:
    if not path.startswith("/"):
        raise BuildError(f"File specified with non-absolute path: {path}")
    if "context" in given:
        raise BuildError("Pystache must be installed in order to render files as Mustache templates")
    target, mode = Path(path), _mode(path, given)
    target.parent.mkdir(parents=True, exist_ok=True)
    if mode is not None and stat.S_ISLNK(mode):
        return _link(target, given)
    content = _content(path, given, keys)
    before = target.read_bytes() if target.is_file() else None
    if mode is not None:
        mode = stat.S_IMODE(mode)
    else:
        # AWS: a file that is made without a mode is never one that everybody may write.
        mode = 0o664 & ~_umask() if before is None else stat.S_IMODE(target.stat().st_mode)
    if before == content:
        target.chmod(mode)
        _own(target, given)
        return False
    if before is not None:
        shutil.copy2(target, f"{path}.bak")
    draft = target.with_name(f".{target.name}.new")
    draft.write_bytes(b"")
    draft.chmod(0o600)
    draft.write_bytes(content)
    draft.chmod(mode)
    _own(draft, given)
    draft.replace(target)
    log.info("wrote %s", path)
    return True


def _umask() -> int:
    kept = os.umask(0o022)
    os.umask(kept)
    return kept


def _mode(path: str, given: Mapping[str, Any]) -> int | None:
    """AWS: "A six-digit octal value representing the mode for this file"; the first three say what kind it is."""
    if "mode" not in given:
        return None
    try:
        return int(str(given["mode"]), 8)
    except ValueError:
        raise BuildError(f"{path}: mode is not octal: {given['mode']}") from None


def _link(target: Path, given: Mapping[str, Any]) -> bool:
    """AWS: mode 120644 makes a symbolic link to what `content` names."""
    if "content" not in given:
        raise BuildError("Symbolic link specified without a destination")
    wanted = str(given["content"])
    if target.is_symlink() and str(target.readlink()) == wanted:
        return False
    if target.is_symlink() or target.exists():
        target.rename(f"{target}.bak")
    target.symlink_to(wanted)
    return True


def _content(path: str, given: Mapping[str, Any], keys: Keys) -> bytes:
    content, source = given.get("content"), given.get("source")
    if content in (None, "") and not source:
        if content == "":
            return b""
        raise BuildError(f"{path}: File specified without source or content")
    if content in (None, ""):
        text = str(source)
        return fetch(text, keys, given.get("authentication")) if is_remote(text) else Path(text).read_bytes()
    if not isinstance(content, str):
        return json.dumps(content).encode()
    if given.get("encoding", "plain") == "base64":
        try:
            return base64.b64decode(content.strip(), validate=False)
        except binascii.Error:
            raise BuildError(f"{path}: Malformed base64") from None
    return content.encode()


def _own(target: Path, given: Mapping[str, Any]) -> None:
    """By name or by number; what is not given stays."""
    try:
        owner = _id(given.get("owner"), lambda name: pwd.getpwnam(name).pw_uid)
        group = _id(given.get("group"), lambda name: grp.getgrnam(name).gr_gid)
    except KeyError as error:
        raise BuildError(f"{target}: {error.args[0]}") from None
    if (owner, group) != (-1, -1):
        os.chown(target, owner, group)


def _id(given: Any, look_up: Any) -> int:
    if given is None:
        return -1
    text = str(given)
    return int(text) if text.isdecimal() else int(look_up(text))
