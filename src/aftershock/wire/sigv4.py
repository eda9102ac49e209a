"""Signature Version 4, verified: in the Authorization header, and in a presigned URL.

The canonical request is built from what arrived, as the "Signature Version 4 signing process" has it.  A body that
is still to come is held against what was signed of it while it comes (payloads.py).
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_plus

from botocore.model import OperationModel

from aftershock.aws.errors import AwsError
from aftershock.wire import sigv2
from aftershock.wire.bodies import check_digests, is_chunked, unchunked
from aftershock.wire.chunk_signatures import ChunkSigner
from aftershock.wire.message import HttpRequest
from aftershock.wire.payloads import Chunks, Payload, Whole
from aftershock.wire.refusals import Family
from aftershock.wire.signature_refusals import Fault, refusal

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
LONGEST_EXPIRY_S = 604_800
_MOMENT = "%Y%m%dT%H%M%SZ"
_UNSIGNED = "UNSIGNED-PAYLOAD"
_SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-"
_STREAMING = re.compile(r"STREAMING-[A-Z0-9-]+")
_UNRESERVED = "-_.~"
# Added after signing by proxies and clients; read, if at all, only by what has verified the request.
_MAY_BE_UNSIGNED = frozenset({"x-amz-content-sha256", "x-amz-user-agent"})


@dataclass(frozen=True, slots=True)
class Secret:
    """What an access key is verified with; `session_token` where the credentials are temporary."""

    secret_access_key: str
    session_token: str | None = None
    expired: bool = False  # a session's that is over; whoever has its token is told so


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request, and for where."""

    access_key_id: str
    region: str
    service: str


@dataclass(frozen=True, slots=True)
class _Signed:
    """The parts of a signature, wherever they stood."""

    access_key_id: str
    date: str
    region: str
    service: str
    moment: datetime
    header_names: tuple[str, ...]
    signature: str
    token: str | None
    expires_s: int | None  # of a presigned URL

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True, slots=True)
class Proven:
    """A request whose headers are proven to be the caller's, and what was signed of its body."""

    caller: Caller
    family: Family
    payload_hash: str  # a SHA-256, or what stands for a body that was not hashed, or is signed in chunks
    signer: ChunkSigner | None = None

    def payload(self, request: HttpRequest) -> Payload:
        """What the body, as it comes, is to be fed to; to be asked for once.

        Raises:
            AwsError: the request says nothing, or no sense, of the length of its body.
        """
        if not _STREAMING.fullmatch(self.payload_hash):
            return Whole(self.payload_hash if _is_hash(self.payload_hash) else None, self.family)
        size = request.headers.get("x-amz-decoded-content-length", "")
        if not (size.isascii() and size.isdigit() and len(size) < 16):
            raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
        return Chunks(int(size), self.signer)


def takes_anonymous(operation: OperationModel) -> bool:
    """Whether AWS answers the operation to those who have no credentials yet, such as AssumeRoleWithSAML."""
    return operation.auth_type == "none" or "smithy.api#noAuth" in (operation.auth or ())


def verify(
    request: HttpRequest,
    *,
    secret_of: Callable[[str], Secret | None],
    now: datetime,
    family: Family,
    signing_names: Collection[str] = (),
    region: str = "",
) -> Caller:
    """Who sent the request, if that is proven.

    `family` is the one whose words a refusal has (`ErrorContext.family`).  `signing_names` are the services the
    signature may be scoped to, any if empty; pass the signing name of the service the request was routed to, or a
    signature made for one service opens another.  `region` is the one it has to be scoped to; any if empty.

    Raises:
        AwsError: it is not proven, in the words of the family, or its body is not the one that it states.
    """
    proven = verify_head(
        request, secret_of=secret_of, now=now, family=family, signing_names=signing_names, region=region
    )
    if _is_hash(proven.payload_hash) and not _same(proven.payload_hash, hashlib.sha256(request.body).hexdigest()):
        raise _Refuser(family)(Fault.WRONG_PAYLOAD)
    if proven.signer is not None:
        chunks = Chunks(signer=proven.signer)
        chunks.feed(request.body)
        chunks.end()
    if family is Family.S3:
        check_digests(unchunked(request) if is_chunked(request) else request)
    return proven.caller


