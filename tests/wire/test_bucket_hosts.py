"""Where a bucket's name stands in the host, and where the host only looks like it."""

import pytest

from aftershock.wire import HttpRequest
from aftershock.wire.uris import bucket_path


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("b.s3.us-east-1.amazonaws.com", "/b/k"),
        ("b.s3.amazonaws.com:443", "/b/k"),
        ("b.s3-us-west-2.amazonaws.com", "/b/k"),
        ("b.s3.dualstack.us-east-1.amazonaws.com", "/b/k"),
        ("a.s3.b.s3.us-east-1.amazonaws.com", "/a.s3.b/k"),
        ("ec2.s3.amazonaws.com", "/ec2/k"),
        ("b.s3.us-east-1.localhost:4566", "/b/k"),
        ("b.localhost:4566", "/b/k"),
        ("s3.us-east-1.amazonaws.com", "/k"),
        ("s3.amazonaws.com", "/k"),
        ("s3-us-west-2.amazonaws.com", "/k"),
        ("s3.localhost:4566", "/k"),
        ("s3.us-east-1.localhost", "/k"),
        ("localhost:4566", "/k"),
        ("127.0.0.1:4566", "/k"),
        ("", "/k"),
        ("." * 4000, "/k"),
        ("a-" * 4000 + ".s3.amazonaws.com", "/k"),
    ],
)
def test_a_bucket_is_found_in_the_host(host: str, path: str) -> None:
    assert bucket_path(HttpRequest("GET", "/k", "", {"host": host}, b"")) == path
