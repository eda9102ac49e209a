"""The registry's decisions: names, paths, ranges, manifests, patterns of tags, lifecycle policies, what rests."""

import fnmatch
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.ecr.records import Image, Layer, Upload
from aftershock.services.ecr.rules import lifecycle, manifests, mutability, names, paths, ranges, rests
from tests.services.ecr.world import described, digest_of, index, manifest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DIGEST = "sha256:" + "a1" * 32
UPLOAD = "01234567-89ab-4cde-8f01-23456789abcd"

# --- paths ---------------------------------------------------------------------------------------------------------

PLACES = [
    ("/v2/", paths.Base()),
    ("/v2", paths.Base()),
    ("/v2/_catalog", paths.Catalog()),
    ("/v2/web/tags/list", paths.Tags("web")),
    ("/v2/a/b/c/tags/list", paths.Tags("a/b/c")),
    ("/v2/web/manifests/v1", paths.ManifestAt("web", None, "v1")),
    (f"/v2/web/manifests/{DIGEST}", paths.ManifestAt("web", DIGEST, None)),
    (f"/v2/web/manifests/{DIGEST.replace(':', '%3A')}", paths.ManifestAt("web", DIGEST, None)),
    (f"/v2/web/blobs/{DIGEST}", paths.BlobAt("web", DIGEST)),
    (f"/v2/web/referrers/{DIGEST}", paths.ReferrersOf("web", DIGEST)),
    ("/v2/web/blobs/uploads/", paths.Uploads("web")),
    ("/v2/web/blobs/uploads", paths.Uploads("web")),
    (f"/v2/web/blobs/uploads/{UPLOAD}", paths.UploadAt("web", UPLOAD)),
    ("/v2/a/manifests/b/tags/list", paths.Tags("a/manifests/b")),
    (f"/v2/a/blobs/uploads/blobs/{DIGEST}", paths.BlobAt("a/blobs/uploads", DIGEST)),
]


@pytest.mark.parametrize(("path", "place"), PLACES)
def test_a_path_means_a_place(path, place):
    assert paths.read(path) == place


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v2/Web/tags/list", "NAME_INVALID"),
        ("/v2/../tags/list", "NAME_INVALID"),
        ("/v2/a/../../etc/blobs/uploads/", "NAME_INVALID"),
        ("/v2/%2e%2e%2fx/tags/list", "NAME_INVALID"),
        ("/v2/%ff/tags/list", "NAME_INVALID"),
        ("/v2/web@x/tags/list", "NAME_INVALID"),
        ("/v2/" + "a" * 257 + "/tags/list", "NAME_INVALID"),
        ("/v2/web/manifests/..", "TAG_INVALID"),
        ("/v2/web/manifests/" + "a" * 129, "TAG_INVALID"),
        ("/v2/web/manifests/sha256:12", "DIGEST_INVALID"),
        ("/v2/web/manifests/sha512:" + "a" * 128, "DIGEST_INVALID"),
        (f"/v2/web/blobs/{DIGEST.upper()}", "DIGEST_INVALID"),
        (f"/v2/web/blobs/{DIGEST}0", "DIGEST_INVALID"),
        (f"/v2/web/blobs/{DIGEST}%0a", "DIGEST_INVALID"),
        ("/v2/web/blobs/uploads/1", "BLOB_UPLOAD_UNKNOWN"),
        ("/v2/web/tags/other", "UNSUPPORTED"),
        ("/v2/web/referrers/v1", "DIGEST_INVALID"),
        ("/v2/web", "UNSUPPORTED"),
        ("/v1/", "UNSUPPORTED"),
        ("/", "UNSUPPORTED"),
        ("", "UNSUPPORTED"),
    ],
)
def test_a_path_that_means_nothing_says_why(path, code):
    found = paths.read(path)
    assert isinstance(found, paths.Bad)
    assert found.code == code


PARTS = st.sampled_from(["/v2/", "web", "a/b", "..", "/", "blobs", "uploads", "manifests", "tags", "list", "%", "%2f"])


@given(st.lists(PARTS | st.sampled_from([DIGEST, UPLOAD, "\0", "@", "é"]) | st.text(max_size=4), max_size=9))
def test_any_path_is_a_place_with_a_good_name_or_a_bad_one(parts):
    place = paths.read("".join(parts))
    if not isinstance(place, paths.Base | paths.Catalog | paths.Bad):
        assert names.is_name(place.name)
        assert ".." not in place.name
        assert "@" not in place.name


@pytest.mark.parametrize(
    ("name", "good"), [("ab", True), ("a", False), ("a__b", True), ("a___b", False), ("-a", False)]
)
def test_a_name_is_as_the_service_model_has_it(name, good):
    assert names.is_name(name) is good


