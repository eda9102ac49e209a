"""What lies at a URL: tried a few times, since a server may be busy or only just come up."""

import ssl
import time
import urllib.error
import urllib.request

from .errors import BuildError
from .keys import Keys

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
TRIES = 5
TIMEOUT_S = 60.0
MOST_PAUSE_S = 20.0
NONE = Keys()


def is_remote(source: str) -> bool:
    return source.lower().startswith(("http://", "https://", "ftp://"))


def context() -> ssl.SSLContext:
    """The system's bundle: the one that knows the region's authority."""
    return ssl.create_default_context(cafile=BUNDLE)


def fetch(url: str, keys: Keys = NONE, name: str | None = None) -> bytes:
    """
    Raises:
        BuildError: it cannot be had; the message ends with the server's word
    """
    for attempt in range(TRIES):
        request = urllib.request.Request(url, headers=keys.headers(url, name))  # noqa: S310
        try:
            with urllib.request.urlopen(  # noqa: S310 - the template's author says where from
                request, timeout=TIMEOUT_S, context=context() if url.lower().startswith("https:") else None
            ) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            why = f"HTTP Error {error.code} : {error.reason}"
            if error.code < 500 and error.code not in (404, 408, 429):
                break
        except (OSError, ValueError) as error:
            why = str(error)
        time.sleep(pause_s(attempt))
    raise BuildError(f"Failed to retrieve {url}: {why}")


def pause_s(attempt: int) -> float:
    return min(MOST_PAUSE_S, 0.5 * 2.0**attempt)
