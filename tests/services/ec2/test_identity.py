"""An instance's identity document: signed by the region, and shown by nobody else."""

import base64
import json
from pathlib import Path

import pytest

from aftershock.services.ec2 import identity
from aftershock.services.ec2.records.metadata_key import METADATA_KEYS, MetadataKey
from tests.services.ec2.compute import Compute

KEY = identity.new_key()


def test_a_signature_holds_for_its_document_and_key_alone() -> None:
    signature = identity.sign("document", KEY)
    assert identity.holds(b"document", signature, KEY)
    assert identity.holds(b"document", signature.replace("\n", ""), KEY)
    assert not identity.holds(b"documents", signature, KEY)
    assert not identity.holds(b"document", signature, identity.new_key())
    assert max(map(len, signature.splitlines())) == 76


def shown(instance_id: str, key: bytes = KEY) -> str:
    document = json.dumps({"instanceId": instance_id, "accountId": "123456789012"})
    return f"{base64.b64encode(document.encode()).decode()}:{identity.sign(document, key)}"


def test_an_instance_that_shows_its_document_is_that_instance(tmp_path: Path) -> None:
    account = Compute(tmp_path / "region.db")
    (made,) = account.call("RunInstances", ImageId=account.image, InstanceType="t2.micro", MinCount=1, MaxCount=1)[
        "Instances"
    ]
    with account.store.transaction() as tx:
        assert identity.instance_shown(tx, shown(made["InstanceId"])) is None  # there is no key yet
        METADATA_KEYS.put(tx, MetadataKey(id=identity.KEY_ID, key=KEY))
    with account.store.snapshot() as tx:
        found = identity.instance_shown(tx, shown(made["InstanceId"]))
        assert found is not None
        assert found.arn == f"arn:aws:sts::123456789012:assumed-role/aws:ec2-instance/{made['InstanceId']}"
        assert identity.instance_shown(tx, shown(made["InstanceId"], identity.new_key())) is None
        assert identity.instance_shown(tx, shown("i-0123456789abcdef0")) is None
    account.settle()
    account.call("TerminateInstances", InstanceIds=[made["InstanceId"]])
    account.settle()
    with account.store.snapshot() as tx:
        assert identity.instance_shown(tx, shown(made["InstanceId"])) is None
    account.store.close()


@pytest.mark.parametrize("text", ["", ":", "a:b", "!!:!!", "e30=:e30=", "\x00:\x00"])
def test_what_is_no_document_is_nobodys(tmp_path: Path, text: str) -> None:
    account = Compute(tmp_path / "region.db")
    with account.store.transaction() as tx:
        METADATA_KEYS.put(tx, MetadataKey(id=identity.KEY_ID, key=KEY))
        assert identity.instance_shown(tx, text) is None
    account.store.close()
