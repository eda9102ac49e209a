"""What every Describe operation does alike: choose by id, by filter, and page by page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from aftershock.aws.call import Call, Params, Result
from aftershock.aws.errors import AwsError
from aftershock.aws.filters import Field, matching
from aftershock.aws.paging import InvalidToken, page_of
from aftershock.services.ec2.records.kinds import Kind
from aftershock.services.ec2.records.resource import Resource

R = TypeVar("R", bound=Resource)
T = TypeVar("T")
Path = tuple[str, ...]
PAGE_MIN, PAGE_MAX = 5, 1000


def describe(
    call: Call,
    params: Params,
    kind: Kind[R],
    *,
    ids: str,
    answer: str,
    filters: Mapping[str, Path],
    view: Callable[[R], Result],
) -> Result:
    """Answer a Describe operation whose parameter `ids` names resources, under the name `answer`.

    `filters` says for each filter the place in the answer that it compares; tags can always be filtered by.

    Raises:
        AwsError: the kind's own, for an id that is not there; those of filters and pages.
    """
    shown = [(record, view(record)) for record in chosen(call, kind, params.get(ids))]
    fields = {name: _field(path) for name, path in filters.items()}
    shown = matching(shown, params.get("Filters"), fields=fields, tags=lambda one: one[0].tags)
    return paged(params, shown, key=lambda one: one[0].id, ids=ids, answer=answer, view=lambda one: one[1])


def _field(path: Path) -> Field[tuple[Any, Result]]:
    return lambda one: at(one[1], path)


def at(value: Any, path: Path) -> Any:
    """What stands at the place in an answer: for lists on the way, all that their members have there."""
    if isinstance(value, list):
        return [at(one, path) for one in value]
    if not path or value is None:
        return value
    return at(value.get(path[0]), path[1:])


# What AWS calls a list of ids when it is asked for pages of them (getmoto/moto#6282, aws/aws-cli#1976; images: as
# clients of it note).
IDS_AS_TOLD = {"InstanceIds": "instancesSet", "VolumeIds": "volumeSet", "ImageIds": "imageIdsSet"}


def chosen(call: Call, kind: Kind[R], ids: Sequence[str] | None) -> list[R]:
    if not ids:
        return kind.every(call.tx, call.account)
    return [kind.require(call.tx, call.account, one) for one in sorted(set(ids))]


def paged(
    params: Params,
    items: Iterable[T],
    *,
    key: Callable[[T], str],
    ids: str,
    answer: str,
    view: Callable[[T], Result],
) -> Result:
    return paged_as_read(params, lambda _: sorted(items, key=key), key=key, ids=ids, answer=answer, view=view)


def paged_as_read(
    params: Params,
    listed: Callable[[str], Iterable[T]],
    *,
    key: Callable[[T], str],
    ids: str,
    answer: str,
    view: Callable[[T], Result],
) -> Result:
    """As `paged`, of what is listed in order from about a key on: what is not on the page is not read."""
    size, token = params.get("MaxResults"), params.get("NextToken")
    if params.get(ids) and size is not None:
        name = IDS_AS_TOLD.get(ids, f"{ids[0].lower()}{ids[1:]}")
        raise AwsError(
            "InvalidParameterCombination", f"The parameter {name} cannot be used with the parameter maxResults"
        )
    check_size(size)
    try:
        shown, following = page_of(listed, key=key, token=token or None, size=size)
    except InvalidToken:
        raise AwsError("InvalidNextToken", f"The token '{token}' is invalid") from None
    result: dict[str, Any] = {answer: [view(item) for item in shown]}
    if following is not None:
        result["NextToken"] = following
    return result


def check_size(size: int | None) -> None:
    """
    Raises:
        AwsError: InvalidParameterValue, for a MaxResults out of range.
    """
    if size is None:
        return
    if size < PAGE_MIN:
        expected = f"greater than or equal to {PAGE_MIN}"
    elif size > PAGE_MAX:
        expected = f"less than or equal to {PAGE_MAX}"
    else:
        return
    raise AwsError(
        "InvalidParameterValue",
        f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value {expected}.",
    )
