"""The account that operations are called in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.elbv2.account import Balancing


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Balancing]:
    account = Balancing(tmp_path / "db")
    yield account
    account.store.close()
