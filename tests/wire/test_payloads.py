"""Bodies that come piece by piece: what was signed is taken, and nothing else, wherever it is cut."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, Models, Secret, expects_stream, verify, verify_head
from aftershock.wire.payloads import Chunks, Payload, Whole
from aftershock.wire.refusals import Family
from tests.wire.strategies import wire_request

# AWS: "Signature calculations for the authorization header: transferring a payload in multiple chunks", its example.
EXAMPLE_SECRET = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
EXAMPLE_AT = datetime(2013, 5, 24, tzinfo=UTC)
EXAMPLE = HttpRequest(
    "PUT",
    "/examplebucket/chunkObject.txt",
    "",
    {
        "host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
        "x-amz-decoded-content-length;x-amz-storage-class,"
        "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
    },
    b"",
)
SIGNATURES = (
    b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
EXAMPLE_BODY = b"".join(
    b"%x;chunk-signature=%s\r\n%s\r\n" % (size, signature, b"a" * size)
    for size, signature in zip((65536, 1024, 0), SIGNATURES, strict=True)
)


def taken(payload: Payload, body: bytes, size: int) -> tuple[bytes, dict[str, str]]:
    pieces = [piece for at in range(0, len(body), size) for piece in payload.feed(body[at : at + size])]
    return b"".join(pieces), payload.end()


def example_payload() -> Payload:
    proven = verify_head(
        EXAMPLE, secret_of=lambda _: EXAMPLE_SECRET, now=EXAMPLE_AT, family=Family.S3, body_follows=True
    )
    return proven.payload(EXAMPLE)


@pytest.mark.parametrize("size", [1, 7, 1000, 100_000])
def test_the_chunks_of_awss_example_are_proven(size: int) -> None:
    assert taken(example_payload(), EXAMPLE_BODY, size) == (b"a" * 66560, {})


@pytest.mark.parametrize(
    ("find", "replace", "code"),
    [
        (b"aaaa\r\n400", b"aaab\r\n400", "SignatureDoesNotMatch"),
        (SIGNATURES[1], SIGNATURES[0], "SignatureDoesNotMatch"),
        (b";chunk-signature=" + SIGNATURES[1], b"", "SignatureDoesNotMatch"),
        (EXAMPLE_BODY[-90:], b"", "IncompleteBody"),
        (b"\r\n400;", b"400;", "IncompleteBody"),
        (b"10000;", b"zz;", "IncompleteBody"),
        (b"\r\n0;", b"\r\n5;", "IncompleteBody"),
    ],
)
def test_chunks_that_were_tampered_with_are_refused(find: bytes, replace: bytes, code: str) -> None:
    assert EXAMPLE_BODY.count(find) == 1
    with pytest.raises(AwsError) as caught:
        taken(example_payload(), EXAMPLE_BODY.replace(find, replace), 4096)
    assert caught.value.code == code


@settings(max_examples=60, deadline=None)
@given(data=st.lists(st.binary(min_size=1, max_size=50), max_size=5), size=st.integers(1, 40))
def test_unsigned_chunks_and_their_trailers_are_read_wherever_they_are_cut(data: list[bytes], size: int) -> None:
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in data)
    body += b"0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    plain = b"".join(data)
    assert taken(Chunks(len(plain)), body, size) == (plain, {"x-amz-checksum-crc32": "AAAAAA=="})
    for wrong in (len(plain) + 1, len(plain) - 1):
        with pytest.raises(AwsError, match="aws-chunked"):
            taken(Chunks(wrong), body, size)


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=60) | st.from_regex(rb"([0-9a-f]{1,3}(;chunk-signature=ab)?\r\n.{0,9}\r\n){0,4}"))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        plain, _ = taken(Chunks(), body, 5)
        assert len(plain) <= len(body)
    except AwsError as error:
        assert error.code == "IncompleteBody"


def test_a_whole_body_is_held_against_its_hash() -> None:
    stated = hashlib.sha256(b"abc").hexdigest()
    assert taken(Whole(stated, Family.S3), b"abc", 2) == (b"abc", {})
    assert taken(Whole(None, Family.S3), b"abd", 2) == (b"abd", {})
    with pytest.raises(AwsError) as caught:
        taken(Whole(stated, Family.S3), b"abd", 2)
    assert caught.value.code == "XAmzContentSHA256Mismatch"


def presigned(at: datetime, **request: Any) -> HttpRequest:
    made = AWSRequest(**({"method": "GET", "url": "http://b.s3.amazonaws.com/k"} | request))
    if "//b." in made.url:  # botocore's client does so where the bucket's name is in the host
        made.auth_path = f"/b{urlsplit(made.url).path}"
    with mock.patch("botocore.auth.time.time", at.timestamp):
        auth.HmacV1QueryAuth(Credentials("AKID", "secret", "token+/"), expires=60).add_auth(made)
    return wire_request(made.prepare())


NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def verified(request: HttpRequest, at: datetime = NOW) -> str:
    secret = Secret("secret", "token+/")
    return verify(request, secret_of=lambda _: secret, now=at, family=Family.S3, signing_names=("s3",)).access_key_id


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"url": "http://127.0.0.1:4566/b/a%20b/../c%C3%A4"},
        {"url": "http://b.s3.amazonaws.com/k?versionId=a%2Bb&x=y&response-content-type=text%2Fplain"},
        {"method": "PUT", "headers": {"Content-Type": "text/plain", "x-amz-meta-a": "b"}},
    ],
)
def test_urls_in_the_second_version_of_signatures_are_proven(request_: dict[str, Any]) -> None:
    request = presigned(NOW, **request_)
    assert verified(request) == "AKID"
    changed = HttpRequest(request.method, request.path + "x", request.query, request.headers, b"")
    for bad, at in ((changed, NOW), (request, NOW.replace(minute=2))):
        with pytest.raises(AwsError) as caught:
            verified(bad, at)
        assert caught.value.code == ("SignatureDoesNotMatch" if bad is changed else "AccessDenied")


def test_only_operations_that_take_a_stream_are_not_read_whole() -> None:
    models, known = Models(), ("s3", "ec2")
    scope = {"authorization": "AWS4-HMAC-SHA256 Credential=A/20261122/us-east-1/s3/aws4_request"}
    for method, path, query, streamed in (
        ("PUT", "/b/k", "", True),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", True),
        ("PUT", "/b", "policy", False),
        ("POST", "/b/k", "uploads", False),
        ("PUT", "/b/k", "tagging", False),
    ):
        found = expects_stream(HttpRequest(method, path, query, scope, b""), models, known)
        assert (found is not None) == streamed, (method, path, query)
