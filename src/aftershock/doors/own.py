"""The region's own paths on the API door, which no AWS service has: its health, and signed acts like `reset`."""

import json
from dataclasses import dataclass
from typing import Any

from . import web
from .access import REGION, Access

ACT_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """What the control plane says of itself."""

    ready: bool
    phase: str  # what it is at, "ready" at last
    fraction: float  # of the phase, 0 to 1
    version: str


def health(api_port: int, *, timeout_s: float = 2.0) -> Health | None:
    """Ask the control plane how it is; None while it does not answer."""
    try:
        answer = web.get(f"http://127.0.0.1:{api_port}/_aftershock/health", timeout_s=timeout_s)
        said = json.loads(answer.body) if answer.status == 200 else None
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict):
        return None
    return Health(
        ready=bool(said.get("ready")),
        phase=str(said.get("phase", "")),
        fraction=float(said.get("fraction") or 0.0),
        version=str(said.get("version", "")),
    )


def act(access: Access, name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Ask for one of the region's own acts, signed with the account's key as AWS's requests are.

    Raises:
        OSError: it was refused (the message has the region's answer), or nothing answers.
    """
    from botocore.auth import SigV4Auth  # noqa: PLC0415  # slow to import
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    url, body = f"{access.endpoint}/_aftershock/{name}", json.dumps(asked).encode()
    signed = AWSRequest("POST", url, headers={"Content-Type": "application/json"}, data=body)
    key = Credentials(access.access_key_id, access.secret_access_key)
    SigV4Auth(key, "aftershock", REGION).add_auth(signed)
    answer = web.request("POST", url, headers=dict(signed.headers), body=body, timeout_s=ACT_TIMEOUT_S)
    if answer.status != 200:
        raise OSError(f"{name}: {answer.status}: {answer.body}")
    said: dict[str, Any] = json.loads(answer.body)
    return said
