"""The AWS CLI and boto3 before the real door."""

import base64
import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError

from tests.services.account import ROOT
from tests.services.door import REGION, SECRET
from tests.services.ecr.world import CONFIG, digest_of, manifest


def test_the_cli_gets_a_password_to_log_in_with(door):
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": ROOT.access_key_id,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": door.url,
    }
    command = [sys.executable, "-m", "awscli", "ecr", "get-login-password"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    (issued,) = door.client("ecr").get_authorization_token()["authorizationData"]
    password = base64.b64decode(issued["authorizationToken"]).decode().removeprefix("AWS:")
    assert len(found.stdout.strip()) == len(password)
    assert found.stdout.strip() != password


def test_boto3_brings_an_image_and_takes_it_out(door):
    ecr = door.client("ecr")
    ecr.create_repository(repositoryName="by-boto3")
    for data in (CONFIG, b"layer"):
        upload = ecr.initiate_layer_upload(repositoryName="by-boto3")["uploadId"]
        place = {"repositoryName": "by-boto3", "uploadId": upload}
        ecr.upload_layer_part(**place, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data)
        ecr.complete_layer_upload(**place, layerDigests=[digest_of(data)])
    ecr.put_image(repositoryName="by-boto3", imageManifest=manifest(b"layer"), imageTag="v1")
    pages = ecr.get_paginator("list_images").paginate(repositoryName="by-boto3", PaginationConfig={"PageSize": 1})
    found = [one for page in pages for one in page["imageIds"]]
    assert found == [{"imageDigest": digest_of(manifest(b"layer").encode()), "imageTag": "v1"}]
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException):
        ecr.delete_repository(repositoryName="by-boto3")
    ecr.delete_repository(repositoryName="by-boto3", force=True)


def test_what_the_model_does_not_allow_is_refused_before_anything_is_looked_for(door):
    ecr = door.client("ecr")
    for name in ("UPPER", "a//b", "-x", "a" * 257):
        with pytest.raises(ClientError, match="repositoryName"):
            ecr.create_repository(repositoryName=name)
