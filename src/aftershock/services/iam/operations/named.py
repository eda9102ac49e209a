"""What the operations on users, groups, roles and the like have in common: names, paths, tags, pages."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from aftershock.aws import paging
from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.services.iam.records import Named, arn, name_key
from aftershock.services.iam.rules import errors, tags
from aftershock.store import Table

N = TypeVar("N", bound=Named)
T = TypeVar("T")

PAGE_SIZE = 100  # AWS: "If you do not include this parameter, the number of items defaults to 100."


@dataclass(frozen=True, slots=True)
class Kind(Generic[N]):
    """A kind of named resource, as IAM speaks of it."""

    title: str  # in messages
    noun: str  # in the names of operations: CreateUser
    parameter: str  # that carries its name
    resource: str  # in ARNs
    table: Table[N]
    quota: tuple[str, int]

    def find(self, call: Call, name: str) -> N | None:
        found = self.table.where(call.tx, "name", name_key(call.account, name))
        return found[0] if found else None

    def require(self, call: Call, name: str) -> N:
        """
        Raises:
            AwsError: NoSuchEntity
        """
        if found := self.find(call, name):
            return found
        raise errors.no_such(self.title, name)

    def named_in(self, call: Call, params: Params) -> N:
        return self.require(call, params[self.parameter])

    def require_free(self, call: Call, name: str) -> None:
        """
        Raises:
            AwsError: EntityAlreadyExists
        """
        if self.find(call, name):
            raise errors.exists(self.title, name)

    def require_room(self, call: Call) -> None:
        """
        Raises:
            AwsError: LimitExceeded
        """
        name, limit = self.quota
        if len(self.table.keys(call.tx)) >= limit:
            raise errors.quota(name, limit)

    def below(self, call: Call, params: Params) -> list[N]:
        """Those whose path begins as asked, by name."""
        prefix = params.get("PathPrefix", "/")
        found = self.table.where(call.tx, "account", call.account)
        return sorted((one for one in found if one.path.startswith(prefix)), key=sort_key)

    def base_view(self, named: N) -> Result:
        return {
            "Path": named.path,
            f"{self.noun}Name": named.name,
            f"{self.noun}Id": named.id,
            "Arn": arn(self.resource, named),
            "CreateDate": named.created_at,
        }


def sort_key(named: Named) -> str:
    return f"{named.name.lower()}/{named.id}"


def listed(
    params: Params, member: str, items: Sequence[T], key: Callable[[T], str], view: Callable[[T], object]
) -> Result:
    """One page of `items`, which are sorted by `key`, in IAM's way."""
    chosen, marker = page_of(params, items, key)
    return {member: [view(item) for item in chosen], "IsTruncated": marker is not None, "Marker": marker}


def page_of(params: Params, items: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """
    Raises:
        AwsError: ValidationError for a marker that was not made here.
    """
    try:
        return paging.page(items, key=key, token=params.get("Marker"), size=params.get("MaxItems", PAGE_SIZE))
    except paging.InvalidToken:
        raise errors.validation("Invalid Marker.") from None


def tag_operations(kind: Kind[N], require: Callable[[Call, Params], N] | None = None) -> dict[str, Operation]:
    """TagX, UntagX and ListXTags."""
    named_in = require or kind.named_in

    def tag(call: Call, params: Params) -> Result:
        named = named_in(call, params)
        kind.table.put(call.tx, msgspec.structs.replace(named, tags=tags.tagged(named.tags, params["Tags"])))
        return {}

    def untag(call: Call, params: Params) -> Result:
        named = named_in(call, params)
        kind.table.put(call.tx, msgspec.structs.replace(named, tags=tags.untagged(named.tags, params["TagKeys"])))
        return {}

    def list_tags(call: Call, params: Params) -> Result:
        named = named_in(call, params)
        return listed(
            params, "Tags", tags.view(dict(sorted(named.tags.items()))), lambda tag: tag["Key"], lambda tag: tag
        )

    return {f"Tag{kind.noun}": tag, f"Untag{kind.noun}": untag, f"List{kind.noun}Tags": list_tags}


def given_tags(params: Params) -> dict[str, str]:
    return tags.tagged({}, params.get("Tags") or ())


def tags_view(present: Mapping[str, str]) -> list[dict[str, str]] | None:
    return tags.view(present) or None
