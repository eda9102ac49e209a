"""What CloudWatch's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from aftershock.services import cloudwatch
from tests.services.modelled import Modelled

PACE = 1.0


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Modelled]:
    account = Modelled(tmp_path / "region.db", "cloudwatch", cloudwatch.operations(pace=PACE), list(cloudwatch.TABLES))
    yield account
    account.store.close()
