"""Layers, read whole or in part."""

from aftershock.services.ecr import pushing
from aftershock.services.ecr.data import Data
from aftershock.services.ecr.rules import ranges
from aftershock.services.ecr.rules.paths import BlobAt

from .answers import Answer, Refused, answer
from .visit import Guest, repository


def get(data: Data, guest: Guest, place: BlobAt) -> Answer:
    with guest.transaction() as call:
        layer = pushing.layer_of(call.tx, repository(call, place.name), place.digest)
        if layer is None:
            raise Refused(404, "BLOB_UNKNOWN", "blob unknown to registry")
        headers = {
            "Content-Type": "application/octet-stream",
            "Docker-Content-Digest": layer.digest,
            "Etag": f'"{layer.digest}"',
            "Accept-Ranges": "bytes",
        }
        if guest.visit.request.method == "HEAD":
            return answer(200, {**headers, "Content-Length": str(layer.size)})
        try:
            part = ranges.read(guest.header("range"), layer.size)
        except ranges.Unsatisfiable:
            end = {"Content-Range": f"bytes */{layer.size}"}
            raise Refused(416, "SIZE_INVALID", "The requested range is not satisfiable", end) from None
        if part is None:
            return answer(200, headers, data.read(layer.pieces))
        first, last = part
        headers["Content-Range"] = f"bytes {first}-{last}/{layer.size}"
        return answer(206, headers, data.read(layer.pieces, first, last))
