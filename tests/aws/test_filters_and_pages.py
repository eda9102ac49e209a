"""Filters match as EC2's do; pages neither repeat nor skip."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.aws.filters import matching
from aftershock.aws.paging import InvalidToken, page, page_of

ITEMS = [
    {"id": "i-1", "state": "running", "groups": ["sg-1", "sg-2"], "public": True, "tags": {"Name": "web*"}},
    {"id": "i-2", "state": "stopped", "groups": ["sg-2"], "public": False, "tags": {"env": "prod"}},
]
FIELDS = {
    "instance-id": lambda item: item["id"],
    "instance-state-name": lambda item: item["state"],
    "group-id": lambda item: item["groups"],
    "public": lambda item: item["public"],
    "absent": lambda item: None,
}


def chosen(*filters):
    given_filters = [{"Name": name, "Values": values} for name, *values in filters]
    return [i["id"] for i in matching(ITEMS, given_filters, fields=FIELDS, tags=lambda item: item["tags"])]


@pytest.mark.parametrize(
    "filters, expected",
    [
        ([], ["i-1", "i-2"]),
        ([("instance-id", "i-2")], ["i-2"]),
        ([("instance-id", "i-?")], ["i-1", "i-2"]),
        ([("instance-state-name", "run*", "nothing")], ["i-1"]),
        ([("group-id", "sg-1")], ["i-1"]),
        ([("group-id", "sg-2"), ("instance-state-name", "stopped")], ["i-2"]),
        ([("public", "true")], ["i-1"]),
        ([("absent", "*")], []),
        ([("tag:Name", r"web\*")], ["i-1"]),
        ([("tag:Name", "w")], []),
        ([("tag-key", "env", "other")], ["i-2"]),
        ([("instance-id", "I-1")], []),
    ],
)
def test_filters(filters, expected):
    assert chosen(*filters) == expected


@pytest.mark.parametrize("filters", [[("colour", "red")], [("instance-id",)], [("", "x")]])
def test_a_filter_that_is_unknown_or_empty_is_refused(filters):
    with pytest.raises(AwsError) as caught:
        chosen(*filters)
    assert caught.value.code == "InvalidParameterValue"


def test_too_many_values_are_refused():
    with pytest.raises(AwsError) as caught:
        chosen(("instance-id", *map(str, range(201))))
    assert caught.value.code == "FilterLimitExceeded"


@given(st.sets(st.text(min_size=1)), st.integers(1, 5))
def test_pages_give_every_item_once_in_order(keys, size):
    items, seen, token = sorted(keys), [], None
    while True:
        part, token = page(items, key=str, token=token, size=size)
        seen += part
        assert len(part) <= size
        if token is None:
            break
    assert seen == items


@given(
    keys=st.sets(st.text(min_size=1)),
    size=st.integers(1, 5) | st.none(),
    token_of=st.none() | st.text(min_size=1),
    earlier=st.booleans(),
)
def test_a_page_of_what_is_read_as_it_is_needed_is_the_page_of_all(keys, size, token_of, earlier):
    items, asked = sorted(keys), []

    def listed(last):
        for item in items:
            if earlier or item > last:
                asked.append(item)
                yield item

    token = None if token_of is None else page([token_of, token_of + "x"], key=str, token=None, size=1)[1]
    wanted, following = page(items, key=str, token=token, size=size)
    assert page_of(listed, key=str, token=token, size=size) == (wanted, following)
    assert size is None or earlier or len(asked) <= size + 1


def test_a_page_goes_on_where_it_ended_although_its_last_item_is_gone():
    _, token = page(["a", "b", "c"], key=str, token=None, size=2)
    assert page(["a", "c", "d"], key=str, token=token, size=5) == (["c", "d"], None)


@given(st.text())
def test_a_token_that_was_not_made_here_is_refused(token):
    with pytest.raises(InvalidToken):
        page([], key=str, token="!" + token, size=1)
