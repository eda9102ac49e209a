"""Lists of certificates."""

from typing import Any

from aftershock.aws import paging
from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.acm.records import CERTIFICATES, Certificate
from aftershock.services.acm.rules import errors, views

from .found import Handler, Sources

# AWS: "if you ... do not specify the keyTypes filter, only RSA_1024 or RSA_2048 certificates are displayed".
USUAL_KEYS = ("RSA_1024", "RSA_2048")
MOST = 1000


def list_certificates(sources: Sources, call: Call, params: Params) -> Result:
    includes = params.get("Includes") or {}
    if params.get("SortBy") and not params.get("SortOrder"):
        raise AwsError("InvalidArgsException", "SortOrder must be specified with SortBy.")
    found = [
        one
        for one in CERTIFICATES.where(call.tx, "account", call.account)
        if _is_meant(one, views.status(one, call.now), params, includes)
    ]
    found.sort(key=_key)
    if params.get("SortOrder") == "DESCENDING":
        found.reverse()
    keys = {one.arn: f"{number:06}" for number, one in enumerate(found)}
    try:
        shown, token = paging.page(
            found, key=lambda one: keys[one.arn], token=params.get("NextToken"), size=params.get("MaxItems") or MOST
        )
    except paging.InvalidToken:
        raise errors.validation("The NextToken is invalid.") from None
    told = [views.summary(one, sources.outside.users(call.tx, one.arn), call.now) for one in shown]
    return {"CertificateSummaryList": told, "NextToken": token}


def _key(certificate: Certificate) -> str:
    return f"{certificate.created_at.isoformat()} {certificate.arn}"


def _is_meant(certificate: Certificate, status: str, params: Params, includes: dict[str, Any]) -> bool:
    if status not in (params.get("CertificateStatuses") or (status,)):
        return False
    if certificate.key_algorithm not in (includes.get("keyTypes") or USUAL_KEYS):
        return False
    if includes.get("managedBy") or includes.get("exportOption") == "ENABLED":
        return False  # there are none
    origin = "CUSTOMER_PROVIDED" if certificate.kind == "IMPORTED" else "AWS_MANAGED"
    if origin not in (params.get("CertificateKeyPairOrigins") or (origin,)):
        return False
    usages, extended = views.usages(certificate)
    return _has(usages, includes.get("keyUsage")) and _has(extended, includes.get("extendedKeyUsage"))


def _has(usages: list[str], wanted: list[str] | None) -> bool:
    return not wanted or "ANY" in wanted or bool(set(usages) & set(wanted)) or (not usages and "NONE" in wanted)


OPERATIONS: dict[str, Handler] = {"ListCertificates": list_certificates}
