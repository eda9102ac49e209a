"""What the records say when a region begins."""

from msgspec.structs import replace

from aftershock.services.ec2 import bootstrap, is_base_image_available
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.snapshot import SNAPSHOTS
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.images import base_ids
from tests.services.ec2.net_account import NetworkAccount


def test_the_default_vpc_is_made_once(account: NetworkAccount) -> None:
    with account.store.transaction() as tx:
        assert bootstrap.default_vpc(account.context(tx)) == account.default_vpc
    assert len(account.call("DescribeVpcs")["Vpcs"]) == 1


def test_what_was_seen_of_a_kernel_that_is_gone_is_taken_back(account: NetworkAccount) -> None:
    eni = account.instance_eni(auto_public=True)
    vpc = account.default_vpc
    with account.store.transaction() as tx:
        VPCS.put(tx, replace(vpc, routed=True, seen_generation=vpc.generation))
        seen = replace(eni, plugged=True, plugged_public=eni.public_ip, seen_generation=eni.generation)
        NETWORK_INTERFACES.put(tx, seen)
    assert account.call("DescribeVpcs")["Vpcs"][0]["State"] == "available"
    assert account.record(eni.id).ready
    with account.store.transaction() as tx:
        bootstrap.ground_is_new(tx)
    assert account.call("DescribeVpcs")["Vpcs"][0]["State"] == "pending"
    assert not account.record(eni.id).ready
    assert account.record(eni.id).public_ip == eni.public_ip


def test_the_base_image_is_available_when_its_layer_was_seen(account: NetworkAccount) -> None:
    with account.store.transaction() as tx:
        assert not is_base_image_available(tx)
        bootstrap.base_image(tx, "base-1", "us-east-1", account.context(tx).now)
        assert not is_base_image_available(tx)
        snapshot = SNAPSHOTS.get(tx, base_ids("base-1")[1])
        assert snapshot is not None
        SNAPSHOTS.put(tx, replace(snapshot, captured=True))
        assert is_base_image_available(tx)
