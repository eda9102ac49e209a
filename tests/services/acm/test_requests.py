"""Certificates that the region's authority issues, once the DNS proves their names."""

import asyncio
import ssl
from dataclasses import replace as replaced
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from aftershock.clock import Clock
from aftershock.control import Again, Done
from aftershock.engines.errors import EngineError
from aftershock.services.acm import usable
from aftershock.services.acm.controllers import CertificateController
from aftershock.services.acm.records import Certificate
from aftershock.services.acm.rules.validation import MAX_NAMES, TIMEOUT_S, plan, proof
from aftershock.store import Change
from tests.services.account import ROOT
from tests.services.acm.makings import NOW, Certificates


def requested(account: Certificates, domain: str = "example.com", **params: Any) -> str:
    asked = {"DomainName": domain, "ValidationMethod": "DNS", **params}
    return str(account.call("RequestCertificate", **asked)["CertificateArn"])


def controller(account: Certificates, pace: float = 1.0) -> CertificateController:
    return CertificateController(account.store, Clock(pace), account.outside)


def prove(account: Certificates, *domains: str) -> None:
    for domain in domains:
        wanted = proof(ROOT.account, domain)
        account.names.cnames[wanted.name] = wanted.value


def looked_at(account: Certificates, arn: str) -> Done | Again:
    return asyncio.run(controller(account).reconcile(arn))


def test_a_requested_certificate_waits_for_its_record(account: Certificates) -> None:
    arn = requested(account, SubjectAlternativeNames=["*.example.com", "example.com"])
    assert isinstance(looked_at(account, arn), Again)
    found = account.described(arn)
    assert found["Status"] == "PENDING_VALIDATION" and found["Type"] == "AMAZON_ISSUED"
    assert "NotAfter" not in found and found["SubjectAlternativeNames"] == ["example.com", "*.example.com"]
    records = [one["ResourceRecord"] for one in found["DomainValidationOptions"]]
    assert records[0] == records[1], "a name and its wildcard are proven by one record"
    assert records[0]["Name"].endswith(".example.com.") and records[0]["Value"].endswith(".acm-validations.aws.")
    assert account.refusal("GetCertificate", CertificateArn=arn)[0] == "RequestInProgressException"
    with account.store.snapshot() as tx:
        assert usable(tx, ROOT.account, arn) is None


def test_it_is_issued_when_every_name_is_proven_and_not_before(account: Certificates) -> None:
    arn = requested(account, SubjectAlternativeNames=["other.org"])
    prove(account, "example.com")
    looked_at(account, arn)
    states = [one["ValidationStatus"] for one in account.described(arn)["DomainValidationOptions"]]
    assert states == ["SUCCESS", "PENDING_VALIDATION"]
    prove(account, "other.org")
    assert isinstance(looked_at(account, arn), Done)
    found = account.described(arn)
    assert found["Status"] == "ISSUED" and found["KeyAlgorithm"] == "RSA_2048"
    told = account.call("GetCertificate", CertificateArn=arn)
    issued = x509.load_pem_x509_certificate(told["Certificate"].encode())
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate(told["CertificateChain"].encode()))
    names = issued.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["example.com", "other.org"]
    assert [one["CertificateArn"] for one in account.call("ListCertificates")["CertificateSummaryList"]] == [arn]


def test_what_was_issued_is_what_a_server_can_use(account: Certificates, tmp_path: Path) -> None:
    for algorithm in ("RSA_2048", "EC_prime256v1", "EC_secp384r1"):
        arn = requested(account, KeyAlgorithm=algorithm)
        prove(account, "example.com")
        looked_at(account, arn)
        with account.store.snapshot() as tx:
            whole = usable(tx, ROOT.account, arn)
        assert whole and account.described(arn)["KeyAlgorithm"] == algorithm
        file = tmp_path / "whole.pem"
        file.write_text(whole.pem)
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)


def test_another_value_proves_nothing(account: Certificates) -> None:
    arn = requested(account)
    account.names.cnames[proof(ROOT.account, "example.com").name] = proof("210987654321", "example.com").value
    assert isinstance(looked_at(account, arn), Again)
    assert account.described(arn)["Status"] == "PENDING_VALIDATION"


def test_a_resolver_that_does_not_answer_says_nothing(account: Certificates) -> None:
    arn = requested(account)
    account.names.down = True
    with pytest.raises(EngineError):
        looked_at(account, arn)
    assert account.described(arn)["Status"] == "PENDING_VALIDATION"


def test_looking_again_changes_nothing(account: Certificates) -> None:
    arn = requested(account)
    prove(account, "example.com")
    looked_at(account, arn)
    before = account.call("GetCertificate", CertificateArn=arn)
    account.names.cnames.clear()
    assert isinstance(looked_at(account, arn), Done)
    assert account.call("GetCertificate", CertificateArn=arn) == before


def test_one_that_is_deleted_meanwhile_stays_deleted(account: Certificates) -> None:
    arn = requested(account)
    prove(account, "example.com")

    async def deleted_under_it() -> Done | Again:
        looking = asyncio.create_task(controller(account).reconcile(arn))
        await asyncio.sleep(0)  # it has read the record, and asks the DNS
        account.call("DeleteCertificate", CertificateArn=arn)
        return await looking

    assert isinstance(asyncio.run(deleted_under_it()), Done)
    assert account.call("ListCertificates")["CertificateSummaryList"] == []


