"""What an experiment is, as its file says it: a claim, what is built, who comes, what happens, and what must hold.

The files are YAML, not Python: they are data that can be shared and run without being trusted, they stand beside
templates in the same language, and a reader needs to know no program.  What they may say is fixed here; a word that is
not known is refused with its place in the file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
from msgspec import Struct

Measure = Literal[
    "requests",
    "failed",
    "failed_share",
    "failed_share_during",
    "failed_share_after",
    "dark_s",
    "failing_s",
    "visitors_hit_share",
    "p50_ms",
    "p99_ms",
    "instances",
    "peak_instances",
    "instances_after",
    "took_s",
    "addresses_kept",
    "machines_kept",
    "zones_used",
    "zones_used_after",
    "monthly_usd",
    "monthly_usd_after",
    "saved_share",
]


class ExperimentError(ValueError):
    """An experiment's file does not say what one has to; the message names the file and the place."""


class _Said(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Load(_Said, frozen=True):
    """Visitors, each of whom asks for the page again and again, and keeps names as a resolver does."""

    visitors: int
    every_s: float = 0.6  # on average


class StopAndStart(_Said, frozen=True, tag_field="do", tag="stop and start"):
    resource: str  # an instance's logical id


class Deploy(_Said, frozen=True, tag_field="do", tag="deploy"):
    """A stack update is what happens."""

    template: str
    parameters: dict[str, str] = {}


class Terminate(_Said, frozen=True, tag_field="do", tag="terminate"):
    resource: str
    leaves: str = ""  # the target group's logical id that it is taken out of first, and drained
    then: dict[str, str] = {}  # parameters that the stack is updated with at once, as who looks after it would do


class Spike(_Said, frozen=True, tag_field="do", tag="spike"):
    """More visitors come, until the group has grown as far as it wants; they leave, until it is at its least again."""

    visitors: int
    grown_within_s: float  # of the region's time
    shrunk_within_s: float


class Quake(_Said, frozen=True, tag_field="do", tag="quake"):
    """A zone's power fails, and comes back after a time; 0: when what is left has made good the loss."""

    zone: str
    dark_s: float = 0.0


class Reserve(_Said, frozen=True, tag_field="do", tag="reserve"):
    """Machines of a type are reserved for a year, without upfront payment, unless just that is reserved already."""

    instance_type: str
    count: int

    payment: ClassVar[str] = "No Upfront"
    scope: ClassVar[str] = "Region"
    duration_s: ClassVar[int] = 365 * 24 * 3600


Event = StopAndStart | Deploy | Terminate | Spike | Quake | Reserve


class Bound(_Said, frozen=True):
    """What must hold of one measure."""

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None

    def holds(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


class Written(_Said, frozen=True):
    """The file."""

    stage: int
    title: str
    claim: str
    template: str
    load: Load
    event: Event
    must: tuple[Bound, ...]
    parameters: dict[str, str] = {}
    subnets: int = 0  # how many zones' subnets the template is given as its parameter `Subnets`
    # Parameters that are a number per minute, given per second: a minute of the region's has fewer of ours.
    per_second: dict[str, float] = {}
    before_s: float = 3.0  # what is watched before anything happens
    after_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Experiment:
    name: str  # the file's
    said: Written
    templates: Path

    def template(self, name: str) -> str:
        """
        Raises:
            ExperimentError: there is no such template.
        """
        try:
            return (self.templates / name).read_text()
        except OSError as error:
            raise ExperimentError(f"{self.name}: the template {name} cannot be read: {error.strerror}") from error


def read(text: bytes, name: str, templates: Path) -> Experiment:
    """
    Raises:
        ExperimentError
    """
    try:
        said = msgspec.yaml.decode(text, type=Written)
    except msgspec.MsgspecError as error:
        raise ExperimentError(f"{name}: {error}") from error
    if not said.must:
        raise ExperimentError(f"{name}: nothing must hold; what could be learned from it? - at `$.must`")
    for number, bound in enumerate(said.must):
        if bound.at_least is None and bound.at_most is None:
            raise ExperimentError(f"{name}: neither `at_least` nor `at_most` - at `$.must[{number}]`")
    return Experiment(name, said, templates)


def read_all(directory: Path, templates: Path) -> list[Experiment]:
    """A directory's experiments, in the order of their files' names."""
    files = sorted(directory.glob("*.yaml"))
    if not files:
        raise ExperimentError(f"{directory}: there is no experiment")
    return [read(file.read_bytes(), file.stem, templates) for file in files]
