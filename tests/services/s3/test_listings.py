"""Listings are what a sorted list of keys would say, in pages of any size, with any prefix and delimiter."""

from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from aftershock.services.s3.records import BEHIND, hexed
from aftershock.services.s3.rules import listing
from tests.services.s3.world import Account, quick_directory

# Few characters, so that keys have prefixes in common; and those that break naive orders and separators.
TEXT = st.text(st.sampled_from("ab/.\0 ä~\U0001f600\uffff"), max_size=6)
KEY = TEXT.filter(bool)


def expected(keys: set[str], prefix: str, delimiter: str, after: str = "") -> list[str]:
    """What a listing shows, common prefixes among the keys, told the simple way."""
    found = []
    for key in sorted(keys, key=str.encode):
        if key.startswith(prefix) and key.encode() > after.encode():
            shown = listing.common_prefix(key, prefix, delimiter) or key
            if shown not in found:
                found.append(shown)
    return found


@settings(max_examples=300, deadline=None)
@given(
    keys=st.sets(KEY, max_size=25),
    prefix=TEXT,
    delimiter=st.sampled_from(["", "/", "a/", "\0"]),
    most=st.integers(1, 5),
)
def test_pages_are_a_sorted_list_cut_up(keys: set[str], prefix: str, delimiter: str, most: int) -> None:
    places = sorted((f"{hexed(key)}.", key) for key in keys)

    def entries(start: str) -> Any:
        return ((key, key, listing.behind_key(key)) for place, key in places if f"{place}{BEHIND}" > start)

    place, shown, pages = "", [], 0
    while True:
        page = listing.walk(entries, prefix, delimiter, place, most)
        assert 0 < len(page.found) + len(page.prefixes) <= most or not keys or page.next is None
        shown += sorted([*page.found, *page.prefixes], key=str.encode)
        pages += 1
        if page.next is None:
            break
        place = page.next
    assert shown == expected(keys, prefix, delimiter)
    assert pages <= len(shown) // most + 1


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(keys=st.sets(KEY, max_size=12), data=st.data())
def test_the_operations_list_what_there_is(keys: set[str], data: st.DataObject) -> None:
    with quick_directory() as directory:
        account = Account(Path(directory))
        account.call("CreateBucket", Bucket="bucket")
        account.call("CreateBucket", Bucket="bucket2")
        for key in keys:
            account.put("bucket", key)
        account.put("bucket2", "a/other")
        asked: dict[str, Any] = {"Bucket": "bucket", "Prefix": data.draw(TEXT)}
        if delimiter := data.draw(st.sampled_from(["", "/", "a"])):
            asked["Delimiter"] = delimiter
        most = data.draw(st.integers(1, 4))
        after = data.draw(TEXT)
        wanted = expected(keys, asked["Prefix"], delimiter)
        assert _second(account, asked, most) == wanted
        assert _first(account, asked, most) == wanted
        assert _second(account, asked | {"StartAfter": after}, most) == expected(
            keys, asked["Prefix"], delimiter, after
        )
        assert _versions(account, asked, most) == wanted
        assert account.call("ListObjectsV2", **asked, MaxKeys=0)["IsTruncated"] is False
        account.store.close()


def _shown(page: dict[str, Any], contents: str = "Contents") -> list[str]:
    keys = [one["Key"] for one in page[contents]] + [one["Prefix"] for one in page["CommonPrefixes"]]
    return sorted(keys, key=str.encode)


def _second(account: Account, asked: dict[str, Any], most: int) -> list[str]:
    shown, more = [], {}
    while True:
        page = account.call("ListObjectsV2", **asked, MaxKeys=most, **more)
        shown += _shown(page)
        assert page["KeyCount"] == len(_shown(page)) <= most
        if not page["IsTruncated"]:
            return shown
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _first(account: Account, asked: dict[str, Any], most: int) -> list[str]:
    shown, more = [], {}
    while True:
        page = account.call("ListObjects", **asked, MaxKeys=most, **more)
        shown += _shown(page)
        if not page["IsTruncated"]:
            return shown
        more = {"Marker": page.get("NextMarker") or page["Contents"][-1]["Key"]}


def _versions(account: Account, asked: dict[str, Any], most: int) -> list[str]:
    shown, more = [], {}
    while True:
        page = account.call("ListObjectVersions", **asked, MaxKeys=most, **more)
        shown += _shown(page, "Versions")
        if not page["IsTruncated"]:
            return shown
        more = {"KeyMarker": page["NextKeyMarker"]}
        if "NextVersionIdMarker" in page:
            more["VersionIdMarker"] = page["NextVersionIdMarker"]


class Versioned(RuleBasedStateMachine):
    """A bucket beside a dictionary of lists: every version that was written, the latest last."""

    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self._directory = quick_directory()
        self.account = Account(Path(self._directory.name))
        self.account.call("CreateBucket", Bucket="bucket")
        self.model: dict[str, list[tuple[str, bytes | None]]] = {}
        self.status = ""

    @rule(status=st.sampled_from(["Enabled", "Suspended"]))
    def version(self, status: str) -> None:
        self.account.call("PutBucketVersioning", Bucket="bucket", VersioningConfiguration={"Status": status})
        self.status = status

    def _add(self, key: str, version_id: str, body: bytes | None) -> None:
        kept = [one for one in self.model.get(key, []) if version_id != "null" or one[0] != "null"]
        self.model[key] = [*kept, (version_id, body)]

    @rule(target=ids, key=st.sampled_from(["a", "a\0", "a/b"]), body=st.binary(max_size=3))
    def put(self, key: str, body: bytes) -> tuple[str, str]:
        version_id = self.account.put("bucket", key, body).get("VersionId", "null")
        self._add(key, version_id, body)
        return key, version_id

    @rule(target=ids, key=st.sampled_from(["a", "a\0", "a/b"]))
    def delete(self, key: str) -> tuple[str, str]:
        version_id = self.account.call("DeleteObject", Bucket="bucket", Key=key).get("VersionId", "null")
        if self.status:
            self._add(key, version_id, None)
        else:
            self.model.pop(key, None)
        return key, version_id

    @rule(one=ids)
    def delete_version(self, one: tuple[str, str]) -> None:
        key, version_id = one
        self.account.call("DeleteObject", Bucket="bucket", Key=key, VersionId=version_id)
        self.model[key] = [other for other in self.model.get(key, []) if other[0] != version_id]

    @invariant()
    def all_is_listed_and_read_as_it_was_written(self) -> None:
        shown = []
        more: dict[str, str] = {}
        while True:
            page = self.account.call("ListObjectVersions", Bucket="bucket", MaxKeys=2, **more)
            shown += [
                (one["Key"], one["VersionId"], one["IsLatest"]) for one in page["Versions"] + page["DeleteMarkers"]
            ]
            if not page["IsTruncated"]:
                break
            more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        wanted = {
            (key, version_id, at == len(kept) - 1)
            for key, kept in self.model.items()
            for at, (version_id, _) in enumerate(kept)
        }
        assert set(shown) == wanted
        assert len(shown) == len(wanted)
        current = {key: kept[-1][1] for key, kept in self.model.items() if kept and kept[-1][1] is not None}
        listed = self.account.call("ListObjectsV2", Bucket="bucket")["Contents"]
        assert {one["Key"]: self.account.bytes_of("bucket", one["Key"]) for one in listed} == current

    def teardown(self) -> None:
        self.account.store.close()
        self._directory.cleanup()


TestVersioned = Versioned.TestCase
TestVersioned.settings = settings(
    max_examples=12, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
