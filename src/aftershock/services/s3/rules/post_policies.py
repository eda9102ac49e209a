"""What a form posted by a browser may hold: its policy, and whether somebody who has a key signed that.

S3 user guide: "Browser-Based Uploads Using POST", for both versions of the signature.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .errors import access_denied, invalid_argument, refuse, too_large

# Fields that no condition has to name.  S3 user guide: "x-amz-signature, file, policy, and field names that have an
# x-ignore- prefix"; in version 2, the key and the signature as that has them.
_FREE = frozenset({"awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"})
_IGNORED = "x-ignore-"
_ALGORITHM = "AWS4-HMAC-SHA256"
_RANGE = "content-length-range"


@dataclass(frozen=True, slots=True)
class Signed:
    """Whose key a form is said to be signed with, and by what."""

    access_key_id: str
    signature: str
    scope: tuple[str, str, str] | None  # date, region and service of version 4


@dataclass(frozen=True, slots=True)
class Condition:
    kind: str  # "eq", "starts-with" or "content-length-range"
    name: str
    value: Any

    @property
    def shown(self) -> str:
        """As S3 spells it in a refusal."""
        parts = [self.kind, *self.value] if self.kind == _RANGE else [self.kind, f"${self.name}", self.value]
        return json.dumps(parts)


@dataclass(frozen=True, slots=True)
class Policy:
    expires_at: datetime
    conditions: tuple[Condition, ...]

    @property
    def most_bytes(self) -> int | None:
        return min((one.value[1] for one in self.conditions if one.kind == _RANGE), default=None)


def signed(fields: Mapping[str, str]) -> Signed:
    """Fields by their names in lower case.

    Raises:
        AwsError: it is not signed, or not as either version has it
    """
    if "policy" not in fields:
        raise access_denied()  # nobody without a key may do anything here
    if "x-amz-signature" not in fields and "x-amz-algorithm" not in fields:
        return Signed(required(fields, "AWSAccessKeyId"), required(fields, "signature"), None)
    if required(fields, "x-amz-algorithm") != _ALGORITHM:
        message = f"Only {_ALGORITHM} is supported"
        raise invalid_argument(message, "x-amz-algorithm", fields["x-amz-algorithm"])
    credential = required(fields, "x-amz-credential")
    *key, date, region, service, end = ["", "", "", "", *credential.split("/")]
    access_key_id = "/".join(key).lstrip("/")
    moment = required(fields, "x-amz-date")
    if not access_key_id or (service, end) != ("s3", "aws4_request") or moment[:8] != date:
        raise invalid_argument("the Credential is malformed or is of another date", "X-Amz-Credential", credential)
    return Signed(access_key_id, required(fields, "x-amz-signature"), (date, region, service))


def required(fields: Mapping[str, str], name: str) -> str:
    if not fields.get(name.lower()):
        order = "If it is specified, please check the order of the fields."
        raise invalid_argument(f"Bucket POST must contain a field named '{name}'.  {order}", name, "")
    return fields[name.lower()]


def holds(form: Signed, policy: str, secret: str) -> bool:
    """Whether the policy, as it stands in the form, is signed with this key."""
    if form.scope is None:
        digest = hmac.digest(secret.encode(), policy.encode(), hashlib.sha1)
        return hmac.compare_digest(base64.b64encode(digest), form.signature.encode())
    key = f"AWS4{secret}".encode()
    for part in (*form.scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return hmac.compare_digest(hmac.new(key, policy.encode(), hashlib.sha256).hexdigest(), form.signature)


def read(text: str) -> Policy:
    """
    Raises:
        AwsError: InvalidPolicyDocument
    """
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(found, dict) or set(found) != {"expiration", "conditions"}:
        raise _invalid("it must have the elements expiration and conditions, and no others.")
    if not isinstance(found["conditions"], list):
        raise _invalid("Invalid 'conditions' value.")
    return Policy(_moment(found["expiration"]), tuple(one for each in found["conditions"] for one in _conditions(each)))


def _moment(text: Any) -> datetime:
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", text):
        raise _invalid(f"Invalid 'expiration' value: '{text}'")
    try:
        return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from None


def _conditions(written: Any) -> Sequence[Condition]:
    match written:
        case dict() if written and all(isinstance(value, str) for value in written.values()):
            return [Condition("eq", name.lower(), value) for name, value in written.items()]
        case [str(kind), str(name), str(value)] if kind.lower() in ("eq", "starts-with") and name.startswith("$"):
            return [Condition(kind.lower(), name[1:].lower(), value)]
        case [str(kind), low, high] if kind.lower() == _RANGE and _is_number(low) and _is_number(high):
            return [Condition(_RANGE, "", (int(low), int(high)))]
    raise _invalid(f"Invalid Condition: {json.dumps(written)[:200]}")


def _is_number(value: Any) -> bool:
    text = str(value)
    return not isinstance(value, bool) and text.isascii() and text.isdecimal() and len(text) < 19


def _invalid(why: str) -> Exception:
    return refuse("InvalidPolicyDocument", f"Invalid Policy: {why}")


def check(policy: Policy, fields: Mapping[str, str], bucket: str, now: datetime) -> None:
    """Hold everything but the file's length against the policy.

    Raises:
        AwsError: AccessDenied
    """
    if policy.expires_at <= now:
        raise _denied("Policy expired.")
    known = {**fields, "bucket": bucket}
    for one in policy.conditions:
        if one.kind == _RANGE:
            continue
        value = known.get(one.name, "")
        if not (value == one.value if one.kind == "eq" else value.startswith(one.value)):
            raise _denied(f"Policy Condition failed: {one.shown}")
    named = {one.name for one in policy.conditions}
    extra = sorted(name for name in fields if name not in named | _FREE and not name.startswith(_IGNORED))
    if extra:
        raise _denied(f"Extra input fields: {extra[0]}")


def check_length(policy: Policy, size: int) -> None:
    """
    Raises:
        AwsError: EntityTooLarge, EntityTooSmall
    """
    for one in policy.conditions:
        if one.kind != _RANGE:
            continue
        least, most = one.value
        if size > most:
            raise too_large(size, most)
        if size < least:
            message = "Your proposed upload is smaller than the minimum allowed size"
            raise refuse("EntityTooSmall", message, ProposedSize=size, MinSizeAllowed=least)


def _denied(why: str) -> Exception:
    return refuse("AccessDenied", f"Invalid according to Policy: {why}", 403)
