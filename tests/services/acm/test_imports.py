"""Certificates that somebody imports."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from aftershock.services.acm import usable
from tests.services.account import ROOT
from tests.services.acm.makings import Certificates, Made, ec_key, made, pem_of, rsa_key

MISSING = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"


def test_an_imported_certificate_says_of_itself_what_stands_in_it(account: Certificates) -> None:
    one = made("example.com", ["example.com", "www.example.com"], key=rsa_key())
    arn = account.imported(one, Tags=[{"Key": "a", "Value": "b"}])
    found = account.described(arn)
    assert found["Type"] == "IMPORTED" and found["Status"] == "ISSUED"
    assert found["DomainName"] == "example.com"
    assert found["SubjectAlternativeNames"] == ["example.com", "www.example.com"]
    assert found["KeyAlgorithm"] == "RSA_2048" and found["SignatureAlgorithm"] == "SHA256WITHRSA"
    assert int(found["Serial"].replace(":", ""), 16) == one.certificate.serial_number
    assert found["NotAfter"] == one.certificate.not_valid_after_utc
    assert found["ExtendedKeyUsages"] == [{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]
    assert found["InUseBy"] == [] and found["RenewalEligibility"] == "INELIGIBLE"
    assert account.call("ListTagsForCertificate", CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]


def test_a_chain_is_given_back_and_the_key_never(account: Certificates) -> None:
    root = made("Root", authority=True)
    middle = made("Middle", issuer=root, authority=True)
    leaf = made("example.com", issuer=middle)
    arn = account.imported(leaf, middle.pem + root.pem)
    found = account.call("GetCertificate", CertificateArn=arn)
    assert found == {"Certificate": leaf.pem.decode(), "CertificateChain": (middle.pem + root.pem).decode()}
    assert "PRIVATE" not in str(account.described(arn))
    with account.store.snapshot() as tx:
        whole = usable(tx, ROOT.account, arn)
        assert whole and whole.pem == (leaf.pem + middle.pem + root.pem + leaf.key_pem).decode()
        assert "PRIVATE" not in repr(whole)
        assert usable(tx, "210987654321", arn) is None, "of another account"


def refused() -> list[tuple[str, Callable[[], dict[str, bytes]], str]]:
    root, stranger = made("Root", authority=True), made("Stranger", authority=True)
    leaf = made(issuer=root)

    def of(one: Made, **more: bytes) -> dict[str, bytes]:
        return {"Certificate": one.pem, "PrivateKey": one.key_pem, **more}

    return [
        ("no PEM", lambda: of(leaf, Certificate=b"x"), "The certificate that you have specified could not be parsed"),
        ("more than PEM", lambda: of(leaf, Certificate=leaf.pem + b"x"), "could not be parsed"),
        ("a broken one", lambda: of(leaf, Certificate=leaf.pem.replace(b"MII", b"AAA")), "could not be parsed"),
        ("two", lambda: of(leaf, Certificate=leaf.pem + root.pem), "contains more than one certificate"),
        ("no key", lambda: of(leaf, PrivateKey=b"x"), "The private key that you have specified could not be parsed"),
        ("a sealed key", lambda: of(leaf, PrivateKey=pem_of(leaf.key, b"pw")), "must not be encrypted"),
        ("another key", lambda: of(leaf, PrivateKey=pem_of(ec_key())), "does not match"),
        ("a large key", lambda: of(leaf, PrivateKey=leaf.key_pem + b" " * 5120), "no larger than 5120 bytes"),
        ("an odd key", lambda: of(made(key=ed25519.Ed25519PrivateKey.generate())), "The private key is not supported"),
        ("an odd curve", lambda: of(made(key=ec.generate_private_key(ec.SECP256K1()))), "not supported for key"),
        ("a short key", lambda: of(made(key=rsa_key(1024))), "The private key length 1024 is not supported"),
        ("an old one", lambda: of(made(days=(-9, -1))), "The certificate has expired."),
        ("one to come", lambda: of(made(days=(1, 9))), "The certificate is not valid yet."),
        ("no name", lambda: of(made(None, issuer=root)), "fully qualified domain name"),
        ("another's chain", lambda: of(leaf, CertificateChain=stranger.pem), "Could not validate the certificate"),
        ("itself in the chain", lambda: of(leaf, CertificateChain=leaf.pem), "must not contain the certificate itself"),
        ("no chain", lambda: of(leaf, CertificateChain=b"x"), "The certificate chain that you have specified"),
        (
            "falsely self-signed",
            lambda: of(made("Root", issuer=made("Root", authority=True))),
            "Provided certificate is not a valid self signed.",
        ),
    ]


@pytest.mark.parametrize(("label", "asked", "part"), refused(), ids=lambda one: one if isinstance(one, str) else "")
def test_what_cannot_be_served_is_refused(
    account: Certificates, label: str, asked: Callable[[], dict[str, bytes]], part: str
) -> None:
    code, message = account.refusal("ImportCertificate", **asked())
    assert code == "ValidationException" and part in message, message
    assert account.call("ListCertificates")["CertificateSummaryList"] == []


def test_importing_again_keeps_the_arn(account: Certificates) -> None:
    arn = account.imported(made("a.com"))
    again = made("b.com")
    assert account.imported(again, CertificateArn=arn) == arn
    assert account.described(arn)["DomainName"] == "b.com"
    with account.store.snapshot() as tx:
        whole = usable(tx, ROOT.account, arn)
    assert whole and whole.pem.startswith(again.pem.decode())
    asked = {"Certificate": again.pem, "PrivateKey": again.key_pem, "CertificateArn": arn}
    code, message = account.refusal("ImportCertificate", **asked, Tags=[{"Key": "a"}])
    assert code == "InvalidParameterException" and message == "Tagging is not permitted on re-import."
    assert account.refusal("ImportCertificate", **{**asked, "CertificateArn": MISSING})[0] == (
        "ResourceNotFoundException"
    )


def test_one_in_use_is_not_deleted(account: Certificates) -> None:
    arn = account.imported(made())
    account.users[arn] = ["arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/0"]
    assert account.described(arn)["InUseBy"] == account.users[arn]
    assert account.refusal("DeleteCertificate", CertificateArn=arn) == (
        "ResourceInUseException",
        f"Certificate {arn} in account 123456789012 is in use.",
    )
    account.users.clear()
    account.call("DeleteCertificate", CertificateArn=arn)
    for operation in ("DescribeCertificate", "GetCertificate", "DeleteCertificate", "ListTagsForCertificate"):
        assert account.refusal(operation, CertificateArn=arn)[0] == "ResourceNotFoundException"


def test_lists_show_rsa_unless_asked_for_more(account: Certificates) -> None:
    rsa, curve = account.imported(made("a.com", key=rsa_key())), account.imported(made("b.com"))

    def listed(**params: Any) -> list[str]:
        found = account.call("ListCertificates", **params)["CertificateSummaryList"]
        return [one["CertificateArn"] for one in found]

    every = {"keyTypes": ["RSA_2048", "EC_prime256v1"]}
    assert listed() == [rsa]
    assert listed(Includes=every) == [rsa, curve]
    assert listed(Includes=every, SortBy="CREATED_AT", SortOrder="DESCENDING") == [curve, rsa]
    assert listed(Includes={**every, "extendedKeyUsage": ["CODE_SIGNING"]}) == []
    assert listed(CertificateStatuses=["EXPIRED"]) == []
    page = account.call("ListCertificates", Includes=every, MaxItems=1)
    rest = account.call("ListCertificates", Includes=every, MaxItems=1, NextToken=page["NextToken"])
    assert [one["CertificateArn"] for one in rest["CertificateSummaryList"]] == [curve] and "NextToken" not in rest


def test_tags_go_by_key_and_value(account: Certificates) -> None:
    arn = account.imported(made())
    account.call("AddTagsToCertificate", CertificateArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    gone = [{"Key": "a", "Value": "2"}, {"Key": "b"}]
    account.call("RemoveTagsFromCertificate", CertificateArn=arn, Tags=gone)
    assert account.call("ListTagsForCertificate", CertificateArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    reserved = [{"Key": "aws:x"}]
    assert account.refusal("AddTagsToCertificate", CertificateArn=arn, Tags=reserved)[0] == "InvalidTagException"
