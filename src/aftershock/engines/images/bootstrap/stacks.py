"""CloudFormation as an instance speaks with it: signed by a key, or by the instance's own identity."""

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from . import instance
from .downloads import context, pause_s
from .instance import Credentials
from .signing import signed

VERSION = "2010-05-15"
SERVICE = "cloudformation"
TRIES = 12
TIMEOUT_S = 60.0
AGAIN = ("Throttling", "InvalidAccessKeyId", "InvalidClientTokenId")  # a new key may not be known everywhere yet


class RefusedError(Exception):
    """The service said no, or nothing."""


@dataclass(frozen=True, slots=True)
class Stacks:
    region: str
    url: str = ""  # of the service; without it the region's
    credentials: Credentials | None = None  # without them the instance's identity is shown

    def metadata(self, stack: str, resource: str) -> Any:
        """What the template says of the resource, or None if it has no metadata.

        Raises:
            RefusedError, NotAnInstanceError
        """
        answer = self._call("DescribeStackResource", StackName=stack, LogicalResourceId=resource)
        detail = answer["DescribeStackResourceResponse"]["DescribeStackResourceResult"]["StackResourceDetail"]
        return json.loads(detail["Metadata"]) if detail.get("Metadata") else None

    def signal(self, stack: str, resource: str, unique_id: str, status: str) -> None:
        """
        Raises:
            RefusedError, NotAnInstanceError
        """
        self._call("SignalResource", StackName=stack, LogicalResourceId=resource, UniqueId=unique_id, Status=status)

    def _call(self, action: str, **params: str) -> Any:
        url = (self.url or f"https://{SERVICE}.{self.region}.amazonaws.com").rstrip("/") + "/"
        form = {"Action": action, "ContentType": "JSON", "Version": VERSION, **params}
        body = "&".join(f"{quote(name, safe='~')}={quote(form[name], safe='~')}" for name in sorted(form))
        why = ""
        for attempt in range(TRIES):
            if attempt:
                time.sleep(pause_s(attempt))
            try:
                return self._send(url, body)
            except urllib.error.HTTPError as error:
                text = error.read().decode(errors="replace")
                code, why = _refusal(text)
                if error.code < 500 and code not in AGAIN:
                    raise RefusedError(why) from None
            except (OSError, http.client.HTTPException) as error:  # the service may be about to come up again
                why = str(error)
        raise RefusedError(f"Could not reach {url}: {why}")

    def _send(self, url: str, body: str) -> Any:
        secure = url.startswith("https:")
        request = urllib.request.Request(url, data=body.encode(), method="POST", headers=self._headers(url, body))  # noqa: S310
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context() if secure else None) as answer:  # noqa: S310
            return json.load(answer)

    def _headers(self, url: str, body: str) -> dict[str, str]:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if self.credentials is None:
            document, signature = instance.identity()
            shown = base64.b64encode(document.encode()).decode()
            headers["Authorization"] = f"CFN_V1 {shown}:{signature.replace(chr(10), '')}"
        else:
            scope = (self.region, SERVICE)
            now = datetime.now(UTC)
            headers = signed(self.credentials, scope, "POST", url, headers=headers, body=body.encode(), now=now)
        return {**headers, "Accept": "application/json"}


def _refusal(text: str) -> tuple[str, str]:
    """The error's code, and what to say of it."""
    try:
        error = json.loads(text)["Error"]
        return str(error["Code"]), f"{error['Code']}: {error['Message']}"
    except (ValueError, KeyError, TypeError):
        return "", text[:500]
