"""Experiments as files: what they may say, and that those of the first story say it."""

from pathlib import Path
from typing import get_args

import pytest

from aftershock.lab import words
from aftershock.lab.experiment import (
    Bound,
    Deploy,
    Experiment,
    ExperimentError,
    Measure,
    StopAndStart,
    Terminate,
    read,
    read_all,
)

SOURCE = Path(__file__).parents[2] / "src" / "aftershock"
EXPERIMENTS, TEMPLATES = SOURCE / "lab" / "whatisthetime", SOURCE / "sites" / "whatisthetime" / "templates"
GOOD = """
stage: 1
title: One machine
claim: It serves.
template: stage-1.yaml
load: {visitors: 2}
event: {do: stop and start, resource: Machine}
must: [{measure: failed, at_most: 0}]
"""


def said(text: str) -> Experiment:
    return read(text.encode(), "mine", TEMPLATES)


def test_the_first_story_has_its_seven_stages_in_order() -> None:
    stages = [one.said.stage for one in read_all(EXPERIMENTS, TEMPLATES)]
    assert stages == sorted(stages)
    assert set(stages) == {1, 2, 3, 4, 5, 6, 7}


@pytest.mark.parametrize("experiment", read_all(EXPERIMENTS, TEMPLATES), ids=lambda one: one.name)
def test_an_experiment_of_the_story_names_what_there_is(experiment: Experiment) -> None:
    template = experiment.template(experiment.said.template)
    named = {*experiment.said.parameters, *experiment.said.per_second}
    match experiment.said.event:
        case StopAndStart(resource=resource):
            named.add(resource)
        case Terminate(resource=resource, leaves=leaves, then=then):
            named |= {resource, *then, *filter(None, [leaves])}
        case Deploy(template=other):
            assert experiment.template(other) != template
    assert [name for name in sorted(named) if f"\n  {name}:\n" not in template] == []


@pytest.mark.parametrize(
    "change, complaint",
    [
        (("visitors: 2", "visitors: many"), "Expected `int`, got `str` - at `$.load.visitors`"),
        (("title:", "titel:"), "`titel`"),
        (("do: stop and start", "do: explode"), "Invalid value 'explode' - at `$.event.do`"),
        (("measure: failed", "measure: luck"), "Invalid enum value 'luck' - at `$.must[0].measure`"),
        (("[{measure: failed, at_most: 0}]", "[]"), "$.must"),
        ((", at_most: 0", ""), "neither `at_least` nor `at_most` - at `$.must[0]`"),
        (("stage: 1", "stage: [1"), "mine"),
        (("claim: It serves.\n", ""), "missing required field `claim`"),
    ],
)
def test_what_an_experiment_may_not_say_is_refused_with_its_place(change: tuple[str, str], complaint: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        said(GOOD.replace(*change))
    assert complaint in str(caught.value)
    assert str(caught.value).startswith("mine: ")


def test_a_template_that_is_not_there_is_named() -> None:
    with pytest.raises(ExperimentError, match=r"nowhere\.yaml"):
        said(GOOD.replace("stage-1.yaml", "nowhere.yaml")).template("nowhere.yaml")


def test_a_directory_without_experiments_is_no_story(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError):
        read_all(tmp_path, TEMPLATES)


@pytest.mark.parametrize(
    "bound, value, holds",
    [
        (Bound("failed", at_most=0), 0.0, True),
        (Bound("failed", at_most=0), 1.0, False),
        (Bound("dark_s", at_least=2), 2.0, True),
        (Bound("dark_s", at_least=2), 1.9, False),
        (Bound("failed_share", at_least=0.1, at_most=0.5), 0.3, True),
        (Bound("failed_share", at_least=0.1, at_most=0.5), 0.6, False),
        (Bound("failed_share_during", at_most=1), float("nan"), False),  # what was not measured does not hold
        (Bound("failed_share_during", at_least=0), float("nan"), False),
    ],
)
def test_bounds(bound: Bound, value: float, holds: bool) -> None:
    assert bound.holds(value) is holds


def test_every_measure_has_its_words() -> None:
    assert set(words.NAMES) == set(get_args(Measure))


@pytest.mark.parametrize(
    "measure, amount, text",
    [
        ("failed_share", 0.123, "12.3%"),
        ("failed_share_during", 1.0, "100%"),
        ("addresses_kept", 1.0, "100%"),
        ("dark_s", 1.25, "1.2 s"),
        ("p99_ms", 12.6, "13 ms"),
        ("monthly_usd", 12.758, "12.76 USD"),
        ("instances", 3.0, "3"),
        ("p50_ms", float("nan"), "none"),
    ],
)
def test_values_are_said_in_their_units(measure: Measure, amount: float, text: str) -> None:
    assert words.value(measure, amount) == text


@pytest.mark.parametrize(
    "bound, text",
    [
        (Bound("failed", at_most=0), "at most 0"),
        (Bound("failed", at_least=3, at_most=3), "exactly 3"),
        (Bound("dark_s", at_least=1, at_most=2), "at least 1.0 s, at most 2.0 s"),
    ],
)
def test_bounds_are_said(bound: Bound, text: str) -> None:
    assert words.bound(bound) == text
