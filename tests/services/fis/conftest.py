"""What the tests of experiments share."""

from pathlib import Path

import pytest

from tests.services.fis.lab import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "region.db")
