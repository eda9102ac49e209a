"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.ecr.operations import operations
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.ecr.world import Account, digest_of, index, manifest
from tests.services.inputs import values
from tests.services.modelled import service_model
from tests.services.s3.world import quick_directory

MODEL = service_model("ecr")
NAMES = sorted(operations(None))  # type: ignore[arg-type]
TEXTS = [
    "",
    "{}",
    "a*",
    "MUTABLE",
    "sha256:12",
    "../x",
    "\0",
    "\ud800",
    "arn:aws:ecr:us-east-1:123456789012:repository/",
]


@pytest.mark.parametrize("operation", NAMES)
@settings(max_examples=8, deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_answers_or_refuses_and_the_rest_goes_on(operation: str, data: st.DataObject) -> None:
    model = MODEL.operation_model(operation)
    assert model.input_shape is not None
    with quick_directory() as directory:
        account = Account(Path(directory))
        try:
            account.call("CreateRepository", repositoryName="web")
            image = account.push("web", b"layer", tag="v1")
            upload = account.call("InitiateLayerUpload", repositoryName="web")["uploadId"]
            arn = "arn:aws:ecr:us-east-1:123456789012:repository/web"
            texts = [manifest(b"layer"), index(manifest(b"layer"))]
            known = ["web", "v1", image, upload, digest_of(b"layer"), account.principal.account, arn, *texts]
            for _ in range(3):
                params = data.draw(values(model.input_shape, known, TEXTS))
                if "repositoryName" in params and data.draw(st.integers(0, 4)):
                    params["repositoryName"] = "web"
                if data.draw(st.booleans()):  # few parameters besides those that are required
                    params = {name: params[name] for name in params if name in model.input_shape.required_members}
                try:
                    check(model, params, Family.JSON)
                    account.call(operation, **params)
                except AwsError as error:
                    assert error.message
            account.look()
            account.look()
        finally:
            account.store.close()


def test_every_operation_is_one_of_the_service_model() -> None:
    assert set(NAMES) <= set(MODEL.operation_names)
