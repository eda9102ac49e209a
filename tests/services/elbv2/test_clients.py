"""Load balancers behind the real API door, driven by boto3: what its parsers, waiters and exceptions make of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from aftershock.services.elbv2.operations import operations
from aftershock.services.elbv2.records.tables import TABLES
from tests.services.door import Door
from tests.services.elbv2.account import Surroundings, forward, of_path


@pytest.fixture(scope="module")
def elbv2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    door = Door(tmp_path_factory.mktemp("door"), {"elbv2": operations(Surroundings().outside())}, list(TABLES))
    yield door.client("elbv2")
    door.close()


def test_a_whole_load_balancer_is_made_and_unmade(elbv2: Any) -> None:
    made = elbv2.create_load_balancer(Name="web", Subnets=["subnet-a", "subnet-b"])["LoadBalancers"][0]
    group = elbv2.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId="vpc-1")["TargetGroups"][0]
    listener = elbv2.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[forward(group["TargetGroupArn"])],
    )["Listeners"][0]
    elbv2.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=[{"Id": "i-1"}, {"Id": "i-2"}])
    elbv2.create_rule(
        ListenerArn=listener["ListenerArn"],
        Priority=1,
        Conditions=[of_path("/api/*"), {"Field": "host-header", "Values": ["*.example.com"]}],
        Actions=[forward(group["TargetGroupArn"])],
    )
    rules = elbv2.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]
    assert [rule["Priority"] for rule in rules] == ["1", "default"]
    health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
    assert [one["TargetHealth"]["State"] for one in health] == ["initial", "initial"]
    with pytest.raises(elbv2.exceptions.ResourceInUseException):
        elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    elbv2.delete_load_balancer(LoadBalancerArn=made["LoadBalancerArn"])
    elbv2.get_waiter("load_balancers_deleted").wait(LoadBalancerArns=[made["LoadBalancerArn"]])
    elbv2.delete_target_group(TargetGroupArn=group["TargetGroupArn"])
    assert elbv2.describe_target_groups()["TargetGroups"] == []


def test_refusals_are_the_exceptions_of_the_client(elbv2: Any) -> None:
    with pytest.raises(elbv2.exceptions.LoadBalancerNotFoundException) as caught:
        elbv2.describe_load_balancers(Names=["nobody"])
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Message"] == "Load balancers '[nobody]' not found"
    with pytest.raises(elbv2.exceptions.SubnetNotFoundException):
        elbv2.create_load_balancer(Name="a", Subnets=["subnet-nil", "subnet-a"])
    with pytest.raises(elbv2.exceptions.ClientError) as refused:
        elbv2.create_target_group(Name="a", Protocol="HTTP", Port=80, VpcId="vpc-1", HealthCheckIntervalSeconds=5)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_the_paginator_sees_every_target_group_once(elbv2: Any) -> None:
    names = {f"group-{number}" for number in range(5)}
    for name in names:
        elbv2.create_target_group(Name=name, Protocol="TCP", Port=80, VpcId="vpc-1")
    pages = elbv2.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 2})
    found = [group["TargetGroupName"] for page in pages for group in page["TargetGroups"]]
    assert sorted(found) == sorted(names)


def test_every_operation_is_one_of_the_service_model(elbv2: Any) -> None:
    known = set(elbv2.meta.service_model.operation_names)
    assert set(operations(Surroundings().outside())) <= known
