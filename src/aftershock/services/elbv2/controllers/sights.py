"""What the nodes were last seen to see, for everybody in this control plane who judges by it."""

from collections.abc import Iterable

from aftershock.engines.balancer import Observed, Target


class Sights:
    """A successor begins with none: what it has not seen it does not know."""

    def __init__(self) -> None:
        self._of: dict[str, Observed] = {}  # by the node's name
        self._targets: dict[str, dict[tuple[str, str], Target]] = {}  # likewise, by backend and server

    def see(self, node: str, seen: Observed | None) -> set[str]:
        """Take in what a node was just seen to see, None if it does not run; which backends look different now."""
        before = _sights(self._of.pop(node, None))
        self._targets.pop(node, None)
        if seen is not None:
            self._of[node] = seen
            self._targets[node] = {(one.backend, one.server): one for one in seen.targets}
        return {sight[0] for sight in before ^ _sights(seen)}

    def last(self, node: str) -> Observed | None:
        return self._of.get(node)

    def of(self, nodes: Iterable[str], backend: str, server: str) -> list[Target]:
        """What these nodes see of one server."""
        seen = (self._targets[node].get((backend, server)) for node in nodes if node in self._targets)
        return [target for target in seen if target is not None]

    def has_let_go(self, node: str, backend: str, server: str) -> bool:
        """Whether the node was seen to send nothing new to the server; unknown is no."""
        if node not in self._targets:
            return False
        sight = self._targets[node].get((backend, server))
        return sight is None or sight.state == "draining"


def _sights(seen: Observed | None) -> set[tuple[str, str, str, str, int | None]]:
    if seen is None:
        return set()
    return {(one.backend, one.server, one.state, one.fault, one.code) for one in seen.targets}
