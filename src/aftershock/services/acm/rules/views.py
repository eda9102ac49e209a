"""Certificates as AWS shows them.  Their keys are never among it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aftershock.services.acm.records import Certificate

from . import pem
from .validation import proof

_USAGES = {
    "digital_signature": "DIGITAL_SIGNATURE",
    "content_commitment": "NON_REPUDIATION",
    "key_encipherment": "KEY_ENCIPHERMENT",
    "data_encipherment": "DATA_ENCIPHERMENT",
    "key_agreement": "KEY_AGREEMENT",
    "key_cert_sign": "CERTIFICATE_SIGNING",
    "crl_sign": "CRL_SIGNING",
}
_EXTENDED = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS_WEB_SERVER_AUTHENTICATION",
    ExtendedKeyUsageOID.CLIENT_AUTH: "TLS_WEB_CLIENT_AUTHENTICATION",
    ExtendedKeyUsageOID.CODE_SIGNING: "CODE_SIGNING",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "EMAIL_PROTECTION",
    ExtendedKeyUsageOID.TIME_STAMPING: "TIME_STAMPING",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP_SIGNING",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "ANY",
}


def status(certificate: Certificate, now: datetime) -> str:
    if certificate.not_after is None:
        return "VALIDATION_TIMED_OUT" if certificate.timed_out else "PENDING_VALIDATION"
    return "EXPIRED" if certificate.not_after <= now else "ISSUED"


def detail(certificate: Certificate, users: Sequence[str], now: datetime) -> dict[str, Any]:
    imported = certificate.kind == "IMPORTED"
    told: dict[str, Any] = {
        "CertificateArn": certificate.arn,
        "DomainName": certificate.domain,
        "SubjectAlternativeNames": [*certificate.names],
        "CreatedAt": certificate.created_at,
        "ImportedAt": certificate.issued_at if imported else None,
        "IssuedAt": None if imported else certificate.issued_at,
        "Status": status(certificate, now),
        "KeyAlgorithm": certificate.key_algorithm,
        "InUseBy": [*users],
        "Type": certificate.kind,
        "RenewalEligibility": "INELIGIBLE" if imported or not users else "ELIGIBLE",
        "Options": {"CertificateTransparencyLoggingPreference": certificate.transparency, "Export": "DISABLED"},
    }
    if not imported:
        told["DomainValidationOptions"] = [_validation(certificate, name) for name in certificate.names]
    if certificate.certificate:
        told |= _said(certificate.certificate)
    return told


def _validation(certificate: Certificate, name: str) -> dict[str, Any]:
    wanted = proof(certificate.account, name)
    proven = name in certificate.proven
    state = "SUCCESS" if proven else "FAILED" if certificate.timed_out else "PENDING_VALIDATION"
    return {
        "DomainName": name,
        "ValidationDomain": name,
        "ValidationStatus": state,
        "ValidationMethod": "DNS",
        "ResourceRecord": {"Name": wanted.name, "Type": "CNAME", "Value": wanted.value},
    }


def _said(text: str) -> dict[str, Any]:
    """What a certificate says of itself."""
    found = x509.load_pem_x509_certificate(text.encode())
    digits = f"{found.serial_number:x}"
    digits = digits.zfill(len(digits) + len(digits) % 2)
    return {
        "Serial": ":".join(digits[at : at + 2] for at in range(0, len(digits), 2)),
        "Subject": found.subject.rfc4514_string(),
        "Issuer": _issuer(found),
        "NotBefore": found.not_valid_before_utc,
        "NotAfter": found.not_valid_after_utc,
        "SignatureAlgorithm": pem.signature_algorithm(found),
        "KeyUsages": [{"Name": name} for name in _usages(found)],
        "ExtendedKeyUsages": [{"Name": _EXTENDED.get(oid, "CUSTOM"), "OID": oid.dotted_string} for oid in _oids(found)],
    }


def _issuer(found: x509.Certificate) -> str:
    for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        if parts := found.issuer.get_attributes_for_oid(oid):
            return str(parts[0].value)
    return found.issuer.rfc4514_string()


def _usages(found: x509.Certificate) -> list[str]:
    try:
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return []
    return [name for flag, name in _USAGES.items() if getattr(usage, flag)]


def _oids(found: x509.Certificate) -> list[x509.ObjectIdentifier]:
    try:
        return list(found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def usages(certificate: Certificate) -> tuple[list[str], list[str]]:
    """The names of its key usages and of its extended ones."""
    if certificate.certificate is None:
        return [], []
    found = x509.load_pem_x509_certificate(certificate.certificate.encode())
    return _usages(found), [_EXTENDED.get(oid, "CUSTOM") for oid in _oids(found)]


def summary(certificate: Certificate, users: Sequence[str], now: datetime) -> dict[str, Any]:
    imported = certificate.kind == "IMPORTED"
    key_usages, extended = usages(certificate)
    since = x509.load_pem_x509_certificate(certificate.certificate.encode()) if certificate.certificate else None
    return {
        "CertificateArn": certificate.arn,
        "DomainName": certificate.domain,
        "SubjectAlternativeNameSummaries": [*certificate.names[:100]],
        "HasAdditionalSubjectAlternativeNames": len(certificate.names) > 100,
        "Status": status(certificate, now),
        "Type": certificate.kind,
        "KeyAlgorithm": certificate.key_algorithm,
        "KeyUsages": key_usages,
        "ExtendedKeyUsages": extended,
        "InUse": bool(users),
        "Exported": False if imported else None,
        "RenewalEligibility": "INELIGIBLE" if imported or not users else "ELIGIBLE",
        "NotBefore": since.not_valid_before_utc if since else None,
        "NotAfter": certificate.not_after,
        "CreatedAt": certificate.created_at,
        "IssuedAt": None if imported else certificate.issued_at,
        "ImportedAt": certificate.issued_at if imported else None,
    }
