"""Sources to copy from: found, and digested where the copy's ETag cannot be told without reading.

A copy shares its source's bytes.  Its ETag is the MD5 of them, which a source that was uploaded in parts, or a range,
does not have; so it is made before the operation's transaction, which may not take as long as reading does.
"""

from collections.abc import Iterable
from urllib.parse import unquote

from aftershock.aws import checksums
from aftershock.aws.call import Params, Tx

from . import versions
from .records import BUCKETS, Checksum, Content, Version
from .rules import ranges
from .rules.errors import access_denied, invalid_argument, no_such_bucket, refuse
from .storage import Copied, Storage

MOST_BYTES = 5 * 2**30  # S3 API reference, CopyObject


def spelled(params: Params) -> str:
    """The source as the client names it."""
    source = params["CopySource"]
    return source.source if isinstance(source, Copied) else str(source)


def source_of(tx: Tx, account: str, params: Params) -> Version:
    """
    Raises:
        AwsError: there is no such object, or it is not to be read.
    """
    text = spelled(params)
    path, mark, version_id = text.partition("?versionId=")
    bucket_name, slash, key = unquote(path).removeprefix("/").partition("/")
    if not (bucket_name and slash and key) or bucket_name.startswith("arn:"):
        message = "Invalid copy source object key"
        raise invalid_argument(message, "x-amz-copy-source", text)
    bucket = BUCKETS.get(tx, bucket_name)
    if bucket is None:
        raise no_such_bucket(bucket_name)
    if params.get("ExpectedSourceBucketOwner", bucket.account) != bucket.account or bucket.account != account:
        raise access_denied()
    version = versions.require(tx, bucket, key, version_id if mark else None)
    assert version.content is not None
    if version.content.size > MOST_BYTES and params.get("CopySourceRange") is None:
        message = f"The specified copy source is larger than the maximum allowable size for a copy source: {MOST_BYTES}"
        raise refuse("InvalidRequest", message)
    return version


def content_of(version: Version, params: Params, algorithms: Iterable[str]) -> tuple[Content, bool]:
    """What is to be copied, and whether its ETag and checksum are known; if not, they are empty."""
    content = version.content
    assert content is not None
    text = params.get("CopySourceRange")
    first, last = ranges.of_copy(text, content.size) if text is not None else (0, content.size - 1)
    cut = ranges.cut(content.pieces, first, last)
    wanted = set(algorithms)
    has = content.checksum.algorithm if content.checksum is not None and content.checksum.whole else None
    if cut == content.pieces and not version.part_sizes and (not wanted or wanted == {has}):
        return content, True
    return Content(cut, sum(piece.size for piece in cut), "", None), False


def digested(storage: Storage, content: Content, algorithms: Iterable[str]) -> Content:
    """Reads all of it."""
    wanted = sorted(algorithms)
    digests = storage.digests(content.pieces, wanted)
    checksum = Checksum(wanted[0], checksums.text(digests[wanted[0]])) if wanted else None
    return Content(content.pieces, content.size, digests["MD5"].hex(), checksum)


def known(storage: Storage, version: Version, params: Params, algorithms: Iterable[str]) -> Content:
    """The content of the copy, digested before or, where nobody did, now.

    Raises:
        AwsError: OperationAborted, if the source is another one by now.
    """
    content, complete = content_of(version, params, algorithms)
    if complete:
        return content
    source = params["CopySource"]
    if not isinstance(source, Copied):
        return digested(storage, content, algorithms)
    if source.content.pieces != content.pieces:
        message = (
            "A conflicting conditional operation is currently in progress against this resource. Please try again."
        )
        raise refuse("OperationAborted", message, 409)
    return source.content
