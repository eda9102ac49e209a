"""Certificates of the region's own authority, for names whose owner proves it in the DNS."""

from datetime import timedelta

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.services.acm.records import CERTIFICATES, Certificate
from aftershock.services.acm.rules import errors
from aftershock.services.acm.rules.tags import tagged
from aftershock.services.acm.rules.validation import MAX_DOMAIN, MAX_NAMES

from .found import Handler, Sources, new_arn, require_room

TOKEN_LIFE = timedelta(hours=1)  # AWS: "The idempotency token times out in one hour"
KEY_ALGORITHMS = ("RSA_2048", "EC_prime256v1", "EC_secp384r1")


def request_certificate(sources: Sources, call: Call, params: Params) -> Result:
    domain = params["DomainName"].lower()
    names = tuple(dict.fromkeys((domain, *(name.lower() for name in params.get("SubjectAlternativeNames") or ()))))
    algorithm = params.get("KeyAlgorithm") or "RSA_2048"
    _require_possible(params, domain, names, algorithm)
    options = params.get("Options") or {}
    tags = tagged({}, params.get("Tags") or ())
    token = params.get("IdempotencyToken")
    if token:
        for other in CERTIFICATES.where(call.tx, "account", call.account):
            if other.token == token and other.names == names and call.now - other.created_at < TOKEN_LIFE:
                return {"CertificateArn": other.arn}
    require_room(call)
    made = Certificate(
        arn=new_arn(call),
        account=call.account,
        kind="AMAZON_ISSUED",
        domain=domain,
        names=names,
        created_at=call.now,
        tags=tags,
        transparency=options.get("CertificateTransparencyLoggingPreference") or "ENABLED",
        key_algorithm=algorithm,
        token=token,
    )
    CERTIFICATES.put(call.tx, made)
    return {"CertificateArn": made.arn}


def _require_possible(params: Params, domain: str, names: tuple[str, ...], algorithm: str) -> None:
    method = params.get("ValidationMethod") or (params.get("Options") or {}).get("ValidationMethod")
    if method is None:
        # AWS takes this for EMAIL.
        raise errors.unsupported("The validation method EMAIL, which is meant where ValidationMethod is missing,")
    if method != "DNS":
        raise errors.unsupported(f"The validation method {method}")
    for name in ("CertificateAuthorityArn", "ManagedBy"):
        if params.get(name):
            raise errors.unsupported(f"The parameter {name}")
    if (params.get("Options") or {}).get("Export") == "ENABLED":
        raise errors.unsupported("The value (ENABLED) for parameter Options.Export")
    if algorithm not in KEY_ALGORITHMS:
        raise errors.unsupported(f"The key algorithm {algorithm}")
    if len(domain) > MAX_DOMAIN:
        raise errors.invalid_parameter(f"The first domain name can be no longer than {MAX_DOMAIN} bytes.")
    if len(names) > MAX_NAMES:
        raise AwsError("LimitExceededException", f"Error: the certificate can have at most {MAX_NAMES} domain names.")
    for one in params.get("DomainValidationOptions") or ():
        own, parent = one["DomainName"].lower(), one["ValidationDomain"].lower()
        if own not in names or not f".{own}".endswith(f".{parent}"):
            raise AwsError(
                "InvalidDomainValidationOptionsException",
                f"The validation domain {parent} must be {own} or a superdomain of it.",
            )


OPERATIONS: dict[str, Handler] = {"RequestCertificate": request_certificate}
