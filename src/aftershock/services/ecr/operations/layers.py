"""Layers by the API: uploaded part by part, looked for, and downloaded from a URL."""

from collections.abc import Sequence
from urllib.parse import quote

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ecr import pushing, tokens
from aftershock.services.ecr.records import Piece, key_in
from aftershock.services.ecr.rules import errors, names
from aftershock.services.ecr.storage import Digested, Received, Storage

from .found import named, require_repository

PART_BYTES = 10 * 2**20  # ECR user guide, "Service quotas": "Layer part size"; what it asks clients for, too
LEAST_PART_BYTES = 5 * 2**20  # AWS: "Layer parts must be at least 5 MiB in size"


def batch_check_layer_availability(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    layers, failures = [], []
    for digest in params["layerDigests"]:
        if not names.is_digest(digest):
            reason = "Invalid layer digest: it has to be one of SHA-256"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        layer = pushing.layer_of(call.tx, repository, digest)
        there = {"layerAvailability": "AVAILABLE", "layerSize": layer.size} if layer else {}
        layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE", **there})
    return {"layers": layers, "failures": failures}


def initiate_layer_upload(call: Call, params: Params) -> Result:
    upload = pushing.begin_upload(call, require_repository(call, params))
    return {"uploadId": upload.id, "partSize": PART_BYTES}


def upload_layer_part(storage: Storage, call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    upload = pushing.require_upload(call.tx, repository, params["uploadId"])
    first, last, body = params["partFirstByte"], params["partLastByte"], params["layerPartBlob"]
    pushing.check_part(upload, first)
    size = body.size if isinstance(body, Received) else len(body)
    if not 0 < size <= PART_BYTES or last - first + 1 != size:
        message = f"The layer part has {size} bytes: not the bytes {first} to {last}, or more than {PART_BYTES}"
        raise AwsError("InvalidLayerPartException", message)
    received = body if isinstance(body, Received) else storage.receive_whole(body)
    upload = pushing.append(call, upload, first, received)
    return {**named(repository), "uploadId": upload.id, "lastByteReceived": upload.size - 1}


def complete_layer_upload(storage: Storage, call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    upload = pushing.require_upload(call.tx, repository, params["uploadId"])
    if not upload.pieces:
        raise AwsError("EmptyUploadException", f"The upload with id '{upload.id}' does not contain any layer parts")
    if any(piece.size < LEAST_PART_BYTES for piece in upload.pieces[:-1]):
        raise AwsError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size, but for the last")
    asked = params["layerDigests"]
    stated: Sequence[str] = asked.stated if isinstance(asked, Digested) else asked
    digest = upload.digest or _digest(storage, asked, upload.pieces)
    for one in stated:
        if one != digest:
            raise errors.wrong_layer(one, digest)
    if pushing.layer_of(call.tx, repository, digest) is not None:
        raise errors.layer_exists(repository, digest)
    layer = pushing.add_layer(call, repository, digest, upload.pieces)
    pushing.forget_upload(call.tx, upload)
    return {**named(repository), "uploadId": upload.id, "layerDigest": layer.digest}


def _digest(storage: Storage, asked: object, pieces: tuple[Piece, ...]) -> str:
    if isinstance(asked, Digested) and asked.pieces == pieces:
        return asked.digest
    return storage.digest(pieces)


def get_download_url_for_layer(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    digest = params["layerDigest"]
    layer = pushing.layer_of(call.tx, repository, digest)
    if layer is None:
        raise errors.layers_not_found(repository, [digest])
    if layer.kept_until is not None:
        message = f"Layer with digest '{digest}' is not available because it is not associated with an image"
        raise AwsError("LayerInaccessibleException", message)
    secret, _ = tokens.issue(call, tokens.LAYER_GOOD, key_in(repository.id, digest))
    place = f"https://{names.host(repository.account, repository.region)}/v2/{repository.name}/blobs/{digest}"
    return {"downloadUrl": f"{place}?key={quote(secret, safe='')}", "layerDigest": digest}


OPERATIONS = {
    "BatchCheckLayerAvailability": batch_check_layer_availability,
    "GetDownloadUrlForLayer": get_download_url_for_layer,
    "InitiateLayerUpload": initiate_layer_upload,
}
STORING = {"CompleteLayerUpload": complete_layer_upload, "UploadLayerPart": upload_layer_part}
