"""Uploads of layers: begun, gone on with in chunks, completed; or a layer taken over from another repository."""

import asyncio

from msgspec.structs import replace

from aftershock.aws.call import Call
from aftershock.services.ecr import pushing
from aftershock.services.ecr.data import Data, Intake
from aftershock.services.ecr.records import Repository, Upload
from aftershock.services.ecr.rules import errors, names, ranges
from aftershock.services.ecr.rules.paths import UploadAt, Uploads
from aftershock.services.ecr.storage import Received

from .answers import Answer, Refused, answer
from .visit import Guest, repository


async def begin(data: Data, guest: Guest, place: Uploads) -> Answer:
    query = guest.query
    if "digest" in query:
        return await _at_once(data, guest, place, query["digest"])
    with guest.transaction() as call:
        within = repository(call, place.name)
        if "mount" in query and _mount(call, within, query["mount"], query.get("from", "")):
            return _there(place.name, query["mount"])
        return _going_on(202, place.name, pushing.begin_upload(call, within))


async def _at_once(data: Data, guest: Guest, place: Uploads, digest: str) -> Answer:
    """All of a layer with the request that begins it."""
    _check_digest(digest)
    with guest.transaction() as call:
        repository(call, place.name)
    intake = data.intake(pushing.MOST_LAYER_BYTES)
    kept = False
    try:
        received = await _received(guest, intake)
        if received.digest != digest:
            raise errors.wrong_layer(digest, received.digest)
        with guest.transaction() as call:
            layer = pushing.add_layer(call, repository(call, place.name), digest, received.pieces)
        kept = layer.pieces == received.pieces  # else it was there already
    finally:
        intake.close(kept=kept)
    return _there(place.name, digest)


def _mount(call: Call, within: Repository, digest: str, source: str) -> bool:
    """Whether the other repository had the layer, so that now this one has it too."""
    if not names.is_digest(digest) or not names.is_name(source):
        return False
    layer = pushing.layer_of(call.tx, replace(within, name=source), digest)
    if layer is not None:
        pushing.add_layer(call, within, digest, layer.pieces)
    return layer is not None


def state(guest: Guest, place: UploadAt) -> Answer:
    with guest.transaction() as call:
        return _going_on(204, place.name, pushing.require_upload(call.tx, repository(call, place.name), place.id))


def cancel(guest: Guest, place: UploadAt) -> Answer:
    with guest.transaction() as call:
        upload = pushing.require_upload(call.tx, repository(call, place.name), place.id)
        pushing.forget_upload(call.tx, upload)
    return answer(204)


async def go_on(data: Data, guest: Guest, place: UploadAt) -> Answer:
    upload = _expected(guest, place)
    intake = data.intake(pushing.MOST_LAYER_BYTES - upload.size)
    kept = False
    try:
        received = await _received(guest, intake)
        with guest.transaction() as call:
            now = pushing.require_upload(call.tx, repository(call, place.name), place.id)
            upload = pushing.append(call, now, upload.size, received)
        kept = True
    finally:
        intake.close(kept=kept)
    return _going_on(202, place.name, upload)


async def complete(data: Data, guest: Guest, place: UploadAt) -> Answer:
    """The last chunk may come along."""
    digest = guest.query.get("digest", "")
    _check_digest(digest)
    upload = _expected(guest, place)
    intake = data.intake(pushing.MOST_LAYER_BYTES - upload.size)
    kept = False
    try:
        received = await _received(guest, intake)
        whole = pushing.with_part(upload, received)
        calculated = whole.digest or await asyncio.to_thread(data.digest, whole.pieces)
        if calculated != digest:
            raise errors.wrong_layer(digest, calculated)
        with guest.transaction() as call:
            within = repository(call, place.name)
            now = pushing.require_upload(call.tx, within, place.id)
            if now.pieces != upload.pieces:
                raise errors.wrong_part(upload.size, now.size)
            layer = pushing.add_layer(call, within, digest, whole.pieces)
            pushing.forget_upload(call.tx, now)
        kept = layer.pieces == whole.pieces  # else it was there already
    finally:
        intake.close(kept=kept)
    return _there(place.name, digest)


def _expected(guest: Guest, place: UploadAt) -> Upload:
    """The upload, if what comes is what it waits for; so far as the request's head says.

    Raises:
        AwsError, Refused
    """
    with guest.transaction() as call:
        upload = pushing.require_upload(call.tx, repository(call, place.name), place.id)
    stated = guest.header("content-range")
    if stated:
        chunk = ranges.chunk(stated)
        length = guest.header("content-length")
        if chunk is None or (length.isdecimal() and int(length) != chunk[1] - chunk[0] + 1):
            raise Refused(400, "SIZE_INVALID", "Content-Range and Content-Length do not go together")
        if chunk[0] != upload.size:
            told = _going_on(416, place.name, upload).headers
            raise Refused(416, "BLOB_UPLOAD_INVALID", f"{upload.size} bytes have been received", told)
    return upload


async def _received(guest: Guest, intake: Intake) -> Received:
    received = await guest.visit.receive(intake)
    assert isinstance(received, Received)
    return received


def _check_digest(digest: str) -> None:
    if not names.is_digest(digest):
        raise Refused(400, "DIGEST_INVALID", "no digest of SHA-256")


def _going_on(status: int, name: str, upload: Upload) -> Answer:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload.id}",
        "Docker-Upload-UUID": upload.id,
        "Range": f"0-{max(upload.size - 1, 0)}",
    }
    return answer(status, headers)


def _there(name: str, digest: str) -> Answer:
    return answer(201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})
