"""An account whose calls are held against the service model, both ways: what is asked and what is answered."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.validate import ParamValidator

from aftershock.aws.call import Call, Operation, Principal
from aftershock.aws.errors import AwsError
from aftershock.store import Transaction
from aftershock.wire import Stream
from tests.services.account import ROOT, Account


@cache
def service_model(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


class Modelled(Account):
    """Calls as `principal`, who is the account's root unless somebody sets another."""

    def __init__(self, path: Path, service: str, operations: dict[str, Operation], tables: list[Any]) -> None:
        super().__init__(path, operations, tables)
        self._model = service_model(service)
        self.principal: Principal = ROOT

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        model = self._model.operation_model(operation)
        if model.input_shape is not None:
            report = ParamValidator().validate(params, model.input_shape)
            assert not report.has_errors(), report.generate_report()
        result = super().call(operation, **params)
        return conforming(model.output_shape, result) or {}

    def context(self, tx: Transaction) -> Call:
        call = super().context(tx)
        return Call(self.principal, call.region, call.request_id, call.now, tx, call.new_id)

    def refusal(self, operation: str, **params: Any) -> tuple[str, str]:
        """The code and the message that the call is refused with."""
        with pytest.raises(AwsError) as caught:
            self.call(operation, **params)
        return caught.value.code, caught.value.message


def conforming(shape: Shape | None, value: Any) -> Any:
    """The value without what is None, as the wire leaves it out; everything else must be in the model."""
    match shape:
        case None:
            assert value == {}
            return value
        case StructureShape():
            assert value.keys() <= shape.members.keys(), (shape.name, value)
            return {k: conforming(shape.members[k], v) for k, v in value.items() if v is not None}
        case ListShape():
            return [conforming(shape.member, one) for one in value]
        case MapShape():
            return {k: conforming(shape.value, v) for k, v in value.items()}
    kinds = {
        "string": str,
        "integer": int,
        "long": int,
        "boolean": bool,
        "timestamp": datetime,
        "float": float,
        "double": float,
        "blob": bytes | Stream,
    }
    assert isinstance(value, kinds[shape.type_name]), (shape.name, value)
    if enum := shape.metadata.get("enum"):
        assert value in enum, (shape.name, value)
    return value