def verify_head(
    request: HttpRequest,
    *,
    secret_of: Callable[[str], Secret | None],
    now: datetime,
    family: Family,
    signing_names: Collection[str] = (),
    region: str = "",
    body_follows: bool = False,
) -> Proven:
    """As `verify`, of everything but the body.

    With `body_follows` the body is not here at all, and the request has to say what was signed of it.
    """
    refuse = _Refuser(family)
    if family is Family.S3 and sigv2.is_presigned(request):
        return Proven(_verified_by_sigv2(request, secret_of, now, refuse), family, _UNSIGNED)
    presigned = dict(_query_pairs(request.query)) if "X-Amz-Signature=" in request.query else None
    signed = _from_query(presigned, refuse) if presigned is not None else _from_header(request, refuse)
    if signing_names and signed.service not in signing_names:
        wanted = "' or '".join(sorted(signing_names))
        raise refuse(Fault.MISMATCH, f"Credential should be scoped to correct service: '{wanted}'.", exactly=True)
    if region and signed.region != region:
        text = f"Credential should be scoped to a valid region, not '{signed.region}'. "
        raise refuse(Fault.MISMATCH, text, exactly=True)
    _check_time(signed, now, refuse)
    _check_headers(request, signed, refuse)
    secret = _known_secret(secret_of(signed.access_key_id), signed.token, refuse)
    payload_hash = _payload_hash(request, signed, family, body_follows=body_follows)
    if not _same(signed.signature, signature(request, signed, secret, payload_hash, family)):
        raise refuse(Fault.MISMATCH)
    signer = None
    if payload_hash.startswith(_SIGNED_CHUNKS):
        moment = signed.moment.strftime(_MOMENT)
        signer = ChunkSigner(_signing_key(signed, secret), moment, signed.scope, signed.signature)
    return Proven(Caller(signed.access_key_id, signed.region, signed.service), family, payload_hash, signer)


def _known_secret(secret: Secret | None, token: str | None, refuse: "_Refuser") -> Secret:
    if secret is None:
        raise refuse(Fault.UNKNOWN_KEY)
    if not _same(token or "", secret.session_token or ""):
        raise refuse(Fault.WRONG_TOKEN)
    if secret.expired:
        raise refuse(Fault.EXPIRED_TOKEN)
    return secret


