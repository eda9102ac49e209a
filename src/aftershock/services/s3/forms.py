"""Objects that browsers post in forms, without a signature of their own: the form's policy is signed.

It is no operation of S3's model, so the gateway has it as a site.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit
from xml.sax.saxutils import escape

from aftershock.aws import checksums
from aftershock.aws.call import Params, Principal, Result, Tx
from aftershock.aws.errors import AwsError
from aftershock.aws.visit import Asked, Visit

from .data import Data, Intake
from .operations.objects import put_object
from .rules import digests, form_data, post_policies
from .rules.errors import invalid_argument, not_implemented, refuse
from .storage import Received

METADATA = "x-amz-meta-"
_MEMBERS = {
    "acl": "ACL",
    "cache-control": "CacheControl",
    "content-disposition": "ContentDisposition",
    "content-encoding": "ContentEncoding",
    "content-language": "ContentLanguage",
    "content-type": "ContentType",
    "expires": "Expires",
    "key": "Key",
    "x-amz-server-side-encryption": "ServerSideEncryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "SSEKMSKeyId",
    "x-amz-storage-class": "StorageClass",
    "x-amz-website-redirect-location": "WebsiteRedirectLocation",
}
_SIGNING = ("algorithm", "credential", "date", "security-token", "signature")
_NO_MEMBERS = frozenset({"x-amz-sdk-checksum-algorithm", "x-amz-checksum-algorithm", *(f"x-amz-{n}" for n in _SIGNING)})
XML = {"Content-Type": "application/xml"}


class Key(Protocol):
    """An access key, as IAM has it."""

    @property
    def secret(self) -> str: ...

    @property
    def session_token(self) -> str | None: ...

    @property
    def active(self) -> bool: ...

    @property
    def expired(self) -> bool: ...

    @property
    def principal(self) -> Principal: ...


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class Forms:
    """What answers where a form is posted at a bucket's address."""

    name = "s3-form"  # in the log

    def __init__(
        self,
        data: Data,
        *,
        region: str,
        key_of: Callable[[Tx, str, datetime], Key | None],
        path_of: Callable[[Any], str],
    ) -> None:
        """`path_of` gives a request's path, beginning with the bucket wherever its name stood."""
        self._data, self._region, self._key_of, self._path_of = data, region, key_of, path_of

    def serves(self, request: Asked) -> bool:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        # No operation of any service takes such a body.
        return request.method == "POST" and kind == "multipart/form-data"

    async def answer(self, visit: Visit) -> Answer:
        try:
            return await self._posted(visit)
        except AwsError as error:
            return _of_error(error, visit.request.path)

    async def _posted(self, visit: Visit) -> Answer:
        bucket, _, key = unquote(self._path_of(visit.request)).removeprefix("/").partition("/")
        if not bucket or key or visit.request.query:
            message = "The specified method is not allowed against this resource."
            raise refuse("MethodNotAllowed", message, 405)
        boundary = form_data.boundary_of(visit.request.headers.get("content-type", ""))
        head = form_data.Head(boundary)
        first = await _head_of(visit, head)
        fields = {name: value.replace("${filename}", head.filename) for name, value in head.fields.items()}
        with visit.snapshot() as tx:
            policy, principal = self._allowed(tx, fields, bucket, visit.now)
            params = _params(fields, bucket)
            length = {"content-length": visit.request.headers.get("content-length")}
            headers = {name: value for name, value in length.items() if value is not None}
            intake = self._data.receive(tx, "PutObject", params, headers)
        kept = False
        try:
            body = await visit.receive(_File(intake, boundary, first, policy))
            assert isinstance(body, Received)
            post_policies.check_length(policy, body.size)
            with visit.transaction(principal) as call:
                result = put_object(self._data, call, {**params, "Body": body})
            kept = True
        finally:
            intake.close(kept=kept)
        return self._told(visit, fields, bucket, params["Key"], result)

    def _allowed(
        self, tx: Tx, fields: Mapping[str, str], bucket: str, now: datetime
    ) -> tuple[post_policies.Policy, Principal]:
        """
        Raises:
            AwsError: who signed the form is not known, or the form is not what they signed
        """
        signed = post_policies.signed(fields)
        if signed.scope is not None and signed.scope[1] != self._region:
            message = f"the Credential is of the region '{signed.scope[1]}'; expecting '{self._region}'"
            raise invalid_argument(message, "X-Amz-Credential", fields["x-amz-credential"])
        key = self._key_of(tx, signed.access_key_id, now)
        if key is None or not key.active:
            message = "The AWS Access Key Id you provided does not exist in our records."
            raise refuse("InvalidAccessKeyId", message, 403, AWSAccessKeyId=signed.access_key_id)
        if fields.get("x-amz-security-token", "") != (key.session_token or ""):
            raise refuse("InvalidToken", "The provided token is malformed or otherwise invalid.")
        if not post_policies.holds(signed, fields["policy"], key.secret):
            message = (
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method."
            )
            raise refuse("SignatureDoesNotMatch", message, 403)
        if key.expired:
            raise refuse("ExpiredToken", "The provided token has expired.")
        policy = post_policies.read(fields["policy"])
        post_policies.check(policy, fields, bucket, now)
        return policy, key.principal

    def _told(self, visit: Visit, fields: Mapping[str, str], bucket: str, key: str, result: Result) -> Answer:
        place = f"http://{visit.request.headers.get('host', '')}{visit.request.path.rstrip('/')}/{quote(key)}"
        headers = {"ETag": result["ETag"], "Location": place}
        for name, header in (("VersionId", "x-amz-version-id"), ("ServerSideEncryption", _ENCRYPTION)):
            if result.get(name):
                headers[header] = result[name]
        named = {"bucket": bucket, "key": key, "etag": result["ETag"]}
        if redirect := _redirect(fields.get("success_action_redirect") or fields.get("redirect") or "", named):
            return Answer(303, {**headers, "Location": redirect})
        status = fields.get("success_action_status")
        if status != "201":
            return Answer(200 if status == "200" else 204, headers)
        told = {"Location": place, "Bucket": bucket, "Key": key, "ETag": result["ETag"]}
        return Answer(201, headers | XML, _xml("PostResponse", told))


