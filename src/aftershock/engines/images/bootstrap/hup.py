"""`cfn-hup`: runs a hook's action when what it watches of a resource's metadata has changed."""

import configparser
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import BuildError
from .instance import Credentials, NotAnInstanceError, role_credentials
from .programs import run
from .stacks import RefusedError, Stacks

KEPT = Path("/var/lib/cfn-hup/data/metadata_db.json")
INTERVAL_M = 15.0  # AWS: "The interval used to check for changes to the resource metadata in minutes"; the default
log = logging.getLogger("cfn-init")


@dataclass(frozen=True, slots=True)
class Hook:
    name: str
    triggers: frozenset[str]  # of post.add, post.update, post.remove
    path: str  # Resources.ID, or Resources.ID.Metadata.KEY…
    action: str
    runas: str


def hooks(texts: Mapping[str, str]) -> Iterator[Hook]:
    """The hooks of configuration files, by name.

    Raises:
        BuildError: one is not complete
    """
    for file, text in sorted(texts.items()):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise BuildError(f"{file}: {error}") from None
        for name in parser.sections():
            section = parser[name]
            if name == "main":
                continue
            missing = [key for key in ("triggers", "path", "action", "runas") if not section.get(key)]
            if missing:
                raise BuildError(f"{file}: hook {name} has no {missing[0]}")
            triggers = frozenset(one.strip() for one in section["triggers"].split(","))
            yield Hook(name, triggers, section["path"], section["action"], section["runas"])


def trigger(before: Any, after: Any) -> str | None:
    """What has happened to a value; None stands for one that is not there."""
    if before == after:
        return None
    if before is None:
        return "post.add"
    return "post.remove" if after is None else "post.update"


class Hup:
    def __init__(self, directory: Path) -> None:
        """
        Raises:
            BuildError: the configuration has no stack
        """
        self._directory = directory
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(directory / "cfn-hup.conf")
        main = parser["main"] if parser.has_section("main") else {}
        if not main.get("stack"):
            raise BuildError(f"{directory}/cfn-hup.conf: [main] section must contain stack option")
        self._main = dict(main)
        self.interval_s = 60.0 * float(main.get("interval", INTERVAL_M))

    def watch(self) -> None:
        while True:
            try:
                self.look()
            except (RefusedError, NotAnInstanceError, BuildError) as error:
                log.error("%s", error)
            time.sleep(self.interval_s)

    def look(self) -> None:
        """Once: run what has to be run, and remember what each hook has seen when its action succeeded.

        Raises:
            RefusedError, NotAnInstanceError, BuildError
        """
        stacks = Stacks(self._main.get("region", "us-east-1"), self._main.get("url", ""), self._credentials())
        kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        metadata: dict[str, Any] = {}
        for hook in hooks(self._texts()):
            resource, *path = hook.path.removeprefix("Resources.").split(".")
            if path[:1] not in ([], ["Metadata"]):
                raise BuildError(f"hook {hook.name}: the path may name a resource's Metadata only: {hook.path}")
            if resource not in metadata:
                metadata[resource] = stacks.metadata(self._main["stack"], resource)
            now = metadata[resource]
            for name in path[1:]:
                now = now.get(name) if isinstance(now, dict) else None
            happened = trigger(kept[hook.name]["value"], now) if hook.name in kept else None
            if happened in hook.triggers and not self._act(hook):
                continue  # it is tried again at the next look
            kept[hook.name] = {"value": now}
        KEPT.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        KEPT.write_text(json.dumps(kept))

    def _act(self, hook: Hook) -> bool:
        log.info("Executing action for %s", hook.name)
        status, said = run(["su", hook.runas, "-c", hook.action], name=hook.name)
        if status:
            log.warning("Action for %s exited with %s: %s", hook.name, status, said.strip())
        return status == 0

    def _texts(self) -> dict[str, str]:
        files = [*self._directory.glob("hooks.conf"), *self._directory.glob("hooks.d/*.conf")]
        return {str(file): file.read_text() for file in files}

    def _credentials(self) -> Credentials | None:
        role = self._main.get("role")
        if role:
            return role_credentials(role)
        file = self._main.get("credential-file")
        if not file:
            return None
        found = dict(line.strip().split("=", 1) for line in Path(file).read_text().splitlines() if "=" in line)
        return Credentials(found.get("AWSAccessKeyId", ""), found.get("AWSSecretKey", ""))
