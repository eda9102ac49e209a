"""Who may come in.  Pure.

The console listens on loopback only, but every page that a browser shows can send requests there.  Three checks, each
of which would do against most of them:

- **Host** has to be a loopback name.  A hostile name that is made to lead to 127.0.0.1 (DNS rebinding) is in there.
- **Origin** and `Sec-Fetch-Site`, which no page can forge, have to be our own wherever they are sent.
- **The token**, 256 bits that the command line hands out behind the `#` of the page's address, has to be in the
  `Authorization` header of everything that reads or acts.  Browsers never add that header by themselves, as they do
  cookies (which, besides, all ports of 127.0.0.1 share), so that there is nothing for a forged request to ride on.
"""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

LOOPBACK = ("127.0.0.1", "localhost")  # with any port: who forwards one through ssh keeps the name
TOKEN_BYTES = 32
TOKEN_FILE = "console.json"  # noqa: S105 - the file's name

HEADERS = {
    # Scripts and styles are files of ours; no inline code, no foreign server, and no HTML made of strings.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}

# A report is a page by itself: it is of no origin, so that it can read nothing of ours, runs nothing, and asks for
# nothing.
REPORT_HEADERS = {
    **HEADERS,
    "content-security-policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
}


def refusal(headers: Mapping[str, str], *, token: str | None) -> tuple[int, str] | None:
    """Why this request is refused, as a status and a sentence, or None.  Without a token, none is asked for."""
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
        return 421, "The console answers to 127.0.0.1 and localhost only."
    origin = headers.get("origin")
    if origin is not None and origin != f"http://{host}":
        return 403, "The console does not serve other origins."
    if token is None:
        return None
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return 403, "The console does not serve other sites."
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not hmac.compare_digest(given.encode(), token.encode()):
        return 401, "Open the console by the link that `aftershock console` prints."
    return None


def ensure_token(state: Path) -> str:
    """The token of this state directory, made at the first call; it stays, so that an open page survives a restart."""
    path = state / TOKEN_FILE
    try:
        return read_token(state)
    except (OSError, ValueError, KeyError):
        pass
    token = secrets.token_urlsafe(TOKEN_BYTES)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({"Token": token}, file)
    draft.replace(path)
    return token


def read_token(state: Path) -> str:
    """The token that the console has made.

    Raises:
        OSError, ValueError, KeyError: it has made none yet.
    """
    said = json.loads((state / TOKEN_FILE).read_text())
    if not isinstance(said, dict):
        raise ValueError(f"{TOKEN_FILE} is not a JSON object")
    return str(said["Token"])
