"""One region for all tests of a worker; each test begins with an empty account in it."""

from collections.abc import Iterator

import pytest

from tests.region import Region, a_region


@pytest.fixture(scope="session")
def running_region() -> Iterator[Region]:
    with a_region() as region:
        yield region


@pytest.fixture
def region(running_region: Region) -> Iterator[Region]:
    running_region.reset()
    yield running_region
