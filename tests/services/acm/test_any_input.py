"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.acm.operations import certificates, listings, requests, tags
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.acm.makings import Certificates, made
from tests.services.inputs import values
from tests.services.modelled import service_model

MODEL = service_model("acm")
OPERATIONS = {**certificates.OPERATIONS, **listings.OPERATIONS, **requests.OPERATIONS, **tags.OPERATIONS}
ONE = made()
TEXTS = ["example.com", "*.example.com", "other.org", "a", "", "aws:x", "b" * 64 + ".com", "-", "token"]


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_answers_or_refuses(operation: str, data: st.DataObject) -> None:
    model = MODEL.operation_model(operation)
    with TemporaryDirectory() as directory:
        account = Certificates(Path(directory, "db"))
        try:
            requested = account.call("RequestCertificate", DomainName="example.com", ValidationMethod="DNS")
            known = [account.imported(ONE), requested["CertificateArn"]]
            for _ in range(4):
                params = data.draw(values(model.input_shape, known, TEXTS)) if model.input_shape else {}
                if operation == "ImportCertificate" and data.draw(st.booleans()):
                    params |= {"Certificate": ONE.pem, "PrivateKey": ONE.key_pem}
                try:
                    check(model, params, Family.JSON)
                    account.call(operation, **params)
                except AwsError as error:
                    assert error.message
        finally:
            account.store.close()
