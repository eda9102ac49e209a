"""IAM, STS and Parameter Store behind the real API door, driven by boto3 and by the AWS CLI."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from aftershock.clock import Clock
from aftershock.gateway import Gateway
from aftershock.region import authenticate
from aftershock.services import iam, ssm, sts
from aftershock.services.iam.records import ROLES, name_key
from aftershock.store import Store
from aftershock.wire import Models
from tests.conftest import eventually
from tests.services.iam.people import ACCOUNT, DOCUMENT, EC2_TRUST, trusting

AMI = "ami-0123456789abcdef0"
PUBLIC = "/aws/service/debian/release/12/latest/amd64"


class Door:
    """An API door on a free port, in a thread of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="door")
        self._thread.start()
        assert self._ready.wait(20)
        eventually(self._assert_started)
        self.url = f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def _assert_started(self) -> None:
        assert self._server.started

    def _serve(self) -> None:
        store = Store(self.state / "region.db", (*iam.TABLES, *ssm.TABLES))
        clock = Clock()
        with store.transaction() as tx:
            self.root = iam.ensure_root_key(tx, ACCOUNT, clock.now())
        gateway = Gateway(
            store=store,
            models=Models(),
            services={
                "iam": iam.OPERATIONS,
                "ssm": ssm.operations(base_image=lambda tx: AMI, sealer=ssm.Sealer.at(self.state / "ssm.key")),
                "sts": sts.operations(
                    assumable_role=iam.assumable_role,
                    issue_role_session=iam.issue_role_session,
                    issue_own_session=iam.issue_own_session,
                    account_of_key=iam.account_of_key,
                ),
            },
            authenticate=authenticate,
            clock=clock,
            region="us-east-1",
            health=dict,
            acts={},
        )
        self._server = uvicorn.Server(uvicorn.Config(gateway, port=0, log_config=None, lifespan="off"))
        self._ready.set()
        self._server.run()
        store.close()

    def client(self, service: str, *key: str) -> Any:
        """A client with the root's key, or with the id, the secret and the session token given."""
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}),
            **dict(zip(names, key or self.root, strict=False)),
        )

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    door = Door(tmp_path_factory.mktemp("identity"))
    yield door
    door.close()