# --- ranges --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size", "part"),
    [
        ("bytes=0-0", 10, (0, 0)),
        ("bytes=5-", 10, (5, 9)),
        ("bytes=-3", 10, (7, 9)),
        ("bytes=-30", 10, (0, 9)),
        ("bytes=2-99", 10, (2, 9)),
        ("bytes=4-2", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("pages=0-1", 10, None),
        ("bytes=-", 10, None),
        ("", 10, None),
    ],
)
def test_a_range_is_of_bytes(text, size, part):
    assert ranges.read(text, size) == part


@pytest.mark.parametrize(("text", "size"), [("bytes=10-", 10), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)])
def test_a_range_behind_the_end_is_none_that_can_be_given(text, size):
    with pytest.raises(ranges.Unsatisfiable):
        ranges.read(text, size)


@given(st.from_regex(re.compile(r"bytes=\d{0,20}-\d{0,20}", re.ASCII), fullmatch=True), st.integers(0, 2**40))
def test_any_range_lies_within_what_there_is(text, size):
    try:
        part = ranges.read(text, size)
    except ranges.Unsatisfiable:
        return
    if part is not None:
        assert 0 <= part[0] <= part[1] < size


@pytest.mark.parametrize(
    ("text", "chunk"),
    [("0-9", (0, 9)), ("bytes 5-9/10", (5, 9)), ("bytes=5-9", (5, 9)), ("9-5", None), ("-5", None), ("x", None)],
)
def test_a_chunk_says_where_it_begins_and_ends(text, chunk):
    assert ranges.chunk(text) == chunk


# --- manifests -----------------------------------------------------------------------------------------------------


def test_a_manifest_names_its_configuration_and_its_layers_once():
    contents = manifests.read(manifest(b"a", b"b", b"a"), None)
    assert contents.media_type == manifests.OCI
    assert contents.layers == (contents.layers[0], digest_of(b"a"), digest_of(b"b"))
    assert contents.artifact_type == "application/vnd.oci.image.config.v1+json"


def test_a_list_names_other_manifests():
    contents = manifests.read(index(manifest(b"a")), manifests.OCI_INDEX)
    assert contents.children == (digest_of(manifest(b"a").encode()),)
    assert contents.layers == ()


def test_a_manifest_may_leave_out_its_type():
    bare = json.loads(manifest(b"a"))
    del bare["mediaType"]
    assert manifests.read(json.dumps(bare), None).media_type == manifests.OCI
    assert manifests.read(json.dumps(bare), manifests.DOCKER).media_type == manifests.DOCKER


def test_what_lies_at_urls_need_not_be_there():
    away = {**described(b"a", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), "urls": ["https://x/"]}
    assert digest_of(b"a") not in manifests.read(manifest(**{"layers": [away]}), None).layers
    near = {**described(b"a"), "urls": ["https://x/"]}
    assert digest_of(b"a") in manifests.read(manifest(**{"layers": [near]}), None).layers


def without(name, **more):
    return json.dumps({**{key: value for key, value in json.loads(manifest(b"a")).items() if key != name}, **more})


BROKEN = [
    *("", "[]", "1", "null", "{", "{}", "[" * 9999, '"' + "a" * 99),
    manifest(schemaVersion=1),
    manifest(schemaVersion=True),
    manifest(mediaType="application/json"),
    manifest(mediaType=7),
    without("config"),
    without("config", config={}),
    without("config", config={"digest": "sha512:" + "a" * 128}),
    manifest(layers=None),
    manifest(layers=[[]]),
    manifest(layers=[{"digest": "../../etc"}]),
    manifest(subject=1),
    manifest(artifactType="a\nb"),
    manifest(annotations=[1]),
    manifest(annotations={"a": 1}),
    manifest(annotations={"a": "\ud800"}),
    json.dumps({"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": {}}),
    '{"schemaVersion": 2, "layers": [], "config": ' + "[" * 5000 + "}",
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(AwsError) as caught:
        manifests.read(text, None)
    assert caught.value.code == "InvalidParameterException"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from([DIGEST, *manifests.KINDS]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["digest", "urls", "mediaType", "size"]) | st.text(max_size=3), inner)
    ),
    max_leaves=8,
)
MEMBERS = ("schemaVersion", "mediaType", "config", "layers", "manifests", "subject", "artifactType", "annotations")


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.none() | st.sampled_from(manifests.KINDS) | st.text())
def test_any_document_is_read_as_digests_or_refused(document, stated):
    document = {"schemaVersion": 2, **document}
    try:
        contents = manifests.read(json.dumps(document), stated)
    except AwsError as error:
        assert error.code == "InvalidParameterException"
        return
    assert contents.media_type in manifests.KINDS
    assert all(names.is_digest(one) for one in contents.layers + contents.children)


