"""Cost Explorer and reserved instances through the API door, by boto3."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from aftershock.aws.call import Principal
from aftershock.clock import Clock
from aftershock.gateway import Credential, Gateway
from aftershock.services import ce, ec2
from aftershock.services.ce.records import STRETCHES
from aftershock.services.ec2.operations import reserved_instances
from aftershock.store import Store
from aftershock.wire import Models, Secret
from tests.conftest import eventually
from tests.services.ce.cases import ACCOUNT, stretch

KEY, SECRET = "AKIAEXAMPLE", "secret"
ROOT = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, KEY)


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path: Path = tmp_path_factory.mktemp("ce") / "region.db"
    door, made = SimpleNamespace(), threading.Event()

    def serve() -> None:
        store = Store(path, [*ce.TABLES, *ec2.TABLES])
        with store.transaction() as tx:
            three_hours = {"since": NOW - timedelta(hours=5), "until": NOW - timedelta(hours=2)}
            STRETCHES.put(tx, stretch("i-1", "t3.micro", 0, 0, tags={"Name": "web"}, **three_hours))
        gateway = Gateway(
            store=store,
            models=Models(),
            services={"ce": ce.operations(ec2.reservations), "ec2": reserved_instances.OPERATIONS},
            authenticate=lambda tx, key_id, now: Credential(Secret(SECRET), ROOT) if key_id == KEY else None,
            clock=Clock(),
            region="us-east-1",
            health=lambda: {},
            acts={},
        )
        door.server = uvicorn.Server(uvicorn.Config(gateway, port=0, log_config=None, lifespan="off"))
        made.set()
        door.server.run()
        store.close()

    thread = threading.Thread(target=serve)
    thread.start()
    made.wait()

    def started() -> None:
        assert door.server.started

    eventually(started)
    yield door.server.servers[0].sockets[0].getsockname()[1]
    door.server.should_exit = True
    thread.join(10)


def client(port: int, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 0}),
    )


def test_costs_are_read_as_from_aws(port: int) -> None:
    found = client(port, "ce").get_cost_and_usage(
        TimePeriod={"Start": f"{NOW - timedelta(days=1):%Y-%m-%d}", "End": f"{NOW + timedelta(days=1):%Y-%m-%d}"},
        Granularity="DAILY",
        Metrics=["UnblendedCost", "UsageQuantity"],
        GroupBy=[{"Type": "DIMENSION", "Key": "USAGE_TYPE"}, {"Type": "TAG", "Key": "Name"}],
        Filter={"Dimensions": {"Key": "REGION", "Values": ["us-east-1"]}},
    )
    groups = [group for day in found["ResultsByTime"] for group in day["Groups"]]
    assert {tuple(group["Keys"]) for group in groups} == {("BoxUsage:t3.micro", "Name$web")}
    amounts = {
        metric: sum(Decimal(group["Metrics"][metric]["Amount"]) for group in groups)
        for metric in ("UnblendedCost", "UsageQuantity")
    }
    assert amounts["UsageQuantity"] == pytest.approx(Decimal(3))
    assert amounts["UnblendedCost"] == pytest.approx(Decimal("0.0312"))
    assert {group["Metrics"]["UsageQuantity"]["Unit"] for group in groups} == {"Hrs"}


def test_a_refusal_has_its_code_and_status(port: int) -> None:
    with pytest.raises(ClientError) as caught:
        client(port, "ce").get_cost_and_usage(
            TimePeriod={"Start": "2026-11-22", "End": "2026-11-22"}, Granularity="DAILY", Metrics=["UnblendedCost"]
        )
    response = caught.value.response
    assert response["Error"]["Code"] == "ValidationException"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_offerings_come_in_pages_and_can_be_bought(port: int) -> None:
    compute = client(port, "ec2")
    pages = compute.get_paginator("describe_reserved_instances_offerings").paginate(
        InstanceType="t3.micro", PaginationConfig={"PageSize": 5}
    )
    found = [one for page in pages for one in page["ReservedInstancesOfferings"]]
    assert len(found) == 24
    regional = next(one for one in found if one["Scope"] == "Region")
    bought = compute.purchase_reserved_instances_offering(
        ReservedInstancesOfferingId=regional["ReservedInstancesOfferingId"], InstanceCount=2
    )
    (one,) = compute.describe_reserved_instances()["ReservedInstances"]
    assert (one["ReservedInstancesId"], one["State"]) == (bought["ReservedInstancesId"], "payment-pending")
