"""With what a source is asked for that is not open to everybody."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Botocores

from aftershock.engines.images.bootstrap import keys, signing
from aftershock.engines.images.bootstrap.errors import BuildError
from aftershock.engines.images.bootstrap.instance import Credentials
from aftershock.engines.images.bootstrap.keys import Keys

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECTION = {
    "mine": {"type": "S3", "buckets": ["my-things"], "accessKeyId": "AKIA", "secretKey": "secret"},
    "other": {"type": "S3", "buckets": "others", "roleName": "Role"},
    "door": {"type": "basic", "username": "me", "password": "hush", "uris": ["www.example.com/in"]},
}


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://my-things.s3.amazonaws.com/a/b.zip", ("my-things", "us-east-1")),
        ("https://my.things.s3.eu-west-1.amazonaws.com/a", ("my.things", "eu-west-1")),
        ("https://my-things.s3-us-west-2.amazonaws.com/a", ("my-things", "us-west-2")),
        ("https://s3.amazonaws.com/my-things/a", ("my-things", "us-east-1")),
        ("https://s3-us-west-2.amazonaws.com/my-things/a", ("my-things", "us-west-2")),
        ("https://s3.us-gov-west-1.amazonaws.com/my-things/a", ("my-things", "us-gov-west-1")),
        ("https://www.example.com/s3.amazonaws.com/a", None),
        ("https://s3.amazonaws.com.example.com/a", None),
    ],
)
def test_an_objects_url_names_its_bucket_in_either_style(url, place):
    assert keys.bucket_of(url) == place


@pytest.mark.parametrize("token", ["", "session"])
def test_an_object_is_asked_for_as_botocore_asks(token, monkeypatch):
    url = "https://my-things.s3.us-east-1.amazonaws.com/a%20directory/b%2Bc.zip"
    empty = {"x-amz-content-sha256": hashlib.sha256().hexdigest()}
    key = Credentials("AKIA", "secret", token)
    headers = signing.signed(key, ("us-east-1", "s3"), "GET", url, headers=empty, body=b"", now=NOON)
    request = AWSRequest("GET", url, headers={})
    request.context["client_config"] = None
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOON.replace(tzinfo=None))
    S3SigV4Auth(Botocores("AKIA", "secret", token or None), "s3", "us-east-1").add_auth(request)
    assert headers["Authorization"] == request.headers["Authorization"]


def test_the_credentials_are_those_of_the_place_or_of_the_name():
    found = Keys.of(SECTION)
    assert "Credential=AKIA/" in found.headers("https://s3.amazonaws.com/my-things/a")["Authorization"]
    assert "Credential=AKIA/" in found.headers("https://s3.amazonaws.com/else/a", "mine")["Authorization"]
    basic = f"Basic {base64.b64encode(b'me:hush').decode()}"
    assert found.headers("https://www.example.com/in/a.zip") == {"Authorization": basic}
    assert found.headers("https://www.example.com/out/a.zip") == {}
    assert found.headers("https://www.example.com/out/a.zip", "door") == {"Authorization": basic}
    assert Keys().headers("https://s3.amazonaws.com/my-things/a") == {}


@pytest.mark.parametrize(
    ("section", "url", "name", "words"),
    [
        ([], "", None, "should be a mapping"),
        ({"a": {"type": "kerberos"}}, "", None, "unknown type: kerberos"),
        (SECTION, "https://www.example.com/a", "nobody", "No authentication named nobody"),
        (SECTION, "https://www.example.com/a", "mine", "is not in a bucket"),
        ({"a": {"type": "S3"}}, "https://s3.amazonaws.com/b/c", "a", "lacks 'accessKeyId'"),
    ],
)
def test_credentials_that_cannot_be_are_named(section, url, name, words):
    with pytest.raises(BuildError, match=words):
        Keys.of(section).headers(url, name)
