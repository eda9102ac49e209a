"""What the records say when a region begins."""

from msgspec.structs import replace

from aftershock.aws.call import Tx

from .records.load_balancer import NODES


def ground_is_new(tx: Tx) -> None:
    """Take back what was seen of nodes, all of which end with the region: none is in a name before it serves again.

    To be called whenever a region comes up, and not when only its control plane does: then they are still there.
    """
    for node in NODES.every(tx):
        NODES.put(tx, replace(node, serving=False, healthy=False, applied="", reason="not looked at yet"))
