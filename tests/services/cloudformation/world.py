"""A region of real services in one store, with CloudFormation as their client; only the engines are in memory."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from aftershock.aws.call import Call
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.engines.certificates import CertificateAuthority
from aftershock.gateway import Inside
from aftershock.services import (
    acm,
    autoscaling,
    cloudformation,
    cloudwatch,
    ec2,
    ecr,
    elbv2,
    fis,
    iam,
    route53,
    s3,
    ssm,
)
from aftershock.services.cloudformation.controllers import StackController
from aftershock.services.cloudformation.records import STACKS
from aftershock.services.ec2.controllers.nat_gateways import NatGatewayController
from aftershock.services.ec2.records.vpc import VPCS
from aftershock.services.ec2.rules.capacity import Host
from aftershock.services.elbv2.controllers.targets import TargetController
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS
from aftershock.services.route53.records import CHANGES
from aftershock.store import Store
from aftershock.wire import Models
from aftershock.wiring import balancing, users_of_role
from tests.services.account import ROOT
from tests.services.acm.makings import Names
from tests.services.ec2.compute import Compute, SetClock
from tests.services.ec2.ground import Ground
from tests.services.modelled import conforming, service_model
from tests.services.s3.world import opened

REGION, ACCOUNT = "us-east-1", "123456789012"
TABLES = (
    *acm.TABLES,
    *autoscaling.TABLES,
    *cloudformation.TABLES,
    *cloudwatch.TABLES,
    *ec2.TABLES,
    *ecr.TABLES,
    *elbv2.TABLES,
    *fis.TABLES,
    *iam.TABLES,
    *route53.TABLES,
    *s3.TABLES,
    *ssm.TABLES,
)
ROUNDS = 80


@cache
def models() -> Models:
    return Models()


class Cloud(Compute):
    def __init__(self, path: Path) -> None:
        self.now = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
        self.clock = SetClock(self._now)
        self.ground = Ground(now=self._unix_time)
        self.answering = True
        self.host = Host(memory_mib=16384, available_mib=12000, bootable=1000)
        self.store = Store(path, TABLES)
        self.templates: dict[str, str] = {}  # what lies at which URL
        self.services: dict[str, Any] = {}
        inside = Inside(
            store=self.store, models=models(), services=self.services, clock=self.clock, region=REGION, account=ACCOUNT
        )
        self.outside = cloudformation.Outside(
            ask=inside.of("cloudformation", role="AWSServiceRoleForCloudFormation"),
            fetch=self._fetch,
            marked=frozenset({"ec2"}),
        )
        self.scaling = autoscaling.Outside(ask=inside.of("autoscaling", role="AWSServiceRoleForAutoScaling"))
        self.balancing = dataclasses.replace(balancing(self.clock), certificate=lambda tx, account, arn: None)
        self.names = Names()  # what the public DNS answers to Certificate Manager
        authority = CertificateAuthority(path.parent / "authority")
        authority.ensure(self.now)
        self.issuing = acm.Outside(
            users=elbv2.users_of_certificate,
            ask=self.names.ask,
            certify=authority.certify,
            chain=authority.certificate.read_bytes,
        )
        self.experiments = fis.Outside(
            ask=inside.of("fis", role="AWSServiceRoleForFIS"),
            may_assume=lambda tx, account, arn: iam.service_may_assume(tx, account, arn, "fis.amazonaws.com"),
            outages=fis.Outages(
                begin=ec2.begin_outage,
                disrupt=ec2.begin_disruption,
                end=ec2.end_outages,
                seen=ec2.outage,
                tables=ec2.OUTAGE_TABLES,
            ),
            instance_table=ec2.INSTANCE_TABLE,
            alarm_table=cloudwatch.ALARM_STATE_TABLE,
        )
        sealer = ssm.Sealer(bytes(32))
        self.services |= {
            "acm": acm.operations(self.issuing),
            "autoscaling": autoscaling.operations(self.scaling),
            "cloudwatch": cloudwatch.operations(pace=1.0),
            "elbv2": elbv2.operations(self.balancing),
            "cloudformation": cloudformation.operations(self.outside),
            "ec2": ec2.operations(
                ec2.Outside(
                    profile_of=self._profile,
                    parameter=ssm.reader(base_image=ec2.base_image_id, sealer=sealer),
                    host=self._host,
                    console_of=lambda _: b"",
                )
            ),
            "fis": fis.operations(self.experiments),
            "ecr": ecr.operations(ecr.Data(opened(path.parent / "registry"), ACCOUNT, REGION)),
            "iam": iam.operations(users_of_role),
            "route53": route53.operations(self._names()),
            "s3": s3.operations(s3.Data(opened(path.parent), ACCOUNT)),
            "ssm": ssm.operations(base_image=ec2.base_image_id, sealer=sealer),
        }
        with self.store.transaction() as tx:
            ec2.default_vpc(self._call(tx))
        self.settle()
        with self.store.snapshot() as tx:
            image = ec2.base_image_id(tx)
        assert image is not None
        self.image = image

    def _names(self) -> route53.Outside:
        """No resolver: a change to names is never seen to be answered from."""

        def nobody(name: str, kind: str) -> Any:
            raise AwsError("ServiceUnavailable", "The resolver does not answer.")

        return route53.Outside(names=lambda tx: (), networks=lambda tx: (), tables=frozenset(), ask=nobody)

    def _host(self, machines: int) -> Host:
        return dataclasses.replace(self.host, bootable=min(self.host.bootable, machines))

    def _profile(self, tx: Any, account: str, name_or_arn: str) -> ec2.Profile | None:
        found = iam.instance_profile(tx, account, name_or_arn)
        return ec2.Profile(arn=found.arn, id=found.id) if found else None

    def _fetch(self, call: Call, url: str) -> bytes:
        if url not in self.templates:
            raise AwsError("ValidationError", "S3 error: The specified key does not exist.")
        return self.templates[url].encode()

    def _call(self, tx: Any) -> Call:
        self.now += timedelta(seconds=1)
        return Call(principal=ROOT, region=REGION, request_id="test", now=self.now, tx=tx, new_id=new_id)

    def ask(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """As a user asks; the answer is held against the model."""
        with self.store.transaction() as tx:
            result = self.outside.ask(service, operation, params, within=self._call(tx))
        if operation == "DescribeStackEvents":
            return result  # AWS tells a stack's statuses among its events, though the model's enum lacks some of them
        model = service_model(service).operation_model(operation)
        return conforming(model.output_shape, result) or {}

    def cfn(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.ask("cloudformation", operation, **params)

    def refused(self, operation: str, **params: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as caught:
            self.cfn(operation, **params)
        return caught.value.code, caught.value.message

    def plug(self) -> None:
        """The network's and the nodes' part too: routers and load balancers stand as soon as they are wanted."""
        super().plug()
        with self.store.transaction() as tx:
            for vpc in VPCS.every(tx):
                VPCS.put(tx, replace(vpc, routed=True, seen_generation=vpc.generation))
            for balancer in LOAD_BALANCERS.every(tx):
                if balancer.wanted:
                    LOAD_BALANCERS.put(tx, replace(balancer, state="active"))
                else:
                    LOAD_BALANCERS.forget(tx, balancer.arn)

    def controllers(self, ground: Any = None) -> list[Any]:
        targets = TargetController(self.store, self.clock, self.balancing, elbv2.Sights())
        groups = autoscaling.controllers(self.store, self.clock, self.scaling)
        certificates = acm.controllers(self.store, self.clock, self.issuing)
        gateways = NatGatewayController(self.store, self.clock, REGION)
        return [*super().controllers(ground), gateways, targets, *groups, *certificates]

    def synchronise(self) -> None:
        """The resolver's part: what has changed is answered."""
        with self.store.transaction() as tx:
            for change in CHANGES.every(tx):
                CHANGES.put(tx, replace(change, in_sync=True))

    def _rows(self) -> list[Any]:
        with self.store.snapshot() as tx:
            return [table.every(tx) for table in TABLES]

    # --- the controllers ------------------------------------------------------------------------------------------

    def round(self) -> None:
        """Look at every stack once, with a controller that knows nothing of what others did before it."""

        async def look() -> None:
            controller = StackController(self.store, self.clock, REGION, self.outside)
            for key in sorted(await controller.keys()):
                await controller.reconcile(key)

        asyncio.run(look())

    def drive(self) -> None:
        """Until nothing is under way."""
        for _ in range(ROUNDS):
            self.round()
            self.settle()
            self.now += timedelta(seconds=1)
            with self.store.snapshot() as tx:
                left = [one for one in STACKS.every(tx) if one.status.endswith("_IN_PROGRESS")]
            if all(one.status == "REVIEW_IN_PROGRESS" for one in left):
                return
        raise AssertionError([(one.name, one.status, self.resources(one.name)) for one in left])

    # --- what is seen ---------------------------------------------------------------------------------------------

    def create(self, template: str, name: str = "web", **params: Any) -> str:
        made = str(self.cfn("CreateStack", StackName=name, TemplateBody=template, **params)["StackId"])
        self.drive()
        return made

    def update(self, template: str, name: str = "web", **params: Any) -> None:
        self.cfn("UpdateStack", StackName=name, TemplateBody=template, **params)
        self.drive()

    def stack(self, name: str = "web") -> dict[str, Any]:
        return dict(self.cfn("DescribeStacks", StackName=name)["Stacks"][0])

    def status(self, name: str = "web") -> str:
        return str(self.stack(name)["StackStatus"])

    def outputs(self, name: str = "web") -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.stack(name).get("Outputs", [])}

    def resources(self, name: str = "web") -> dict[str, str]:
        found = self.cfn("DescribeStackResources", StackName=name)["StackResources"]
        return {one["LogicalResourceId"]: one["ResourceStatus"] for one in found}

    def physical(self, logical_id: str, name: str = "web") -> str:
        found = self.cfn("DescribeStackResource", StackName=name, LogicalResourceId=logical_id)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, name: str = "web") -> list[tuple[str, str, str]]:
        """Oldest first: logical id, status, reason."""
        found: list[dict[str, Any]] = []
        token: dict[str, str] = {}
        while True:
            page = self.cfn("DescribeStackEvents", StackName=name, **token)
            found += page["StackEvents"]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        return [
            (one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", ""))
            for one in reversed(found)
        ]

    def instance_of(self, instance_id: str) -> dict[str, Any]:
        found = self.ask("ec2", "DescribeInstances", InstanceIds=[instance_id])
        return dict(found["Reservations"][0]["Instances"][0])
