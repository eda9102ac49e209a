"""The story that comes with the program: its experiments, and the templates that they are about."""

from pathlib import Path

from .experiment import Experiment, read_all

STACK = "whatisthetime"
TITLE = "WhatIsTheTime.com: what its stages withstand"
HERE = Path(__file__).parents[1]
TEMPLATES = HERE / "sites" / STACK / "templates"


def experiments() -> list[Experiment]:
    return read_all(HERE / "lab" / STACK, TEMPLATES)
