"""Manifests: put, read and deleted, by digest or by tag."""

from aftershock.aws.errors import AwsError
from aftershock.services.ecr import pushing
from aftershock.services.ecr.rules import errors
from aftershock.services.ecr.rules.manifests import MOST_BYTES, digest, read
from aftershock.services.ecr.rules.paths import ManifestAt

from .answers import Answer, Refused, answer
from .visit import Guest, repository

_DIGEST = "Docker-Content-Digest"


def get(guest: Guest, place: ManifestAt) -> Answer:
    with guest.transaction() as call:
        within = repository(call, place.name)
        image = pushing.image_at(call.tx, within, place.digest, place.tag)
        if image is None:
            raise Refused(404, "MANIFEST_UNKNOWN", "Requested image not found")
        body = pushing.manifest_of(call.tx, image).encode()
        if guest.visit.request.method == "GET":
            pushing.note_pull(call, image)
    headers = {"Content-Type": image.media_type, _DIGEST: image.digest, "Etag": f'"{image.digest}"'}
    if guest.visit.request.method == "HEAD":
        return answer(200, {**headers, "Content-Length": str(len(body))})
    return answer(200, headers, body)


async def put(guest: Guest, place: ManifestAt) -> Answer:
    body = await guest.visit.whole(MOST_BYTES)
    if body is None:
        raise Refused(413, "MANIFEST_INVALID", f"a manifest has at most {MOST_BYTES} bytes")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused(400, "MANIFEST_INVALID", "the manifest is not UTF-8") from None
    media_type = guest.header("content-type").partition(";")[0].strip() or None
    try:
        with guest.transaction() as call:
            within = repository(call, place.name)
            pushing.put_image(call, within, text, media_type=media_type, tag=place.tag, stated=place.digest)
    except AwsError as error:
        if error.code != "ImageAlreadyExistsException":  # nothing changed: to this protocol that is no error
            raise
    found, subject = digest(text), read(text, media_type).subject
    told = {"OCI-Subject": subject} if subject else {}  # so that clients keep no list of their own in a tag
    return answer(201, {"Location": f"/v2/{place.name}/manifests/{found}", _DIGEST: found, **told})


def delete(guest: Guest, place: ManifestAt) -> Answer:
    """OCI distribution specification, "Deleting tags": the tag alone; by its digest, the image with all tags."""
    with guest.transaction() as call:
        within = repository(call, place.name)
        image = pushing.image_at(call.tx, within, place.digest, place.tag)
        if image is None:
            raise errors.image_not_found(within, place.digest, place.tag)
        if place.tag is not None:
            pushing.untag(call.tx, image, place.tag)
        elif lists := pushing.lists_with(call.tx, image):
            message = f"Requested image referenced by manifest list: [{', '.join(lists[:10])}]"
            raise Refused(403, "DENIED", message)
        else:
            pushing.forget_image(call.tx, image, call.now)
    return answer(202)