def test_a_text_that_cannot_be_sent_has_no_digest():
    with pytest.raises(AwsError):
        manifests.digest("\ud800")


# --- tags ----------------------------------------------------------------------------------------------------------

LETTERS = st.text("ab.", max_size=6)


@given(st.text("ab.*", min_size=1, max_size=8), LETTERS)
def test_a_star_stands_for_any_text(pattern, text):
    assert mutability.matches(pattern, text) is fnmatch.fnmatchcase(text, pattern)


@given(LETTERS)
def test_only_what_is_excluded_is_otherwise(tag):
    for pattern in ("a*", "*"):
        excluded = fnmatch.fnmatchcase(tag, pattern)
        assert mutability.is_immutable("IMMUTABLE_WITH_EXCLUSION", (pattern,), tag) is not excluded
        assert mutability.is_immutable("MUTABLE_WITH_EXCLUSION", (pattern,), tag) is excluded
    assert mutability.is_immutable("IMMUTABLE", (), tag)
    assert not mutability.is_immutable("MUTABLE", (), tag)


# --- lifecycle policies --------------------------------------------------------------------------------------------


def rule(priority=1, status="any", count="imageCountMoreThan", number=1, **selection):
    unit = {"countUnit": "days"} if count == "sinceImagePushed" else {}
    return {
        "rulePriority": priority,
        "selection": {"tagStatus": status, "countType": count, "countNumber": number, **unit, **selection},
        "action": {"type": "expire"},
    }


def read(*rules):
    return lifecycle.read(json.dumps({"rules": rules}))


def tagged(priority, *prefixes, **more):
    return rule(priority, "tagged", tagPrefixList=list(prefixes), **more)


def image(name, age_days=0, *tags, children=()):
    return Image(
        repository="r",
        digest=name,
        media_type=manifests.OCI,
        pushed_at=NOW - timedelta(days=age_days),
        size=1,
        tags=tags,
        children=children,
    )


# The cases of "Examples of lifecycle policies in Amazon ECR", in our words.
CASES = [
    ("older than its days", [rule(count="sinceImagePushed", number=7)], [image("a", 8), image("b", 6)], {"a"}),
    ("just as old", [rule(count="sinceImagePushed", number=7)], [image("a", 7)], {"a"}),
    ("untagged only", [rule(status="untagged", count="sinceImagePushed")], [image("a", 5), image("b", 5, "t")], {"a"}),
    ("never", [rule(count="sinceImagePushed", number=2**31 - 1)], [image("a", 8)], set()),
    ("more than one", [rule()], [image("a", 3), image("b", 2), image("c", 1)], {"a", "b"}),
    (
        "a higher rule's images are nobody else's",
        [tagged(1, "prod"), tagged(2, "beta")],
        [image("a", 10, "beta-1", "prod-1"), image("b", 9, "beta-2", "prod-2"), image("c", 8, "beta-3")],
        {"a"},
    ),
    (
        "every prefix has to be there",
        [tagged(1, "alpha", "beta", number=1)],
        [image("a", 12, "alpha-1"), image("b", 11, "beta-1"), image("c", 10, "alpha-2", "beta-2"),
         image("d", 4, "alpha-3"), image("e", 3, "beta-3", "alpha-4")],
        {"c"},
    ),
    (
        "what is left for the last rule",
        [tagged(1, "prod"), rule(2, "untagged", "sinceImagePushed", 1), rule(3)],
        [image("a", 4, "prod-1"), image("b", 3, "prod-2"), image("c", 2), image("d", 1, "x"), image("e", 0, "y")],
        {"a", "c", "d"},
    ),
    ("patterns", [rule(1, "tagged", tagPatternList=["*-x*"])], [image("a", 2, "1-x"), image("b", 1, "2-xy"),
     image("c", 3, "x")], {"a"}),
    ("a list that stays holds its images", [rule(status="untagged", count="sinceImagePushed")],
     [image("a", 5), image("l", 5, "all", children=("a",))], set()),
    ("a list that goes lets them go", [rule(count="sinceImagePushed")],
     [image("a", 5), image("l", 5, "all", children=("a",))], {"l", "a"}),
]  # fmt: skip


def planned(rules, images, *, day_s=lifecycle.DAY_S):
    return lifecycle.plan(read(*rules), images, NOW, day_s=day_s, fresh_s=lifecycle.FRESH_S)


