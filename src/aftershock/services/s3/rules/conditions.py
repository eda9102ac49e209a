"""Conditional requests: on reading (RFC 9110 §13), on copying, and on writing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aftershock.aws.errors import AwsError
from aftershock.services.s3.records import Version

from .errors import no_such_key, not_implemented, precondition_failed


def names_etag(header: str, etag: str) -> bool:
    given = [one.strip().removeprefix("W/").strip('"') for one in header.split(",")]
    return "*" in given or etag in given


def failed(conditions: Mapping[str, Any], etag: str, written_at: datetime) -> str | None:
    """The condition that does not hold, by its header; RFC 9110 §13.2.2 has the order and who overrules whom.

    The conditions go by the names of GetObject.
    """
    match, none = conditions.get("IfMatch"), conditions.get("IfNoneMatch")
    unmodified, modified = conditions.get("IfUnmodifiedSince"), conditions.get("IfModifiedSince")
    if match is not None:
        if not names_etag(match, etag):
            return "If-Match"
    elif unmodified is not None and written_at > _utc(unmodified):
        return "If-Unmodified-Since"
    if none is not None:
        if names_etag(none, etag):
            return "If-None-Match"
    elif modified is not None and written_at <= _utc(modified):
        return "If-Modified-Since"
    return None


def check_read(params: Mapping[str, Any], version: Version, headers: Mapping[str, str]) -> None:
    """Raises AwsError: PreconditionFailed, or what becomes an answer 304 with these headers."""
    assert version.content is not None
    condition = failed(params, version.content.etag, version.written_at)
    if condition in ("If-None-Match", "If-Modified-Since"):
        raise AwsError("NotModified", "Not Modified", status=304, headers=headers)
    if condition is not None:
        raise precondition_failed(condition)


def check_copy(params: Mapping[str, Any], version: Version) -> None:
    assert version.content is not None
    named = {name.removeprefix("CopySource"): value for name, value in params.items() if "SourceIf" in name}
    condition = failed(named, version.content.etag, version.written_at)
    if condition is not None:
        raise precondition_failed(f"x-amz-copy-source-{condition}")


def check_write(params: Mapping[str, Any], key: str, existing: Version | None) -> None:
    """`existing` is the current version of the object that is to be written, None where there is no object."""
    none, match = params.get("IfNoneMatch"), params.get("IfMatch")
    if none is not None:
        if none != "*":
            raise not_implemented("If-None-Match")
        if existing is not None:
            raise precondition_failed("If-None-Match")
    if match is not None:
        if existing is None or existing.content is None:
            raise no_such_key(key)
        if not names_etag(match, existing.content.etag):
            raise precondition_failed("If-Match")


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
