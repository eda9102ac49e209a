"""Pages of listings."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from aftershock.aws.call import Params, Result
from aftershock.aws.paging import InvalidToken, page
from aftershock.services.fis.rules.errors import invalid

T = TypeVar("T")

SIZE = 100  # the most that the model lets a caller ask for


def paged(
    params: Params, items: Iterable[T], answer: str, key: Callable[[T], str], view: Callable[[T], Result]
) -> Result:
    """
    Raises:
        AwsError: ValidationException, for a token that was not made here.
    """
    try:
        shown, following = page(
            sorted(items, key=key), key=key, token=params.get("nextToken"), size=params.get("maxResults") or SIZE
        )
    except InvalidToken:
        raise invalid("The next token is invalid.") from None
    return {answer: [view(one) for one in shown], "nextToken": following}
