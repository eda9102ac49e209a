"""GetObjectAttributes: what is known of objects in one piece and of those uploaded in parts."""

import base64
import hashlib
from typing import Any

import pytest

from aftershock.aws import checksums
from tests.services.s3.world import Account

MIB = 2**20
EVERY = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def attributes(account: Account, key: str = "k", asked: list[str] = EVERY, **more: Any) -> dict[str, Any]:
    answer = account.call("GetObjectAttributes", Bucket="bucket", Key=key, ObjectAttributes=asked, **more)
    answer.pop("LastModified")
    return answer


def uploaded(account: Account, algorithm: str = "", kind: str = "") -> list[dict[str, Any]]:
    """An object of three parts; what its completion says of them."""
    checked: dict[str, Any] = {"ChecksumAlgorithm": algorithm} if algorithm else {}
    named: dict[str, Any] = {"Bucket": "bucket", "Key": "k"}
    begun = account.call("CreateMultipartUpload", **named, **checked, **({"ChecksumType": kind} if kind else {}))
    named["UploadId"] = begun["UploadId"]
    parts = []
    for number, body in enumerate((b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"), start=1):
        part = account.call("UploadPart", **named, PartNumber=number, Body=body)
        told = {name: value for name, value in part.items() if name.startswith("Checksum")}
        parts.append({"PartNumber": number, "ETag": part["ETag"], **told})
    account.call("CompleteMultipartUpload", **named, MultipartUpload={"Parts": parts})
    return parts


def test_of_an_object_in_one_piece_no_parts_are_told(account: Account) -> None:
    sha = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    account.put("bucket", "k", b"hello", ChecksumSHA256=sha)
    assert attributes(account) == {
        "ETag": hashlib.md5(b"hello").hexdigest(),
        "Checksum": {"ChecksumSHA256": sha, "ChecksumType": "FULL_OBJECT"},
        "StorageClass": "STANDARD",
        "ObjectSize": 5,
    }
    assert attributes(account, asked=["ObjectSize"]) == {"ObjectSize": 5}


@pytest.mark.parametrize(("algorithm", "kind"), [("CRC32C", "COMPOSITE"), ("CRC64NVME", ""), ("SHA1", "")])
def test_of_an_upload_with_checksums_its_parts_are_told_page_by_page(
    account: Account, algorithm: str, kind: str
) -> None:
    uploaded(account, algorithm, kind)
    name = f"Checksum{algorithm}"
    whole = attributes(account)
    assert whole["ObjectSize"] == 10 * MIB + 1 and whole["ETag"].endswith("-3")
    sums = [checksums.text(checksums.of(algorithm, body)) for body in (b"a" * 5 * MIB, b"b" * 5 * MIB, b"c")]
    sizes = (5 * MIB, 5 * MIB, 1)
    parts = [{"PartNumber": n, "Size": sizes[n - 1], name: sums[n - 1]} for n in (1, 2, 3)]
    assert whole["ObjectParts"] == {
        "TotalPartsCount": 3,
        "PartNumberMarker": 0,
        "NextPartNumberMarker": 3,
        "MaxParts": 1000,
        "IsTruncated": False,
        "Parts": parts,
    }
    first = attributes(account, MaxParts=2)["ObjectParts"]
    assert (first["Parts"], first["IsTruncated"], first["NextPartNumberMarker"]) == (parts[:2], True, 2)
    second = attributes(account, MaxParts=2, PartNumberMarker=2)["ObjectParts"]
    assert (second["Parts"], second["IsTruncated"]) == (parts[2:], False)


def test_of_an_upload_without_checksums_the_number_of_its_parts_is_told(account: Account) -> None:
    uploaded(account)
    assert attributes(account, asked=["ObjectParts", "Checksum"]) == {"ObjectParts": {"TotalPartsCount": 3}}


def test_attributes_are_those_of_a_version(account: Account) -> None:
    account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    one = account.put("bucket", "k", b"1")["VersionId"]
    account.put("bucket", "k", b"22")
    assert attributes(account, asked=["ObjectSize"], VersionId=one) == {"ObjectSize": 1, "VersionId": one}
    account.call("DeleteObject", Bucket="bucket", Key="k")
    code, _ = account.refusal("GetObjectAttributes", Bucket="bucket", Key="k", ObjectAttributes=["ETag"])
    assert code == "NoSuchKey"


@pytest.mark.parametrize("more", [{"MaxParts": -1}, {"PartNumberMarker": -1}])
def test_what_cannot_be_counted_is_refused(account: Account, more: dict[str, int]) -> None:
    uploaded(account, "CRC32")
    asked = {"Bucket": "bucket", "Key": "k", "ObjectAttributes": ["ObjectParts"]}
    assert account.refusal("GetObjectAttributes", **asked, **more)[0] == "InvalidArgument"
