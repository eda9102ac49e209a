"""Manifests: what an image consists of, by the digests in its own text.

Docker's image manifest version 2, schema 2, and OCI's image specification 1.1; each kind names its layers, or the
images of several platforms.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aftershock.aws.errors import AwsError

from . import errors, names

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
KINDS = (DOCKER, DOCKER_LIST, OCI, OCI_INDEX)
_LISTS = (DOCKER_LIST, OCI_INDEX)

MOST_BYTES = 4 * 2**20  # the service model's, of PutImage's manifest
_MOST_TYPE = 255  # characters of a media type: RFC 6838 §4.2 allows 127 on each side


@dataclass(frozen=True, slots=True)
class Contents:
    media_type: str
    layers: tuple[str, ...] = ()  # those that the registry has to have, each once
    children: tuple[str, ...] = ()
    artifact_type: str | None = None
    subject: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)


def digest(text: str) -> str:
    """
    Raises:
        AwsError: InvalidParameterException: it is no text that could be sent.
    """
    try:
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    except UnicodeEncodeError:
        raise _invalid("The manifest is not valid Unicode") from None


def read(text: str, stated_type: str | None) -> Contents:
    """
    Args:
        stated_type: the media type that came along; the manifest's own has to be the same.

    Raises:
        AwsError: InvalidParameterException
    """
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid("Invalid JSON syntax") from None
    if not isinstance(manifest, dict):
        raise _invalid("Invalid JSON syntax")
    if type(manifest.get("schemaVersion")) is not int or manifest["schemaVersion"] != 2:
        raise _invalid("Only manifests of schemaVersion 2 are supported")
    media_type = _media_type(manifest, stated_type)
    artifact = _text(manifest, "artifactType")
    subject = _digest(manifest["subject"], "subject") if manifest.get("subject") is not None else None
    annotations = _annotations(manifest.get("annotations") or {})
    if media_type in _LISTS:
        children = [_digest(one, "manifests") for one in _each(manifest, "manifests")]
        return Contents(media_type, (), _once(children), artifact, subject, annotations)
    config = manifest.get("config")
    layers = [_digest(config, "config")]
    layers += [_digest(one, "layers") for one in _each(manifest, "layers") if not _is_elsewhere(one)]
    artifact = artifact or _text(config, "mediaType")
    return Contents(media_type, _once(layers), (), artifact, subject, annotations)


def _media_type(manifest: Mapping[str, Any], stated: str | None) -> str:
    own = _text(manifest, "mediaType")
    if own and stated and own != stated:
        raise _invalid(f"The media type of the manifest is '{own}', and not '{stated[:_MOST_TYPE]}'")
    found = own or stated or (OCI_INDEX if "manifests" in manifest else OCI)  # OCI's may leave it out
    if found not in KINDS:
        raise _invalid(f"The media type '{found[:_MOST_TYPE]}' is not supported")
    return found


def _text(value: Any, name: str) -> str | None:
    found = value.get(name) if isinstance(value, dict) else None
    if found is None:
        return None
    if not isinstance(found, str) or not 0 < len(found) <= _MOST_TYPE or not found.isprintable():
        raise _invalid(f"{name} is no media type")
    return found


def _each(manifest: Mapping[str, Any], name: str) -> list[Any]:
    found = manifest.get(name)
    if not isinstance(found, list):
        raise _invalid(f"{name} is not a list")
    return found


def _digest(descriptor: Any, name: str) -> str:
    found = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(found, str) or not names.is_digest(found):
        raise _invalid(f"A descriptor of {name} has no digest of SHA-256")
    return found


def _annotations(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise _invalid("annotations are not all texts")
    try:
        "".join((*found, *found.values())).encode()
    except UnicodeEncodeError:
        raise _invalid("annotations are not valid Unicode") from None
    return found


def _is_elsewhere(descriptor: Any) -> bool:
    """OCI image specification, "Non-distributable layers": a registry need not have what is found at URLs."""
    kind = _text(descriptor, "mediaType") or ""
    return bool(isinstance(descriptor, dict) and descriptor.get("urls")) and (
        "foreign" in kind or "nondistributable" in kind
    )


def _once(digests: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(digests))


def _invalid(why: str) -> AwsError:
    return errors.invalid("ImageManifest", why)
