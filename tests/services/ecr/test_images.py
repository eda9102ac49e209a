"""Layers and images by the API: uploaded, put, found, deleted, and what is left of them."""

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from aftershock.services.ecr.operations.layers import LEAST_PART_BYTES
from aftershock.services.ecr.pushing import LET_GO_KEPT, MOST_PARTS, UNUSED_KEPT, UPLOAD_KEPT
from aftershock.services.ecr.records import LAYERS, UPLOADS, Piece
from tests.services.ecr.world import CONFIG, digest_of, index, manifest

ABSENT = "sha256:" + "0" * 64


def test_a_layer_comes_in_parts_and_is_there_when_its_digest_is_right(account):
    data = [bytes([number]) * LEAST_PART_BYTES for number in (1, 2)] + [b"end"]
    begun = account.call("InitiateLayerUpload", repositoryName="web")
    place = {"repositoryName": "web", "uploadId": begun["uploadId"]}
    at = 0
    for part in data:
        said = account.call(
            "UploadLayerPart", **place, partFirstByte=at, partLastByte=at + len(part) - 1, layerPartBlob=part
        )
        at += len(part)
        assert said["lastByteReceived"] == at - 1
    digest = digest_of(b"".join(data))
    wrong = account.refusal("CompleteLayerUpload", **place, layerDigests=[ABSENT])
    assert wrong[0] == "InvalidLayerException"
    assert digest in wrong[1]
    assert not account.available("web", digest)
    account.call("CompleteLayerUpload", **place, layerDigests=[digest])
    (layer,) = account.call("BatchCheckLayerAvailability", repositoryName="web", layerDigests=[digest])["layers"]
    assert layer == {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": at}
    assert account.refusal("CompleteLayerUpload", **place, layerDigests=[digest])[0] == "UploadNotFoundException"


def test_parts_have_to_follow_one_another_and_to_be_as_long_as_they_say(account):
    place = {
        "repositoryName": "web",
        "uploadId": account.call("InitiateLayerUpload", repositoryName="web")["uploadId"],
    }
    empty = account.refusal("CompleteLayerUpload", **place, layerDigests=[ABSENT])
    assert empty[0] == "EmptyUploadException"
    for first, last, body in ((1, 3, b"abc"), (0, 5, b"abc"), (0, 0, b"")):
        asked = {"partFirstByte": first, "partLastByte": last, "layerPartBlob": body}
        assert account.refusal("UploadLayerPart", **place, **asked)[0] == "InvalidLayerPartException"
    for first in (0, 3):
        account.call("UploadLayerPart", **place, partFirstByte=first, partLastByte=first + 2, layerPartBlob=b"abc")
    small = account.refusal("CompleteLayerUpload", **place, layerDigests=[digest_of(b"abcabc")])
    assert small[0] == "LayerPartTooSmallException"


def test_a_layer_has_only_so_many_parts(account):
    upload_id = account.call("InitiateLayerUpload", repositoryName="web")["uploadId"]
    with account.store.transaction() as tx:
        (upload,) = UPLOADS.every(tx)
        UPLOADS.put(tx, replace(upload, pieces=(Piece("0" * 40, 1),) * MOST_PARTS))
    found = account.refusal(
        "UploadLayerPart",
        repositoryName="web",
        uploadId=upload_id,
        partFirstByte=MOST_PARTS,
        partLastByte=MOST_PARTS,
        layerPartBlob=b"x",
    )
    assert found == ("LimitExceededException", f"The limit of {MOST_PARTS} parts of a layer has been reached")


def test_an_image_is_put_found_and_described(account):
    layers = b"one", b"two" * 100
    digest = account.push("web", *layers, tag="v1")
    text = manifest(*layers)
    assert digest == digest_of(text.encode())
    for asked in ({"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "v1", "imageDigest": digest}):
        (found,) = account.call("BatchGetImage", repositoryName="web", imageIds=[asked])["images"]
        assert found["imageManifest"] == text
        assert found["imageManifestMediaType"] == "application/vnd.oci.image.manifest.v1+json"
    (image,) = account.call("DescribeImages", repositoryName="web")["imageDetails"]
    assert image["imageTags"] == ["v1"]
    assert image["imageSizeInBytes"] == len(CONFIG) + sum(map(len, layers))
    assert image["lastRecordedPullTime"] > image["imagePushedAt"]
    assert "imageScanStatus" not in image


def test_what_a_manifest_names_has_to_be_there(account):
    text = manifest(b"missing")
    account.layer("web", CONFIG)
    code, message = account.refusal("PutImage", repositoryName="web", imageManifest=text)
    assert code == "LayersNotFoundException"
    assert digest_of(b"missing") in message
    code, message = account.refusal("PutImage", repositoryName="web", imageManifest=index(text))
    assert code == "ReferencedImagesNotFoundException"
    assert digest_of(text.encode()) in message
    assert account.images("web") == []


def test_nothing_new_is_said_to_be_there_already(account):
    digest = account.push("web", b"one", tag="v1")
    asked = {"repositoryName": "web", "imageManifest": manifest(b"one")}
    for tag in ({"imageTag": "v1"}, {}):
        code, message = account.refusal("PutImage", **asked, **tag)
        assert code == "ImageAlreadyExistsException"
        assert digest in message
    account.call("PutImage", **asked, imageTag="v2")
    assert account.tags("web") == {"v1", "v2"}


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"imageDigest": ABSENT}, "ImageDigestDoesNotMatchException"),
        ({"imageTag": "-no"}, "InvalidParameterException"),
        ({"imageTag": "a/b"}, "InvalidParameterException"),
        ({"imageTag": "a" * 129}, "InvalidParameterException"),
        (
            {"imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json"},
            "InvalidParameterException",
        ),
    ],
)
def test_a_manifest_is_what_is_said_of_it(account, more, code):
    account.push("web", b"one")
    asked = {"repositoryName": "web", "imageManifest": manifest(b"one"), **more}
    assert account.refusal("PutImage", **asked)[0] == code


