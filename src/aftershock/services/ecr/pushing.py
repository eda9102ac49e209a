"""How layers and images come into a repository, and go: what the API and the registry's own protocol do alike."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from aftershock.aws.call import Call, Tx
from aftershock.services.ecr.records import (
    IMAGES,
    LAYERS,
    MANIFESTS,
    UPLOADS,
    Image,
    Layer,
    Manifest,
    Piece,
    Repository,
    Upload,
    key_in,
    release,
    span,
)
from aftershock.services.ecr.rules import errors, manifests, mutability, names
from aftershock.services.ecr.storage import Received

# AWS: "Unassociated image layers may be cleaned up at any time".  A push brings its layers first and names them last,
# and skips what it found there; so what no image has stays for as long as a slow push may take.  Not paced: it is a
# client that takes this time.
UPLOAD_KEPT = UNUSED_KEPT = timedelta(hours=24)
LET_GO_KEPT = timedelta(hours=1)
PULL_NOTED = timedelta(hours=24)  # AWS: the time of the last pull is "refreshed at least once every 24 hours"
# ECR user guide, "Service quotas"
MOST_PARTS = 4200
MOST_LAYER_BYTES = 52_000 * 2**20
MOST_TAGS_OF_IMAGE = 1000


# --- layers --------------------------------------------------------------------------------------------------------


def begin_upload(call: Call, repository: Repository) -> Upload:
    upload_id = UUID(bytes=hashlib.sha256(call.new_id("upload").encode()).digest()[:16], version=4)
    upload = Upload(repository=repository.id, id=str(upload_id), kept_until=call.now + UPLOAD_KEPT)
    UPLOADS.put(call.tx, upload)
    return upload


def require_upload(tx: Tx, repository: Repository, upload_id: str) -> Upload:
    """
    Raises:
        AwsError: UploadNotFoundException
    """
    upload = UPLOADS.get(tx, key_in(repository.id, upload_id))
    if upload is None:
        raise errors.upload_not_found(repository, upload_id)
    return upload


def check_part(upload: Upload, first: int) -> None:
    """
    Raises:
        AwsError: InvalidLayerPartException, LimitExceededException
    """
    if first != upload.size:
        raise errors.wrong_part(first, upload.size)
    if len(upload.pieces) >= MOST_PARTS:
        raise errors.limit("parts of a layer", MOST_PARTS)


def append(call: Call, upload: Upload, first: int, received: Received) -> Upload:
    check_part(upload, first)
    longer = with_part(upload, received)
    if longer.size > MOST_LAYER_BYTES:
        raise errors.limit("bytes of a layer", MOST_LAYER_BYTES)
    longer = replace(longer, kept_until=call.now + UPLOAD_KEPT)
    UPLOADS.put(call.tx, longer)
    return longer


def with_part(upload: Upload, received: Received) -> Upload:
    if not received.size:
        return upload
    digest = "" if upload.pieces else received.digest
    return replace(upload, pieces=(*upload.pieces, *received.pieces), digest=digest)


def forget_upload(tx: Tx, upload: Upload) -> None:
    UPLOADS.forget(tx, key_in(upload.repository, upload.id))
    release(tx, upload)


def layer_of(tx: Tx, repository: Repository, digest: str) -> Layer | None:
    return LAYERS.get(tx, key_in(repository.id, digest))


def add_layer(call: Call, repository: Repository, digest: str, pieces: tuple[Piece, ...]) -> Layer:
    """Have the layer in the repository; if it is there already, these bytes are not needed."""
    present = layer_of(call.tx, repository, digest)
    if present is not None:
        if present.kept_until is not None:  # whoever brings it is about to use it
            LAYERS.put(call.tx, replace(present, kept_until=call.now + UNUSED_KEPT))
        return present
    layer = Layer(
        repository=repository.id,
        digest=digest,
        size=sum(piece.size for piece in pieces),
        pieces=pieces,
        kept_until=call.now + UNUSED_KEPT,
    )
    LAYERS.put(call.tx, layer)
    return layer


def forget_layer(tx: Tx, layer: Layer) -> None:
    LAYERS.forget(tx, key_in(layer.repository, layer.digest))
    release(tx, layer)


# --- images --------------------------------------------------------------------------------------------------------


def images_of(tx: Tx, repository: Repository) -> list[Image]:
    return list(IMAGES.between(tx, *span(repository.id)))


def image_at(tx: Tx, repository: Repository, digest: str | None, tag: str | None) -> Image | None:
    """The image that has the digest, the tag, or both."""
    if digest is None:
        found = IMAGES.where(tx, "tag", key_in(repository.id, tag or ""))
        return found[0] if found else None
    image = IMAGES.get(tx, key_in(repository.id, digest))
    return image if image is None or tag is None or tag in image.tags else None


def manifest_of(tx: Tx, image: Image) -> str:
    manifest = MANIFESTS.get(tx, key_in(image.repository, image.digest))
    assert manifest is not None  # written and forgotten with its image
    return manifest.text


def put_image(
    call: Call, repository: Repository, text: str, *, media_type: str | None, tag: str | None, stated: str | None
) -> Image:
    """
    Args:
        stated: the digest that the manifest should have.

    Raises:
        AwsError: ImageAlreadyExistsException where nothing would change, and all that is wrong with the image
    """
    digest = manifests.digest(text)
    if stated is not None and stated != digest:
        raise errors.digest_differs(stated, digest)
    if tag is not None:
        names.check_tag(tag)
    contents = manifests.read(text, media_type)
    present = IMAGES.get(call.tx, key_in(repository.id, digest))
    if present is not None and (tag is None or tag in present.tags):
        raise errors.image_exists(repository, digest, tag)
    _take_tag(call.tx, repository, tag)
    image = present or _new_image(call, repository, digest, contents)
    if tag is not None:
        if len(image.tags) >= MOST_TAGS_OF_IMAGE:
            raise errors.limit("tags of an image", MOST_TAGS_OF_IMAGE)
        image = replace(image, tags=(*image.tags, tag))
    IMAGES.put(call.tx, image)
    MANIFESTS.put(call.tx, Manifest(repository.id, digest, text))
    return image


def _take_tag(tx: Tx, repository: Repository, tag: str | None) -> None:
    before = image_at(tx, repository, None, tag) if tag is not None else None
    if before is None or tag is None:
        return
    if mutability.is_immutable(repository.mutability, repository.exclusions, tag):
        raise errors.tag_is_immutable(repository, tag)
    untag(tx, before, tag)


def _new_image(call: Call, repository: Repository, digest: str, contents: manifests.Contents) -> Image:
    layers = [(one, layer_of(call.tx, repository, one)) for one in contents.layers]
    if missing := [one for one, layer in layers if layer is None]:
        raise errors.layers_not_found(repository, missing)
    children = [(one, image_at(call.tx, repository, one, None)) for one in contents.children]
    if missing := [one for one, image in children if image is None]:
        raise errors.references_not_found(repository, missing)
    for _, layer in layers:
        if layer is not None and layer.kept_until is not None:
            LAYERS.put(call.tx, replace(layer, kept_until=None))
    # AWS: "If the image is a manifest list, this will be the max size of all manifests in the list."
    largest = max((image.size for _, image in children if image is not None), default=0)
    return Image(
        repository=repository.id,
        digest=digest,
        media_type=contents.media_type,
        pushed_at=call.now,
        size=largest + sum(layer.size for _, layer in layers if layer is not None),
        layers=contents.layers,
        children=contents.children,
        artifact_type=contents.artifact_type,
        subject=contents.subject,
    )


def note_pull(call: Call, image: Image) -> None:
    if image.pulled_at is None or image.pulled_at + PULL_NOTED <= call.now:
        IMAGES.put(call.tx, replace(image, pulled_at=call.now))


def untag(tx: Tx, image: Image, tag: str) -> Image:
    after = replace(image, tags=tuple(one for one in image.tags if one != tag))
    IMAGES.put(tx, after)
    return after


def lists_with(tx: Tx, image: Image) -> list[str]:
    """The digests of the manifest lists that name the image."""
    return [one.digest for one in IMAGES.where(tx, "child", key_in(image.repository, image.digest))]


def referrers(tx: Tx, repository: Repository, digest: str, artifact_types: Collection[str] = ()) -> list[Image]:
    """The images that say to be about the one with this digest, which need not be there; of some types, or of any."""
    found = IMAGES.where(tx, "subject", key_in(repository.id, digest))
    return [image for image in found if not artifact_types or image.artifact_type in artifact_types]


def descriptor(tx: Tx, image: Image) -> dict[str, Any]:
    """OCI image specification, "Content descriptors": the image as its manifest is named by others."""
    text = manifest_of(tx, image)
    return {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(text.encode()),
        "artifactType": image.artifact_type,
        "annotations": dict(manifests.read(text, image.media_type).annotations) or None,
    }


def forget_image(tx: Tx, image: Image, now: datetime) -> None:
    """Its layers stay for a while if no other image has them: a push that found them there may be under way."""
    key = key_in(image.repository, image.digest)
    IMAGES.forget(tx, key)
    MANIFESTS.forget(tx, key)
    for digest in image.layers:
        place = key_in(image.repository, digest)
        layer = LAYERS.get(tx, place)
        if layer is not None and not IMAGES.count(tx, "layer", place):
            LAYERS.put(tx, replace(layer, kept_until=now + LET_GO_KEPT))


def forget_all(tx: Tx, repository: Repository) -> None:
    """Everything that belongs to a repository which is deleted."""
    for image in images_of(tx, repository):
        IMAGES.forget(tx, key_in(repository.id, image.digest))
        MANIFESTS.forget(tx, key_in(repository.id, image.digest))
    for layer in list(LAYERS.between(tx, *span(repository.id))):
        forget_layer(tx, layer)
    for upload in list(UPLOADS.between(tx, *span(repository.id))):
        forget_upload(tx, upload)
