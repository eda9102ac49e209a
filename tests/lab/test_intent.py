"""What an experiment will do is said before it does it."""

import pytest

from aftershock.lab.catalogue import experiments
from aftershock.lab.experiment import Experiment
from aftershock.lab.intent import intent


@pytest.mark.parametrize("experiment", experiments(), ids=lambda one: one.name)
def test_every_experiment_says_what_it_deploys_and_what_happens(experiment: Experiment) -> None:
    said = intent(experiment)
    assert said.startswith(f"{experiment.said.template} is deployed; {experiment.said.load.visitors} visitors")
    assert said.endswith(".")


def test_what_no_cleaning_takes_back_is_said() -> None:
    (reserved,) = (one for one in experiments() if one.name == "7-reserved")
    assert "which only `aftershock reset` takes back" in intent(reserved)
