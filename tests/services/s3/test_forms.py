"""Forms that browsers post, signed by boto3 beforehand."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.s3.rules import form_data, post_policies
from tests.services.account import ROOT
from tests.services.door import SECRET, Door
from tests.services.s3.test_clients import plain
from tests.services.s3.world import a_door

MIB = 2**20
BOUNDARY = "----formBoundary7MA4YWxkTrZu0gW"


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with a_door(Path(tmp_path_factory.mktemp("forms"))) as door:
        yield door


@pytest.fixture(params=["s3", "s3v4"])
def s3(forms: Door, request: pytest.FixtureRequest) -> Any:
    """A client, which signs policies in either of boto3's versions, and requests in the later one."""
    client = forms.client("s3")
    client.create_bucket(Bucket="forms")
    config = Config(signature_version=request.param, s3={"addressing_style": "path"})
    client.generate_presigned_post = forms.session_client("s3", forms.url, config).generate_presigned_post
    return client


def encoded(fields: Mapping[str, str], file: bytes | None = b"hello", filename: str = "a.txt") -> bytes:
    parts = [f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    body = "".join(parts).encode()
    if file is not None:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
        body += f"--{BOUNDARY}\r\n{disposition}\r\nContent-Type: text/plain\r\n\r\n".encode() + file + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def posted(url: str, body: bytes) -> tuple[int, bytes, Any]:
    return plain(url, "POST", body, **{"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def error_of(answer: tuple[int, bytes, Any]) -> tuple[int, str, str]:
    texts = [re.search(rf"<{name}>(.*?)</{name}>".encode(), answer[1], re.DOTALL) for name in ("Code", "Message")]
    code, message = (found[1].decode() if found else "" for found in texts)
    return answer[0], code, message


def presigned(s3: Any, key: str = "k", **more: Any) -> tuple[str, dict[str, str]]:
    made = s3.generate_presigned_post("forms", key, **more)
    return made["url"], made["fields"]


def test_a_presigned_form_puts_an_object(s3: Any) -> None:
    extra = {"Content-Type": "text/css", "x-amz-meta-Of": "me", "success_action_status": "201"}
    conditions = [{name: value} for name, value in extra.items()]
    url, fields = presigned(
        s3, "in/${filename}", Fields=extra, Conditions=[*conditions, ["starts-with", "$key", "in/"]]
    )
    status, body, headers = posted(url, encoded(fields, filename="C:\\files\\x.css"))
    etag = hashlib.md5(b"hello").hexdigest()
    assert (status, headers["ETag"]) == (201, f'"{etag}"'), body
    assert b"<Key>in/x.css</Key>" in body and b"<Bucket>forms</Bucket>" in body
    found = s3.get_object(Bucket="forms", Key="in/x.css")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (b"hello", "text/css", {"of": "me"})


def test_without_another_wish_the_answer_is_empty(s3: Any) -> None:
    url, fields = presigned(s3)
    status, body, _ = posted(url, encoded(fields, b""))
    assert (status, body) == (204, b"") and s3.head_object(Bucket="forms", Key="k")["ContentLength"] == 0


def test_a_form_leads_on_to_where_it_says(s3: Any) -> None:
    goal = "http://site.example/done?a=b"
    redirect = {"success_action_redirect": goal}
    url, fields = presigned(s3, Fields=redirect, Conditions=[redirect])
    status, _, headers = posted(url, encoded(fields))
    assert status == 303
    assert headers["Location"].startswith(f"{goal}&bucket=forms&key=k&etag=%22")


def test_a_large_file_passes_through(s3: Any) -> None:
    file = bytes(range(256)) * (3 * MIB // 256) + b"\r\n--" + b"\r\n" + BOUNDARY[:-1].encode()
    url, fields = presigned(s3, Conditions=[["content-length-range", 1, 4 * MIB]])
    status, body, _ = posted(url, encoded(fields, file))
    assert status == 204, body
    assert s3.get_object(Bucket="forms", Key="k")["Body"].read() == file


@pytest.mark.parametrize(
    ("size", "refused"),
    [(9, "EntityTooSmall"), (10, None), (20, None), (21, "EntityTooLarge"), (2 * MIB, "EntityTooLarge")],
)
def test_a_file_is_as_long_as_the_policy_has_it(s3: Any, size: int, refused: str | None) -> None:
    s3.delete_object(Bucket="forms", Key="sized")
    url, fields = presigned(s3, "sized", Conditions=[["content-length-range", 10, 20]])
    answer = posted(url, encoded(fields, b"x" * size))
    assert (answer[0] == 204) == (refused is None)
    there = s3.list_objects_v2(Bucket="forms", Prefix="sized")["KeyCount"]
    assert there == (refused is None)
    if refused:
        assert error_of(answer)[:2] == (400, refused)


@pytest.mark.parametrize(
    ("change", "status", "code", "why"),
    [
        ({"key": "other"}, 403, "AccessDenied", 'Policy Condition failed: ["eq", "$key", "k"]'),
        ({"x-amz-meta-more": "1"}, 403, "AccessDenied", "Extra input fields: x-amz-meta-more"),
        ({"x-ignore-me": "1"}, 204, "", ""),
        ({"policy": base64.b64encode(b"{}").decode()}, 403, "SignatureDoesNotMatch", "signature we calculated"),
        ({"policy": None}, 403, "AccessDenied", "Access Denied"),
        ({"x-amz-security-token": "t"}, 400, "InvalidToken", "token"),
    ],
)
def test_what_the_policy_does_not_have_is_refused(
    s3: Any, change: dict[str, str | None], status: int, code: str, why: str
) -> None:
    url, fields = presigned(s3)
    changed = {name: value for name, value in {**fields, **change}.items() if value is not None}
    found = error_of(posted(url, encoded(changed)))
    assert found[:2] == (status, code) and why in found[2]


def test_forms_that_are_none_are_refused(s3: Any) -> None:
    url, fields = presigned(s3)
    good = encoded(fields)
    assert error_of(posted(url, encoded(fields, None)))[1] == "IncorrectNumberOfFilesInPostRequest"
    assert error_of(posted(url, good[:-40]))[1] == "MalformedPOSTRequest"
    assert error_of(posted(url, b"nothing"))[1] == "MalformedPOSTRequest"
    assert error_of(posted(url, encoded({**fields, "x-ignore": "x" * 30_000})))[1] == "MaxPostPreDataLengthExceeded"
    assert error_of(posted(f"{url}/key", good))[:2] == (405, "MethodNotAllowed")
    assert error_of(posted(url.replace("/forms", "/nobodys"), good))[1] == "AccessDenied"  # the policy names the bucket
    no_boundary = plain(url, "POST", good, **{"Content-Type": "multipart/form-data"})
    assert error_of(no_boundary)[1] == "MalformedPOSTRequest"
    assert posted(url, good)[0] == 204


def test_a_form_is_over_when_its_policy_says_so(s3: Any) -> None:
    url, fields = presigned(s3, ExpiresIn=-1)
    assert error_of(posted(url, encoded(fields))) == (
        403,
        "AccessDenied",
        "Invalid according to Policy: Policy expired.",
    )


def test_nobody_elses_key_opens_a_bucket(s3: Any) -> None:
    url, fields = presigned(s3)
    name = "AWSAccessKeyId" if "AWSAccessKeyId" in fields else "x-amz-credential"
    fields[name] = fields[name].replace(ROOT.access_key_id, "AKIAOTHER")
    assert error_of(posted(url, encoded(fields)))[:2] == (403, "InvalidAccessKeyId")


@pytest.mark.parametrize("field", ["tagging", "x-amz-object-lock-mode"])
def test_a_field_that_is_not_honoured_is_refused(s3: Any, field: str) -> None:
    url, fields = presigned(s3, Fields={field: "x"}, Conditions=[{field: "x"}])
    assert error_of(posted(url, encoded(fields)))[:2] == (501, "NotImplemented")


def test_a_bucket_is_named_by_the_host_as_well(s3: Any) -> None:
    url, fields = presigned(s3, "by-host")
    kind = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    at_root = url.removesuffix("/forms") + "/"
    assert plain(at_root, "POST", encoded(fields), host="forms.s3.us-east-1.amazonaws.com", **kind)[0] == 204
    assert s3.head_object(Bucket="forms", Key="by-host")["ContentLength"] == 5


# The example of "Browser-Based Upload using HTTP POST (Using AWS Signature Version 4)" has this key and scope.
EXAMPLE = post_policies.Signed("AKIAIOSFODNN7EXAMPLE", "", ("20151229", "us-east-1", "s3"))


@pytest.mark.parametrize(
    "written",
    [
        [],
        {},
        {"expiration": "2030-01-01T00:00:00Z"},
        {"expiration": "soon", "conditions": []},
        {"expiration": "2030-13-01T00:00:00Z", "conditions": []},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": {}},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": [["eq", "key", "k"]]},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": [["ends-with", "$key", "k"]]},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": [{}]},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": [["content-length-range", -1, 5]]},
        {"expiration": "2030-01-01T00:00:00Z", "conditions": [["content-length-range", True, 5]]},
    ],
)
def test_what_is_no_policy_is_refused(written: Any) -> None:
    with pytest.raises(AwsError) as caught:
        post_policies.read(base64.b64encode(json.dumps(written).encode()).decode())
    assert caught.value.code == "InvalidPolicyDocument"


def test_a_signature_is_good_for_one_policy_and_key() -> None:
    assert not post_policies.holds(EXAMPLE, "cG9saWN5", SECRET)


@given(
    fields=st.dictionaries(
        st.text("abc-", min_size=1).filter(lambda name: name != "file"), st.text("xy\r\n-", max_size=9)
    ),
    file=st.binary(max_size=200) | st.text("\r\n-fo", max_size=40).map(str.encode),
    cuts=st.lists(st.integers(1, 60), max_size=30),
)
def test_a_form_is_read_alike_however_it_is_cut(fields: dict[str, str], file: bytes, cuts: list[int]) -> None:
    body, boundary = encoded(fields, file), form_data.boundary_of(f"multipart/form-data; boundary={BOUNDARY}")
    head, contents = form_data.Head(boundary), form_data.Contents(boundary)
    found, first = b"", None
    for size in [*cuts, len(body)]:
        piece, body = body[:size], body[size:]
        if first is None:
            first = head.feed(piece)
            found += contents.feed(first) if first is not None else b""
        else:
            found += contents.feed(piece)
    assert (head.fields, head.filename, found, contents.ended) == (fields, "a.txt", file, True)
