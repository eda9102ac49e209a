"""What is stored of buckets, objects and uploads; the bytes themselves are blobs in a directory of their own.

Keys of objects are any text, and sorted by their bytes in UTF-8.  So they stand in the keys of records in hexadecimal:
the order is the same, and no byte of them means anything.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

BLOB = "s3_blob"  # no table of records: a change of this name says that a blob may have nobody left who needs it
BEHIND = "~"  # sorts behind all that a hexadecimal text can go on with
_LAST = (1 << 48) - 1


class Piece(Struct, frozen=True):
    """A stretch of a blob."""

    blob: str
    offset: int
    size: int


class Checksum(Struct, frozen=True):
    algorithm: str  # "CRC32"
    value: str  # in base64, with "-3" behind it where it is one of three parts' checksums
    whole: bool = True  # of all the bytes, and not of the parts' checksums


class Content(Struct, frozen=True):
    """Bytes, and what is known of them."""

    pieces: tuple[Piece, ...]
    size: int
    etag: str  # without its quotes
    checksum: Checksum | None = None


class Described(Struct, frozen=True):
    """What a client says of an object."""

    headers: Mapping[str, Any] = {}  # by the names of the model: ContentType …
    metadata: Mapping[str, str] = {}
    tags: Mapping[str, str] = {}
    encryption: Mapping[str, Any] = {}  # recorded only: ServerSideEncryption, SSEKMSKeyId, BucketKeyEnabled


class Bucket(Struct, frozen=True):
    name: str
    account: str
    region: str
    created_at: datetime
    versioning: str = ""  # "Enabled" or "Suspended", once it was asked for
    tags: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}  # recorded only: what PutBucketPolicy and the like said, by their own names


class Version(Struct, frozen=True):
    """A version of an object, or a delete marker, which has no content."""

    bucket: str
    key: str
    id: str  # "null" where it was written without versioning
    number: int  # of the versions of its key the later one has the greater number
    written_at: datetime  # in whole seconds
    content: Content | None = None
    described: Described = Described()
    part_sizes: tuple[int, ...] = ()  # where it was uploaded in parts
    part_checksums: tuple[str, ...] = ()  # the parts' own, of the algorithm that the upload had
    upload_id: str = ""


class Upload(Struct, frozen=True):
    id: str
    bucket: str
    key: str
    begun_at: datetime
    described: Described
    algorithm: str = ""  # of the checksums
    whole_checksum: bool = False


class Part(Struct, frozen=True):
    upload_id: str
    number: int
    written_at: datetime
    content: Content


def hexed(key: str) -> str:
    return key.encode().hex()


def version_key(version: Version) -> str:
    return f"{version.bucket}/{place_of_version(version.key, version.number)}"


def place_of_version(key: str, number: int) -> str:
    """Where it stands among those of its bucket: by key, the latest first."""
    return f"{hexed(key)}.{_LAST - number:012x}"


def upload_key(upload: Upload) -> str:
    return f"{upload.bucket}/{hexed(upload.key)}.{upload.begun_at:%Y%m%d%H%M%S%f}.{upload.id}"


def part_key(upload_id: str, number: int) -> str:
    return f"{upload_id}.{number:05}"


BUCKETS = Table("s3_bucket", Bucket, key=lambda bucket: bucket.name)
VERSIONS = Table(
    "s3_version",
    Version,
    key=version_key,
    indexes={"blob": lambda version: {piece.blob for piece in version.content.pieces} if version.content else ()},
)
UPLOADS = Table("s3_upload", Upload, key=upload_key, indexes={"id": lambda upload: upload.id})
PARTS = Table(
    "s3_part",
    Part,
    key=lambda part: part_key(part.upload_id, part.number),
    indexes={"blob": lambda part: {piece.blob for piece in part.content.pieces}},
)
TABLES: tuple[Table[Any], ...] = (BUCKETS, VERSIONS, UPLOADS, PARTS)


def is_needed(tx: Tx, blob: str) -> bool:
    return VERSIONS.count(tx, "blob", blob) > 0 or PARTS.count(tx, "blob", blob) > 0


def needed(tx: Tx) -> set[str]:
    """Every blob that is needed."""
    return VERSIONS.values(tx, "blob") | PARTS.values(tx, "blob")


def release(tx: Tx, content: Content | None) -> None:
    """Say that one less needs these bytes; to be called after its record is gone."""
    for blob in {piece.blob for piece in content.pieces} if content is not None else ():
        if not is_needed(tx, blob):
            tx.changed(BLOB, blob)
