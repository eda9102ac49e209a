"""Certificates: imported, shown, deleted."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.acm.records import CERTIFICATES, Certificate
from aftershock.services.acm.rules import errors, pem, views
from aftershock.services.acm.rules.tags import tagged

from .found import Handler, Sources, new_arn, require, require_room


def import_certificate(sources: Sources, call: Call, params: Params) -> Result:
    """With an ARN it takes the place of what was imported before, in everything that uses it."""
    arn = params.get("CertificateArn")
    before = require(call, arn) if arn else None
    if before and before.kind != "IMPORTED":
        raise errors.validation(f"The certificate {arn} was not imported and cannot be replaced by an imported one.")
    if before and params.get("Tags"):
        raise errors.invalid_parameter("Tagging is not permitted on re-import.")
    found = pem.imported(params["Certificate"], params["PrivateKey"], params.get("CertificateChain"), call.now)
    tags = tagged({}, params.get("Tags") or ())
    if before is None:
        require_room(call)
    made = Certificate(
        arn=before.arn if before else new_arn(call),
        account=call.account,
        kind="IMPORTED",
        domain=found.names[0],
        names=found.names,
        created_at=before.created_at if before else call.now,
        tags=before.tags if before else tags,
        transparency="DISABLED",  # as AWS shows it of imported ones
        key_algorithm=found.key_algorithm,
        generation=before.generation + 1 if before else 1,
        certificate=found.certificate,
        chain=found.chain,
        key=found.key,
        issued_at=call.now,
        not_after=found.not_after,
        reason="imported",
    )
    CERTIFICATES.put(call.tx, made)
    return {"CertificateArn": made.arn}


def describe_certificate(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    return {"Certificate": views.detail(found, sources.outside.users(call.tx, found.arn), call.now)}


def get_certificate(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    if found.certificate is None:
        raise errors.in_progress(found.arn)
    return {"Certificate": found.certificate, "CertificateChain": found.chain}


def delete_certificate(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    if sources.outside.users(call.tx, found.arn):
        raise errors.in_use(found.arn, call.account)
    CERTIFICATES.forget(call.tx, found.arn)
    return {}


def update_certificate_options(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    options = params["Options"]
    if options.get("Export") == "ENABLED":
        raise errors.validation("Exporting certificates is not supported in this region.")
    if options.get("ValidationMethod") not in (None, "DNS"):
        raise errors.validation(f"The validation method {options['ValidationMethod']} is not supported in this region.")
    if found.kind == "IMPORTED":
        raise errors.validation(f"The options of the imported certificate {found.arn} cannot be updated.")
    preference = options.get("CertificateTransparencyLoggingPreference") or found.transparency
    CERTIFICATES.put(call.tx, replace(found, transparency=preference))
    return {}


OPERATIONS: dict[str, Handler] = {
    "ImportCertificate": import_certificate,
    "DescribeCertificate": describe_certificate,
    "GetCertificate": get_certificate,
    "DeleteCertificate": delete_certificate,
    "UpdateCertificateOptions": update_certificate_options,
}
