"""What a machine said on its console: conmon's log, read and bounded."""

import os
from pathlib import Path

# AWS: "the most recent 64 KB" (GetConsoleOutput).
LENGTH = 64 * 1024
# conmon starts an empty file at this size.  The file before is kept as long as the new one is short; see `keep`.
LOG_BYTES_MAX = 1024 * 1024
# A line of conmon's: time, stream, P or F, text.  A short line of text is mostly prefix, so read more than LENGTH.
_READ = 8 * LENGTH


def read(log: Path) -> bytes:
    """The last `LENGTH` bytes said, of this boot and those before it; nothing if nothing was said."""
    raw = _tail(log)
    if len(raw) < _READ and not _same_file(log, _older(log)):
        raw = _tail(_older(log)) + raw
    return parse(raw)[-LENGTH:]


def keep(log: Path) -> None:
    """Hold on to what conmon is about to throw away, as long as its new file is too short to answer alone.

    To be called from time to time.  A second name of the running log survives its replacement; so at most two
    files of `LOG_BYTES_MAX` are on the disk.
    """
    older = _older(log)
    try:
        if _same_file(log, older) or (older.exists() and log.stat().st_size < _READ):
            return
        draft = older.with_suffix(".new")
        draft.unlink(missing_ok=True)
        os.link(log, draft)
        draft.rename(older)
    except FileNotFoundError:
        return  # nothing has been said yet


def parse(raw: bytes) -> bytes:
    """conmon's k8s-file format without its prefixes.  A line cut off at the beginning is left out."""
    said = bytearray()
    for line in raw.split(b"\n"):
        fields = line.split(b" ", 3)
        if len(fields) == 4 and fields[1] in (b"stdout", b"stderr") and fields[2] in (b"F", b"P"):
            said += fields[3]
            if fields[2] == b"F":
                said += b"\n"
    return bytes(said)


def _older(log: Path) -> Path:
    return log.with_suffix(".older")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def _tail(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - _READ))
            return opened.read()
    except FileNotFoundError:
        return b""