def _verified_by_sigv2(
    request: HttpRequest, secret_of: Callable[[str], Secret | None], now: datetime, refuse: "_Refuser"
) -> Caller:
    url = sigv2.presigned(request)
    if url is None:
        raise refuse(Fault.INCOMPLETE, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId")
    if url.expires_at < now:
        raise refuse(Fault.URL_EXPIRED)
    secret = _known_secret(secret_of(url.access_key_id), url.token, refuse)
    if not _same(url.signature, sigv2.signature(request, url, secret.secret_access_key)):
        raise refuse(Fault.MISMATCH)
    return Caller(url.access_key_id, "", "s3")


@dataclass(frozen=True, slots=True)
class _Refuser:
    family: Family

    def __call__(self, fault: Fault, found: str = "", *, exactly: bool = False) -> AwsError:
        error = refusal(self.family, fault, found)
        return AwsError(error.code, found, status=error.status) if exactly and self.family is not Family.EC2 else error


def _from_header(request: HttpRequest, refuse: _Refuser) -> _Signed:
    authorization = request.headers.get("authorization", "").strip()
    if not authorization:
        raise refuse(Fault.MISSING)
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        raise refuse(Fault.INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    parts = dict(_assignment(part) for part in rest.split(","))
    lacking = [name for name in ("Credential", "Signature", "SignedHeaders") if not parts.get(name)]
    moment_text = request.headers.get("x-amz-date") or request.headers.get("date", "")
    texts = [f"Authorization header requires '{name}' parameter." for name in lacking]
    if not moment_text:
        texts.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if texts:
        raise refuse(Fault.INCOMPLETE, " ".join(texts))
    token = request.headers.get("x-amz-security-token")
    place = _Place(parts["Credential"], moment_text, parts["SignedHeaders"], parts["Signature"], token, None)
    return _signed(place, refuse)


def _assignment(text: str) -> tuple[str, str]:
    name, _, value = text.strip().partition("=")
    return name, value


def _from_query(fields: dict[str, str], refuse: _Refuser) -> _Signed:
    names = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
    lacking = [f"AWS query-string parameters must include '{name}'." for name in names if not fields.get(name)]
    if lacking:
        raise refuse(Fault.INCOMPLETE, " ".join(lacking))
    algorithm, credential, moment, header_names, given = (fields[name] for name in names)
    if algorithm != ALGORITHM:
        raise refuse(Fault.INCOMPLETE, f"Unsupported AWS 'algorithm': '{algorithm[:40]}'.")
    # AWS: services other than S3 take a URL without X-Amz-Expires for the time of any other request.
    expires = fields.get("X-Amz-Expires", str(int(SKEW.total_seconds())))
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 6 and 0 < int(expires) <= LONGEST_EXPIRY_S):
        raise refuse(
            Fault.INCOMPLETE, f"X-Amz-Expires must be a number of seconds, at least 1 and at most {LONGEST_EXPIRY_S}."
        )
    token = fields.get("X-Amz-Security-Token")
    return _signed(_Place(credential, moment, header_names, given, token, int(expires)), refuse)


@dataclass(frozen=True, slots=True)
class _Place:
    """The texts of a signature as they stood in the header or the URL."""

    credential: str
    moment: str
    header_names: str
    signature: str
    token: str | None
    expires_s: int | None


def _signed(place: _Place, refuse: _Refuser) -> _Signed:
    *key, date, region, service, terminator = ["", "", "", "", *place.credential.split("/")]
    access_key_id = "/".join(key).lstrip("/")
    if not (access_key_id and date and service) or terminator != "aws4_request":
        raise refuse(
            Fault.INCOMPLETE,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got '{place.credential[:200]}'",
        )
    moment = _moment(place.moment)
    if moment is None:
        raise refuse(
            Fault.INCOMPLETE,
            f"Date must be in ISO-8601 'basic format'. Got '{place.moment[:40]}'. See "
            "http://en.wikipedia.org/wiki/ISO_8601",
        )
    if date != moment.strftime("%Y%m%d"):
        raise refuse(
            Fault.MISMATCH,
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date[:20]}' "
            f"!= '{moment:%Y%m%d}', from '{moment:{_MOMENT}}'.",
            exactly=True,
        )
    names = tuple(place.header_names.lower().split(";"))
    return _Signed(access_key_id, date, region, service, moment, names, place.signature, place.token, place.expires_s)


def _moment(text: str) -> datetime | None:
    try:
        if len(text) == len("20150830T123600Z"):
            return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC)
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _check_time(signed: _Signed, now: datetime, refuse: _Refuser) -> None:
    now = now.astimezone(UTC)
    if signed.moment > now + SKEW:
        raise refuse(
            Fault.EXPIRED,
            f"Signature not yet current: {signed.moment:{_MOMENT}} is still later than {now + SKEW:{_MOMENT}} "
            f"({now:{_MOMENT}} + 15 min.)",
        )
    if signed.expires_s is not None:
        ends = signed.moment + timedelta(seconds=signed.expires_s)
        if ends < now:
            raise refuse(Fault.URL_EXPIRED, f"Signature expired: {ends:{_MOMENT}} is now earlier than {now:{_MOMENT}}")
    elif signed.moment < now - SKEW:
        raise refuse(
            Fault.EXPIRED,
            f"Signature expired: {signed.moment:{_MOMENT}} is now earlier than {now - SKEW:{_MOMENT}} "
            f"({now:{_MOMENT}} - 15 min.)",
        )


