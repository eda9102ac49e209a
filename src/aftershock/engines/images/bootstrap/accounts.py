"""`groups` and `users`."""

import grp
import pwd
from collections.abc import Mapping
from typing import Any

from .errors import BuildError
from .programs import log, run

NO_LOGIN = "/sbin/nologin"  # AWS: "Users are created as noninteractive system users with a shell of /sbin/nologin"


def make_groups(wanted: Mapping[str, Any]) -> list[str]:
    """The groups that were not there before.

    Raises:
        BuildError
    """
    made = []
    for name, given in sorted(wanted.items()):
        gid = str((given or {}).get("gid", ""))
        if name in {one.gr_name for one in grp.getgrall()}:
            log.debug("group %s is there", name)
            continue
        _do(["groupadd", "-r", *(["-g", gid] if gid else []), name], f"Failed to create group {name}")
        made.append(name)
    return made


def make_users(wanted: Mapping[str, Any]) -> list[str]:
    """The users that were made or changed.

    Raises:
        BuildError: it cannot be, or the user is there with another uid
    """
    made = []
    for name, given in sorted(wanted.items()):
        groups = [str(one) for one in given.get("groups", [])]
        home, uid = given.get("homeDir"), str(given.get("uid", ""))
        if name in {one.pw_name for one in pwd.getpwall()}:
            if uid and pwd.getpwnam(name).pw_uid != int(uid):
                raise BuildError(f"User {name} exists with another uid than {uid}")
            changes = [*(["-G", ",".join(groups)] if groups else []), *(["-d", str(home)] if home else [])]
            if not changes:
                continue
            _do(["usermod", *changes, name], f"Failed to modify user {name}")
        else:
            _do(user_command(name, groups, None if home is None else str(home), uid), f"Failed to add user {name}")
        made.append(name)
    return made


def user_command(name: str, groups: list[str], home: str | None, uid: str) -> list[str]:
    return [
        *("useradd", "-M", "-r", "--shell", NO_LOGIN),
        *(["-d", home] if home else []),
        *(["-u", uid] if uid else []),
        *(["-G", ",".join(groups)] if groups else []),
        name,
    ]


def _do(command: list[str], what: str) -> None:
    status, said = run(command)
    if status:
        raise BuildError(f"{what}: {said.strip()}")
