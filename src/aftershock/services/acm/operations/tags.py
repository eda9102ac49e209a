"""Tags of certificates."""

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.acm.records import CERTIFICATES
from aftershock.services.acm.rules.tags import tagged, untagged, view

from .found import Handler, Sources, require


def add_tags_to_certificate(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    CERTIFICATES.put(call.tx, replace(found, tags=tagged(found.tags, params["Tags"])))
    return {}


def remove_tags_from_certificate(sources: Sources, call: Call, params: Params) -> Result:
    found = require(call, params["CertificateArn"])
    CERTIFICATES.put(call.tx, replace(found, tags=untagged(found.tags, params["Tags"])))
    return {}


def list_tags_for_certificate(sources: Sources, call: Call, params: Params) -> Result:
    return {"Tags": view(require(call, params["CertificateArn"]).tags)}


OPERATIONS: dict[str, Handler] = {
    "AddTagsToCertificate": add_tags_to_certificate,
    "RemoveTagsFromCertificate": remove_tags_from_certificate,
    "ListTagsForCertificate": list_tags_for_certificate,
}
