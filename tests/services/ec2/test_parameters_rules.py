"""Which parameters are honoured, and that the others are not swallowed."""

import inspect
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, Shape, StructureShape

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.ec2.operations import network
from aftershock.services.ec2.rules.parameters import honours

CALL: Any = None


@honours("Name", "Rules.Cidr", only={"Tenancy": "default", "Ipv6.Enabled": False})
def operation(_call: Call, params: Params) -> Result:
    return dict(params)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"Name": "x"},
        {"Name": {"anything": ["under", {"it": 1}]}},
        {"Rules": [{"Cidr": "a"}, {"Cidr": "b"}]},
        {"Rules": []},
        {"Tenancy": "default", "Ipv6": {"Enabled": False}},
        {"DryRun": True},
        {"Other": None},
        {"Other": []},
    ],
)
def test_what_is_honoured_passes(params: dict[str, Any]) -> None:
    assert operation(CALL, params) == params


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"Names": "x"}, "The parameter Names is not supported"),
        ({"Rules": [{"Cidr": "a"}, {"Group": "b"}]}, "Rules.Group"),
        ({"Tenancy": "dedicated"}, "The value (dedicated) for parameter Tenancy"),
        ({"Ipv6": {"Enabled": True}}, "The value (true) for parameter Ipv6.Enabled"),
        ({"Other": False}, "Other"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(params: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError) as caught:
        operation(CALL, params)
    assert caught.value.code == "UnsupportedOperation"
    assert words in caught.value.message


MODEL = ServiceModel(Loader().load_service_model("ec2", "service-2"), "ec2")
OPERATIONS = network.OPERATIONS


def test_every_operation_is_one_of_the_model() -> None:
    assert OPERATIONS.keys() <= set(MODEL.operation_names)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_what_an_operation_honours_is_in_its_model(name: str) -> None:
    said = inspect.getclosurevars(OPERATIONS[name]).nonlocals  # of the check that `honours` put before it
    for path in {*said.get("honoured", ()), *said.get("single", ())} - {"DryRun"}:
        assert _leads_somewhere(MODEL.operation_model(name).input_shape, path.split(".")), path


def _leads_somewhere(shape: Shape | None, path: list[str]) -> bool:
    while isinstance(shape, ListShape):
        shape = shape.member
    if not path:
        return shape is not None
    return isinstance(shape, StructureShape) and _leads_somewhere(shape.members.get(path[0]), path[1:])
