"""The account that operations are called in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.acm.makings import Certificates


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Certificates]:
    account = Certificates(tmp_path / "db")
    yield account
    account.store.close()
