"""Certificates behind the real API door, driven by boto3: what its serialisers and exceptions make of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from aftershock.services.acm.operations import operations
from aftershock.services.acm.records import TABLES
from tests.services.acm.makings import Certificates, made, rsa_key
from tests.services.door import Door

LONG_AGO = (datetime(2024, 1, 1, tzinfo=UTC) - datetime(2026, 11, 22, tzinfo=UTC)).days


@pytest.fixture(scope="module")
def acm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    state: Path = tmp_path_factory.mktemp("door")
    account = Certificates(state / "db")
    door = Door(state, {"acm": operations(account.outside)}, list(TABLES))
    yield door.client("acm")
    door.close()
    account.store.close()


def test_a_certificate_comes_and_goes(acm: Any) -> None:
    root = made("Root", days=(LONG_AGO, 9000), authority=True)
    one = made("example.com", ["example.com"], key=rsa_key(), issuer=root, days=(LONG_AGO, 9000))
    arn = acm.import_certificate(Certificate=one.pem, PrivateKey=one.key_pem, CertificateChain=root.pem)[
        "CertificateArn"
    ]
    found = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    assert found["NotAfter"] == one.certificate.not_valid_after_utc and found["Status"] == "ISSUED"
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == one.pem.decode()
    pages = acm.get_paginator("list_certificates").paginate(PaginationConfig={"PageSize": 1})
    assert [one["CertificateArn"] for page in pages for one in page["CertificateSummaryList"]] == [arn]
    acm.delete_certificate(CertificateArn=arn)
    with pytest.raises(acm.exceptions.ResourceNotFoundException) as caught:
        acm.describe_certificate(CertificateArn=arn)
    assert caught.value.response["Error"]["Message"] == f"Could not find certificate {arn}."


def test_a_request_tells_the_record_that_proves_it(acm: Any) -> None:
    arn = acm.request_certificate(DomainName="example.com", ValidationMethod="DNS")["CertificateArn"]
    told = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    assert [one["ResourceRecord"]["Type"] for one in told] == ["CNAME"]
    with pytest.raises(acm.exceptions.RequestInProgressException):
        acm.get_certificate(CertificateArn=arn)


def test_every_operation_is_one_of_the_service_model(acm: Any, tmp_path: Path) -> None:
    account = Certificates(tmp_path / "db")
    assert set(operations(account.outside)) <= set(acm.meta.service_model.operation_names)
    account.store.close()