@pytest.mark.parametrize(("rules", "images", "expired"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_images_go_as_the_rules_say(rules, images, expired):
    assert set(planned(rules, images).expired) == expired


def test_it_is_known_when_the_next_image_becomes_too_old():
    asked = [rule(count="sinceImagePushed", number=7)], [image("a", 5), image("b", 6)]
    assert set(planned(*asked, day_s=8640).expired) == {"a", "b"}, "a day is shorter here"
    assert planned(*asked) == lifecycle.Plan((), NOW + timedelta(days=1))


def test_what_was_just_pushed_stays_until_a_list_may_have_named_it():
    images = [image("a", 0), image("b", 0.001), image("c", 1)]
    plan = planned([rule()], images)
    assert plan.expired == ("c",)
    assert plan.next_at == images[1].pushed_at + timedelta(seconds=lifecycle.FRESH_S)


IMAGES = st.lists(
    st.builds(
        image,
        st.sampled_from("abcdefgh"),
        st.integers(0, 9),
        st.sampled_from(["p1", "q1", "pq"]),
        children=st.lists(st.sampled_from("abcdefgh"), max_size=2).map(tuple),
    ),
    unique_by=lambda one: one.digest,
)
RULES = st.sampled_from(
    [
        [rule(number=2)],
        [tagged(1, "p"), rule(2, "any", "sinceImagePushed", 3)],
        [tagged(1, "p", "q"), tagged(2, "q"), rule(3, "untagged")],
    ]
)


@given(RULES, IMAGES)
def test_from_any_state_it_settles_and_no_list_loses_what_it_names(rules, images):
    left = {one.digest: one for one in images}
    for _ in range(len(images) + 1):
        plan = planned(rules, left.values())
        if not plan.expired:
            break
        for digest in plan.expired:
            assert not any(digest in one.children for one in left.values())
            del left[digest]
    assert not planned(rules, left.values()).expired


WRONG = [
    ([], "rules has to be a list"),
    ([{}], 'missing required properties (["action", "rulePriority", "selection"])'),
    ([1], "instance type"),
    ([rule() | {"more": 1}], 'not allowed by the schema: (["more"])'),
    ([rule() | {"action": {"type": "transition"}}], "transition"),
    ([rule(status="some")], "some"),
    ([rule(count="sinceImagePulled")], "sinceImagePulled"),
    ([rule(countUnit="days")], "countUnit"),
    ([rule(count="sinceImagePushed", countUnit="hours")], "countUnit"),
    ([rule(number=0)], "minimum: 1"),
    ([rule(number=True)], "minimum: 1"),
    ([rule(number="3")], "minimum: 1"),
    ([rule(status="tagged")], "tagPrefixList"),
    ([rule(status="untagged", tagPrefixList=["a"])], "tagPrefixList"),
    ([rule(status="tagged", tagPrefixList=["a"], tagPatternList=["b"])], "tagPrefixList"),
    ([rule(status="tagged", tagPatternList=["*" * 5])], "wildcards"),
    ([tagged(1, "a*")], "wildcards"),
    ([tagged(1, 5)], "list of texts"),
    ([tagged(1, "a"), tagged(1, "b")], "unique"),
    ([tagged(1, "a"), tagged(2, "a")], "unique"),
    ([rule(1), tagged(2, "a")], "highest"),
    ([rule(1, "untagged"), rule(2, "untagged")], "Only one rule"),
]


@pytest.mark.parametrize(("rules", "why"), WRONG)
def test_a_policy_that_means_nothing_is_refused(rules, why):
    with pytest.raises(AwsError) as caught:
        read(*rules)
    assert caught.value.code == "InvalidParameterException"
    assert "Lifecycle policy validation failure" in caught.value.message
    assert why in caught.value.message


@given(st.text() | JSON.map(json.dumps) | st.lists(JSON).map(lambda found: json.dumps({"rules": found})))
def test_any_text_is_a_policy_or_refused(text):
    try:
        lifecycle.read(text)
    except AwsError as error:
        assert error.code == "InvalidParameterException"


# --- what rests ----------------------------------------------------------------------------------------------------


@given(st.lists(st.none() | st.integers(-5, 5)), st.lists(st.integers(-5, 5)))
def test_what_nobody_needs_goes_in_its_time_and_nothing_else(layers, uploads):
    made = [
        Layer(
            repository="r",
            digest=str(number),
            size=0,
            pieces=(),
            kept_until=None if hours is None else NOW + timedelta(hours=hours),
        )
        for number, hours in enumerate(layers)
    ]
    begun = [
        Upload(repository="r", id=str(number), kept_until=NOW + timedelta(hours=hours))
        for number, hours in enumerate(uploads)
    ]
    plan = rests.plan(made, begun, NOW)
    assert {one.digest for one in plan.layers} == {
        str(number) for number, hours in enumerate(layers) if hours is not None and hours <= 0
    }
    assert len(plan.uploads) == sum(hours <= 0 for hours in uploads)
    coming = [hours for hours in (*layers, *uploads) if hours is not None and hours > 0]
    assert plan.next_at == (NOW + timedelta(hours=min(coming)) if coming else None)
