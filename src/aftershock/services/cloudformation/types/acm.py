"""AWS::CertificateManager: certificates that are validated in the DNS."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import STRING, STRINGS, TAGS, changing, fixed, many, members

from .model import Doing, ResourceType, Seen, found, tag_changes, unless_gone

NO_CERTIFICATE = "ResourceNotFoundException"


def _create(doing: Doing) -> str:
    """AWS: a domain whose `HostedZoneId` is given is validated by a record that CloudFormation makes in the zone."""
    asked = doing.given("DomainName", "SubjectAlternativeNames", "KeyAlgorithm", "ValidationMethod")
    if "CertificateTransparencyLoggingPreference" in doing.properties:
        preference = doing.properties["CertificateTransparencyLoggingPreference"]
        asked["Options"] = {"CertificateTransparencyLoggingPreference": preference}
    if tags := doing.tags("acm"):
        asked["Tags"] = tags
    arn = str(doing.ask("acm", "RequestCertificate", **asked)["CertificateArn"])
    _prove(doing, arn)
    return arn


def _prove(doing: Doing, arn: str) -> None:
    zones = {
        one["DomainName"].lower(): one["HostedZoneId"]
        for one in doing.properties.get("DomainValidationOptions", [])
        if "HostedZoneId" in one
    }
    wanted: dict[str, dict[str, dict[str, Any]]] = {}  # of each zone, by name: a name and its wildcard share one
    for one in doing.ask("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"]["DomainValidationOptions"]:
        if one["DomainName"] in zones:
            proof = one["ResourceRecord"]
            record = {"Name": proof["Name"], "Type": proof["Type"], "TTL": 300}
            record["ResourceRecords"] = [{"Value": proof["Value"]}]
            wanted.setdefault(zones[one["DomainName"]], {})[proof["Name"]] = record
    for zone, records in wanted.items():
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record} for record in records.values()]
        doing.ask("route53", "ChangeResourceRecordSets", HostedZoneId=zone, ChangeBatch={"Changes": changes})


def _read(doing: Doing, arn: str) -> Seen | None:
    answer = found(lambda: doing.ask("acm", "DescribeCertificate", CertificateArn=arn), NO_CERTIFICATE)
    if answer is None:
        return None
    status = answer["Certificate"]["Status"]
    return Seen(
        {"CertificateArn": arn},
        waiting="the certificate is PENDING_VALIDATION" if status == "PENDING_VALIDATION" else None,
        failed=f"The certificate {arn} is {status}" if status == "VALIDATION_TIMED_OUT" else None,
    )


def _update(doing: Doing, arn: str, before: Mapping[str, Any]) -> None:
    name = "CertificateTransparencyLoggingPreference"
    if before.get(name) != doing.properties.get(name):
        options = {name: doing.properties.get(name, "ENABLED")}
        doing.ask("acm", "UpdateCertificateOptions", CertificateArn=arn, Options=options)
    put, gone = tag_changes(before, doing.properties)
    if gone:
        tags = [{"Key": key} for key in gone]
        doing.ask("acm", "RemoveTagsFromCertificate", CertificateArn=arn, Tags=tags)
    if put:
        doing.ask("acm", "AddTagsToCertificate", CertificateArn=arn, Tags=put)


def _delete(doing: Doing, arn: str) -> None:
    """As on AWS, the record of the validation stays in its zone: certificates of the same names share it."""
    unless_gone(lambda: doing.ask("acm", "DeleteCertificate", CertificateArn=arn), NO_CERTIFICATE)


def _wrong(properties: Mapping[str, Any]) -> str | None:
    # AWS takes a missing one for EMAIL, and nobody reads the region's mail.
    if properties.get("ValidationMethod") != "DNS":
        return "Value of property ValidationMethod must be DNS"
    return None


CERTIFICATE = ResourceType(
    name="AWS::CertificateManager::Certificate",
    properties={
        "CertificateTransparencyLoggingPreference": changing(STRING),
        "DomainName": fixed(STRING, required=True),
        "DomainValidationOptions": fixed(many(members("DomainName", DomainName=STRING, HostedZoneId=STRING))),
        "KeyAlgorithm": fixed(STRING),
        "SubjectAlternativeNames": fixed(STRINGS),
        "Tags": changing(TAGS),
        "ValidationMethod": changing(STRING, required=True),
    },
    create=_create,
    read=_read,
    update=_update,
    delete=_delete,
    attributes=("CertificateArn",),
    tags="list",
    check=_wrong,
)

TYPES = (CERTIFICATE,)
