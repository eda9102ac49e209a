"""AWS's Signature Version 4, for the two kinds of request that these programs make."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote, unquote, urlsplit

from .instance import Credentials


def signed(
    credentials: Credentials,
    scope: tuple[str, str],
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> dict[str, str]:
    """All headers of the request, Authorization among them.  `scope` is the region and the service; the URL has no
    query, and `headers` have small letters."""
    parts, stamp = urlsplit(url), f"{now:%Y%m%dT%H%M%SZ}"
    whole = {
        **headers,
        "host": parts.netloc,
        "x-amz-date": stamp,
        **({"x-amz-security-token": credentials.token} if credentials.token else {}),
    }
    names = ";".join(sorted(whole))
    lines = "".join(f"{name}:{whole[name]}\n" for name in sorted(whole))
    digest = hashlib.sha256(body).hexdigest()
    path = quote(unquote(parts.path) or "/", safe="/~")
    canonical = "\n".join((method, path, "", lines, names, digest))
    full = f"{stamp[:8]}/{scope[0]}/{scope[1]}/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", stamp, full, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for word in full.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), "sha256").hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{full}, SignedHeaders={names}, "
    shown = {name: value for name, value in whole.items() if name != "host"}
    return {**shown, "Authorization": f"{authorization}Signature={signature}"}
