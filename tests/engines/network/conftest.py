import itertools

import pytest

from .world import World

_numbers = itertools.count(1)


@pytest.fixture
def world():
    world = World(f"w{next(_numbers)}")
    yield world
    world.close()
