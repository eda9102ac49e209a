"""An account with S3 alone in it, and the real door before it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aftershock.aws.call import Principal, Tx
from aftershock.engines.objects import Objects
from aftershock.services.s3 import Data, Forms, controllers
from aftershock.services.s3.operations import operations
from aftershock.services.s3.records import TABLES
from aftershock.wire.uris import bucket_path
from tests.services.account import ROOT
from tests.services.door import REGION, SECRET, Door
from tests.services.modelled import Modelled


def opened(path: Path) -> Objects:
    objects = Objects(path / "objects")
    objects.open()
    return objects


class Account(Modelled):
    """Calls as another service of the region would: bodies come whole, and are read whole."""

    def __init__(self, path: Path) -> None:
        self.objects = opened(path)
        self.data = Data(self.objects, ROOT.account)
        super().__init__(path / "db", "s3", operations(self.data), list(TABLES))

    def put(self, bucket: str, key: str, body: bytes = b"", **more: Any) -> dict[str, Any]:
        return self.call("PutObject", Bucket=bucket, Key=key, Body=body, **more)

    def bytes_of(self, bucket: str, key: str, **more: Any) -> bytes:
        body = self.call("GetObject", Bucket=bucket, Key=key, **more)["Body"]
        data: bytes = body.whole()
        return data

    async def sweep(self) -> set[str]:
        """Remove what nobody needs, as after a new start; what is left."""
        (controller,) = controllers(self.store, self.objects)
        for key in await controller.keys():
            await controller.reconcile(key)
        return self.objects.list()


def quick_directory() -> TemporaryDirectory[str]:
    """In memory where there is such a place, for the sake of hundreds of accounts."""
    memory = Path("/dev/shm")
    return TemporaryDirectory(dir=memory if memory.is_dir() else None)


@dataclass(frozen=True)
class Key:
    """The account's, as IAM has it."""

    secret: str = SECRET
    session_token: str | None = None
    active: bool = True
    expired: bool = False
    principal: Principal = ROOT


def _key_of(tx: Tx, access_key_id: str, now: datetime) -> Key | None:
    return Key() if access_key_id == ROOT.access_key_id else None


@contextmanager
def a_door(state: Path) -> Iterator[Door]:
    objects = opened(state)
    data = Data(objects, ROOT.account)
    forms = Forms(data, region=REGION, key_of=_key_of, path_of=bucket_path)
    door = Door(state, {"s3": operations(data)}, list(TABLES), {"s3": data}, [forms])
    try:
        yield door
    finally:
        door.close()
