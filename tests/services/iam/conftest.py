from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.iam.people import People


@pytest.fixture
def iam(tmp_path: Path) -> Iterator[People]:
    people = People(tmp_path / "region.db")
    yield people
    people.store.close()
