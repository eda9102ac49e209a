"""The URLs of wait condition handles: whoever has one may say at it that something is done, or has failed.

On AWS they are presigned URLs of a bucket of CloudFormation's; here CloudFormation's own endpoint answers at them.
"""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from aftershock.aws.call import Call, Tx
from aftershock.aws.errors import AwsError

from .records import RESOURCES, SIGNALS, STACKS, Signal, resource_id

START = "/waitcondition/"
MOST_BYTES = 4096  # AWS: the body of a signal
STATUSES = ("SUCCESS", "FAILURE")


def url(region: str, stack_id: str, logical_id: str, secret: str) -> str:
    """`secret` is what nobody else knows of this handle."""
    signature = hashlib.sha256(f"{stack_id} {logical_id} {secret}".encode()).hexdigest()
    return (
        f"https://cloudformation.{region}.amazonaws.com{START}{quote(stack_id, safe='')}/{logical_id}"
        f"?Signature={signature}"
    )


def answer(call: Call, path: str, query: str, body: bytes) -> None:
    """Take what was sent to a handle's URL.

    Raises:
        AwsError: it is no handle's URL, or not what a handle is told
    """
    stack_text, _, logical_id = path.removeprefix(START).partition("/")
    stack_id = unquote(stack_text)
    handle, stack = RESOURCES.get(call.tx, resource_id(stack_id, logical_id)), STACKS.get(call.tx, stack_id)
    known = urlsplit((handle.physical_id if handle else None) or "")
    given = f"{path}?{query}"
    if stack is None or not known.query or not hmac.compare_digest(f"{known.path}?{known.query}", given):
        raise AwsError("AccessDenied", "Access Denied", status=403)
    if not stack.exists:
        raise AwsError("AccessDenied", "Request has expired", status=403)
    said = _said(body)
    signal = Signal(
        stack_id=stack_id,
        logical_id=logical_id,
        unique_id=said["UniqueId"],
        status=said["Status"],
        reason=said["Reason"],
        data=said["Data"],
        at=call.now,
    )
    SIGNALS.put(call.tx, signal)


def _said(body: bytes) -> dict[str, str]:
    if len(body) > MOST_BYTES:
        raise AwsError("EntityTooLarge", f"A signal may have {MOST_BYTES} bytes.")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise AwsError("MalformedSignal", "The signal is not JSON.") from None
    if not isinstance(found, dict) or found.get("Status") not in STATUSES or not found.get("UniqueId"):
        raise AwsError("MalformedSignal", "A signal has a Status, SUCCESS or FAILURE, and a UniqueId.")
    return {name: _text(found.get(name, "")) for name in ("Status", "UniqueId", "Reason", "Data")}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def heard(tx: Tx, handle: str) -> dict[str, tuple[str, str, str]]:
    """What was said at a handle's URL, by unique id: status, reason and data."""
    stack_text, _, logical_id = urlsplit(handle).path.removeprefix(START).partition("/")
    found = SIGNALS.where(tx, "resource", resource_id(unquote(stack_text), logical_id))
    return {one.unique_id: (one.status, one.reason, one.data) for one in found}
