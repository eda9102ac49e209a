"""Objects and their versions: written, read, copied, deleted; what S3's documentation says of each."""

import asyncio
import hashlib
from typing import Any

import pytest

from aftershock.aws.errors import AwsError
from aftershock.services.s3 import controllers
from tests.services.s3.world import Account

MIB = 2**20


def test_an_object_comes_and_goes(account: Account) -> None:
    etag = f'"{hashlib.md5(b"hello").hexdigest()}"'
    assert account.put("bucket", "k", b"hello", ContentType="text/plain", Metadata={"A": "b"})["ETag"] == etag
    head = account.call("HeadObject", Bucket="bucket", Key="k")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (5, "text/plain", {"a": "b"})
    assert account.bytes_of("bucket", "k") == b"hello"
    assert account.bytes_of("bucket", "k", Range="bytes=1-3") == b"ell"
    assert account.call("DeleteObject", Bucket="bucket", Key="k") == {}
    assert account.call("DeleteObject", Bucket="bucket", Key="k") == {}
    assert account.refusal("GetObject", Bucket="bucket", Key="k")[0] == "NoSuchKey"
    account.call("DeleteBucket", Bucket="bucket")
    assert account.refusal("HeadBucket", Bucket="bucket")[0] == "NoSuchBucket"


@pytest.mark.parametrize("key", ["../../etc/passwd", "/", "//", "\0", "a\nb", "ä😀", ".", "a" * 1024, " ", "a+b%20"])
def test_a_key_is_no_path(account: Account, key: str) -> None:
    account.put("bucket", key, b"x")
    assert [one["Key"] for one in account.call("ListObjectsV2", Bucket="bucket")["Contents"]] == [key]
    assert account.bytes_of("bucket", key) == b"x"


def test_versions_are_kept_from_when_they_are_enabled(account: Account) -> None:
    account.put("bucket", "k", b"0")
    assert account.call("GetBucketVersioning", Bucket="bucket") == {}
    account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    one, two = (account.put("bucket", "k", body)["VersionId"] for body in (b"1", b"2"))
    marker = account.call("DeleteObject", Bucket="bucket", Key="k")
    assert marker["DeleteMarker"] is True
    assert account.refusal("GetObject", Bucket="bucket", Key="k")[0] == "NoSuchKey"
    assert account.bytes_of("bucket", "k", VersionId=one) == b"1"
    assert account.bytes_of("bucket", "k", VersionId="null") == b"0"
    code, _ = account.refusal("GetObject", Bucket="bucket", Key="k", VersionId=marker["VersionId"])
    assert code == "MethodNotAllowed"
    listed = account.call("ListObjectVersions", Bucket="bucket")
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [
        (two, False),
        (one, False),
        ("null", False),
    ]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    assert account.call("ListObjectsV2", Bucket="bucket")["Contents"] == []
    assert account.refusal("DeleteBucket", Bucket="bucket")[0] == "BucketNotEmpty"
    gone = account.call("DeleteObject", Bucket="bucket", Key="k", VersionId=marker["VersionId"])
    assert gone == {"DeleteMarker": True, "VersionId": marker["VersionId"]}
    assert account.bytes_of("bucket", "k") == b"2"
    account.call("DeleteObject", Bucket="bucket", Key="k", VersionId=two)
    assert account.bytes_of("bucket", "k") == b"1"


def test_a_suspended_bucket_has_one_null_version(account: Account) -> None:
    account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    kept = account.put("bucket", "k", b"kept")["VersionId"]
    account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Suspended"})
    for body in (b"1", b"2"):
        assert account.put("bucket", "k", body)["VersionId"] == "null"
    assert account.call("DeleteObject", Bucket="bucket", Key="k") == {"DeleteMarker": True, "VersionId": "null"}
    listed = account.call("ListObjectVersions", Bucket="bucket")
    assert [one["VersionId"] for one in listed["Versions"]] == [kept]
    assert [one["VersionId"] for one in listed["DeleteMarkers"]] == ["null"]


