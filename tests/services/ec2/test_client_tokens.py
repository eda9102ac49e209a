"""A client token is known for a day, and one that made instances for a day after the last of them is gone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftershock.services.ec2.controllers.client_tokens import outlived
from aftershock.services.ec2.records.client_token import CLIENT_TOKENS, ClientToken
from aftershock.services.ec2.rules.client_tokens import KEPT, plan
from tests.services.ec2.compute import Compute

NOW = datetime(2026, 11, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def token(resource: str, used: timedelta, gone: timedelta | None = None) -> ClientToken:
    return ClientToken(
        id=f"{resource} {used}",
        digest="",
        resource_id=resource,
        used_at=NOW - used,
        gone_at=None if gone is None else NOW - gone,
    )


def test_a_token_of_anything_but_instances_is_known_for_a_day() -> None:
    young, old = token("rtb-1", DAY / 2), token("rtb-1", 2 * DAY)
    assert plan([young, old], set(), NOW).forget == (old.id,)


def test_a_token_of_instances_is_known_as_long_as_there_is_one() -> None:
    decided = plan([token("r-1", 500 * DAY)], {"r-1"}, NOW)
    assert (decided.note, decided.forget) == ((), ())


def test_a_token_is_known_for_a_day_after_its_instances() -> None:
    one = token("r-1", 500 * DAY)
    decided = plan([one], set(), NOW)
    assert (decided.note, decided.forget) == ((replace(one, gone_at=NOW),), ())
    assert plan(decided.note, set(), NOW + DAY / 2).forget == ()
    assert plan(decided.note, set(), NOW + DAY + timedelta(seconds=1)).forget == (one.id,)


@given(
    st.lists(st.tuples(st.sampled_from(["r-1", "r-2", "rtb-1"]), st.integers(0, 72), st.none() | st.integers(0, 72))),
    st.sets(st.sampled_from(["r-1", "r-2"])),
)
def test_what_is_there_or_used_within_a_day_is_never_forgotten(
    drawn: list[tuple[str, int, int | None]], there: set[str]
) -> None:
    tokens = []
    for resource, used, gone in drawn:
        since = None if gone is None else timedelta(hours=min(used, gone))
        tokens.append(token(resource, timedelta(hours=used), since))
    decided = plan(tokens, there, NOW)
    for one in tokens:
        if one.id in decided.forget:
            assert one.resource_id not in there
            assert one.used_at < NOW - KEPT


def test_the_instances_on_record_are_asked_for(tmp_path: Path) -> None:
    account = Compute(tmp_path / "region.db")
    made = account.call(
        "RunInstances", ImageId=account.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, ClientToken="once"
    )
    assert made["Instances"]
    with account.store.transaction() as tx:
        assert not list(outlived(tx, account.now + 500 * DAY))
        assert [one.gone_at for one in CLIENT_TOKENS.every(tx)] == [None]
    account.store.close()
