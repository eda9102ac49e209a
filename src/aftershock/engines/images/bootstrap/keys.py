"""AWS::CloudFormation::Authentication: with what a source is asked for that is not open to everybody.

AWS: "Use the AWS::CloudFormation::Authentication resource to specify authentication credentials for files or sources
that you specify with the AWS::CloudFormation::Init resource."
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from .errors import BuildError
from .instance import Credentials, NotAnInstanceError, role_credentials
from .signing import signed

_S3 = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com", re.IGNORECASE)
KINDS = ("s3", "basic")


@dataclass(frozen=True, slots=True)
class Keys:
    known: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, section: Any) -> "Keys":
        """
        Raises:
            BuildError: it is not as it may be
        """
        if not isinstance(section, Mapping) or not all(isinstance(one, Mapping) for one in section.values()):
            raise BuildError("AWS::CloudFormation::Authentication should be a mapping of name to credentials")
        for name, one in section.items():
            if str(one.get("type", "")).lower() not in KINDS:
                raise BuildError(f"Authentication {name} has an unknown type: {one.get('type')}")
        return cls(section)

    def headers(self, url: str, name: str | None = None) -> dict[str, str]:
        """What goes with a request for the URL: by the credentials of this name, or else those for its place.

        Raises:
            BuildError: there are none of this name, or they cannot be had
        """
        if name is not None and name not in self.known:
            raise BuildError(f"No authentication named {name} is defined")
        chosen = self.known[name] if name is not None else self._for(url)
        if chosen is None:
            return {}
        if str(chosen["type"]).lower() == "basic":
            return _basic(chosen)
        place = bucket_of(url)
        if place is None:
            raise BuildError(f"{url} is not in a bucket; its authentication is of type S3")
        empty = {"x-amz-content-sha256": hashlib.sha256().hexdigest()}
        scope = (place[1], "s3")
        return signed(_credentials(chosen), scope, "GET", url, headers=empty, body=b"", now=datetime.now(UTC))

    def _for(self, url: str) -> Mapping[str, Any] | None:
        place = bucket_of(url)
        for one in self.known.values():
            if place is not None and place[0] in _texts(one.get("buckets")):
                return one
            address = url.partition("://")[2]
            if any(address.startswith(uri.partition("://")[2] or uri) for uri in _texts(one.get("uris"))):
                return one
        return None


def bucket_of(url: str) -> tuple[str, str] | None:
    """The bucket and the region of an object's URL, in either of S3's two styles."""
    parts = urlsplit(url)
    found = _S3.fullmatch(parts.hostname or "")
    if found is None:
        return None
    bucket = found["bucket"] or unquote(parts.path).lstrip("/").partition("/")[0]
    return bucket, found["region"] or "us-east-1"


def _texts(value: Any) -> list[str]:
    return [str(one) for one in (value if isinstance(value, list) else [] if value is None else [value])]


def _basic(chosen: Mapping[str, Any]) -> dict[str, str]:
    pair = f"{chosen.get('username', '')}:{chosen.get('password', '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _credentials(chosen: Mapping[str, Any]) -> Credentials:
    try:
        if "roleName" in chosen:
            return role_credentials(str(chosen["roleName"]))
        return Credentials(str(chosen["accessKeyId"]), str(chosen["secretKey"]))
    except NotAnInstanceError as error:
        raise BuildError(f"The credentials of role {chosen['roleName']} cannot be had: {error}") from None
    except KeyError as error:
        raise BuildError(f"An authentication of type S3 lacks {error}") from None
