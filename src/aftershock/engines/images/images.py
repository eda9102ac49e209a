"""The layers on this machine: where they are, and how the base layer comes to be."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from aftershock.engines.errors import EngineError
from aftershock.engines.images import recipe, tree
from aftershock.engines.images.recipe import LayerRecipe, layer_command
from aftershock.engines.process import run

# A base image takes under a minute with a good line; an hour is a line on which it still ends.
BUILD_TIMEOUT_S = 3600.0
PROGRESS_EVERY_S = 0.2
LAST_WORDS = 600  # characters of the build log that an error message carries


@dataclass(frozen=True, slots=True)
class LayerInfo:
    name: str
    path: Path
    size_bytes: int  # room on the disk


@dataclass(frozen=True, slots=True)
class Progress:
    phase: str  # in words
    fraction: float  # of the time that a build takes, from 0 to 1


class Images:
    """The layers of one region, under its state directory, and the base layers in the cache that regions share.

    It remembers nothing between calls.  A layer is there whole or not at all: it appears by a rename.
    """

    def __init__(self, state: Path, cache: Path, *, mirror: str | None = None) -> None:
        """`mirror` is where Debian's packages come from; without it the environment's AFTERSHOCK_MIRROR, or Debian."""
        self._captured = state / "images"
        self._base = cache / "layers"
        self._mirror = mirror or os.environ.get("AFTERSHOCK_MIRROR") or recipe.DEFAULT_MIRROR

    async def list(self) -> set[str]:
        """Every layer that is here whole, base layers included."""
        return {
            entry.name
            for directory in (self._captured, self._base)
            if directory.is_dir()
            for entry in directory.iterdir()
            if not entry.name.startswith(".") and entry.is_dir()
        }

    async def observe(self, layer: str) -> LayerInfo | None:
        """A layer as it lies there, measured; None if there is none of that name."""
        try:
            path = self.path(layer)
        except EngineError:
            return None
        return LayerInfo(layer, path, await tree.size_bytes(path))

    def path(self, layer: str) -> Path:
        """The directory of a layer.

        Raises:
            EngineError: there is no such layer.
        """
        tree.require_name(layer)
        for directory in (self._captured, self._base):
            if (directory / layer).is_dir():
                return directory / layer
        raise EngineError(f"there is no layer {layer}", retryable=False)

    def new_path(self, layer: str) -> Path:
        """Where a layer captured under this name is to appear; see `tree.copy`."""
        return self._captured / tree.require_name(layer)

    async def remove(self, layer: str) -> None:
        """Delete a captured layer.  A base layer stays: other regions may use it.  Removing nothing is no error."""
        await tree.remove(self.new_path(layer))

    def base_name(self) -> str:
        """The name of the base layer that the recipe makes in this user namespace, built yet or not."""
        return f"base-{self._recipe().key}"

    def base_progress(self) -> Progress | None:
        """How far the base layer is; None while nobody builds it and it is not there."""
        name = self.base_name()
        if (self._base / name).is_dir():
            return Progress("built", 1.0)
        try:
            return Progress(*recipe.progress(self._log(name).read_text(errors="replace")))
        except FileNotFoundError:
            return None

    async def ensure_base(self, tell: Callable[[Progress], None] | None = None) -> LayerInfo:
        """Have the base layer, and say how far it is whenever that changes.

        Of several builders at once, in this process or another, one builds and the others wait for it.  A build
        that was interrupted is swept away and begun again.

        Raises:
            EngineError: it could not be built; the message ends with the build's last words.
        """
        name = self.base_name()
        self._base.mkdir(parents=True, exist_ok=True)
        said = None

        def say() -> None:
            nonlocal said
            now = self.base_progress()
            if tell and now and now != said:
                said = now
                tell(now)

        if not (self._base / name).is_dir():
            async with _alone(self._base / f".{name}.lock", say):
                if not (self._base / name).is_dir():
                    await self._build(name, say)
        say()
        return LayerInfo(name, self._base / name, await tree.size_bytes(self._base / name))

    async def ensure_layer(self, recipe: LayerRecipe) -> LayerInfo:
        """Have a layer of packages on top of the base layer, and the base layer itself.

        Built once for all regions that share the cache, as the base layer is.

        Raises:
            EngineError: it could not be built; the message ends with the installer's last words.
        """
        base = await self.ensure_base()
        name = tree.require_name(recipe.layer(base.name))
        if not (self._base / name).is_dir():
            async with _alone(self._base / f".{name}.lock", lambda: None):
                if not (self._base / name).is_dir():
                    await self._build_layer(recipe, base.path, name)
        return LayerInfo(name, self._base / name, await tree.size_bytes(self._base / name))

    async def _build_layer(self, recipe: LayerRecipe, base: Path, name: str) -> None:
        draft, work, root = (self._base / f".{name}.{kind}" for kind in ("new", "work", "root"))
        for directory in (draft, work, root):
            await tree.remove(directory)
            directory.mkdir(mode=0o755)
        try:
            await run(layer_command(recipe, base, draft, work, root), timeout_s=BUILD_TIMEOUT_S)
            await run(["sync", "--file-system", "--", draft], timeout_s=BUILD_TIMEOUT_S)
            draft.rename(self._base / name)
        finally:
            for directory in (draft, work, root):
                await tree.remove(directory)

    async def _build(self, name: str, say: Callable[[], None]) -> None:
        draft, sources, log_file = self._base / f".{name}.new", self._base / f".{name}.list", self._log(name)
        await tree.remove(draft)
        draft.mkdir(mode=0o755)
        sources.write_text(recipe.sources(self._mirror))
        log_file.write_text("")
        command = recipe.command(self._recipe(), draft, sources, log_file)
        try:
            async with _told(say):
                await run(command, timeout_s=BUILD_TIMEOUT_S)
            await run(["sync", "--file-system", "--", draft], timeout_s=BUILD_TIMEOUT_S)
            draft.rename(self._base / name)
        except EngineError as error:
            last_words = log_file.read_text(errors="replace")[-LAST_WORDS:].strip()
            raise EngineError(
                f"the base image could not be built from {self._mirror}; {log_file} tells all: {last_words}"
            ) from error
        finally:
            sources.unlink(missing_ok=True)
            await tree.remove(draft)

    def _log(self, name: str) -> Path:
        return self._base / f".{name}.log"

    def _recipe(self) -> recipe.Recipe:
        uid_map, gid_map = (Path(f"/proc/self/{kind}_map").read_text() for kind in ("uid", "gid"))
        return recipe.read(self._mirror, uid_map, gid_map)


@contextlib.asynccontextmanager
async def _alone(lock: Path, while_waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock; the kernel gives it back when its holder dies.  Asking, not blocking, so that one can cancel."""
    with lock.open("w") as held:
        while True:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                while_waiting()
                await asyncio.sleep(PROGRESS_EVERY_S)
        yield


@contextlib.asynccontextmanager
async def _told(say: Callable[[], None]) -> AsyncIterator[None]:
    """Say how far it is, again and again, as long as the block runs."""

    async def again() -> None:
        while True:
            say()
            await asyncio.sleep(PROGRESS_EVERY_S)

    task = asyncio.create_task(again(), name="progress of the base image")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
