"""What services ask of one another, before tables of operations of the test's own."""

import msgspec
import pytest

from aftershock.aws.call import Call, Principal
from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.gateway import Inside
from aftershock.store import Store, Table
from aftershock.wire import Models


class Note(msgspec.Struct, frozen=True):
    id: str
    by: str


NOTES = Table("note", Note)


def create_vpc(call, params):
    NOTES.put(call.tx, Note(params["CidrBlock"], call.principal.service))
    if params["CidrBlock"] == "refused":
        raise AwsError("InvalidVpc.Range", "The CIDR 'refused' is invalid.")
    return {"Vpc": {"VpcId": "vpc-1", "CidrBlock": params["CidrBlock"], "OwnerId": None, "Tags": ()}}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "region.db", [NOTES])
    yield store
    store.close()


@pytest.fixture
def ask(store):
    services = {}
    inside = Inside(
        store=store, models=Models(), services=services, clock=Clock(), region="us-east-1", account="123456789012"
    )
    ask = inside.of("autoscaling", role="AWSServiceRoleForAutoScaling")
    services["ec2"] = {"CreateVpc": create_vpc}  # those who ask are made before those who answer
    return ask


def notes(store):
    with store.snapshot() as tx:
        return {note.id: note.by for note in NOTES.every(tx)}


def test_a_service_asks_by_its_own_name_and_what_it_asked_for_is_committed(ask, store):
    made = ask("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/16", "DryRun": None})
    assert made == {"Vpc": {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "Tags": []}}
    assert notes(store) == {"10.0.0.0/16": "autoscaling.amazonaws.com"}


def test_a_refusal_is_the_other_services_own_and_leaves_nothing(ask, store):
    with pytest.raises(AwsError, match="The CIDR 'refused' is invalid") as caught:
        ask("ec2", "CreateVpc", {"CidrBlock": "refused"})
    assert caught.value.code == "InvalidVpc.Range" and notes(store) == {}


def test_within_a_call_it_is_the_callers_and_falls_with_it(ask, store):
    user = Principal("123456789012", "arn:aws:iam::123456789012:root", "123456789012", "AKIAEXAMPLE")
    with pytest.raises(RuntimeError), store.transaction() as tx:
        call = Call(principal=user, region="us-east-1", request_id="r", now=Clock().now(), tx=tx, new_id=str)
        ask("ec2", "CreateVpc", {"CidrBlock": "10.1.0.0/16"}, within=call)
        assert NOTES.get(tx, "10.1.0.0/16").by == ""
        raise RuntimeError
    assert notes(store) == {}


@pytest.mark.parametrize(
    "refused",
    [
        ("ec2", "CreateVpc", {"CidrBlock": 7}, "ValidationError"),
        ("ec2", "CreateVpc", {"Cidr": "10.0.0.0/16"}, "ValidationError"),
        ("ec2", "CreateVpc", {"InstanceTenancy": "none"}, "InvalidParameterValue"),
        ("ec2", "CreateSubnet", {}, "UnsupportedOperation"),
        ("sqs", "CreateQueue", {"QueueName": "q"}, "NotImplemented"),
    ],
)
def test_what_a_user_could_not_ask_no_service_can(ask, store, refused):
    service, operation, params, code = refused
    with pytest.raises(AwsError) as caught:
        ask(service, operation, params)
    assert caught.value.code == code and notes(store) == {}
