"""The key that session tokens of the metadata service are signed with: a token outlives the control plane."""

from msgspec import Struct

from aftershock.store import Table


class MetadataKey(Struct, frozen=True, kw_only=True):
    id: str = "metadata"
    key: bytes


METADATA_KEYS = Table("ec2_metadata_key", MetadataKey)
