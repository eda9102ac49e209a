"""The volumes of one region.

A root volume is `volumes/<name>/{upper,work}`: what an overlay needs to keep what its machine wrote.  A data volume
will be `volumes/<name>/data`, a plain tree to be mounted somewhere in a machine; `MachineSpec.mounts` is for it.
Nothing here says which machine uses a volume: that is the machine's spec alone.
"""

from pathlib import Path

from aftershock.engines.errors import EngineError
from aftershock.engines.images import Images, LayerInfo, tree


class Volumes:
    """All volumes under one state directory.  It remembers nothing between calls."""

    def __init__(self, state: Path, images: Images | None = None) -> None:
        self._directory = state / "volumes"
        self._images = images or Images(state, state)

    async def list(self) -> set[str]:
        if not self._directory.is_dir():
            return set()
        return {entry.name for entry in self._directory.iterdir() if not entry.name.startswith(".")}

    async def ensure(self, name: str, *, source: str | None) -> None:
        """Have a root volume.  A new one begins empty, or, with a `source`, with a copy of that layer's tree.

        A volume that is there is left as it is, whatever it began with.

        Raises:
            EngineError: there is no such layer, or it could not be copied.
        """
        home = self._directory / tree.require_name(name)
        if source is not None and not (home / "upper").is_dir():
            await tree.copy(self._images.path(source), home / "upper")
        (home / "upper").mkdir(mode=0o755, parents=True, exist_ok=True)
        (home / "work").mkdir(mode=0o755, exist_ok=True)

    async def capture(self, name: str, layer: str) -> LayerInfo:
        """Keep what is on a volume now as a layer, to be stacked on the layers that its machine was stacked on.

        The caller sees to it that nobody writes meanwhile: the machine is frozen, or it does not run.  A layer of
        that name that is there already is left as it is.

        Raises:
            EngineError: there is no such volume, or it could not be copied.
        """
        home = self._directory / tree.require_name(name)
        if not (home / "upper").is_dir():
            raise EngineError(f"there is no volume {name}", retryable=False)
        target = self._images.new_path(layer)
        if not target.is_dir():
            await tree.copy(home / "upper", target)
        return LayerInfo(layer, target, await tree.size_bytes(target))

    async def remove(self, name: str) -> None:
        """Delete a volume and all on it.  Removing what is not there is no error."""
        await tree.remove(self._directory / tree.require_name(name))

    async def size_bytes(self, name: str) -> int:
        """The room that a volume takes on the disk; 0 if there is none."""
        return await tree.size_bytes(self._directory / tree.require_name(name))

    def upper(self, name: str) -> Path:
        """The directory of what its machine wrote."""
        return self._directory / tree.require_name(name) / "upper"

    def work(self, name: str) -> Path:
        """overlayfs's own directory beside it."""
        return self._directory / tree.require_name(name) / "work"
