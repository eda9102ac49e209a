"""S3 of a whole region: from the host and from an instance, and through the death of the control plane."""

import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from aftershock.doors.access import read_key
from tests.conftest import eventually
from tests.region import Region

MIB = 2**20


def signer(region: Region, endpoint: str, style: str) -> Any:
    """A client that signs URLs for who calls S3 by another name than the loopback door's."""
    key_id, secret = read_key(region.state)
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(signature_version="s3v4", s3={"addressing_style": style}),
    )


def stored(region: Region) -> set[Path]:
    return {path for path in (region.state / "objects").rglob("*") if path.is_file()}


def test_objects_are_moved_through_the_loopback_door(region: Region, tmp_path: Path) -> None:
    s3 = region.client("s3")
    s3.create_bucket(Bucket="files")
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(os.urandom(21 * MIB))
    s3.upload_file(str(source), "files", "dir/big", Config=TransferConfig(multipart_threshold=8 * MIB))
    s3.download_file("files", "dir/big", str(copy))
    assert copy.read_bytes() == source.read_bytes()
    s3.delete_object(Bucket="files", Key="dir/big")
    eventually(lambda: _equal(stored(region), set()))


def _equal(one: object, other: object) -> None:
    assert one == other


def test_an_instance_reaches_a_bucket_by_its_own_name(region: Region) -> None:
    region.client("s3").create_bucket(Bucket="files")
    instance = region.run()["InstanceId"]
    region.in_state(instance, "running")
    params = {"Bucket": "files", "Key": "a b/ä"}
    for style in ("virtual", "path"):
        client = signer(region, "https://s3.us-east-1.amazonaws.com", style)
        put = client.generate_presigned_url("put_object", Params=params)
        get = client.generate_presigned_url("get_object", Params=params)
        assert put.startswith(f"https://{'files.' if style == 'virtual' else ''}s3.us-east-1.amazonaws.com/")
        program = (
            "import urllib.request as u; "
            f"u.urlopen(u.Request({put!r}, data={style.encode()!r}, method='PUT')); "
            f"print(u.urlopen({get!r}).read().decode())"
        )
        eventually(lambda program=program, style=style: _printed(region, instance, program, style), within_s=60)
    assert region.client("s3").get_object(**params)["Body"].read() == b"path"


def _printed(region: Region, instance: str, program: str, wanted: str) -> None:
    assert region.inside(instance, f"python3 -c {program!r}").strip() == wanted


@pytest.mark.parametrize("sent", [0, 5 * MIB])
def test_an_upload_that_is_cut_by_a_killed_control_plane_leaves_nothing(region: Region, sent: int) -> None:
    s3 = region.client("s3")
    s3.create_bucket(Bucket="files")
    s3.put_object(Bucket="files", Key="k", Body=b"before")
    before = stored(region)
    port = region.access.api_port
    url = urlsplit(
        signer(region, f"http://127.0.0.1:{port}", "path").generate_presigned_url(
            "put_object", Params={"Bucket": "files", "Key": "k"}
        )
    )
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {9 * MIB}\r\n\r\n"
        connection.sendall(head.encode() + bytes(sent))
        eventually(lambda: _true(len(stored(region)) == 2))
        region.kill_control()
    region.wait_ready()
    eventually(lambda: _equal(stored(region), before))
    assert s3.get_object(Bucket="files", Key="k")["Body"].read() == b"before"


def test_a_template_is_read_from_a_bucket(region: Region) -> None:
    region.client("s3").create_bucket(Bucket="files")
    template = '{"Description": "from a bucket", "Resources": {"G": {"Type": "AWS::EC2::InternetGateway"}}}'
    region.client("s3").put_object(Bucket="files", Key="a/t.json", Body=template.encode())
    stacks = region.client("cloudformation")
    for url in ("https://s3.amazonaws.com/files/a/t.json", "https://files.s3.us-east-1.amazonaws.com/a/t.json"):
        assert stacks.validate_template(TemplateURL=url)["Description"] == "from a bucket"
    with pytest.raises(ClientError, match="The specified key does not exist"):
        stacks.validate_template(TemplateURL="https://s3.amazonaws.com/files/none")


def _true(condition: bool) -> None:
    assert condition
