"""Runs controllers: level-triggered, one key at a time each, woken by changes and by the clock."""

from .forgetting import ForgettingController, forget
from .loop import Again, Controller, Done, Loop, Outcome
from .seldom import SeldomController
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
    "SeldomController",
    "UnderWay",
    "forget",
]
