"""The account that operations are called in, and the door before one like it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.door import Door
from tests.services.ecr.world import Account, a_door


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    account = Account(tmp_path)
    account.call("CreateRepository", repositoryName="web")
    yield account
    account.store.close()


@pytest.fixture(scope="package")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(tmp_path_factory.mktemp("ecr")) as door:
        yield door