def test_a_session_that_is_over_is_told_so(door: Door) -> None:
    door.client("iam").create_role(RoleName="brief", AssumeRolePolicyDocument=EC2_TRUST)
    now = datetime.now(UTC)
    store = Store(door.state / "region.db", (*iam.TABLES, *ssm.TABLES))
    with store.transaction() as tx:
        (role,) = ROLES.where(tx, "name", name_key(ACCOUNT, "brief"))
        session = iam.issue_role_session(tx, role, "one", 1, now - timedelta(seconds=2))
    store.close()
    key = (session.id, session.secret, session.token)
    for service, ask, expected in (
        ("sts", "get_caller_identity", ("ExpiredToken", 403)),
        ("iam", "list_users", ("ExpiredToken", 403)),
        ("ssm", "describe_parameters", ("ExpiredTokenException", 400)),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(door.client(service, *key), ask)()
        assert refusal(caught.value) == expected
        with pytest.raises(ClientError) as caught:
            getattr(door.client(service, *key[:2], "another token"), ask)()
        assert refusal(caught.value)[0] in ("InvalidClientTokenId", "UnrecognizedClientException")


def refusal(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_users_key_signs_until_it_is_made_inactive(door: Door) -> None:
    root = door.client("iam")
    root.create_user(UserName="alice", Path="/team/", Tags=[{"Key": "a", "Value": "b"}])
    key = root.create_access_key(UserName="alice")["AccessKey"]
    alice = door.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert alice.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/team/alice"
    root.update_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError) as caught:
        alice.get_caller_identity()
    assert refusal(caught.value) == ("InvalidClientTokenId", 403)


def test_a_roles_session_signs_with_its_token_and_not_without(door: Door) -> None:
    root = door.client("iam")
    root.create_user(UserName="bob")
    root.create_role(RoleName="deploy", AssumeRolePolicyDocument=trusting(ACCOUNT))
    key = root.create_access_key(UserName="bob")["AccessKey"]
    bob = door.client("sts", key["AccessKeyId"], key["SecretAccessKey"])
    session = bob.assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/deploy", RoleSessionName="ship")["Credentials"]
    pair = session["AccessKeyId"], session["SecretAccessKey"]
    deploy = door.client("sts", *pair, session["SessionToken"])
    assert deploy.get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ship"
    for token in ((), ("wrong",)):
        with pytest.raises(ClientError) as caught:
            door.client("sts", *pair, *token).get_caller_identity()
        assert refusal(caught.value) == ("InvalidClientTokenId", 403)
    with pytest.raises(ClientError) as caught:
        door.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/deploy", RoleSessionName="ship")
    assert refusal(caught.value) == ("AccessDenied", 403)


def test_documents_and_pages_arrive_as_boto3_understands_them(door: Door) -> None:
    root = door.client("iam")
    root.create_role(RoleName="web", AssumeRolePolicyDocument=EC2_TRUST)
    root.put_role_policy(RoleName="web", PolicyName="p", PolicyDocument=DOCUMENT)
    assert root.get_role(RoleName="web")["Role"]["AssumeRolePolicyDocument"] == json.loads(EC2_TRUST)
    assert root.get_role_policy(RoleName="web", PolicyName="p")["PolicyDocument"] == json.loads(DOCUMENT)
    pages = root.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 7})
    names = [policy["PolicyName"] for page in pages for policy in page["Policies"]]
    assert len(names) == len(set(names))
    assert "AdministratorAccess" in names
    with pytest.raises(ClientError) as caught:
        root.delete_role(RoleName="web")
    assert refusal(caught.value) == ("DeleteConflict", 409)
    with pytest.raises(ClientError) as caught:
        root.get_role(RoleName="nobody")
    assert refusal(caught.value) == ("NoSuchEntity", 404)
    with pytest.raises(ClientError) as caught:
        root.create_role(RoleName="x", AssumeRolePolicyDocument="{")
    assert refusal(caught.value) == ("MalformedPolicyDocument", 400)


def test_parameters_through_boto3(door: Door) -> None:
    client = door.client("ssm")
    assert client.get_parameter(Name=PUBLIC)["Parameter"]["Value"] == AMI
    client.put_parameter(Name="/app/password", Value="sesame", Type="SecureString")
    for number in range(12):
        client.put_parameter(Name=f"/app/{number:02}", Value=str(number), Type="String")
    pages = client.get_paginator("get_parameters_by_path").paginate(Path="/app", WithDecryption=True)
    found = {one["Name"]: one["Value"] for page in pages for one in page["Parameters"]}
    assert (len(found), found["/app/password"]) == (13, "sesame")
    with pytest.raises(client.exceptions.ParameterNotFound):
        client.get_parameter(Name="/missing")
    with pytest.raises(client.exceptions.ParameterAlreadyExists):
        client.put_parameter(Name="/app/00", Value="x", Type="String")


def test_the_aws_cli_finds_the_image_and_makes_a_profile(door: Door, tmp_path: Path) -> None:
    def aws(*arguments: str) -> Any:
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), *arguments, "--output", "json"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AWS_ENDPOINT_URL": door.url,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": door.root[0],
                "AWS_SECRET_ACCESS_KEY": door.root[1],
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    assert aws("sts", "get-caller-identity")["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert aws("ssm", "get-parameters", "--names", PUBLIC, "--query", "Parameters[0].Value") == AMI
    aws("iam", "create-role", "--role-name", "cli", "--assume-role-policy-document", EC2_TRUST)
    aws("iam", "create-instance-profile", "--instance-profile-name", "cli")
    aws("iam", "add-role-to-instance-profile", "--instance-profile-name", "cli", "--role-name", "cli")
    profile = aws("iam", "get-instance-profile", "--instance-profile-name", "cli")["InstanceProfile"]
    assert profile["Roles"][0]["AssumeRolePolicyDocument"] == json.loads(EC2_TRUST)
