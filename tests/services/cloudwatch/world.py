"""CloudWatch whole: the API door and its controllers, and what it asks of others written down."""

import asyncio
import threading
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from aftershock.aws.call import Principal, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.metrics import Datum
from aftershock.clock import Clock
from aftershock.control import Loop
from aftershock.gateway import Credential, Gateway
from aftershock.services import cloudwatch
from aftershock.store import Store
from aftershock.wire import Models, Secret
from tests.services.door import served

KEY, SECRET = "AKIAEXAMPLE", "secret"
ACCOUNT, REGION = "123456789012", "us-east-1"
ROOT = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, KEY)
POLICY = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:autoScalingGroupName/web:policyName/out"


class World:
    def __init__(self, state: Path, pace: float) -> None:
        self.state, self.clock = state, Clock(pace)
        self.measured: list[tuple[str, float]] = []  # what the source measures at every minute
        self.fired: list[cloudwatch.Fired] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.refusal: AwsError | None = None  # of whoever is asked
        self.start()

    def start(self) -> None:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._control()), name="control")
        self._thread.start()
        assert self._started.wait(20)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    async def source(self, at: datetime) -> Iterable[Datum]:
        return [
            Datum(namespace="AWS/EC2", name=name, unit="Percent", at=at, sum=value, minimum=value, maximum=value)
            for name, value in self.measured
        ]

    def scaling(self, fired: cloudwatch.Fired) -> str:
        self.fired.append(fired)
        if self.refusal is not None:
            raise self.refusal
        return "the desired capacity is changed from 1 to 2"

    def ask(self, service: str, operation: str, params: Any, *, within: Any = None) -> dict[str, Any]:
        self.asked.append((service, operation, params))
        if self.refusal is not None:
            raise self.refusal
        return {}

    async def _control(self) -> None:
        store = Store(self.state / "region.db", cloudwatch.TABLES)
        outside = cloudwatch.Outside(sources=(self.source,), ask=self.ask, scaling=self.scaling)
        control = Loop()
        control.add(*cloudwatch.controllers(store, self.clock, REGION, control.wake, account=ACCOUNT, outside=outside))
        store.after_commit.append(control.changed)
        gateway = Gateway(
            store=store,
            models=Models(),
            services={"cloudwatch": cloudwatch.operations(pace=self.clock.pace)},
            authenticate=authenticate,
            clock=self.clock,
            region=REGION,
            health=dict,
            acts={},
        )
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        async with served(gateway, control.run()) as self.url:
            self._started.set()
            await self._ended.wait()
        store.close()

    def client(self) -> Any:
        # A session of its own: what a test does to one client is no other's business.
        return boto3.session.Session().client(
            "cloudwatch",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )


def authenticate(tx: Tx, access_key_id: str, now: object) -> Credential | None:
    return Credential(Secret(SECRET), ROOT) if access_key_id == KEY else None
