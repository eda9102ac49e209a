"""EC2-style filters: names with values, `*` and `?` as wildcards, any value of a filter, all filters."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from aftershock.aws.errors import AwsError

T = TypeVar("T")
Field = Callable[[T], Iterable[str | bool | int | None] | str | bool | int | None]
Tagged = Callable[[T], Mapping[str, str]]
MAX_FILTERS = 50  # AWS: "You can specify up to 50 filters and up to 200 values per filter in a single request."
MAX_VALUES = 200


def matching(
    items: Iterable[T],
    filters: Sequence[Mapping[str, Any]] | None,
    *,
    fields: Mapping[str, Field[T]],
    tags: Tagged[T] | None = None,
) -> list[T]:
    """The items that pass every filter.

    `fields` says for each filter name what it compares; where `tags` is given, `tag:<key>` and `tag-key` work.

    Raises:
        AwsError: InvalidParameterValue, for an unknown filter name, no values, or too many.
    """
    tests = [_test(one, fields, tags) for one in filters or ()]
    if len(tests) > MAX_FILTERS:
        raise AwsError("FilterLimitExceeded", f"The maximum number of filters ({MAX_FILTERS}) has been exceeded.")
    return [item for item in items if all(test(item) for test in tests)]


def _test(one: Mapping[str, Any], fields: Mapping[str, Field[T]], tags: Tagged[T] | None) -> Callable[[T], bool]:
    name, values = one.get("Name"), one.get("Values")
    if not name:
        raise AwsError("InvalidParameterValue", "The filter 'null' is invalid")
    if not values:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' has no values")
    if len(values) > MAX_VALUES:
        raise AwsError("FilterLimitExceeded", f"The maximum number of values ({MAX_VALUES}) has been exceeded.")
    patterns = [_pattern(value) for value in values]

    def hit(text: str) -> bool:
        return any(pattern.fullmatch(text) for pattern in patterns)

    if tags is not None and name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda item: (value := tags(item).get(key)) is not None and hit(value)
    if tags is not None and name == "tag-key":
        return lambda item: any(hit(key) for key in tags(item))
    if name not in fields:
        raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    field = fields[name]
    return lambda item: any(hit(text) for text in _texts(field(item)))


def _texts(found: Iterable[str | bool | int | None] | str | bool | int | None) -> Iterable[str]:
    if found is None:
        return
    if isinstance(found, bool):
        yield "true" if found else "false"
    elif isinstance(found, str | int):
        yield str(found)
    else:
        for one in found:
            yield from _texts(one)


@lru_cache(maxsize=1024)
def _pattern(value: str) -> re.Pattern[str]:
    """AWS: "*" matches zero or more characters, "?" one; a backslash takes the next character literally."""
    parts = re.findall(r"\\.|\*+|.", value, re.DOTALL)
    return re.compile("".join(_part(part) for part in parts), re.DOTALL)


def _part(part: str) -> str:
    if part.startswith("*"):
        return ".*"
    if part == "?":
        return "."
    return re.escape(part[1:] if len(part) > 1 else part)
