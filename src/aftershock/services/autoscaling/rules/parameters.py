"""Parameters that several operations read alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aftershock.aws.call import Params
from aftershock.aws.errors import AwsError
from aftershock.aws.paging import InvalidToken, page

from .errors import unsupported, validation

T = TypeVar("T")


def refuse(params: Mapping[str, Any], *names: str) -> None:
    """
    Raises:
        AwsError: ValidationError, naming the first of these parameters that was given
    """
    for name in names:
        if params.get(name) not in (None, [], {}, "", False):
            raise unsupported(name)


def paged(
    params: Params,
    items: Sequence[T],
    *,
    key: Callable[[T], str],
    answer: str,
    view: Callable[[T], Mapping[str, Any]],
    most: int = 100,
    usual: int = 50,
) -> dict[str, Any]:
    """
    Raises:
        AwsError: InvalidNextToken, or ValidationError for MaxRecords out of range
    """
    size = params.get("MaxRecords")
    if size is not None and not 1 <= size <= most:
        raise validation(
            f"1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: Member must "
            f"have value between 1 and {most}"
        )
    token = params.get("NextToken")
    try:
        shown, following = page(items, key=key, token=token or None, size=size or usual)
    except InvalidToken:
        raise AwsError("InvalidNextToken", f"Invalid next token: {token}") from None
    return {answer: [dict(view(item)) for item in shown], "NextToken": following}
