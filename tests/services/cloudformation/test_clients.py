"""AWS's own clients, unmodified, through the real gateway."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from datetime import timedelta

import boto3
import pytest
import uvicorn
from botocore.exceptions import ClientError

from aftershock.clock import Clock
from aftershock.gateway import Credential, Gateway
from aftershock.services.cloudformation.controllers import StackController
from aftershock.wire import Secret
from tests.conftest import eventually
from tests.services.account import ROOT

from .test_operations import SETTING
from .test_tiers import TIER
from .world import REGION, Cloud, models

KEY, SECRET = "AKIAEXAMPLE", "secret"


class Served:
    """The world behind a door of its own, with its controllers running."""

    def __init__(self, path):
        self._path = path
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ended = threading.Event()
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="world")
        self._thread.start()

    def _run(self):
        try:
            asyncio.run(self._serve(Cloud(self._path)))
        except BaseException as error:
            self._failure.append(error)

    async def _serve(self, cloud):
        gateway = Gateway(
            store=cloud.store,
            models=models(),
            services=cloud.services,
            authenticate=lambda tx, key, now: Credential(Secret(SECRET, None, False), ROOT),
            clock=Clock(),  # signatures are of the present
            region=REGION,
            health=dict,
            acts={},
        )
        server = uvicorn.Server(uvicorn.Config(gateway, log_level="warning", lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        stacks = StackController(cloud.store, cloud.clock, REGION, cloud.outside)
        while not self._ended.is_set():
            for key in await stacks.keys():
                await stacks.reconcile(key)
            await cloud._settle(None)
            cloud.now += timedelta(seconds=1)
            await asyncio.sleep(0.05)
        server.should_exit = True
        await serving
        cloud.store.close()

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name=REGION
        )

    def aws(self, *words, home):
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AWS_DEFAULT_REGION": REGION}
        environment |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--endpoint-url", self.url, "cloudformation", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self):
        self._ended.set()
        self._thread.join()
        self._socket.close()
        assert not self._failure, self._failure


@pytest.fixture
def served(tmp_path):
    made = Served(tmp_path / "region.db")
    try:
        yield made
    finally:
        made.stop()


def refusal(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_deploy_makes_a_tier_says_when_nothing_changes_and_waiters_see_it_go(served, tmp_path):
    template = tmp_path / "tier.yaml"
    template.write_text(TIER)
    words = ("deploy", "--template-file", str(template), "--stack-name", "web", "--no-fail-on-empty-changeset")
    assert "Successfully created/updated stack - web" in served.aws(*words, home=tmp_path)
    assert "No changes to deploy. Stack web is up to date" in served.aws(*words, home=tmp_path)
    assert '"Many"' in served.aws("validate-template", "--template-body", f"file://{template}", home=tmp_path)
    client = served.client("cloudformation")
    assert client.get_template(StackName="web")["TemplateBody"] == TIER
    client.delete_stack(StackName="web")
    waiter = client.get_waiter("stack_delete_complete")
    waiter.wait(StackName="web", WaiterConfig={"Delay": 1, "MaxAttempts": 120})


def test_clients_know_our_refusals(served):
    client = served.client("cloudformation")
    client.create_stack(StackName="web", TemplateBody=SETTING)
    eventually(lambda: complete(client), within_s=60)
    assert refusal(client.describe_stacks, StackName="no") == ("ValidationError", "Stack with id no does not exist")
    with pytest.raises(client.exceptions.AlreadyExistsException, match=r"Stack \[web\] already exists"):
        client.create_stack(StackName="web", TemplateBody=SETTING)
    with pytest.raises(client.exceptions.ChangeSetNotFoundException):
        client.describe_change_set(StackName="web", ChangeSetName="no")
    with pytest.raises(client.exceptions.InsufficientCapabilitiesException, match=r"\[CAPABILITY_IAM\]"):
        client.create_stack(StackName="x", TemplateBody="Resources: {R: {Type: 'AWS::IAM::Group'}}")
    assert (
        refusal(client.update_stack, StackName="web", UsePreviousTemplate=True)[1] == "No updates are to be performed."
    )
    pages = client.get_paginator("describe_stack_events").paginate(StackName="web")
    assert sum(len(page["StackEvents"]) for page in pages) == 8


def complete(client):
    status = client.describe_stacks(StackName="web")["Stacks"][0]["StackStatus"]
    assert status == "CREATE_COMPLETE", status
