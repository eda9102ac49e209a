"""Bytes on the disk: written once, whole or not at all, never changed.  Knows nothing of what they are."""

from .draft import Draft, Written
from .objects import Objects, Piece
from .reading import Damaged, Reading

__all__ = ["Damaged", "Draft", "Objects", "Piece", "Reading", "Written"]
