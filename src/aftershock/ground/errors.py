"""What the ground says when the host does not allow a region, or one of its parts does not come up."""

import errno
from pathlib import Path


class GroundError(Exception):
    """The message is for the person at the terminal: it names the thing, and what to do about it."""


def explain(error: OSError, state: Path) -> str:
    """What a failed call means to that person, when it happened while a region on this state was being started."""
    place = error.filename or state
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"no space is left where {place} lies: free some, or choose another place with --state"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{place}: {error.strerror}: choose a directory that you may write to with --state"
    return f"{place}: {error.strerror or error}"
