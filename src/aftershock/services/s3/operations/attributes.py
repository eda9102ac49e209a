"""What is known of an object, without its bytes."""

from collections.abc import Mapping
from typing import Any

from aftershock.aws.call import Call, Params, Result
from aftershock.services.s3 import versions
from aftershock.services.s3.records import Content, Version
from aftershock.services.s3.rules import digests
from aftershock.services.s3.rules.errors import invalid_argument
from aftershock.services.s3.rules.parameters import honours
from aftershock.services.s3.storage import Storage

from .found import require_bucket, told_version

MOST_PARTS = 1000  # S3 API reference: as many where MaxParts does not say, and at most
KNOWN = frozenset({"Checksum", "ETag", "ObjectParts", "ObjectSize", "StorageClass"})


@honours("Key", "MaxParts", "ObjectAttributes", "PartNumberMarker", "VersionId")
def get_object_attributes(storage: Storage, call: Call, params: Params) -> Result:
    bucket = require_bucket(call.tx, call.account, params)
    version = versions.require(call.tx, bucket, params["Key"], params.get("VersionId"))
    assert version.content is not None
    asked = params["ObjectAttributes"]
    if not asked or not KNOWN.issuperset(asked):
        raise invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", ",".join(asked))
    known = _attributes(version, version.content, params)
    return {
        "LastModified": version.written_at,
        **told_version(version, bool(bucket.versioning)),
        **{name: known[name] for name in asked},
    }


def _attributes(version: Version, content: Content, params: Params) -> Mapping[str, Any]:
    return {
        "Checksum": digests.view(content.checksum) or None,
        "ETag": content.etag,
        "ObjectParts": _parts(version, content, params) if version.part_sizes else None,
        "ObjectSize": content.size,
        "StorageClass": "STANDARD",
    }


def _parts(version: Version, content: Content, params: Params) -> dict[str, Any]:
    """S3 API reference: the single parts are told of an upload with checksums only."""
    marker, most = params.get("PartNumberMarker") or 0, params.get("MaxParts")
    for name, value in (("x-amz-part-number-marker", marker), ("x-amz-max-parts", most or 0)):
        if value < 0:
            raise invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, value)
    most = MOST_PARTS if most is None else min(most, MOST_PARTS)
    told: dict[str, Any] = {"TotalPartsCount": len(version.part_sizes)}
    if content.checksum is None or not version.part_checksums:
        return told
    name = f"{digests.MEMBER}{content.checksum.algorithm}"
    every = enumerate(zip(version.part_sizes, version.part_checksums, strict=True), start=1)
    left = [{"PartNumber": number, "Size": size, name: value} for number, (size, value) in every if number > marker]
    shown = left[:most]
    return told | {
        "PartNumberMarker": marker,
        "NextPartNumberMarker": shown[-1]["PartNumber"] if shown else 0,
        "MaxParts": most,
        "IsTruncated": len(left) > len(shown) > 0,
        "Parts": shown,
    }


OPERATIONS = {"GetObjectAttributes": get_object_attributes}
