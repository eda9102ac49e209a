"""What every EC2 resource has on record."""

from msgspec import Struct


class Resource(Struct, frozen=True, kw_only=True):
    """Something with an id, an owner and tags.  `CreateTags` finds it by the prefix of its id."""

    id: str
    account: str
    region: str
    tags: dict[str, str] = {}
