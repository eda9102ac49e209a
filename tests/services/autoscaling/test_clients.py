"""boto3 and the control loop: groups live, and are told of what happens."""

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from aftershock.aws.call import Tx
from aftershock.control import Loop
from aftershock.gateway import Gateway
from aftershock.gateway.door import Credential
from aftershock.services import autoscaling
from aftershock.wire import Secret
from tests.conftest import eventually
from tests.services.account import ROOT
from tests.services.door import served

from .world import MODELS, SetClock, World

KEY, SECRET = "AKIATEST", "secret"
WITHIN_S = 30.0


class Running(SetClock):
    """Runs by itself, a minute in a second."""

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "pace", 60.0)

    def now(self) -> datetime:
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


class Live:
    """A world in a thread of its own, whose machines do what is wanted a moment later."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="control")
        self._thread.start()
        assert self._started.wait(WITHIN_S)

    async def _run(self) -> None:
        world = World(Running())
        # Only changes wake it, so that a wake-up that is missing is seen.
        control = Loop(*autoscaling.controllers(world.store, world.clock, world.outside), resync_s=3600.0)
        world.store.after_commit.append(control.changed)
        gateway = Gateway(
            store=world.store,
            models=MODELS,
            services=world.services,
            authenticate=authenticate,
            clock=world.clock,
            region="us-east-1",
            health=dict,
            acts={},
        )
        self._loop, self._ended, self.image = asyncio.get_running_loop(), asyncio.Event(), world.image
        async with served(gateway, _machines(world), control.run()) as self.url:
            self._started.set()
            await self._ended.wait()
        world.store.close()

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"total_max_attempts": 1}),
        )

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()


async def _machines(world: World) -> None:
    while True:
        world.machines()
        await asyncio.sleep(0.02)


def authenticate(tx: Tx, access_key_id: str, now: object) -> Credential | None:
    return Credential(Secret(SECRET), ROOT) if access_key_id == KEY else None


@pytest.fixture
def live() -> Iterator[Live]:
    live = Live()
    yield live
    live.close()


def in_service(client: Any, count: int) -> list[str]:
    """The ids, once there are so many and nothing else."""

    def check() -> list[str]:
        found = client.describe_auto_scaling_groups()["AutoScalingGroups"][0]["Instances"]
        assert [one["LifecycleState"] for one in found] == ["InService"] * count
        return [one["InstanceId"] for one in found]

    found: list[str] = eventually(check, within_s=WITHIN_S)
    return found


def test_a_group_lives_as_boto3_sees_it(live: Live) -> None:
    ec2, client = live.client("ec2"), live.client("autoscaling")
    ec2.create_launch_template(
        LaunchTemplateName="web", LaunchTemplateData={"ImageId": live.image, "InstanceType": "t2.micro"}
    )
    client.create_auto_scaling_group(
        AutoScalingGroupName="web",
        MinSize=0,
        MaxSize=5,
        DesiredCapacity=3,
        AvailabilityZones=["us-east-1a", "us-east-1b", "us-east-1c"],
        LaunchTemplate={"LaunchTemplateName": "web", "Version": "$Latest"},
        DefaultInstanceWarmup=0,
    )
    before = in_service(client, 3)
    ec2.stop_instances(InstanceIds=before[:1])

    def replaced() -> None:
        assert before[0] not in in_service(client, 3)

    eventually(replaced, within_s=WITHIN_S)
    metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
    client.put_scaling_policy(
        AutoScalingGroupName="web",
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={"TargetValue": 42.5, "PredefinedMetricSpecification": metric},
    )
    policy = client.describe_policies()["ScalingPolicies"][0]
    assert policy["TargetTrackingConfiguration"]["TargetValue"] == 42.5
    client.put_scaling_policy(
        AutoScalingGroupName="web",
        PolicyName="steps",
        PolicyType="StepScaling",
        AdjustmentType="ChangeInCapacity",
        StepAdjustments=[{"MetricIntervalLowerBound": 0.5, "ScalingAdjustment": 2}],
    )
    client.execute_policy(AutoScalingGroupName="web", PolicyName="steps", MetricValue=2.0, BreachThreshold=1.0)
    in_service(client, 5)
    client.put_lifecycle_hook(
        AutoScalingGroupName="web",
        LifecycleHookName="bye",
        LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
        HeartbeatTimeout=60,
        DefaultResult="CONTINUE",
    )
    client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
    in_service(client, 1)
    activities = client.describe_scaling_activities(AutoScalingGroupName="web")["Activities"]
    assert {one["StatusCode"] for one in activities} == {"Successful"}
    client.delete_auto_scaling_group(AutoScalingGroupName="web", ForceDelete=True)

    def deleted() -> None:
        assert client.describe_auto_scaling_groups()["AutoScalingGroups"] == []

    eventually(deleted, within_s=WITHIN_S)
    with pytest.raises(client.exceptions.ClientError, match="AutoScalingGroup name not found"):
        client.set_desired_capacity(AutoScalingGroupName="web", DesiredCapacity=1)
