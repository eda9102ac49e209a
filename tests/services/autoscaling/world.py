"""An account with EC2's real operations and Auto Scaling's, in one store and under one clock that tests set.

Machines start and end as they are wanted to, at once; load balancers stand at the door and keep what they are told;
CloudWatch's operations are the real ones.  Everything is asked by the region's own way in, so that parameters are
checked as a user's are.
"""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Operation, Params, Principal, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.clock import Clock
from aftershock.control import Again
from aftershock.gateway.inside import Inside
from aftershock.services import autoscaling, cloudwatch, ec2
from aftershock.services.autoscaling.controllers.groups import GroupController
from aftershock.services.autoscaling.controllers.schedules import ScheduleController
from aftershock.services.ec2.records.instance import HEALTH, INSTANCES, Health, Instance
from aftershock.services.ec2.records.network_interface import NETWORK_INTERFACES
from aftershock.services.ec2.records.snapshot import SNAPSHOTS
from aftershock.services.ec2.records.zone_outage import ZONE_OUTAGES, ZoneOutage
from aftershock.services.ec2.rules.capacity import Host
from aftershock.services.ec2.rules.instances import state
from aftershock.store import Store
from aftershock.wire import Models
from tests.services.account import ROOT
from tests.services.modelled import conforming, service_model

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
BASE = "base-0123456789abcdef"
ARN = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/0123456789abcdef"
ROUNDS = 60
MEMORY = Path(":memory:")  # SQLite's name for a database that is in no file
MODELS = Models()  # read once, and not changed by anybody


class SetClock(Clock):
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        object.__setattr__(self, "pace", 1.0)
        object.__setattr__(self, "at", datetime(2026, 11, 22, 12, 0, tzinfo=UTC))

    def now(self) -> datetime:
        at: datetime = self.at  # type: ignore[attr-defined]
        return at

    def monotonic(self) -> float:
        return self.now().timestamp()

    def advance(self, seconds: float) -> None:
        object.__setattr__(self, "at", self.now() + timedelta(seconds=seconds))


@dataclass
class Balancers:
    """Target groups: who is registered, and in which state."""

    groups: dict[str, dict[str, str]] = field(default_factory=dict)
    initially: str = "healthy"
    refused: set[str] = field(default_factory=set)  # instances
    drains: bool = False  # whether a deregistered target goes on draining until somebody forgets it

    def operations(self) -> dict[str, Operation]:
        return {
            "DescribeTargetGroups": self._describe,
            "DescribeTargetHealth": self._health,
            "RegisterTargets": self._register,
            "DeregisterTargets": self._deregister,
        }

    def _describe(self, call: Call, params: Params) -> Result:
        for arn in params["TargetGroupArns"]:
            self._require(arn)
        found = [{"TargetGroupArn": arn, "TargetType": "instance"} for arn in params["TargetGroupArns"]]
        return {"TargetGroups": found}

    def _require(self, arn: str) -> dict[str, str]:
        if arn not in self.groups:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        return self.groups[arn]

    def _health(self, call: Call, params: Params) -> Result:
        found = self._require(params["TargetGroupArn"])
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": target}, "TargetHealth": {"State": health}} for target, health in found.items()
            ]
        }

    def _register(self, call: Call, params: Params) -> Result:
        for target in params["Targets"]:
            if target["Id"] in self.refused:
                raise AwsError("InvalidTarget", f"The target {target['Id']} is not in the target group's VPC")
            self._require(params["TargetGroupArn"])[target["Id"]] = self.initially
        return {}

    def _deregister(self, call: Call, params: Params) -> Result:
        found = self._require(params["TargetGroupArn"])
        for target in params["Targets"]:
            if self.drains and target["Id"] in found:
                found[target["Id"]] = "draining"
            else:
                found.pop(target["Id"], None)
        return {}


