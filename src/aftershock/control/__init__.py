"""Runs controllers: level-triggered, one key at a time each, woken by changes and by the clock."""

from .forgetting import ForgettingController, Seldom, forget
from .loop import Again, Controller, Done, Loop, Outcome
from .sweep import BlobController
from .under_way import UnderWay

__all__ = [
    "Again",
    "BlobController",
    "Controller",
    "Done",
    "ForgettingController",
    "Loop",
    "Outcome",
    "Seldom",
    "UnderWay",
    "forget",
]
