import itertools

import pytest

from .world import A1, A2, ALL, B1, World

_numbers = itertools.count(1)


@pytest.fixture
def world():
    world = World(f"w{next(_numbers)}")
    yield world
    world.close()


@pytest.fixture
def three(world):
    """Two machines in one subnet, one of which has a public address, and one in another."""
    router = world.router()
    world.group("open", [ALL])
    machines = [
        world.machine("a1", A1, ["open"], public="198.18.0.10"),
        world.machine("a2", A2, ["open"]),
        world.machine("b1", B1, ["open"], zone="zone-b"),
    ]
    for machine in machines:
        world.serve(machine, 80)
    return router, *machines