def test_writes_can_be_conditional(account: Account) -> None:
    etag = account.put("bucket", "k", b"1", IfNoneMatch="*")["ETag"]
    assert account.refusal("PutObject", Bucket="bucket", Key="k", Body=b"2", IfNoneMatch="*")[0] == "PreconditionFailed"
    assert account.refusal("PutObject", Bucket="bucket", Key="k", IfMatch='"x"')[0] == "PreconditionFailed"
    assert account.refusal("PutObject", Bucket="bucket", Key="other", IfMatch=etag)[0] == "NoSuchKey"
    account.put("bucket", "k", b"3", IfMatch=etag)
    assert account.refusal("DeleteObject", Bucket="bucket", Key="k", IfMatch=etag)[0] == "PreconditionFailed"
    assert account.bytes_of("bucket", "k") == b"3"


def test_a_read_that_need_not_be_answered_is_not(account: Account) -> None:
    etag = account.put("bucket", "k", b"1", CacheControl="max-age=5")["ETag"]
    with pytest.raises(AwsError) as caught:
        account.call("GetObject", Bucket="bucket", Key="k", IfNoneMatch=etag)
    assert caught.value.status == 304
    assert caught.value.headers["ETag"] == etag
    assert caught.value.headers["Cache-Control"] == "max-age=5"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"),
        ({"ContentMD5": "nonsense"}, "InvalidDigest"),
        ({"ChecksumSHA256": "AAAA"}, "InvalidRequest"),
        ({"ChecksumCRC32": "AAAAAA=="}, "BadDigest"),
        ({"ChecksumCRC32": "AAAAAA==", "ChecksumSHA1": "AAAA"}, "InvalidRequest"),
        ({"ChecksumXXHASH64": "AAAA"}, "NotImplemented"),
        ({"Key": "k" * 1025}, "KeyTooLongError"),
        ({"StorageClass": "GLACIER"}, "InvalidStorageClass"),
        ({"ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"Metadata": {"k": "v" * 2048}}, "MetadataTooLarge"),
        ({"ObjectLockMode": "GOVERNANCE"}, "NotImplemented"),
        ({"SSECustomerKey": "x"}, "NotImplemented"),
        ({"ServerSideEncryption": "aws:kms:dsse"}, "NotImplemented"),
        ({"ExpectedBucketOwner": "999999999999"}, "AccessDenied"),
        ({"Bucket": "other"}, "NoSuchBucket"),
        ({"Tagging": "a"}, "InvalidArgument"),
    ],
)
def test_what_is_not_right_or_not_here_is_refused(account: Account, params: dict[str, Any], code: str) -> None:
    asked = {"Bucket": "bucket", "Key": "k", "Body": b"body", **params}
    assert account.refusal("PutObject", **asked)[0] == code
    assert account.call("ListObjectsV2", Bucket="bucket")["Contents"] == []


def test_a_copy_shares_the_bytes_and_outlives_its_source(account: Account) -> None:
    account.put("bucket", "a", b"data", ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1")
    copied = account.call("CopyObject", Bucket="bucket", Key="b", CopySource="bucket/a")["CopyObjectResult"]
    assert copied["ETag"] == account.call("HeadObject", Bucket="bucket", Key="a")["ETag"]
    account.call("DeleteObject", Bucket="bucket", Key="a")
    assert len(asyncio.run(account.sweep())) == 1
    head = account.call("HeadObject", Bucket="bucket", Key="b")
    assert (head["ContentType"], head["Metadata"]) == ("text/x", {"m": "1"})
    assert account.call("GetObjectTagging", Bucket="bucket", Key="b")["TagSet"] == [{"Key": "t", "Value": "1"}]
    assert account.bytes_of("bucket", "b") == b"data"
    itself = {"Bucket": "bucket", "Key": "b", "CopySource": "/bucket/b"}
    assert account.refusal("CopyObject", **itself)[0] == "InvalidRequest"
    account.call("CopyObject", **itself, MetadataDirective="REPLACE", Metadata={"m": "2"}, TaggingDirective="REPLACE")
    assert account.call("HeadObject", Bucket="bucket", Key="b")["Metadata"] == {"m": "2"}
    assert account.call("GetObjectTagging", Bucket="bucket", Key="b")["TagSet"] == []
    wanted = account.call("CopyObject", Bucket="bucket", Key="c", CopySource="bucket/b", ChecksumAlgorithm="SHA256")
    assert "ChecksumSHA256" in wanted["CopyObjectResult"]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("bucket/none", "NoSuchKey"),
        ("none/k", "NoSuchBucket"),
        ("bucket", "InvalidArgument"),
        ("bucket/k?versionId=x", "InvalidArgument"),
        ("arn:aws:s3:us-east-1:123456789012:accesspoint/a/object/k", "InvalidArgument"),
    ],
)
def test_a_source_that_is_not_there_is_refused(account: Account, source: str, code: str) -> None:
    account.put("bucket", "k")
    assert account.refusal("CopyObject", Bucket="bucket", Key="b", CopySource=source)[0] == code


