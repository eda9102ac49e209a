"""The keys that the metadata service signs with, session tokens and identities: they outlive the control plane."""

from msgspec import Struct

from aftershock.store import Table


class MetadataKey(Struct, frozen=True, kw_only=True):
    id: str = "metadata"
    key: bytes


METADATA_KEYS = Table("ec2_metadata_key", MetadataKey)
