import pytest

from .world import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "region.db")
    yield made
    made.store.close()