def begun(account: Account, **more: Any) -> dict[str, Any]:
    upload = account.call("CreateMultipartUpload", Bucket="bucket", Key="k", **more)
    return {"Bucket": "bucket", "Key": "k", "UploadId": upload["UploadId"]}


def put_part(account: Account, upload: dict[str, Any], number: int, body: bytes, **more: Any) -> dict[str, Any]:
    told = account.call("UploadPart", **upload, PartNumber=number, Body=body, **more)
    return {"PartNumber": number, **{name: value for name, value in told.items() if name != "ServerSideEncryption"}}


@pytest.mark.parametrize("algorithm", ["", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_parts_become_an_object(account: Account, algorithm: str) -> None:
    upload = begun(account, **({"ChecksumAlgorithm": algorithm} if algorithm else {}))
    bodies = [b"a" * 5 * MIB, b"b" * 5 * MIB, b"c"]
    parts = [put_part(account, upload, number, body) for number, body in zip((1, 3, 9), bodies, strict=True)]
    listed = account.call("ListParts", **upload, MaxParts=2)
    assert ([one["PartNumber"] for one in listed["Parts"]], listed["IsTruncated"]) == ([1, 3], True)
    assert len(account.call("ListMultipartUploads", Bucket="bucket")["Uploads"]) == 1
    done = account.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert account.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": parts}) == done
    assert account.bytes_of("bucket", "k") == b"".join(bodies)
    assert account.bytes_of("bucket", "k", Range=f"bytes={5 * MIB - 1}-{5 * MIB}") == b"ab"
    second = account.call("HeadObject", Bucket="bucket", Key="k", PartNumber=2)
    assert (second["ContentLength"], second["PartsCount"]) == (5 * MIB, 3)
    assert account.call("ListMultipartUploads", Bucket="bucket")["Uploads"] == []
    if algorithm in ("CRC32", "CRC64NVME", "CRC32C"):
        assert (done["ChecksumType"] == "FULL_OBJECT") == (algorithm == "CRC64NVME")
    copied = account.call("CopyObject", Bucket="bucket", Key="copy", CopySource="bucket/k")["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(b"".join(bodies)).hexdigest()}"'


def test_parts_that_do_not_fit_are_refused(account: Account) -> None:
    upload = begun(account)
    small, last = (put_part(account, upload, number, b"x") for number in (1, 2))

    def refused(*parts: dict[str, Any], **more: Any) -> str:
        asked = {**upload, "MultipartUpload": {"Parts": list(parts)}, **more}
        return account.refusal("CompleteMultipartUpload", **asked)[0]

    assert refused(small, last) == "EntityTooSmall"
    assert refused(last, small) == "InvalidPartOrder"
    assert refused(last, {**last, "PartNumber": 3}) == "InvalidPart"
    assert refused({**last, "ETag": '"x"'}) == "InvalidPart"
    assert refused() == "MalformedXML"
    assert refused(last, MpuObjectSize=2) == "InvalidRequest"
    assert refused(last, UploadId="other") == "NoSuchUpload"
    assert refused(last, Key="other") == "NoSuchUpload"
    assert account.refusal("UploadPart", **upload, PartNumber=10001)[0] == "InvalidArgument"
    account.call("AbortMultipartUpload", **upload)
    assert refused(last) == "NoSuchUpload"
    assert asyncio.run(account.sweep()) == set()


def test_a_part_can_be_a_range_of_an_object(account: Account) -> None:
    account.put("bucket", "source", bytes(range(100)))
    upload = begun(account, ChecksumAlgorithm="CRC32")
    copied = account.call(
        "UploadPartCopy", **upload, PartNumber=1, CopySource="bucket/source", CopySourceRange="bytes=10-19"
    )["CopyPartResult"]
    assert copied["ETag"] == f'"{hashlib.md5(bytes(range(10, 20))).hexdigest()}"'
    part = {"PartNumber": 1, **{name: copied[name] for name in ("ETag", "ChecksumCRC32")}}
    account.call("CompleteMultipartUpload", **upload, MultipartUpload={"Parts": [part]})
    assert account.bytes_of("bucket", "k") == bytes(range(10, 20))
    upload = begun(account)
    asked = {**upload, "PartNumber": 1, "CopySource": "bucket/source", "CopySourceRange": "bytes=10-100"}
    assert account.refusal("UploadPartCopy", **asked)[0] == "InvalidArgument"


def test_many_are_deleted_at_once(account: Account) -> None:
    for key in "abc":
        account.put("bucket", key, b"x")
    asked = [{"Key": "a"}, {"Key": "none"}, {"Key": "b", "ETag": '"x"'}]
    told = account.call("DeleteObjects", Bucket="bucket", Delete={"Objects": asked})
    assert [one["Key"] for one in told["Deleted"]] == ["a", "none"]
    assert [(one["Key"], one["Code"]) for one in told["Errors"]] == [("b", "PreconditionFailed")]
    assert account.call("DeleteObjects", Bucket="bucket", Delete={"Objects": [{"Key": "b"}], "Quiet": True}) == {
        "Deleted": [],
        "Errors": [],
    }
    assert [one["Key"] for one in account.call("ListObjectsV2", Bucket="bucket")["Contents"]] == ["c"]


def test_bytes_go_when_the_last_who_has_them_does(account: Account) -> None:
    changes: set[str] = set()
    (controller,) = controllers(account.store, account.objects)
    account.store.after_commit.append(lambda seen: changes.update(k for one in seen for k in controller.concerned(one)))
    account.put("bucket", "a", b"1")
    account.call("CopyObject", Bucket="bucket", Key="b", CopySource="bucket/a")
    account.call("DeleteObject", Bucket="bucket", Key="a")
    assert changes == set()
    account.put("bucket", "b", b"2")
    (old,) = changes
    reading = account.call("GetObject", Bucket="bucket", Key="b")["Body"]
    assert len(account.objects.list()) == 2
    assert asyncio.run(controller.reconcile(old)).reason == "removed, since no object has it"
    account.call("DeleteObject", Bucket="bucket", Key="b")
    (new,) = changes - {old}
    assert "as soon as nobody reads it" in asyncio.run(controller.reconcile(new)).reason
    assert reading.whole() == b"2"
    asyncio.run(controller.reconcile(new))
    assert account.objects.list() == set()


def test_bytes_of_a_write_that_was_not_recorded_are_swept(account: Account) -> None:
    account.put("bucket", "k", b"kept")
    with pytest.raises(ZeroDivisionError), account.store.transaction() as tx:
        account._operations["PutObject"](account.context(tx), {"Bucket": "bucket", "Key": "x", "Body": b"left"})
        raise ZeroDivisionError  # as if it had been killed
    assert len(account.objects.list()) == 2
    assert len(asyncio.run(account.sweep())) == 1
    assert account.bytes_of("bucket", "k") == b"kept"