def test_who_is_killed_anywhere_leaves_what_the_next_one_ends(account: Certificates) -> None:
    completed = 0
    for steps in range(12):
        arn = requested(account, f"n{steps}.example.com", KeyAlgorithm="EC_prime256v1")
        prove(account, f"n{steps}.example.com")
        completed += asyncio.run(killed_after(steps, controller(account), arn))
        looked_at(account, arn)
        assert account.described(arn)["Status"] == "ISSUED"
    assert completed < 12


async def killed_after(steps: int, doomed: CertificateController, arn: str) -> int:
    task = asyncio.create_task(doomed.reconcile(arn))
    for _ in range(steps):
        await asyncio.sleep(0)
    if task.done():
        return 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return 0


def test_after_three_days_nobody_looks_any_more(account: Certificates) -> None:
    account.now = datetime.now(UTC) - timedelta(hours=73)
    arn = requested(account)
    assert isinstance(looked_at(account, arn), Done)
    assert account.described(arn)["Status"] == "VALIDATION_TIMED_OUT"
    prove(account, "example.com")
    looked_at(account, arn)
    assert account.described(arn)["Status"] == "VALIDATION_TIMED_OUT"


def test_the_pace_divides_the_time_that_it_waits(account: Certificates) -> None:
    account.now = datetime.now(UTC) - timedelta(hours=2)
    arn = requested(account)
    asyncio.run(controller(account, pace=72.0).reconcile(arn))
    assert account.described(arn)["Status"] == "VALIDATION_TIMED_OUT"


def test_the_same_token_within_the_hour_is_the_same_request(account: Certificates) -> None:
    first = requested(account, IdempotencyToken="a")
    assert requested(account, IdempotencyToken="a") == first
    assert requested(account, "other.org", IdempotencyToken="a") != first
    assert requested(account) != requested(account)
    account.now += timedelta(hours=2)
    assert requested(account, IdempotencyToken="a") != first


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"ValidationMethod": "EMAIL"}, "InvalidParameterException", "EMAIL"),
    ({"ValidationMethod": "HTTP"}, "InvalidParameterException", "HTTP"),
    ({"ValidationMethod": None}, "InvalidParameterException", "EMAIL, which is meant"),
    ({"KeyAlgorithm": "RSA_4096"}, "InvalidParameterException", "RSA_4096"),
    ({"DomainName": f"{'a' * 60}.example.com"}, "InvalidParameterException", "no longer than 64 bytes"),
    ({"SubjectAlternativeNames": [f"n{n}.com" for n in range(MAX_NAMES)]}, "LimitExceededException", "10"),
    ({"Options": {"Export": "ENABLED"}}, "InvalidParameterException", "Export"),
    (
        {"CertificateAuthorityArn": "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/1"},
        "InvalidParameterException",
        "CertificateAuthorityArn",
    ),
    (
        {"DomainValidationOptions": [{"DomainName": "example.com", "ValidationDomain": "other.org"}]},
        "InvalidDomainValidationOptionsException",
        "other.org",
    ),
]


@pytest.mark.parametrize(("params", "code", "part"), REFUSED)
def test_what_the_authority_does_not_do_is_refused(
    account: Certificates, params: dict[str, Any], code: str, part: str
) -> None:
    asked = {"DomainName": "example.com", "ValidationMethod": "DNS", **params}
    found, message = account.refusal("RequestCertificate", **{key: one for key, one in asked.items() if one})
    assert found == code and part in message, message


def test_a_change_of_names_wakes_those_that_wait(account: Certificates) -> None:
    outside = replaced(account.outside, tables=frozenset({"names"}))
    waiting, done = requested(account), requested(account, "other.org")
    prove(account, "other.org")
    looked_at(account, done)
    woken = CertificateController(account.store, Clock(), outside).concerned(Change("names", "key"))
    assert set(woken) == {waiting}


@given(
    age_s=st.floats(0, 2 * TIMEOUT_S),
    proven=st.sets(st.sampled_from(["a.com", "b.com"])),
    left_days=st.none() | st.integers(-10, 400),
    timed_out=st.booleans(),
)
def test_nothing_is_issued_that_is_not_proven(
    age_s: float, proven: set[str], left_days: int | None, timed_out: bool
) -> None:
    certificate = Certificate(
        arn="arn",
        account="1",
        kind="AMAZON_ISSUED",
        domain="a.com",
        names=("a.com", "b.com"),
        created_at=NOW - timedelta(seconds=age_s),
        key_algorithm="RSA_2048",
        not_after=None if left_days is None else NOW + timedelta(days=left_days),
        certificate=None if left_days is None else "PEM",
        timed_out=timed_out,
    )
    found = plan(certificate, proven, NOW, TIMEOUT_S)
    assert found.reason
    if found.step == "issue":
        assert proven == {"a.com", "b.com"} and not timed_out
    if found.step == "time out":
        assert age_s >= TIMEOUT_S and left_days is None
