"""The instance metadata service: who this instance is, and how it proves that."""

import http.client
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass

ROOT = "http://169.254.169.254/latest"
TRIES = 10
TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    token: str = ""


class NotAnInstanceError(Exception):
    """The metadata service does not answer, or not to this."""


def _ask(method: str, path: str, headers: dict[str, str]) -> str:
    request = urllib.request.Request(f"{ROOT}/{path}", method=method, headers=headers)  # noqa: S310 - our own address
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    why = ""
    for attempt in range(TRIES):
        try:
            with direct.open(request, timeout=TIMEOUT_S) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as error:
            raise NotAnInstanceError(f"{path}: {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            why = str(error)
        time.sleep(min(5.0, 0.1 * 2.0**attempt))
    raise NotAnInstanceError(f"the instance metadata service does not answer: {why}")


def read(path: str) -> str:
    """
    Raises:
        NotAnInstanceError
    """
    token = _ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "300"})
    return _ask("GET", path, {"X-aws-ec2-metadata-token": token})


def instance_id() -> str:
    return read("meta-data/instance-id").strip()


def identity() -> tuple[str, str]:
    """The identity document, and its signature."""
    return read("dynamic/instance-identity/document"), read("dynamic/instance-identity/signature")


def role_credentials(role: str) -> Credentials:
    found = json.loads(read(f"meta-data/iam/security-credentials/{role}"))
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
