"""What botocore signs is proven; what is tampered with, late, or signed with another secret is not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.wire import Caller, HttpRequest, Models, Secret, takes_anonymous, verify
from aftershock.wire.refusals import Family
from tests.wire.strategies import wire_request

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SECRETS = {"AKID": Secret("secret/key+"), "ASIA": Secret("other", "token/with+signs==")}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def signed(
    signer: Any = auth.SigV4Auth,
    *,
    service: str = "iam",
    key: str = "AKID",
    secret: Secret | None = None,
    at: datetime = NOW,
    **request: Any,
) -> HttpRequest:
    secret = secret or SECRETS[key]
    made = AWSRequest(**({"method": "POST", "url": "http://iam.amazonaws.com/"} | request))
    with mock.patch("botocore.auth.get_current_datetime", lambda *_args, **_named: at.replace(tzinfo=None)):
        credentials = Credentials(key, secret.secret_access_key, secret.session_token)
        signer(credentials, service, "us-east-1").add_auth(made)
    return wire_request(made.prepare())


def verified(request: HttpRequest, family: Family = Family.QUERY, **options: Any) -> Caller:
    return verify(request, **({"secret_of": SECRETS.get, "now": NOW, "family": family} | options))


def refused(request: HttpRequest, family: Family = Family.QUERY, **options: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        verified(request, family, **options)
    return caught.value


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize(
    "request_",
    [
        {"data": b"Action=ListUsers&Version=2010-05-08", "headers": FORM},
        {"method": "GET", "url": "http://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08&a=%20%2B&a=&b"},
        {"method": "GET", "url": "http://iam.amazonaws.com:4566/a//b/./c/../d%20e%2Fz/~x"},
        {"method": "GET", "url": "http://iam.amazonaws.com/", "params": {"z": "1/2", "A": "ä b", "a": "~"}},
        {"data": b"{}", "headers": {"X-Amz-Target": "A.B", "x-spaces": "  a   b ", "Date": "now"}},
    ],
)
def test_a_signed_request_is_proven(key: str, request_: dict[str, Any]) -> None:
    assert verified(signed(key=key, **request_)) == Caller(key, "us-east-1", "iam")


@pytest.mark.parametrize("key", SECRETS)
@pytest.mark.parametrize("signer", [auth.S3SigV4Auth, auth.S3SigV4QueryAuth])
def test_s3_signs_paths_as_they_are(key: str, signer: Any) -> None:
    request = signed(
        signer, service="s3", key=key, method="GET", url="http://b.s3.amazonaws.com/a//b/../c%20%C3%A4?x=1"
    )
    assert verified(request, Family.S3).service == "s3"


@pytest.mark.parametrize("key", SECRETS)
def test_a_presigned_url_is_proven(key: str) -> None:
    request = signed(
        auth.SigV4QueryAuth,
        service="sts",
        key=key,
        method="GET",
        url="http://sts.amazonaws.com/?Action=GetCallerIdentity",
    )
    assert verified(request).service == "sts"


def test_unsigned_and_streaming_payloads_are_taken_at_their_word() -> None:
    for marker in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
        body = b"8\r\nanything\r\n0\r\n\r\n"
        request = signed(method="PUT", headers={"X-Amz-Content-SHA256": marker}, data=body)
        assert verified(request, Family.S3)


TAMPERINGS: dict[str, Callable[[HttpRequest], HttpRequest]] = {
    "method": lambda r: HttpRequest("PUT", r.path, r.query, r.headers, r.body),
    "path": lambda r: HttpRequest(r.method, r.path + "x", r.query, r.headers, r.body),
    "query": lambda r: HttpRequest(r.method, r.path, r.query + "&more=1", r.headers, r.body),
    "body": lambda r: HttpRequest(r.method, r.path, r.query, r.headers, r.body + b"x"),
    "host": lambda r: HttpRequest(r.method, r.path, r.query, {**r.headers, "host": "elsewhere"}, r.body),
    "target": lambda r: HttpRequest(r.method, r.path, r.query, {**r.headers, "x-amz-target": "A.C"}, r.body),
    "header added": lambda r: HttpRequest(r.method, r.path, r.query, {**r.headers, "x-amz-acl": "public"}, r.body),
}


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_is_refused(tampering: str, family: Family) -> None:
    signer = auth.S3SigV4Auth if family is Family.S3 else auth.SigV4Auth
    request = signed(signer, url="http://host/p?q=1", headers={"X-Amz-Target": "A.B"}, data=b"{}")
    assert verified(request, family)
    assert refused(TAMPERINGS[tampering](request), family).status in (400, 401, 403)


def test_a_payload_other_than_the_stated_one_is_refused() -> None:
    request = signed(auth.S3SigV4Auth, method="PUT", data=b"one")
    tampered = HttpRequest(request.method, request.path, request.query, request.headers, b"two")
    assert refused(tampered, Family.S3).code == "XAmzContentSHA256Mismatch"


@pytest.mark.parametrize(
    ("family", "code", "status"),
    [
        (Family.EC2, "AuthFailure", 401),
        (Family.QUERY, "InvalidClientTokenId", 403),
        (Family.REST_XML, "InvalidClientTokenId", 403),
        (Family.JSON, "UnrecognizedClientException", 400),
        (Family.REST_JSON, "UnrecognizedClientException", 403),
        (Family.S3, "InvalidAccessKeyId", 403),
    ],
)
def test_an_unknown_key_is_refused_in_the_familys_words(family: Family, code: str, status: int) -> None:
    error = refused(signed(key="ELSE", secret=Secret("x")), family)
    assert (error.code, error.status) == (code, status)


@pytest.mark.parametrize(
    ("family", "code"),
    [
        (Family.EC2, "AuthFailure"),
        (Family.QUERY, "SignatureDoesNotMatch"),
        (Family.JSON, "InvalidSignatureException"),
        (Family.S3, "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused(family: Family, code: str) -> None:
    assert refused(signed(secret=Secret("wrong")), family).code == code


def test_a_wrong_missing_or_needless_token_is_refused() -> None:
    for key, secret in (
        ("ASIA", Secret("other", "stale")),
        ("ASIA", Secret("other")),
        ("AKID", Secret("secret/key+", "needless")),
    ):
        assert refused(signed(key=key, secret=secret)).code == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("family", "code", "status"),
    [
        (Family.EC2, "RequestExpired", 400),
        (Family.QUERY, "ExpiredToken", 403),
        (Family.REST_XML, "ExpiredToken", 403),
        (Family.JSON, "ExpiredTokenException", 400),
        (Family.REST_JSON, "ExpiredTokenException", 403),
        (Family.S3, "ExpiredToken", 400),
    ],
)
def test_a_session_that_is_over_is_told_so_to_who_has_its_token(family: Family, code: str, status: int) -> None:
    over = Secret("other", "token", expired=True)
    error = refused(signed(key="ASIA", secret=over), family, secret_of=lambda _: over)
    assert (error.code, error.status) == (code, status)
    stranger = refused(signed(key="ASIA", secret=Secret("x", "y")), family, secret_of=lambda _: over)
    assert stranger.code != code


def test_late_and_early_requests_are_refused() -> None:
    assert verified(signed(at=NOW - timedelta(minutes=14)))
    assert verified(signed(at=NOW + timedelta(minutes=14)))
    late, early = signed(at=NOW - timedelta(minutes=16)), signed(at=NOW + timedelta(minutes=16))
    assert refused(late).message == (
        "Signature expired: 20261122T144400Z is now earlier than 20261122T144500Z (20261122T150000Z - 15 min.)"
    )
    assert refused(early).message.startswith("Signature not yet current: 20261122T151600Z is still later than")
    assert (refused(late, Family.EC2).code, refused(late, Family.EC2).message) == (
        "RequestExpired",
        "Request has expired.",
    )
    assert refused(late, Family.S3).code == "RequestTimeTooSkewed"


def test_a_presigned_url_lives_as_long_as_it_says() -> None:
    request = signed(auth.S3SigV4QueryAuth, service="s3", method="GET", url="http://b.s3.amazonaws.com/k")
    assert verified(request, Family.S3, now=NOW + timedelta(seconds=3600))
    error = refused(request, Family.S3, now=NOW + timedelta(seconds=3601))
    assert (error.code, error.message) == ("AccessDenied", "Request has expired")
    longer = HttpRequest("GET", request.path, request.query.replace("=3600", "=604801"), request.headers, b"")
    assert "604800" in refused(longer, Family.S3).message


def test_some_operations_need_no_signature() -> None:
    operation = Models().service("sts").operation_model
    assert takes_anonymous(operation("AssumeRoleWithWebIdentity"))
    assert not takes_anonymous(operation("AssumeRole"))


def test_a_signature_for_one_service_does_not_open_another() -> None:
    assert verified(signed(service="iam"), signing_names={"iam"})
    assert refused(signed(service="s3"), signing_names={"iam"}).message == (
        "Credential should be scoped to correct service: 'iam'."
    )


def test_a_signature_for_another_region_opens_nothing_here() -> None:
    request = signed(service="iam")
    assert verified(request, region="us-east-1")
    text = "Credential should be scoped to a valid region, not 'us-east-1'. "
    error = refused(request, region="eu-west-1")
    assert (error.code, error.status, error.message) == ("SignatureDoesNotMatch", 403, text)
    assert refused(request, Family.JSON, region="eu-west-1").code == "InvalidSignatureException"
    assert refused(request, Family.EC2, region="eu-west-1").code == "AuthFailure"


def test_missing_and_incomplete_signatures_are_told_apart() -> None:
    bare = HttpRequest("GET", "/", "", {"host": "iam.amazonaws.com"}, b"")
    assert refused(bare).code == "MissingAuthenticationToken"
    assert refused(bare, Family.S3).code == "AccessDenied"
    for authorization in ("AWS4-HMAC-SHA256 Credential=a", "Basic eA==", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ,=,"):
        request = HttpRequest("GET", "/", "", {"host": "x", "authorization": authorization}, b"")
        assert refused(request).code == "IncompleteSignature"


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(data=st.data(), presigned=st.booleans())
def test_garbage_is_refused_and_nothing_worse(data: st.DataObject, presigned: bool) -> None:
    signer = auth.SigV4QueryAuth if presigned else auth.SigV4Auth
    request = signed(signer, method="GET", url="http://iam.amazonaws.com/?Action=ListUsers", key="ASIA")
    headers, query = dict(request.headers), request.query
    garbage = data.draw(st.text(st.characters(max_codepoint=255), max_size=30))
    if presigned:
        at = data.draw(st.integers(0, len(query)))
        query = query[:at] + garbage + query[at + data.draw(st.integers(0, 30)) :]
    else:
        name = data.draw(st.sampled_from(sorted(headers)))
        at = data.draw(st.integers(0, len(headers[name])))
        headers[name] = headers[name][:at] + garbage + headers[name][at + data.draw(st.integers(0, 30)) :]
    try:
        verified(HttpRequest(request.method, request.path, query, headers, request.body))
    except AwsError as error:
        assert error.status in (400, 401, 403)
