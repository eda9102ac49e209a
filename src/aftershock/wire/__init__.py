"""AWS's protocols and signatures, driven by botocore's models: bytes to requests, results and errors to bytes.

Pure: no network, no clock, no record; the only files read are botocore's models.  Knows no service beyond its model,
save for the few rules of S3 that no model states.
"""

from aftershock.wire.bodies import without_chunks
from aftershock.wire.codec import ErrorContext, check, error_context, expects_stream, parse, serialize, serialize_error
from aftershock.wire.message import HttpRequest, HttpResponse, Request, Stream
from aftershock.wire.models import SAME_EVERYWHERE, Models, protocols, signing_name
from aftershock.wire.payloads import Payload
from aftershock.wire.refusals import Family
from aftershock.wire.routing import route
from aftershock.wire.shapes import ResultError
from aftershock.wire.sigv4 import Caller, Proven, Secret, takes_anonymous, verify, verify_head

__all__ = [
    "SAME_EVERYWHERE",
    "Caller",
    "ErrorContext",
    "Family",
    "HttpRequest",
    "HttpResponse",
    "Models",
    "Payload",
    "Proven",
    "Request",
    "ResultError",
    "Secret",
    "Stream",
    "check",
    "error_context",
    "expects_stream",
    "parse",
    "protocols",
    "route",
    "serialize",
    "serialize_error",
    "signing_name",
    "takes_anonymous",
    "verify",
    "verify_head",
    "without_chunks",
]
