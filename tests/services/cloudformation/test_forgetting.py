"""What happened to a stack that goes on is known for ninety days."""

import asyncio
from datetime import timedelta

from aftershock.services.cloudformation.controllers import controllers
from aftershock.services.cloudformation.controllers.forgetting import outlived
from aftershock.services.cloudformation.records import EVENTS

TEMPLATE = "Resources: {One: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: VALUE}}}"


def forget(cloud):
    """As the controller does: what is outlived is forgotten, in a later transaction."""
    with cloud.store.transaction() as tx:
        old = list(outlived(tx, cloud.now - timedelta(days=90)))
    with cloud.store.transaction() as tx:
        for key in old:
            EVENTS.forget(tx, key)
    return len(old)


def test_events_are_forgotten_after_ninety_days_and_those_told_since_are_not(cloud):
    cloud.create(TEMPLATE)
    created = cloud.events()
    cloud.now += timedelta(days=89)
    cloud.update(TEMPLATE.replace("VALUE", "other"))
    both = cloud.events()
    assert both[: len(created)] == created and forget(cloud) == 0
    cloud.now += timedelta(days=2)
    assert forget(cloud) == len(created)
    assert cloud.events() == both[len(created) :]
    cloud.now += timedelta(days=90)
    forget(cloud)
    assert cloud.events() == [] and cloud.status() == "UPDATE_COMPLETE"


def test_events_told_after_others_were_forgotten_are_the_newest(cloud):
    cloud.create(TEMPLATE)
    before = {one["EventId"] for one in cloud.cfn("DescribeStackEvents", StackName="web")["StackEvents"]}
    cloud.now += timedelta(days=91)
    forget(cloud)
    cloud.update(TEMPLATE.replace("VALUE", "other"))
    told = cloud.cfn("DescribeStackEvents", StackName="web")["StackEvents"]
    assert [told[0]["ResourceStatus"], told[-1]["ResourceStatus"]] == ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"]
    assert not before & {one["EventId"] for one in told}


def test_the_controller_of_old_events_is_one_of_cloudformations(cloud):
    made = {one.kind: one for one in controllers(cloud.store, cloud.clock, "us-east-1", cloud.outside)}
    assert set(made) == {"cloudformation.stack", "cloudformation.forgetting"}
    assert asyncio.run(made["cloudformation.forgetting"].keys()) == {"cloudformation.forgetting"}
