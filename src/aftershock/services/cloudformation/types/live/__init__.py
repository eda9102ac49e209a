"""The properties that a resource has just now, as far as its service tells them: for the detection of drift.

A type that is not here is only looked at for whether it is still there.
"""

from collections.abc import Mapping

from . import access, ec2, names, tiers
from .words import Live

LIVE: Mapping[str, Live] = {**access.LIVE, **ec2.LIVE, **names.LIVE, **tiers.LIVE}

__all__ = ["LIVE", "Live"]