_ENCRYPTION = "x-amz-server-side-encryption"


async def _head_of(visit: Visit, head: form_data.Head) -> bytes:
    async for piece in visit.pieces:
        first = head.feed(piece)
        if first is not None:
            return first
    raise form_data.malformed()


class _File:
    """The contents of a form's file on their way to the disk, without what is around them."""

    def __init__(self, intake: Intake, boundary: bytes, first: bytes, policy: post_policies.Policy) -> None:
        self._intake, self._contents, self._first = intake, form_data.Contents(boundary), first
        self._policy, self._size = policy, 0

    def write(self, piece: bytes | memoryview) -> None:
        """
        Raises:
            AwsError: it is longer than the policy has it, or than any object may be
        """
        if self._first:
            first, self._first = self._first, b""
            self._put(first)
        self._put(piece)

    def _put(self, piece: bytes | memoryview) -> None:
        found = self._contents.feed(piece)
        self._size += len(found)
        most = self._policy.most_bytes
        if most is not None and self._size > most:
            post_policies.check_length(self._policy, self._size)
        if found:
            self._intake.write(found)

    def finish(self) -> Received:
        self.write(b"")
        if not self._contents.ended:
            raise form_data.malformed()
        return self._intake.finish()

    def close(self, *, kept: bool) -> None:
        self._intake.close(kept=kept)


def _params(fields: Mapping[str, str], bucket: str) -> Params:
    """What PutObject is given.

    Raises:
        AwsError: a field says what is not honoured
    """
    post_policies.required(fields, "key")
    params: dict[str, Any] = {"Bucket": bucket}
    metadata = {}
    for name, value in fields.items():
        if name in _MEMBERS:
            params[_MEMBERS[name]] = _moment(value) if name == "expires" else value
        elif name.startswith(METADATA):
            metadata[name.removeprefix(METADATA)] = value
        elif name in _NO_MEMBERS:
            continue
        elif name.startswith(checksums.HEADER):
            params[f"{digests.MEMBER}{digests.known(name.removeprefix(checksums.HEADER).upper())}"] = value
        elif name == "tagging" or name.startswith("x-amz-"):
            raise not_implemented(name)
    return {**params, "Metadata": metadata}


def _moment(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        raise invalid_argument("The date is not in the format of RFC 7231.", "Expires", text) from None


def _redirect(url: str, named: Mapping[str, str]) -> str | None:
    """S3 user guide: "If Amazon S3 cannot interpret the URL, it ignores the field"."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    if split.scheme not in ("http", "https") or not split.netloc or any(ord(one) < 33 for one in url):
        return None
    query = urlencode([*parse_qsl(split.query, keep_blank_values=True), *named.items()])
    return urlunsplit((split.scheme, split.netloc, split.path, query, split.fragment))


def _of_error(error: AwsError, path: str) -> Answer:
    told = {"Code": error.code, "Message": error.message, **error.details, "Resource": path}
    return Answer(error.status, dict(XML), _xml("Error", told))


def _xml(name: str, members: Mapping[str, str]) -> bytes:
    inner = "".join(f"<{member}>{escape(value)}</{member}>" for member, value in members.items())
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}>{inner}</{name}>'.encode()
