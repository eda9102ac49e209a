"""What is stored of repositories, images, layers and uploads; the bytes of layers are blobs in a directory.

A repository's name has no "@", so whatever belongs to a repository stands behind `<repository>@` in its table.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from aftershock.aws.call import Tx
from aftershock.store import Table

BLOB = "ecr_blob"  # no table of records: a change of this name says that a blob may have nobody left who needs it


class Piece(Struct, frozen=True):
    """A blob, as a part of a layer."""

    blob: str
    size: int


class Repository(Struct, frozen=True, kw_only=True):
    account: str
    region: str
    name: str
    created_at: datetime
    mutability: str = "MUTABLE"
    exclusions: tuple[str, ...] = ()  # patterns of tags for which the opposite holds
    scan_on_push: bool = False  # recorded only
    tags: Mapping[str, str] = {}
    policy: str = ""  # recorded only
    lifecycle: str = ""

    evaluated_at: datetime | None = None  # when the controller last looked at the images with this lifecycle policy

    @property
    def id(self) -> str:
        return repository_id(self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{self.name}"


class Layer(Struct, frozen=True, kw_only=True):
    repository: str
    digest: str
    size: int
    pieces: tuple[Piece, ...]
    kept_until: datetime | None  # while no image has it; None while one has


class Upload(Struct, frozen=True, kw_only=True):
    repository: str
    id: str
    kept_until: datetime  # unless more comes
    pieces: tuple[Piece, ...] = ()
    digest: str = ""  # of all that has come, where it came in one piece

    @property
    def size(self) -> int:
        return sum(piece.size for piece in self.pieces)


class Image(Struct, frozen=True, kw_only=True):
    repository: str
    digest: str
    media_type: str
    pushed_at: datetime
    size: int
    tags: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()  # by digest, its configuration among them
    children: tuple[str, ...] = ()  # the images that a manifest list names, by digest
    artifact_type: str | None = None
    subject: str | None = None
    pulled_at: datetime | None = None


class Manifest(Struct, frozen=True):
    """The text of an image's manifest, apart from it: it may be 4 MiB long."""

    repository: str
    digest: str
    text: str


class Token(Struct, frozen=True, kw_only=True):
    """What opens the registry for a while; of the secret itself only a hash is kept."""

    id: str
    account: str
    arn: str
    user_id: str
    access_key_id: str
    expires_at: datetime
    layer: str = ""  # the key of the one layer that it opens; the whole registry where there is none


def repository_id(account: str, region: str, name: str) -> str:
    return f"{account}/{region}/{name}"


def key_in(repository: str, name: str) -> str:
    return f"{repository}@{name}"


def repository_of(key: str) -> str:
    return key.partition("@")[0]


def span(repository: str) -> tuple[str, str]:
    """Between which keys there is all that belongs to a repository."""
    return f"{repository}@", f"{repository}A"


def _blobs(record: Layer | Upload) -> set[str]:
    return {piece.blob for piece in record.pieces}


REPOSITORIES = Table("ecr_repository", Repository)
LAYERS = Table("ecr_layer", Layer, key=lambda one: key_in(one.repository, one.digest), indexes={"blob": _blobs})
UPLOADS = Table("ecr_upload", Upload, key=lambda one: key_in(one.repository, one.id), indexes={"blob": _blobs})
IMAGES = Table(
    "ecr_image",
    Image,
    key=lambda one: key_in(one.repository, one.digest),
    indexes={
        "tag": lambda one: [key_in(one.repository, tag) for tag in one.tags],
        "layer": lambda one: {key_in(one.repository, digest) for digest in one.layers},
        "subject": lambda one: key_in(one.repository, one.subject) if one.subject else None,
        "child": lambda one: {key_in(one.repository, digest) for digest in one.children},
    },
)
MANIFESTS = Table("ecr_manifest", Manifest, key=lambda one: key_in(one.repository, one.digest))
TOKENS = Table("ecr_token", Token)
TABLES: tuple[Table[Any], ...] = (REPOSITORIES, LAYERS, UPLOADS, IMAGES, MANIFESTS, TOKENS)


def is_needed(tx: Tx, blob: str) -> bool:
    return LAYERS.count(tx, "blob", blob) > 0 or UPLOADS.count(tx, "blob", blob) > 0


def needed(tx: Tx) -> set[str]:
    """Every blob that is needed."""
    return LAYERS.values(tx, "blob") | UPLOADS.values(tx, "blob")


def release(tx: Tx, record: Layer | Upload) -> None:
    """Say that one less needs these bytes; to be called after the record is gone."""
    for blob in _blobs(record):
        if not is_needed(tx, blob):
            tx.changed(BLOB, blob)
