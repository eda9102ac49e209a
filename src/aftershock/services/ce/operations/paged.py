"""Pages of what is in order already."""

from collections.abc import Sequence
from typing import TypeVar

from aftershock.aws.call import Params
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.ce.rules.errors import invalid_token

T = TypeVar("T")


def paged(params: Params, items: Sequence[T], *, most: int | None = None) -> tuple[list[T], str | None]:
    """The page that is asked for, and the token of the next one.

    Raises:
        AwsError: InvalidNextTokenException
    """
    size = params.get("MaxResults") or most
    numbered = [(f"{number:08}", item) for number, item in enumerate(items)]
    try:
        shown, following = page(numbered, key=lambda one: one[0], token=params.get("NextPageToken") or None, size=size)
    except InvalidToken:
        raise invalid_token() from None
    return [item for _, item in shown], following
