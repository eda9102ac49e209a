"""IAM with STS beside it, wired as the region wires them."""

import json
from pathlib import Path
from typing import Any

from aftershock.aws.call import Principal
from aftershock.services import iam, sts
from tests.services.modelled import Modelled

ACCOUNT = "123456789012"
EC2_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
DOCUMENT = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
)


def trusting(*principals: str, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class People(Modelled):
    """IAM as `call`, STS as `.sts.call`, over the same records."""

    def __init__(self, path: Path) -> None:
        self.used: dict[str, list[str]] = {}  # by the ARN of a service-linked role: what its service has under it
        operations = iam.operations(lambda _, role: self.used.get(role, []))
        super().__init__(path, "iam", operations, list(iam.TABLES))
        with self.store.transaction() as tx:
            iam.ensure_root_key(tx, ACCOUNT, self.now)
        self.sts = Modelled(
            path,
            "sts",
            sts.operations(
                assumable_role=iam.assumable_role,
                issue_role_session=iam.issue_role_session,
                issue_own_session=iam.issue_own_session,
                account_of_key=iam.account_of_key,
            ),
            [],
        )
        self.sts.store.close()
        self.sts.store = self.store

    def become(self, access_key_id: str) -> Principal:
        """Go on as whoever the key speaks for."""
        credential = self.credential(access_key_id)
        assert credential is not None
        assert credential.active
        assert not credential.expired
        self.principal = self.sts.principal = credential.principal
        return credential.principal

    def credential(self, access_key_id: str) -> iam.Credential | None:
        with self.store.snapshot() as tx:
            return iam.find_key(tx, access_key_id, self.now)

    def become_user(self, name: str) -> Principal:
        key = self.call("CreateAccessKey", UserName=name)["AccessKey"]
        return self.become(key["AccessKeyId"])
