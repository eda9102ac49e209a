"""S3 behind the real API door, driven by boto3, by the AWS CLI, and by plain HTTP."""

import base64
import hashlib
import http.client
import io
import os
import socket
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.services.account import ROOT
from tests.services.door import SECRET, Door

MIB = 2**20


@pytest.fixture
def s3(door: Door) -> Any:
    """The client, and a bucket called as `bucket_of` says."""
    return door.client("s3")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = f"b{hashlib.md5(request.node.name.encode()).hexdigest()}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error: dict[str, Any] = caught.value.response["Error"]
    metadata = caught.value.response["ResponseMetadata"]
    return error | {"status": metadata["HTTPStatusCode"]}


def plain(url: str, method: str = "GET", body: bytes = b"", host: str = "", **headers: str) -> tuple[int, bytes, Any]:
    """What an HTTP client without any SDK gets; `host` where it had looked up another name."""
    split = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", split.port, timeout=30)
    path = f"{split.path}?{split.query}" if split.query else split.path
    connection.request(method, path, body or None, ({"Host": host} if host else {}) | headers)
    response = connection.getresponse()
    answer = response.status, response.read(), response.headers
    connection.close()
    return answer


def test_errors_name_what_they_are_about(s3: Any, bucket: str) -> None:
    error = refused(s3.get_object, Bucket=bucket, Key="a/k")
    assert (error["Code"], error["Key"], error["status"]) == ("NoSuchKey", "a/k", 404)
    assert error["Resource"] == f"/{bucket}/a/k"
    with pytest.raises(s3.exceptions.NoSuchBucket) as caught:
        s3.list_objects_v2(Bucket="nowhere-here")
    assert caught.value.response["Error"]["BucketName"] == "nowhere-here"
    assert refused(s3.head_object, Bucket=bucket, Key="k")["Code"] == "404"
    s3.put_object(Bucket=bucket, Key="k", Body=b"12345")
    error = refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=9-")
    assert (error["Code"], error["status"], error["ActualObjectSize"]) == ("InvalidRange", 416, "5")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)["status"] == 304
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch="x")["Condition"] == "If-Match"
    assert refused(s3.create_bucket, Bucket="No_Name")["Code"] == "InvalidBucketName"
    assert refused(s3.put_object, Bucket=bucket, Key="k", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA==")["Code"] == "BadDigest"


def test_a_bucket_that_is_ones_own_can_be_made_again(s3: Any, bucket: str) -> None:
    assert s3.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    asked = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    assert refused(s3.create_bucket, Bucket="elsewhere", **asked)["Code"] == "IllegalLocationConstraintException"


def test_headers_come_back_as_they_were_given(s3: Any, bucket: str) -> None:
    given = {
        "CacheControl": "no-cache",
        "ContentDisposition": 'attachment; filename="a b"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"name": "value, with comma"},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires="2030-01-01", **given)
    answer = s3.get_object(Bucket=bucket, Key="k")
    assert {name: answer[name] for name in given} == given
    assert answer["Expires"].year == 2030
    shown = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="private")
    assert (shown["ContentType"], shown["CacheControl"]) == ("a/b", "private")


@pytest.mark.parametrize("key", ["a/../../b", "../x", "a//b", "a b+c%d&e?f#g", "ä/😀", "\x01\x7f", "trailing/"])
def test_hostile_keys_are_keys(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_large_files_are_moved_in_parts_by_many_threads(s3: Any, bucket: str, tmp_path: Path) -> None:
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(17 * MIB + 5))
    config = TransferConfig(multipart_threshold=6 * MIB, multipart_chunksize=5 * MIB, max_concurrency=8)
    s3.upload_file(str(source), bucket, "big", Config=config)
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ETag"].endswith('-4"') and head["ContentLength"] == 17 * MIB + 5
    s3.download_file(bucket, "big", str(copy), Config=config)
    assert copy.read_bytes() == source.read_bytes()
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copied", Config=config)
    assert s3.get_object(Bucket=bucket, Key="copied")["Body"].read() == source.read_bytes()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: s3.put_object(Bucket=bucket, Key=f"many/{n:03}", Body=b"%d" % n), range(40)))
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="many/", PaginationConfig={"PageSize": 7}
    )
    assert [one["Key"] for page in pages for one in page["Contents"]] == [f"many/{n:03}" for n in range(40)]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_presigned_urls_open_what_they_name_and_nothing_else(door: Door, bucket: str, version: str, style: str) -> None:
    client = door.client("s3")
    config = client.meta.config.merge(Config(signature_version=version, s3={"addressing_style": style}))
    endpoint = door.url if style == "path" else f"http://s3.us-east-1.localhost:{urlsplit(door.url).port}"
    signer = door.session_client("s3", endpoint, config)

    def asked(url: str, **more: Any) -> tuple[int, bytes, Any]:
        split = urlsplit(url)
        return plain(url, host=split.netloc, **more) if style == "virtual" else plain(url, **more)

    params = {"Bucket": bucket, "Key": "a b/ä"}
    put = signer.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
    assert asked(put, method="PUT", body=b"presigned")[0] == 200
    got = signer.generate_presigned_url("get_object", Params=params | {"ResponseContentType": "x/y"}, ExpiresIn=60)
    status, body, headers = asked(got)
    assert (status, body, headers["Content-Type"]) == (200, b"presigned", "x/y")
    assert asked(got, Range="bytes=3-5")[:2] == (206, b"sig")
    status, body, _ = asked(got.replace("a%20b", "other"))
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body
    assert asked(got, method="PUT", body=b"x")[0] == 403
    old = signer.generate_presigned_url("get_object", Params=params, ExpiresIn=-5 if version == "s3" else 1)
    if version == "s3":
        assert b"Request has expired" in asked(old)[1]


