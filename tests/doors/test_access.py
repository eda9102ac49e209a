"""The profile and the environment, as read by AWS's own code."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aftershock.doors.access import Access, read_key

SHOW = """
import botocore.session, json
session = botocore.session.get_session()
client = session.create_client("ec2")
key = session.get_credentials().get_frozen_credentials()
print(json.dumps([client.meta.endpoint_url, client.meta.region_name, key.access_key, key.secret_key]))
"""
EXPECTED = ["http://127.0.0.1:4567", "us-east-1", "AKIAEXAMPLE", "secret/with+signs="]


@pytest.fixture
def access(tmp_path: Path) -> Access:
    (tmp_path / "run").mkdir()
    return Access(tmp_path, 4567, 1081, 1053, "AKIAEXAMPLE", "secret/with+signs=")


def seen_by_botocore(environment: dict[str, str], home: Path) -> list[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), **environment}
    done = subprocess.run([sys.executable, "-c", SHOW], env=env, capture_output=True, text=True, check=True)
    seen: list[str] = json.loads(done.stdout)
    return seen


def test_the_environment_leads_an_aws_client_to_the_region(access: Access, tmp_path: Path) -> None:
    assert seen_by_botocore(access.environment(), tmp_path) == EXPECTED


def test_the_profile_leads_an_aws_client_to_the_region(access: Access, tmp_path: Path) -> None:
    access.write_profile()
    access.write_profile()
    assert seen_by_botocore(access.profile_environment(), tmp_path) == EXPECTED


def test_nobody_else_may_read_the_key(access: Access) -> None:
    access.write_profile()
    for file in (access.config_file, access.credentials_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(access.own_directory.stat().st_mode) == 0o700


def test_an_installed_profile_leaves_what_the_user_has(
    access: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text("# mine\n[profile work]\nregion = eu-west-1\n")
    credentials.write_text("[work]\naws_access_key_id = AKIAWORK\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    assert access.install_profile("here") == (config, credentials)
    assert config.read_text().startswith("# mine\n[profile work]\nregion = eu-west-1\n")
    assert "AKIAWORK" in credentials.read_text()
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    assert seen_by_botocore({**files, "AWS_PROFILE": "here"}, tmp_path) == EXPECTED


def test_the_key_is_read_in_the_form_of_a_credential_process(tmp_path: Path) -> None:
    key = {"Version": 1, "AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret"}
    (tmp_path / "credentials.json").write_text(json.dumps(key))
    assert read_key(tmp_path) == ("AKIAEXAMPLE", "secret")
