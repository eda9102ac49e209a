"""An account with ECR alone in it, the real door before it, and images to push."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftershock.control import Outcome
from aftershock.engines.objects import Objects
from aftershock.services.ecr import Data, Registry, controllers
from aftershock.services.ecr.operations import operations
from aftershock.services.ecr.records import LAYERS, TABLES, UPLOADS
from aftershock.services.ecr.rules import manifests
from tests.services.account import ROOT
from tests.services.door import REGION, Door
from tests.services.ec2.compute import SetClock
from tests.services.modelled import Modelled
from tests.services.s3.world import opened

HOST = f"{ROOT.account}.dkr.ecr.{REGION}.amazonaws.com"
CONFIG = b'{"architecture":"amd64","os":"linux"}'


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def described(data: bytes, media_type: str = "application/vnd.oci.image.layer.v1.tar") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def manifest(*layers: bytes, config: bytes = CONFIG, **more: Any) -> str:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": manifests.OCI,
            "config": described(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [described(layer) for layer in layers],
            **more,
        }
    )


def index(*texts: str) -> str:
    named = [described(text.encode(), manifests.OCI) for text in texts]
    return json.dumps({"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": named})


class Account(Modelled):
    """Calls as another service of the region would: parts come whole."""

    def __init__(self, path: Path) -> None:
        self.objects: Objects = opened(path)
        self.data = Data(self.objects, ROOT.account, REGION)
        super().__init__(path / "db", "ecr", operations(self.data), list(TABLES))
        self.clock = SetClock(lambda: self.now)

    def layer(self, repository: str, data: bytes) -> str:
        upload = self.call("InitiateLayerUpload", repositoryName=repository)["uploadId"]
        place = {"repositoryName": repository, "uploadId": upload}
        self.call("UploadLayerPart", **place, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        return str(self.call("CompleteLayerUpload", **place, layerDigests=[digest_of(data)])["layerDigest"])

    def push(self, repository: str, *layers: bytes, tag: str | None = None, config: bytes = CONFIG) -> str:
        """An image of these layers; its digest."""
        for data in (config, *layers):
            if not self.available(repository, digest_of(data)):
                self.layer(repository, data)
        return self.put(repository, manifest(*layers, config=config), tag)

    def put(self, repository: str, text: str, tag: str | None = None) -> str:
        tagged = {"imageTag": tag} if tag else {}
        made = self.call("PutImage", repositoryName=repository, imageManifest=text, **tagged)
        return str(made["image"]["imageId"]["imageDigest"])

    def available(self, repository: str, digest: str) -> bool:
        asked = {"repositoryName": repository, "layerDigests": [digest]}
        (layer,) = self.call("BatchCheckLayerAvailability", **asked)["layers"]
        return bool(layer["layerAvailability"] == "AVAILABLE")

    def images(self, repository: str) -> list[tuple[str, str | None]]:
        found = self.call("ListImages", repositoryName=repository)["imageIds"]
        return [(one["imageDigest"], one.get("imageTag")) for one in found]

    def tags(self, repository: str) -> set[str | None]:
        return {tag for _, tag in self.images(repository)}

    def look(self) -> dict[str, Outcome]:
        """Look at every repository and every blob, as after a new start."""

        async def look() -> dict[str, Outcome]:
            outcomes = {}
            for controller in controllers(self.store, self.clock, self.objects):
                for key in sorted(await controller.keys()):
                    outcomes[key] = await controller.reconcile(key)
            return outcomes

        return asyncio.run(look())

    def left(self) -> tuple[int, int, int]:
        """How many layers, uploads and blobs there are."""
        with self.store.snapshot() as tx:
            return len(LAYERS.keys(tx)), len(UPLOADS.keys(tx)), len(self.objects.list())


@contextmanager
def a_door(state: Path) -> Iterator[Door]:
    data = Data(opened(state), ROOT.account, REGION)
    door = Door(state, {"ecr": operations(data)}, list(TABLES), {"ecr": data}, (Registry(data),))
    try:
        yield door
    finally:
        door.close()