def test_a_bucket_answers_to_its_own_host(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    host = f"{bucket}.s3.us-east-1.amazonaws.com"
    request = AWSRequest("GET", f"http://{host}/k", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(ROOT.access_key_id, SECRET), "s3", "us-east-1").add_auth(request)
    assert plain(f"{door.url}/k", **(dict(request.headers) | {"Host": host}))[:2] == (200, b"x")
    status, body, _ = plain(f"{door.url}/k", host=host)
    assert status == 403 and b"<Code>AccessDenied</Code>" in body


def test_trailers_are_held_against_the_body(door: Door, s3: Any, bucket: str) -> None:
    data = b"streamed" * 1000

    def put(crc: bytes) -> tuple[int, bytes, Any]:
        body = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(data), data, crc)
        return signed_trailer(door, f"/{bucket}/k", body, len(data))

    assert put(base64.b64encode(zlib.crc32(data).to_bytes(4, "big")))[0] == 200
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == data
    status, body, _ = put(b"AAAAAA==")
    assert status == 400 and b"<Code>BadDigest</Code>" in body


def signed_trailer(door: Door, path: str, body: bytes, size: int) -> tuple[int, bytes, Any]:
    request = AWSRequest(
        "PUT",
        f"{door.url}{path}",
        headers={
            "Content-Encoding": "aws-chunked",
            "X-Amz-Trailer": "x-amz-checksum-crc32",
            "X-Amz-Decoded-Content-Length": str(size),
            "X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        },
    )
    request.context["payload_signing_enabled"] = False
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    S3SigV4Auth(Credentials(ROOT.access_key_id, SECRET), "s3", "us-east-1").add_auth(request)
    return plain(f"{door.url}{path}", "PUT", body, **dict(request.headers.items()))


def test_a_client_that_asks_first_is_answered_before_it_sends(door: Door, s3: Any, bucket: str) -> None:
    """Expect: 100-continue: who has no right to send is told so, and the connection is not left in the middle."""
    address = ("127.0.0.1", urlsplit(door.url).port or 80)
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(
            f"PUT /{bucket}/k HTTP/1.1\r\nHost: {bucket}.s3.amazonaws.com\r\nExpect: 100-continue\r\n"
            "Content-Length: 1000000\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 403") and b"connection: close" in answer.lower()


def test_a_client_that_goes_away_leaves_nothing(door: Door, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    url = urlsplit(
        door.session_client("s3", door.url, Config(signature_version="s3v4")).generate_presigned_url(
            "put_object", Params={"Bucket": bucket, "Key": "k"}
        )
    )
    with socket.create_connection(("127.0.0.1", url.port or 80), timeout=10) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: 9000000\r\n\r\n"
        connection.sendall(head.encode() + bytes(3 * MIB))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_the_sdk_checks_the_checksums_it_is_told(s3: Any, bucket: str, algorithm: str) -> None:
    told = s3.put_object(Bucket=bucket, Key="k", Body=b"checked", ChecksumAlgorithm=algorithm)
    answer = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert answer[f"Checksum{algorithm}"] == told[f"Checksum{algorithm}"]
    assert answer["Body"].read() == b"checked"  # raises if it is another one


def test_settings_that_are_recorded_come_back(s3: Any, bucket: str) -> None:
    """What CDK's bootstrap template and Terraform put on a bucket."""
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Sid":"AllowSSLRequestsOnly","Action":"s3:*","Effect":"Deny",'
        f'"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"],'
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Principal":"*"}]}'
    )
    assert refused(s3.get_bucket_policy, Bucket=bucket)["Code"] == "NoSuchBucketPolicy"
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == policy
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy="{")["Code"] == "MalformedPolicy"
    wrong = {"ContentMD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy=policy, **wrong)["Code"] == "BadDigest"
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]["BlockPublicAcls"] is True
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert s3.put_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "aws:kms"
    s3.delete_bucket_encryption(Bucket=bucket)
    default = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert default["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = [
        {
            "ID": "CleanupOldVersions",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
        },
        {
            "ID": "Abort",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    cors = [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": cors})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerEnforced"}
    ]
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read")["Code"] == "AccessControlListNotSupported"


def test_the_cli_copies_synchronises_and_removes(door: Door, bucket: str, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": door.url,
    }

    def aws(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "s3", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    tree = tmp_path / "tree"
    for name, size in (("a.txt", 3), ("sub/b.bin", 9 * MIB), ("sub/c d.txt", 0)):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(os.urandom(size))
        # S3's LastModified has whole seconds: a file written in the second of its upload would look newer than it.
        an_hour_ago = time.time() - 3600
        os.utime(tree / name, (an_hour_ago, an_hour_ago))
    aws("sync", str(tree), f"s3://{bucket}/t", "--no-progress")
    aws("sync", f"s3://{bucket}/t", str(tmp_path / "back"), "--no-progress")
    for path in tree.rglob("*"):
        if path.is_file():
            assert (tmp_path / "back" / path.relative_to(tree)).read_bytes() == path.read_bytes()
    assert aws("sync", str(tree), f"s3://{bucket}/t", "--no-progress") == ""
    aws("cp", f"s3://{bucket}/t/sub/b.bin", f"s3://{bucket}/moved", "--no-progress")
    assert "PRE t/" in aws("ls", f"s3://{bucket}/")
    aws("rb", f"s3://{bucket}", "--force")
    assert bucket not in aws("ls")


def test_what_is_not_utf_8_is_no_key(door: Door, s3: Any, bucket: str) -> None:
    body = io.BytesIO(b"x")
    s3.upload_fileobj(body, bucket, "k")
    request = AWSRequest("GET", f"{door.url}/{bucket}/%ff", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    S3SigV4Auth(Credentials(ROOT.access_key_id, SECRET), "s3", "us-east-1").add_auth(request)
    status, answer, _ = plain(f"{door.url}/{bucket}/%ff", **dict(request.headers.items()))
    assert status == 400 and b"<Code>InvalidURI</Code>" in answer
