"""What a path of the registry means: OCI distribution specification 1.1, "Endpoints"."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from . import names

_UPLOAD = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# The name may hold the words that stand behind it ("a/blobs/b"), so the last of them is meant.
_LONGEST = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs/uploads|blobs|referrers|tags)/(?P<rest>[^/]*)")


@dataclass(frozen=True, slots=True)
class Base:
    """The registry itself."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """The names of its repositories."""


@dataclass(frozen=True, slots=True)
class Tags:
    name: str


@dataclass(frozen=True, slots=True)
class ManifestAt:
    """By its digest or by a tag."""

    name: str
    digest: str | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class ReferrersOf:
    """The images that say to be about the one with this digest."""

    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class BlobAt:
    name: str
    digest: str


@dataclass(frozen=True, slots=True)
class Uploads:
    """Where an upload begins."""

    name: str


@dataclass(frozen=True, slots=True)
class UploadAt:
    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Bad:
    """No place that there could be: the code and the message to say so with."""

    code: str
    message: str


Place = Base | Catalog | Tags | ManifestAt | ReferrersOf | BlobAt | Uploads | UploadAt | Bad


def read(path: str) -> Place:
    """`path` as it stood in the request, percent-encoded."""
    try:
        plain = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return Bad("NAME_INVALID", "the path is not UTF-8")
    if plain in ("/v2", "/v2/"):
        return Base()
    if plain == "/v2/_catalog":
        return Catalog()
    found = _LONGEST.fullmatch(plain)
    if found is None:
        return Bad("UNSUPPORTED", "there is nothing of a registry at this path")
    name, kind, rest = found["name"], found["kind"], found["rest"]
    if not names.is_name(name):
        return Bad("NAME_INVALID", "invalid repository name")
    return _within(name, kind, rest)


def _within(name: str, kind: str, rest: str) -> Place:
    match kind:
        case "tags" if rest == "list":
            return Tags(name)
        case "manifests" if names.is_digest(rest):
            return ManifestAt(name, rest, None)
        case "manifests" if names.is_tag(rest):
            return ManifestAt(name, None, rest)
        case "manifests":
            return Bad("TAG_INVALID" if ":" not in rest else "DIGEST_INVALID", "neither a tag nor a digest of SHA-256")
        case "referrers" if names.is_digest(rest):
            return ReferrersOf(name, rest)
        case "blobs/uploads" if not rest:
            return Uploads(name)
        case "blobs/uploads" if _UPLOAD.fullmatch(rest):
            return UploadAt(name, rest)
        case "blobs/uploads":
            return Bad("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        case "blobs" if rest == "uploads":
            return Uploads(name)
        case "blobs" if names.is_digest(rest):
            return BlobAt(name, rest)
        case "blobs" | "referrers":
            return Bad("DIGEST_INVALID", "no digest of SHA-256")
    return Bad("UNSUPPORTED", "there is nothing of a registry at this path")
