"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.s3.operations import operations
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.inputs import values
from tests.services.modelled import service_model
from tests.services.s3.world import Account, quick_directory

MODEL = service_model("s3")
NAMES = sorted(operations(None))  # type: ignore[arg-type]
TEXTS = [
    "",
    "STANDARD",
    "bytes=0-1",
    "bucket/k",
    "bucket/k?versionId=null",
    "null",
    "*",
    "/",
    "a=b",
    "1:zz",
    "{}",
    "\0",
]
POLICY = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",'
    '"Resource":["arn:aws:s3:::bucket","arn:aws:s3:::bucket/*"]}]}'
)


@pytest.mark.parametrize("operation", NAMES)
@settings(max_examples=10, deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_answers_or_refuses(operation: str, data: st.DataObject) -> None:
    model = MODEL.operation_model(operation)
    with quick_directory() as directory:
        account = Account(Path(directory))
        try:
            account.call("CreateBucket", Bucket="bucket")
            if data.draw(st.booleans()):
                account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
            account.put("bucket", "k", b"body", Tagging="a=b")
            upload = account.call("CreateMultipartUpload", Bucket="bucket", Key="k")["UploadId"]
            known = ["bucket", "k", upload, account.call("HeadObject", Bucket="bucket", Key="k")["ETag"], POLICY]
            for _ in range(3):
                params = data.draw(values(model.input_shape, known, TEXTS)) if model.input_shape else {}
                if "Bucket" in params and data.draw(st.integers(0, 4)):
                    params["Bucket"] = "bucket"
                if data.draw(st.booleans()):  # few parameters besides those that are required
                    params = {name: params[name] for name in params if name in model.input_shape.required_members}
                try:
                    check(model, params, Family.S3)
                    account.call(operation, **params)
                except AwsError as error:
                    assert error.message
        finally:
            account.store.close()


def test_every_operation_is_one_of_the_service_model() -> None:
    assert set(NAMES) <= set(MODEL.operation_names)
