"""Layers: the read-only directory trees that machines' root disks are stacked from.

The base layer is Debian, built once and shared by all regions of one user; every other layer was captured from a
machine's volume.  Which image has which layers, and whose it is, is not known here.
"""

from aftershock.engines.images.images import Images, LayerInfo, Progress
from aftershock.engines.images.recipe import LayerRecipe

__all__ = ["Images", "LayerInfo", "LayerRecipe", "Progress"]