class World:
    def __init__(self, clock: SetClock | None = None) -> None:
        self.clock = clock or SetClock()
        tables = (*ec2.TABLES, *cloudwatch.TABLES, *autoscaling.TABLES)
        self.store = Store(MEMORY, tables)
        self.balancers = Balancers()
        self.failure: AwsError | None = None  # what RunInstances answers
        self.services: dict[str, dict[str, Operation]] = {
            "ec2": ec2.operations(_outside()),
            "elbv2": self.balancers.operations(),
            "cloudwatch": cloudwatch.operations(pace=self.clock.pace),
        }
        run = self.services["ec2"]["RunInstances"]
        self.services["ec2"]["RunInstances"] = lambda call, params: self._run(run, call, params)
        inside = Inside(
            store=self.store,
            models=MODELS,
            services=self.services,
            clock=self.clock,
            region="us-east-1",
            account=ROOT.account,
        )
        self._ask = inside.of("autoscaling", role="AWSServiceRoleForAutoScaling")
        self.asked: list[tuple[str, str]] = []
        self.dies: Callable[[str, str], None] = lambda *_: None
        self.outside = autoscaling.Outside(ask=self._watched, pace=self.clock.pace)
        self.services["autoscaling"] = autoscaling.operations(self.outside)
        with self.store.transaction() as tx:
            call = self._context(tx)
            self.vpc = ec2.default_vpc(call)
            ec2.base_image(tx, BASE, "us-east-1", self.clock.now())
            image = ec2.base_image_id(tx)
            for snapshot in SNAPSHOTS.every(tx):
                SNAPSHOTS.put(tx, replace(snapshot, captured=True))
        assert image is not None
        self.image = image
        self.steps = itertools.count()

    def _watched(self, service: str, operation: str, params: Params, *, within: Call | None = None) -> Result:
        """The door, which remembers who knocked, and where the control plane may die."""
        if within is not None:
            return self._ask(service, operation, params, within=within)
        self.asked.append((service, operation))
        self.dies(operation, "before")
        result = self._ask(service, operation, params)
        self.dies(operation, "after")
        return result

    def _run(self, run: Operation, call: Call, params: Params) -> Result:
        if self.failure is not None:
            raise self.failure
        return run(call, params)

    def _context(self, tx: Any, principal: Principal = ROOT) -> Call:
        return Call(principal, "us-east-1", "test", self.clock.now(), tx, new_id)

    def call(self, operation: str, service: str = "autoscaling", **params: Any) -> dict[str, Any]:
        """As a user's request: one transaction, rolled back when it is refused."""
        model = service_model(service).operation_model(operation)
        with self.store.transaction() as tx:
            result = self.services[service][operation](self._context(tx), params)
        return conforming(model.output_shape, result) or {}

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        try:
            self.call(operation, **params)
        except AwsError as error:
            return error.code, error.message
        raise AssertionError(f"{operation} was not refused")

    # The world

    def machines(self) -> None:
        """Every machine is what is wanted of it, and every wire is plugged."""
        with self.store.transaction() as tx:
            for instance in INSTANCES.every(tx):
                if instance.wanted == "running" and instance.ended_boot != instance.boot:
                    INSTANCES.put(tx, replace(instance, up_boot=instance.boot))
                elif instance.wanted == "stopped":
                    INSTANCES.put(tx, replace(instance, down_boot=instance.boot))
                elif instance.wanted == "terminated" and instance.terminated_at is None:
                    INSTANCES.put(tx, replace(instance, terminated_at=self.clock.now()))
            for eni in NETWORK_INTERFACES.every(tx):
                NETWORK_INTERFACES.put(tx, replace(eni, plugged=eni.plug, seen_generation=eni.generation))

    def quake(self, zone: str) -> None:
        """The zone loses its power, and whatever runs in it dies."""
        with self.store.transaction() as tx:
            ZONE_OUTAGES.put(
                tx,
                ZoneOutage(id=zone, cause="quake", zone=zone, kind="power", since=self.clock.now(), seen=True),
            )
        for instance in self.instances():
            if instance.zone == zone:
                self.kill(instance.id)

    def heal(self) -> None:
        with self.store.transaction() as tx:
            for zone in ZONE_OUTAGES.keys(tx):
                ZONE_OUTAGES.forget(tx, zone)

    def kill(self, instance_id: str) -> None:
        """The machine dies, and nobody asked for it."""
        with self.store.transaction() as tx:
            instance = INSTANCES.get(tx, instance_id)
            assert instance is not None
            INSTANCES.put(tx, replace(instance, ended_boot=instance.boot, ended_how="killed", down_boot=instance.boot))

    def impair(self, instance_id: str) -> None:
        """Its system answers no more."""
        with self.store.transaction() as tx:
            now = self.clock.now()
            health = Health(id=instance_id, boot=1, host_ok=True, ever_reachable=True, impaired_since=now)
            HEALTH.put(tx, health)

    def instances(self) -> list[Instance]:
        """Those that were not asked to end."""
        with self.store.snapshot() as tx:
            return [one for one in INSTANCES.every(tx) if state(one) not in ("terminated", "shutting-down")]

    def controllers(self) -> list[Any]:
        """New ones, that know nothing of what others did before them."""
        steps = self.steps
        return [
            GroupController(self.store, self.clock, self.outside, lambda: f"00000000-0000-4000-8000-{next(steps):012}"),
            ScheduleController(self.store, self.clock),
        ]

    def look(self) -> list[str]:
        """Every controller looks at every key once; what they said."""
        return asyncio.run(self._look(self.controllers()))

    async def _look(self, controllers: list[Any]) -> list[str]:
        said = []
        for controller in controllers:
            for key in sorted(await controller.keys()):
                outcome = await controller.reconcile(key)
                assert not isinstance(outcome, Again) or outcome.after_s >= 0
                said.append(outcome.reason)
        return said

    def settle(self) -> list[str]:
        """Look until two rounds in a row change nothing; the last reasons."""
        self.clock.advance(0.001)  # so that what was done has an order
        before: Any = None
        for _ in range(ROUNDS):
            said = self.look()
            self.machines()
            now = (said, self._rows())
            if now == before:
                return said
            before = now
        raise AssertionError(f"does not settle: {before[0]}")

    def _rows(self) -> list[Any]:
        with self.store.snapshot() as tx:
            return [table.every(tx) for table in (*autoscaling.TABLES, INSTANCES)]

    def later(self, seconds: float) -> list[str]:
        self.clock.advance(seconds)
        return self.settle()

    # Short forms

    def template(self, name: str = "web", **data: Any) -> str:
        made = self.call(
            "CreateLaunchTemplate",
            "ec2",
            LaunchTemplateName=name,
            LaunchTemplateData={"ImageId": self.image, "InstanceType": "t2.micro", **data},
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def version(self, name: str = "web", **data: Any) -> str:
        made = self.call(
            "CreateLaunchTemplateVersion",
            "ec2",
            LaunchTemplateName=name,
            SourceVersion="1",
            LaunchTemplateData=data or {"InstanceType": "t2.small"},
        )
        return str(made["LaunchTemplateVersion"]["VersionNumber"])

    def group(self, desired: int = 2, *, low: int = 0, high: int = 10, **params: Any) -> None:
        """A settled group "web" over all zones."""
        self.wish(desired, low=low, high=high, **params)
        self.settle()

    def wish(self, desired: int = 2, *, low: int = 0, high: int = 10, **params: Any) -> None:
        if not {"LaunchTemplate", "MixedInstancesPolicy", "LaunchConfigurationName"} & params.keys():
            self.template()
            params["LaunchTemplate"] = {"LaunchTemplateName": "web", "Version": "$Latest"}
        given = {
            "AutoScalingGroupName": "web",
            "MinSize": low,
            "MaxSize": high,
            "DesiredCapacity": desired,
            "AvailabilityZones": list(ZONES),
            **params,
        }
        self.call("CreateAutoScalingGroup", **given)

    def targets(self) -> dict[str, str]:
        """A target group, for `TargetGroupARNs=[ARN]`."""
        return self.balancers.groups.setdefault(ARN, {})

    def described(self) -> dict[str, Any]:
        found = self.call("DescribeAutoScalingGroups", AutoScalingGroupNames=["web"])["AutoScalingGroups"]
        return dict(found[0])

    def members(self, *states: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.described()["Instances"]
        return [one for one in found if not states or one["LifecycleState"] in states]

    def ids(self, *states: str) -> list[str]:
        return [one["InstanceId"] for one in self.members(*states)]

    def zones(self) -> list[int]:
        """How many there are in each zone, least first."""
        counts = [sum(one["AvailabilityZone"] == zone for one in self.members("InService")) for zone in ZONES]
        return sorted(counts)

    def activities(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("DescribeScalingActivities", AutoScalingGroupName="web")["Activities"]
        return found

    def alarms(self) -> dict[str, dict[str, Any]]:
        found = self.call("DescribeAlarms", "cloudwatch")["MetricAlarms"]
        return {one["AlarmName"]: one for one in found}

    def set_alarm(self, name: str, state: str = "ALARM") -> None:
        self.call("SetAlarmState", "cloudwatch", AlarmName=name, StateValue=state, StateReason="a test")

    def put_alarm(self, name: str, *actions: str) -> None:
        self.call(
            "PutMetricAlarm",
            "cloudwatch",
            AlarmName=name,
            Namespace="test",
            MetricName="test",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=list(actions),
        )

    def alarmed(self) -> autoscaling.Alarmed:
        return autoscaling.Alarmed(self.store, self.clock, self.outside)


def _outside() -> ec2.Outside:
    return ec2.Outside(
        profile_of=lambda tx, account, name: None,
        parameter=lambda call, name: None,
        host=lambda machines: Host(memory_mib=65536, available_mib=60000, bootable=1000),
        console_of=lambda name: b"",
    )
