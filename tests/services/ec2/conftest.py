"""What EC2's tests share."""

from pathlib import Path

import pytest

from tests.services.ec2.net_account import NetworkAccount


@pytest.fixture
def account(tmp_path: Path) -> NetworkAccount:
    return NetworkAccount(tmp_path / "region.db")
