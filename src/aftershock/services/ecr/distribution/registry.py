"""The registry's door: whose requests are served, who asks, and which part answers."""

import base64
import binascii
import re

from aftershock.aws.call import Principal
from aftershock.aws.errors import AwsError
from aftershock.aws.visit import Asked, Visit
from aftershock.services.ecr import tokens
from aftershock.services.ecr.data import Data
from aftershock.services.ecr.records import Token, key_in, repository_id
from aftershock.services.ecr.rules import names, paths

from . import blobs, listing, manifests, uploads
from .answers import Answer, Refused, answer, of_error, refusal
from .visit import Guest

# The region's own address, where a client has no other name for the registry.
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")
_SIGNATURES = ("X-Amz-Signature=", "Signature=")


class Registry:
    """What answers at the account's registry: `<account>.dkr.ecr.<region>.amazonaws.com`, below /v2/."""

    name = "ecr-registry"  # in the log

    def __init__(self, data: Data) -> None:
        self._data = data
        self._host = names.host(data.account, data.region)

    def serves(self, request: Asked) -> bool:
        host = request.headers.get("host", "").lower()
        if host.partition(":")[0] == self._host:
            return True
        if not _LOCAL.fullmatch(host) or not (request.path == "/v2" or request.path.startswith("/v2/")):
            return False
        # What is signed is for AWS's API, of which some services have such paths.
        signed = request.headers.get("authorization", "").startswith("AWS")
        return not signed and not any(mark in request.query for mark in _SIGNATURES)

    async def answer(self, visit: Visit) -> Answer:
        """Whatever is refused is refused in the protocol's words."""
        try:
            place = paths.read(visit.request.path)
            return await self._at(place, Guest(visit, self._who(visit, place)))
        except Refused as refused:
            return refused.answer
        except AwsError as error:
            return of_error(error)

    def _who(self, visit: Visit, place: paths.Place) -> Principal:
        """
        Raises:
            Refused: nobody, or nobody any more.
        """
        token = self._shown(visit, place)
        if token is None:
            challenge = f'Basic realm="https://{self._host}/",service="ecr.amazonaws.com"'
            raise Refused(401, "UNAUTHORIZED", "Not Authorized", {"WWW-Authenticate": challenge})
        if token.expires_at <= visit.now:
            message = "Your authorization token has expired. Reauthenticate and try again."
            raise Refused(403, "DENIED", message)
        return tokens.principal(token)

    def _shown(self, visit: Visit, place: paths.Place) -> Token | None:
        guest = Guest(visit, Principal(account="", arn="", user_id="", access_key_id=""))
        key = guest.query.get("key", "")
        secret = key or _password(guest.header("authorization"))
        if not secret:
            return None
        with visit.snapshot() as tx:
            token = tokens.find(tx, secret)
        opened = token.layer if token is not None else ""
        if not key:
            return token if not opened else None
        reads = visit.request.method in ("GET", "HEAD")
        return token if reads and opened and opened == self._key_of(place) else None

    def _key_of(self, place: paths.Place) -> str | None:
        if not isinstance(place, paths.BlobAt):
            return None
        return key_in(repository_id(self._data.account, self._data.region, place.name), place.digest)

    async def _at(self, place: paths.Place, guest: Guest) -> Answer:
        method = guest.visit.request.method
        match place, method:
            case paths.Bad(code=code, message=message), _:
                return refusal(404 if code in ("UNSUPPORTED", "BLOB_UPLOAD_UNKNOWN") else 400, code, message)
            case paths.Base(), "GET" | "HEAD":
                return answer(200, {"Content-Type": "application/json"}, b"{}" if method == "GET" else b"")
            case paths.Catalog(), "GET":
                return listing.catalog(guest)
            case paths.Tags(), "GET":
                return listing.tags(guest, place.name)
            case paths.ReferrersOf(), "GET":
                return listing.referrers(guest, place)
            case paths.ManifestAt(), "GET" | "HEAD":
                return manifests.get(guest, place)
            case paths.ManifestAt(), "PUT":
                return await manifests.put(guest, place)
            case paths.ManifestAt(), "DELETE":
                return manifests.delete(guest, place)
            case paths.BlobAt(), "GET" | "HEAD":
                return blobs.get(self._data, guest, place)
            case paths.Uploads(), "POST":
                return await uploads.begin(self._data, guest, place)
            case paths.UploadAt(), "GET":
                return uploads.state(guest, place)
            case paths.UploadAt(), "PATCH":
                return await uploads.go_on(self._data, guest, place)
            case paths.UploadAt(), "PUT":
                return await uploads.complete(self._data, guest, place)
            case paths.UploadAt(), "DELETE":
                return uploads.cancel(guest, place)
        return refusal(405, "UNSUPPORTED", "The operation is unsupported.")


def _password(header: str) -> str:
    """What stands behind `AWS:` in a Basic authorization."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return ""
    return password if user == "AWS" else ""
