"""States of earlier versions open, and have what they had."""

import json
from pathlib import Path

from aftershock.services import ec2
from aftershock.services.ec2.records.network_acl import AS_MADE, NETWORK_ACLS, acl_of, default_acl
from aftershock.services.ec2.records.subnet import SUBNETS
from aftershock.store import Store
from tests.services.ec2.net_account import NetworkAccount


def test_default_network_acls_keep_their_ids_and_associations(tmp_path: Path) -> None:
    path = tmp_path / "region.db"
    account = NetworkAccount(path)
    other = account.vpc()
    account.subnet(other)
    account.vpc("10.1.0.0/16")
    as_it_was(account)
    account.store.close()
    store = Store(path, ec2.TABLES, ec2.MIGRATIONS)
    with store.snapshot() as tx:
        acls = NETWORK_ACLS.every(tx)
        assert {acl.id for acl in acls} == {f"acl-of-{acl.vpc_id}" for acl in acls}
        assert len(acls) == 3
        assert all(acl.is_default and acl.entries == AS_MADE for acl in acls)
        for subnet in SUBNETS.every(tx):
            (association,) = (one for one in acl_of(tx, subnet.id).associations if one.subnet_id == subnet.id)
            assert association.id == f"aclassoc-of-{subnet.id}"
            assert acl_of(tx, subnet.id) == default_acl(tx, subnet.vpc_id)
    store.close()
    Store(path, ec2.TABLES, ec2.MIGRATIONS).close()


def as_it_was(account: NetworkAccount) -> None:
    """As the version before the migration wrote it: ACLs were no records, and were named by VPCs and subnets."""
    named = {"ec2_vpc": ("network_acl_id", "acl-of-"), "ec2_subnet": ("network_acl_association_id", "aclassoc-of-")}
    with account.store.transaction() as tx:
        for table, (field, prefix) in named.items():
            for key, row in tx.execute(f"SELECT key, record FROM {table}").fetchall():
                record = json.dumps({**json.loads(row), field: prefix + key}).encode()
                tx.execute(f"UPDATE {table} SET record = ? WHERE key = ?", (record, key))
        for table in ("ec2_network_acl", "ec2_network_acl_index"):
            tx.execute(f"DROP TABLE {table}")
        tx.execute("PRAGMA user_version = 0")
