"""Pages of descriptions, by AWS's Marker and PageSize."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from aftershock.aws import paging
from aftershock.aws.call import Params

from . import errors

T = TypeVar("T")
MOST = 400


def page(params: Params, items: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    """The page that was asked for of `items`, and the marker of the next one; `items` are sorted here, by `key`.

    Raises:
        AwsError: ValidationError
    """
    try:
        return paging.page(
            sorted(items, key=key), key=key, token=params.get("Marker") or None, size=params.get("PageSize") or MOST
        )
    except paging.InvalidToken:
        raise errors.invalid("Invalid pagination marker") from None
