"""The way of a program that is in the region already."""

import json
from pathlib import Path

import pytest

from aftershock.doors.access import inside


def test_it_needs_no_door(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(json.dumps({"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "s"}))
    access = inside(tmp_path, "http://198.18.0.2", 30.0)
    assert (access.endpoint, access.socks_port, access.pace) == ("http://198.18.0.2:80", None, 30.0)
    assert (access.access_key_id, access.secret_access_key) == ("AKIAEXAMPLE", "s")
    named = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
    assert ["nameserver", access.nameserver] in [line[:2] for line in named]


def test_a_region_that_was_never_ready_has_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inside(tmp_path, "http://198.18.0.2", 1.0)
