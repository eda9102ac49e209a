"""Presigned URLs of S3 in Signature Version 2, which is what boto3 makes unless it is told otherwise.

AWS: "Signing and authenticating REST requests (AWS signature version 2)", its part on query strings.
"""

import base64
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from botocore.auth import HmacV1Auth

from aftershock.wire import uris
from aftershock.wire.message import HttpRequest

_RESOURCES = frozenset(HmacV1Auth.QSAOfInterest)  # what of a query is part of what was signed
_POSITIONAL = ("content-md5", "content-type")


@dataclass(frozen=True, slots=True)
class Presigned:
    access_key_id: str
    signature: str
    expires: str
    expires_at: datetime
    token: str | None


def is_presigned(request: HttpRequest) -> bool:
    return "AWSAccessKeyId=" in request.query and "Signature=" in request.query


def presigned(request: HttpRequest) -> Presigned | None:
    """The parts of the signature; None if they are not all there, or no time is meant."""
    query = {name: values[-1] for name, values in uris.query_of(request).items()}
    expires = query.get("Expires", "")
    if not (query.get("AWSAccessKeyId") and query.get("Signature") and expires.isascii() and expires.isdigit()):
        return None
    try:
        expires_at = datetime.fromtimestamp(int(expires[:12]), UTC)
    except (ValueError, OverflowError):
        return None
    token = query.get("x-amz-security-token")
    return Presigned(query["AWSAccessKeyId"], query["Signature"], expires, expires_at, token)


def signature(request: HttpRequest, url: Presigned, secret_access_key: str) -> str:
    query = {name.lower(): values[-1] for name, values in uris.query_of(request).items()}
    amazon = {name: value for name, value in (query | dict(request.headers)).items() if name.startswith("x-amz-")}
    lines = [
        request.method,
        *(request.headers.get(name, query.get(name, "")).strip() for name in _POSITIONAL),
        url.expires,
        *(f"{name}:{value.strip()}" for name, value in sorted(amazon.items())),
        _resource(request),
    ]
    digest = hmac.digest(secret_access_key.encode(), "\n".join(lines).encode(errors="replace"), "sha1")
    return base64.b64encode(digest).decode()


def _resource(request: HttpRequest) -> str:
    pairs = sorted(pair.split("=", 1) for pair in request.query.split("&") if pair.partition("=")[0] in _RESOURCES)
    named = "&".join("=".join([name, *map(unquote, value)]) for name, *value in pairs)
    path = uris.bucket_path(request)
    return f"{path}?{named}" if named else path