def test_a_tag_moves_where_tags_are_mutable_and_the_image_it_left_stays(account):
    first = account.push("web", b"one", tag="latest")
    second = account.push("web", b"two", tag="latest")
    assert sorted(account.images("web")) == sorted([(first, None), (second, "latest")])
    account.call("PutImageTagMutability", repositoryName="web", imageTagMutability="IMMUTABLE")
    code, message = account.refusal("PutImage", repositoryName="web", imageManifest=manifest(b"one"), imageTag="latest")
    assert code == "ImageTagAlreadyExistsException"
    assert message == (
        "The image tag 'latest' already exists in the 'web' repository and cannot be overwritten because the tag is "
        "immutable."
    )
    account.call(
        "PutImageTagMutability",
        repositoryName="web",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "lat*"}],
    )
    account.put("web", manifest(b"one"), "latest")
    assert sorted(account.images("web")) == sorted([(second, None), (first, "latest")])


def test_images_are_listed_by_tag_in_pages(account):
    digest = account.push("web", b"one", tag="a")
    account.put("web", manifest(b"one"), "b")
    bare = account.push("web", b"two")
    assert sorted(account.images("web"), key=str) == sorted([(digest, "a"), (digest, "b"), (bare, None)], key=str)
    seen, token = [], {}
    while True:
        page = account.call("ListImages", repositoryName="web", maxResults=1, **token)
        seen += page["imageIds"]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == 3
    for status, expected in (("TAGGED", {digest}), ("UNTAGGED", {bare}), ("ANY", {digest, bare})):
        for operation, name in (("ListImages", "imageIds"), ("DescribeImages", "imageDetails")):
            found = account.call(operation, repositoryName="web", filter={"tagStatus": status})[name]
            assert {one["imageDigest"] for one in found} == expected
    assert account.call("ListImages", repositoryName="web", filter={"imageStatus": "ARCHIVED"})["imageIds"] == []


def test_an_image_that_is_not_there_is_named(account):
    code, message = account.refusal("DescribeImages", repositoryName="web", imageIds=[{"imageTag": "v9"}])
    assert (code, message) == (
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name "
        "'web' in the registry with id '123456789012'",
    )


FAILURES = [
    ({}, "MissingDigestAndTag"),
    ({"imageDigest": "sha256:12"}, "InvalidImageDigest"),
    ({"imageTag": "../x"}, "InvalidImageTag"),
    ({"imageTag": "v9"}, "ImageNotFound"),
    ({"imageDigest": ABSENT}, "ImageNotFound"),
    ({"imageDigest": digest_of(manifest(b"one").encode()), "imageTag": "v9"}, "ImageTagDoesNotMatchDigest"),
]


@pytest.mark.parametrize("operation", ["BatchGetImage", "BatchDeleteImage"])
def test_each_image_of_a_batch_fails_for_itself(account, operation):
    account.push("web", b"one", tag="v1")
    asked = [one for one, _ in FAILURES]
    found = account.call(operation, repositoryName="web", imageIds=asked)
    assert [one["failureCode"] for one in found["failures"]] == [code for _, code in FAILURES]
    assert [one["imageId"] for one in found["failures"]] == asked
    assert account.tags("web") == {"v1"}


def test_a_manifest_of_a_kind_that_is_not_accepted_is_not_given(account):
    account.push("web", b"one", tag="v1")
    asked = {"repositoryName": "web", "imageIds": [{"imageTag": "v1"}]}
    other = ["application/vnd.docker.distribution.manifest.v2+json"]
    found = account.call("BatchGetImage", **asked, acceptedMediaTypes=other)
    assert [one["failureCode"] for one in found["failures"]] == ["ImageNotFound"]


