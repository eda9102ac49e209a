"""Names, ranges, pieces, conditions, tags: tables of what S3's documentation says."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftershock.aws.call import Call, Params, Result, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.services.s3.fetching import fetch, located
from aftershock.services.s3.records import Piece
from aftershock.services.s3.rules import names, ranges, tags
from aftershock.services.s3.rules.conditions import failed
from aftershock.services.s3.rules.digests import upload_type
from tests.services.account import ROOT

THEN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEFORE, AFTER = THEN - timedelta(hours=1), THEN + timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("abc", True),
        ("my.bucket-1", True),
        ("1" * 63, True),
        ("ab", False),
        ("a" * 64, False),
        ("Abc", False),
        ("a_b", False),
        ("-abc", False),
        ("abc.", False),
        ("a..b", False),
        ("192.168.5.4", False),
        ("xn--abc", False),
        ("sthree-abc", False),
        ("abc-s3alias", False),
        ("abc--ol-s3", False),
        ("äbc", False),
        ("abc\n", False),
        ("../etc", False),
    ],
)
def test_bucket_names_are_as_the_user_guide_says(name: str, valid: bool) -> None:
    assert names.is_bucket_name(name) == valid


@pytest.mark.parametrize(
    ("header", "size", "span"),
    [
        ("bytes=0-0", 10, (0, 0)),
        ("bytes=2-", 10, (2, 9)),
        ("bytes=-3", 10, (7, 9)),
        ("bytes=-30", 10, (0, 9)),
        ("bytes=5-500", 10, (5, 9)),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=4-2", 10, None),
        ("bytes=-", 10, None),
        ("lines=1-2", 10, None),
        ("bytes=10-", 10, "InvalidRange"),
        ("bytes=-0", 10, "InvalidRange"),
        ("bytes=0-", 0, "InvalidRange"),
    ],
)
def test_ranges_are_read_as_rfc_9110_says(header: str, size: int, span: object) -> None:
    try:
        assert ranges.of_header(header, size) == span
    except AwsError as error:
        assert error.code == span


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_cut_pieces_are_the_bytes_asked_for(sizes: list[int], data: st.DataObject) -> None:
    pieces = [Piece(f"{number}", number, size) for number, size in enumerate(sizes)]
    whole = [(piece.blob, piece.offset + at) for piece in pieces for at in range(piece.size)]
    first = data.draw(st.integers(0, len(whole) - 1))
    last = data.draw(st.integers(first, len(whole) - 1))
    cut = [(piece.blob, piece.offset + at) for piece in ranges.cut(pieces, first, last) for at in range(piece.size)]
    assert cut == whole[first : last + 1]


@pytest.mark.parametrize(
    ("conditions", "condition"),
    [
        ({}, None),
        ({"IfMatch": '"etag"'}, None),
        ({"IfMatch": "other, etag"}, None),
        ({"IfMatch": "*"}, None),
        ({"IfMatch": "other"}, "If-Match"),
        ({"IfNoneMatch": "etag"}, "If-None-Match"),
        ({"IfNoneMatch": "other"}, None),
        ({"IfModifiedSince": BEFORE}, None),
        ({"IfModifiedSince": THEN}, "If-Modified-Since"),
        ({"IfUnmodifiedSince": THEN}, None),
        ({"IfUnmodifiedSince": BEFORE}, "If-Unmodified-Since"),
        ({"IfMatch": "etag", "IfUnmodifiedSince": BEFORE}, None),  # S3 API reference, GetObject
        ({"IfNoneMatch": "etag", "IfModifiedSince": BEFORE}, "If-None-Match"),
        ({"IfNoneMatch": "other", "IfModifiedSince": AFTER}, None),
    ],
)
def test_conditions_hold_as_rfc_9110_says(conditions: dict[str, object], condition: str | None) -> None:
    assert failed(conditions, "etag", THEN) == condition


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("a=b&c=", {"a": "b", "c": ""}),
        ("a%20b=%C3%A4", {"a b": "ä"}),
        ("a=1&a=2", "InvalidTag"),
        ("aws:a=1", "InvalidTag"),
        ("a", "InvalidArgument"),
        ("&".join(f"k{number}=" for number in range(11)), "BadRequest"),
        ("k=" + "v" * 257, "InvalidTag"),
    ],
)
def test_tags_in_a_header_are_read(text: str, found: object) -> None:
    try:
        assert tags.of_header(text) == found
    except AwsError as error:
        assert error.code == found


@pytest.mark.parametrize(
    ("algorithm", "asked", "whole"),
    [
        ("CRC32", None, False),
        ("CRC64NVME", None, True),
        ("CRC32", "FULL_OBJECT", True),
        ("SHA256", "FULL_OBJECT", "InvalidRequest"),
        ("CRC64NVME", "COMPOSITE", "InvalidRequest"),
    ],
)
def test_an_upload_has_a_type_of_checksum_that_its_algorithm_allows(
    algorithm: str, asked: str | None, whole: object
) -> None:
    try:
        assert upload_type(algorithm, asked) == whole
    except AwsError as error:
        assert error.code == whole


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://s3.amazonaws.com/b/a/k.json", ("b", "a/k.json", None)),
        ("https://s3.us-east-1.amazonaws.com/b/k%20k", ("b", "k k", None)),
        ("https://s3-us-east-1.amazonaws.com/b/k", ("b", "k", None)),
        ("https://b.s3.us-east-1.amazonaws.com/a/k?versionId=v", ("b", "a/k", "v")),
        ("https://a.b.s3.amazonaws.com/k", ("a.b", "k", None)),
        ("s3://b/a/k", ("b", "a/k", None)),
        ("http://127.0.0.1:4566/b/k", ("b", "k", None)),
        ("https://b.s3.eu-west-1.amazonaws.com/k", None),
        ("https://s3.amazonaws.com/b", None),
        ("https://example.com/b/k", None),
        ("file:///etc/passwd", None),
    ],
)
def test_a_url_names_an_object(url: str, found: object) -> None:
    assert located(url, "us-east-1") == found


def test_what_s3_does_not_give_is_no_error_of_s3s_to_whoever_named_the_address() -> None:
    def ask(service: str, operation: str, params: Params, *, within: Call | None = None) -> Result:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", status=404)

    call = Call(ROOT, "us-east-1", "test", THEN, cast(Tx, None), new_id)
    with pytest.raises(AwsError) as caught:
        fetch(ask, call, "https://bucket.s3.amazonaws.com/key")
    assert (caught.value.code, caught.value.status) == ("ValidationError", 400)
    assert caught.value.message.startswith("S3 error: The specified bucket does not exist\nFor more information")


def test_keys_are_limited_in_bytes() -> None:
    names.check_key("ä" * 512)
    with pytest.raises(AwsError) as caught:
        names.check_key("ä" * 512 + "a")
    assert caught.value.code == "KeyTooLongError"
