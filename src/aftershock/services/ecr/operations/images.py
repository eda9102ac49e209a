"""Images by the API: put, fetched, deleted."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr import pushing
from aftershock.services.ecr.records import Image, Repository
from aftershock.services.ecr.rules import names

from .found import image_id, named, require_repository


def put_image(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    text, tag = params["imageManifest"], params.get("imageTag")
    image = pushing.put_image(
        call,
        repository,
        text,
        media_type=params.get("imageManifestMediaType"),
        tag=tag,
        stated=params.get("imageDigest"),
    )
    return {"image": _view(repository, image, tag, text)}


def _view(repository: Repository, image: Image, tag: str | None, text: str) -> dict[str, Any]:
    return {
        **named(repository),
        "imageId": image_id(image, tag),
        "imageManifest": text,
        "imageManifestMediaType": image.media_type,
    }


def batch_get_image(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    accepted = params.get("acceptedMediaTypes")
    images, failures = [], []
    for asked in params["imageIds"]:
        found = _find(call, repository, asked)
        if isinstance(found, Image) and accepted and found.media_type not in accepted:
            found = _failure(asked, "ImageNotFound", "Requested image not found")
        if isinstance(found, Image):
            text = pushing.manifest_of(call.tx, found)
            images.append(_view(repository, found, asked.get("imageTag"), text))
            pushing.note_pull(call, found)
        else:
            failures.append(found)
    return {"images": images, "failures": failures}


def batch_delete_image(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    gone: list[dict[str, str]] = []
    failures = []
    for asked in params["imageIds"]:
        found = _find(call, repository, asked)
        if not isinstance(found, Image):
            failures.append(found)
        elif asked.get("imageTag") and len(found.tags) > 1:
            pushing.untag(call.tx, found, asked["imageTag"])
            gone.append(image_id(found, asked["imageTag"]))
        elif lists := pushing.lists_with(call.tx, found):
            reason = f"Requested image referenced by manifest list: [{', '.join(lists[:10])}]"
            failures.append(_failure(asked, "ImageReferencedByManifestList", reason))
        else:
            pushing.forget_image(call.tx, found, call.now)
            gone += [image_id(found, tag) for tag in found.tags or (None,)]
    return {"imageIds": gone, "failures": failures}


def _find(call: Call, repository: Repository, asked: Mapping[str, str]) -> Image | dict[str, Any]:
    """The image, or why it is not to be had."""
    digest, tag = asked.get("imageDigest"), asked.get("imageTag")
    if digest is None and tag is None:
        reason = "Invalid request parameters: both tag and digest cannot be null"
        return _failure(asked, "MissingDigestAndTag", reason)
    if digest is not None and not names.is_digest(digest):
        reason = "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
        return _failure(asked, "InvalidImageDigest", reason)
    if tag is not None and not names.is_tag(tag):
        return _failure(asked, "InvalidImageTag", "Invalid request parameters: no image can have this tag")
    image = pushing.image_at(call.tx, repository, digest, tag)
    if image is not None:
        return image
    if digest is not None and tag is not None and pushing.image_at(call.tx, repository, digest, None) is not None:
        return _failure(asked, "ImageTagDoesNotMatchDigest", "The image tag does not match the image digest")
    return _failure(asked, "ImageNotFound", "Requested image not found")


def _failure(asked: Mapping[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": dict(asked), "failureCode": code, "failureReason": reason}


OPERATIONS = {"BatchDeleteImage": batch_delete_image, "BatchGetImage": batch_get_image, "PutImage": put_image}