def test_deleting_takes_the_tag_and_with_the_last_one_the_image(account):
    digest = account.push("web", b"one", tag="a")
    account.put("web", manifest(b"one"), "b")
    gone = account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageTag": "a"}])
    assert gone["imageIds"] == [{"imageDigest": digest, "imageTag": "a"}]
    assert account.images("web") == [(digest, "b")]
    account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageTag": "b"}])
    assert account.images("web") == []
    account.put("web", manifest(b"one"), "a")
    account.put("web", manifest(b"one"), "b")
    gone = account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageDigest": digest}])
    assert {one["imageTag"] for one in gone["imageIds"]} == {"a", "b"}
    assert account.images("web") == []


def test_what_a_manifest_list_names_stays_as_long_as_the_list(account):
    child = account.push("web", b"one", tag="amd64")
    both = index(manifest(b"one"))
    account.put("web", both, "all")
    found = account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageDigest": child}])
    (failure,) = found["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert digest_of(both.encode()) in failure["failureReason"]
    (seen,) = account.call("DescribeImages", repositoryName="web", imageIds=[{"imageTag": "all"}])["imageDetails"]
    assert seen["imageSizeInBytes"] == len(CONFIG) + len(b"one")
    account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageTag": "all"}, {"imageDigest": child}])
    assert account.images("web") == []


# --- what is left --------------------------------------------------------------------------------------------------


def test_layers_go_after_the_last_image_that_had_them(account):
    first = account.push("web", b"shared", b"own", tag="one")
    second = account.push("web", b"shared", tag="two")
    account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageDigest": first}])
    account.look()
    assert account.available("web", digest_of(b"own")), "a push may have found it there"
    account.now += LET_GO_KEPT
    account.look()
    assert not account.available("web", digest_of(b"own"))
    assert account.available("web", digest_of(b"shared"))
    assert account.available("web", digest_of(CONFIG))
    account.call("BatchDeleteImage", repositoryName="web", imageIds=[{"imageDigest": second}])
    account.now += LET_GO_KEPT
    account.look()
    account.look()
    assert account.left() == (0, 0, 0)


def test_an_upload_that_nobody_goes_on_with_is_forgotten(account):
    place = {
        "repositoryName": "web",
        "uploadId": account.call("InitiateLayerUpload", repositoryName="web")["uploadId"],
    }
    account.now += UPLOAD_KEPT - timedelta(minutes=1)
    account.call("UploadLayerPart", **place, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    account.now += UPLOAD_KEPT - timedelta(minutes=1)
    account.look()
    assert account.left() == (0, 1, 1), "more had come"
    account.now += timedelta(minutes=2)
    account.look()
    account.look()
    assert account.left() == (0, 0, 0)


def test_a_layer_that_no_image_came_for_is_forgotten(account):
    account.layer("web", b"alone")
    code, _ = account.refusal("GetDownloadUrlForLayer", repositoryName="web", layerDigest=digest_of(b"alone"))
    assert code == "LayerInaccessibleException"
    outcome = account.look()
    assert outcome["123456789012/us-east-1/web"].after_s > 0
    account.now += UNUSED_KEPT
    account.look()
    account.look()
    assert account.left() == (0, 0, 0)


def test_a_blob_that_no_record_names_is_removed(account):
    account.push("web", b"one")
    account.data.receive_whole(b"left by a control plane that was killed")
    before = account.left()
    account.look()
    assert account.left() == (before[0], 0, before[2] - 1)
    with account.store.snapshot() as tx:
        named = {piece.blob for layer in LAYERS.every(tx) for piece in layer.pieces}
    assert named == account.objects.list()


def test_old_images_go_by_the_lifecycle_policy_and_the_rest_stays(account):
    old = account.push("web", b"old", tag="old")
    policy = {
        "rules": [
            {
                "rulePriority": 1,
                "description": "what nobody names any more",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": 2,
                },
                "action": {"type": "expire"},
            },
            {
                "rulePriority": 2,
                "selection": {
                    "tagStatus": "tagged",
                    "tagPrefixList": ["rel"],
                    "countType": "imageCountMoreThan",
                    "countNumber": 1,
                },
                "action": {"type": "expire"},
            },
        ]
    }
    account.call("PutLifecyclePolicy", repositoryName="web", lifecyclePolicyText=json.dumps(policy))
    account.push("web", b"rel1", tag="rel1")
    account.push("web", b"rel2", tag="rel2")
    bare = account.push("web", b"bare")
    account.look()
    assert account.tags("web") == {"old", "rel1", "rel2", None}, "a list may be on its way that names them"
    account.now += timedelta(hours=1)
    outcome = account.look()["123456789012/us-east-1/web"]
    assert account.tags("web") == {"old", "rel2", None}
    assert outcome.after_s <= 2 * 86400
    account.now += timedelta(days=2)
    account.look()
    assert {digest for digest, _ in account.images("web")} >= {old}
    assert bare not in {digest for digest, _ in account.images("web")}
    assert account.tags("web") == {"old", "rel2"}