def _check_headers(request: HttpRequest, signed: _Signed, refuse: _Refuser) -> None:
    """What steers a request must be signed: the host, and every `x-amz-` header."""
    wanted = [name for name in request.headers if name.startswith("x-amz-") and name not in _MAY_BE_UNSIGNED]
    for name in ("host", *wanted):
        if name not in signed.header_names:
            raise refuse(Fault.UNSIGNED_HEADER, f"'{name[:100]}' must be a 'SignedHeader' in the AWS Authorization.")
    if missing := [name for name in signed.header_names if name not in request.headers]:
        raise refuse(Fault.MISMATCH, f"signed headers are not in the request: {', '.join(missing)}")


def _payload_hash(request: HttpRequest, signed: _Signed, family: Family, *, body_follows: bool) -> str:
    """The hash that was signed: the one stated, or the one of the body that is here.

    A stated hash that is neither marker nor digest is compared with the body, and so refused.
    """
    stated = request.headers.get("x-amz-content-sha256")
    if stated is None:
        is_s3_url = signed.expires_s is not None and family is Family.S3
        if body_follows and not is_s3_url:
            raise AwsError("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
        return _UNSIGNED if is_s3_url else hashlib.sha256(request.body).hexdigest()
    return stated


def _is_hash(payload_hash: str) -> bool:
    return payload_hash != _UNSIGNED and not _STREAMING.fullmatch(payload_hash)


def signature(request: HttpRequest, signed: _Signed, secret: Secret, payload_hash: str, family: Family) -> str:
    hashed = hashlib.sha256(canonical_request(request, signed.header_names, payload_hash, family)).hexdigest()
    to_sign = "\n".join([ALGORITHM, signed.moment.strftime(_MOMENT), signed.scope, hashed])
    return hmac.digest(_signing_key(signed, secret), to_sign.encode(errors="replace"), "sha256").hex()


def _signing_key(signed: _Signed, secret: Secret) -> bytes:
    key = f"AWS4{secret.secret_access_key}".encode()
    for part in (signed.date, signed.region, signed.service, "aws4_request"):
        key = hmac.digest(key, part.encode(errors="replace"), "sha256")
    return key


def canonical_request(request: HttpRequest, header_names: Iterable[str], payload_hash: str, family: Family) -> bytes:
    names = sorted(set(header_names))
    headers = "".join(f"{name}:{' '.join(_as_sent(request.headers[name]).split())}\n" for name in names)
    path = request.path or "/"
    if family is not Family.S3:  # S3 signs the path as it is; all others normalise it and encode it once more
        path = quote(_normalized(path), safe=f"/{_UNRESERVED}", errors="replace")
    lines = [request.method, path, _canonical_query(request.query), headers, ";".join(names), payload_hash]
    return "\n".join(lines).encode(errors="replace")


def _as_sent(value: str) -> str:
    """Header values arrive as Latin-1 and are signed as the UTF-8 they were sent in."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value.encode(errors="replace").decode()


def _normalized(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return f"/{'/'.join(kept)}{'/' if kept and path.endswith('/') else ''}"


def _canonical_query(query: str) -> str:
    encoded = sorted(
        (_encoded(name), _encoded(value)) for name, value in _query_pairs(query) if name != "X-Amz-Signature"
    )
    return "&".join(f"{name}={value}" for name, value in encoded)


def _encoded(text: str) -> str:
    return quote(text, safe=_UNRESERVED, errors="surrogateescape")


def _query_pairs(query: str) -> list[tuple[str, str]]:
    """Names and values decoded, a plus as a space: as the same query is read when it is acted upon."""
    split = (pair.partition("=") for pair in query.split("&") if pair)
    return [(_decoded(name), _decoded(value)) for name, _, value in split]


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))
