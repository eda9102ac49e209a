"""What images a repository has."""

from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.ecr import pushing
from aftershock.services.ecr.records import Image, Repository
from aftershock.services.ecr.rules import errors, names

from .found import image_id, named, page, require_repository

MOST_REFERRERS = 50  # on a page: the service model's maxResults


def list_images(call: Call, params: Params) -> Result:
    """One entry for each tag, and one for each image without any."""
    repository = require_repository(call, params)
    entries = [(image, tag) for image in _chosen(call, repository, params) for tag in sorted(image.tags) or (None,)]
    shown, token = page(params, entries, lambda entry: f"{entry[0].digest} {entry[1] or ''}")
    return {"imageIds": [image_id(image, tag) for image, tag in shown], "nextToken": token}


def describe_images(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    asked = params.get("imageIds")
    found = _asked(call, repository, asked) if asked else _chosen(call, repository, params)
    shown, token = page(params, found, lambda image: image.digest, "imageIds")
    return {"imageDetails": [_view(repository, image) for image in shown], "nextToken": token}


def list_image_referrers(call: Call, params: Params) -> Result:
    repository = require_repository(call, params)
    subject, given = params["subjectId"]["imageDigest"], params.get("filter") or {}
    if not names.is_digest(subject):
        raise errors.invalid("subjectId", "an image digest of SHA-256 is needed")
    images = pushing.referrers(call.tx, repository, subject, given.get("artifactTypes") or ())
    if given.get("artifactStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        images = []
    shown, token = page({"maxResults": MOST_REFERRERS, **params}, images, lambda image: image.digest)
    found = [{**pushing.descriptor(call.tx, image), "artifactStatus": "ACTIVE"} for image in shown]
    return {"referrers": found, "nextToken": token}


def _asked(call: Call, repository: Repository, asked: list[dict[str, str]]) -> list[Image]:
    found: dict[str, Image] = {}
    for one in asked:
        digest, tag = one.get("imageDigest"), one.get("imageTag")
        if digest is None and tag is None:
            raise errors.invalid("imageIds", "both tag and digest cannot be null")
        image = pushing.image_at(call.tx, repository, digest, tag)
        if image is None:
            raise errors.image_not_found(repository, digest, tag)
        found[image.digest] = image
    return list(found.values())


def _chosen(call: Call, repository: Repository, params: Params) -> list[Image]:
    """Those that the filter lets through; there is none that was archived."""
    given = params.get("filter") or {}
    if given.get("imageStatus", "ACTIVE") not in ("ACTIVE", "ANY"):
        return []
    status = given.get("tagStatus", "ANY")
    images = pushing.images_of(call.tx, repository)
    return [image for image in images if status == "ANY" or bool(image.tags) == (status == "TAGGED")]


def _view(repository: Repository, image: Image) -> dict[str, Any]:
    return {
        **named(repository),
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "lastRecordedPullTime": image.pulled_at,
        "subjectManifestDigest": image.subject,
        "imageStatus": "ACTIVE",
    }


OPERATIONS = {
    "DescribeImages": describe_images,
    "ListImageReferrers": list_image_referrers,
    "ListImages": list_images,
}
