"""What becomes of records that earlier versions of EC2 wrote, where a default does not read them."""

import json
from collections.abc import Callable

from aftershock.aws.call import Tx

from .records.network_acl import AS_MADE, NETWORK_ACLS, Association, NetworkAcl
from .records.vpc import VPCS


def own_network_acls(tx: Tx) -> None:
    """Default network ACLs were an id in a VPC's record, and their associations one in each subnet's."""
    associations: dict[str, list[Association]] = {}
    for (row,) in tx.execute("SELECT record FROM ec2_subnet").fetchall():
        subnet = json.loads(row)
        associations.setdefault(subnet["vpc_id"], []).append(
            Association(subnet["network_acl_association_id"], subnet["id"])
        )
    ids = {key: json.loads(row)["network_acl_id"] for key, row in tx.execute("SELECT key, record FROM ec2_vpc")}
    for vpc in VPCS.every(tx):
        acl = NetworkAcl(
            id=ids[vpc.id],
            account=vpc.account,
            region=vpc.region,
            vpc_id=vpc.id,
            is_default=True,
            entries=AS_MADE,
            associations=tuple(associations.get(vpc.id, ())),
            created_at=vpc.created_at,
        )
        NETWORK_ACLS.put(tx, acl)


MIGRATIONS: tuple[Callable[[Tx], None], ...] = (own_network_acls,)
