import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.services.ssm import Sealer
from aftershock.services.ssm.rules import labels, names, patterns, values
from aftershock.services.ssm.rules.names import Asked
from aftershock.services.ssm.sealing import SealBrokenError

ARN = "arn:aws:ssm:us-east-1:123456789012:parameter"


@pytest.mark.parametrize(
    "name", ["a", "/a", "A.b-c_d", "/a/b/c", "/a/aws", "/" + "/".join("abcdefghijklmno"), "a" * 1011]
)
def test_a_good_name_is_taken(name: str) -> None:
    names.check_new(name)


@pytest.mark.parametrize(
    ("name", "code", "beginning"),
    [
        ("/aws/service/x", "AccessDeniedException", "No access to reserved parameter name: /aws/service/x."),
        ("awsome", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm"'),
        ("/SSMx", "ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm"'),
        (
            "/ssm/x",
            "ValidationException",
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed',
        ),
        ("a b", "ValidationException", "Parameter name: can't be prefixed"),
        ("a:1", "ValidationException", "Parameter name: can't be prefixed"),
        ("/", "ValidationException", "Parameter name: can't be prefixed"),
        ("/a/", "ValidationException", "Parameter name: can't be prefixed"),
        ("/a//b", "ValidationException", "Parameter name: can't be prefixed"),
        ("/ä", "ValidationException", "Parameter name: can't be prefixed"),
        ("a/b", "ValidationException", "Parameter name must be a fully qualified name."),
        ("a" * 1012, "ValidationException", "Parameter name: can't be longer"),
        ("/a" * 16, "HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of 15 levels."),
    ],
)
def test_a_bad_name_is_refused(name: str, code: str, beginning: str) -> None:
    with pytest.raises(AwsError) as caught:
        names.check_new(name)
    assert caught.value.code == code
    assert caught.value.message.startswith(beginning)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", [Asked("a")]),
        ("/a/b:3", [Asked("/a/b", version=3)]),
        ("/a:prod", [Asked("/a", label="prod")]),
        (f"{ARN}/a", [Asked("/a"), Asked("a")]),
        (f"{ARN}/a/b:2", [Asked("/a/b", version=2)]),
    ],
)
def test_a_name_may_ask_for_a_version(text: str, expected: list[Asked]) -> None:
    assert names.asked(text) == expected


@pytest.mark.parametrize("text", ["a b", "a:", "a:1:2", "a/b", "ssmx", "arn:aws:s3:::b", "", ":1", "/a:" + "²"])
def test_what_cannot_be_asked_for_is_refused_or_a_label(text: str) -> None:
    try:
        assert names.asked(text) == [Asked("/a", label="²")]
    except AwsError as error:
        assert error.code == "ValidationException"


@pytest.mark.parametrize(
    ("name", "path", "one_level", "recursive"),
    [
        ("a", "/", True, True),
        ("/a", "/", True, True),
        ("/a/b", "/", False, True),
        ("/a/b", "/a", True, True),
        ("/a/b", "/a/", True, True),
        ("/a/b/c", "/a", False, True),
        ("/ab", "/a", False, False),
        ("/a", "/a", False, False),
    ],
)
def test_what_lies_below_a_path(name: str, path: str, one_level: bool, recursive: bool) -> None:
    assert names.is_below(name, path, recursive=False) == one_level
    assert names.is_below(name, path, recursive=True) == recursive


@pytest.mark.parametrize("path", ["a", "", "//", "/a//b", "/a b", "/ssm/x"])
def test_a_bad_path_is_refused(path: str) -> None:
    with pytest.raises(AwsError) as caught:
        names.check_path(path)
    assert caught.value.message.startswith("The parameter doesn't meet the parameter name requirements.")


@pytest.mark.parametrize(
    ("asked", "before", "size", "expected"),
    [
        (None, None, 4096, "Standard"),
        ("Standard", None, 1, "Standard"),
        ("Advanced", None, 8192, "Advanced"),
        ("Intelligent-Tiering", None, 4096, "Standard"),
        ("Intelligent-Tiering", None, 4097, "Advanced"),
        (None, "Advanced", 1, "Advanced"),
        ("Intelligent-Tiering", "Advanced", 1, "Advanced"),
        ("Advanced", "Standard", 1, "Advanced"),
        (None, None, 4097, "Standard tier parameters support a maximum parameter value of 4096 characters."),
        ("Advanced", None, 8193, "Advanced tier parameters support a maximum parameter value of 8192 characters."),
        ("Standard", "Advanced", 1, "This parameter uses the advanced-parameter tier."),
    ],
)
def test_tiers(asked: str | None, before: str | None, size: int, expected: str) -> None:
    try:
        assert values.tier(asked, before, size) == expected
    except AwsError as error:
        assert error.code == "ValidationException"
        assert error.message.startswith(expected)


@pytest.mark.parametrize(
    ("label", "valid"),
    [("prod", True), ("_a.b-c", True), ("1st", False), ("aws", False), ("SSMx", False), ("a b", False), ("a/b", False)],
)
def test_labels(label: str, valid: bool) -> None:
    assert labels.is_valid(label) == valid


# ---------------------------------------------------------------- patterns


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        (r"^\d+$", "123", True),
        (r"^\d+$", "12a", False),
        (r"\d+", "12a", False),
        ("a|bc", "bc", True),
        ("(a|b)*c", "ababc", True),
        ("[a-z]{2,3}", "abcd", False),
        ("[^a-z]+", "ABC", True),
        (r"[\w.-]+@\w+\.com", "me.you@there.com", True),
        ("a?b??c", "c", True),
        ("(ab){2}", "abab", True),
        (".*", "a\nb", False),
        (r"[\s\S]*", "a\nb", True),
        (r"\D\S\W", "a-+", True),
        ("", "", True),
        ("()*", "", True),
        ("x{0}", "", True),
    ],
)
def test_a_value_matches_a_pattern_as_a_whole(pattern: str, value: str, expected: bool) -> None:
    assert patterns.matches(pattern, value) == expected


@pytest.mark.parametrize("pattern", ["(", "[", "*", r"(a)\1", "(?=a)a", "(?i)a", "(?i:a)", r"\bx", "a{2,1}", r"\p{L}"])
def test_what_is_no_pattern_here_is_refused(pattern: str) -> None:
    with pytest.raises(AwsError) as caught:
        patterns.matches(pattern, "aa")
    assert caught.value.code == "InvalidAllowedPatternException"


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*)*(.*)*x", "a*a*a*a*a*b", "(a?){1000}a{1000}b", "(" * 300 + "a" + ")*" * 300],
)
def test_no_pattern_holds_up_the_region(pattern: str) -> None:
    began = time.monotonic()
    try:
        assert not patterns.matches(pattern, "a" * 4096)
    except AwsError as error:
        assert error.code == "InvalidAllowedPatternException"
    assert time.monotonic() - began < 10  # against forever, not a measure of speed


pieces = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "(a|b)", "(ab|c)", r"\d", "1"])
repeats = st.sampled_from(["", "*", "+", "?", "{2}", "{1,2}", "*?"])


@given(st.lists(st.tuples(pieces, repeats), max_size=4), st.text("abc1", max_size=8))
def test_patterns_agree_with_pythons_own(parts: list[tuple[str, str]], value: str) -> None:
    import re

    pattern = "".join(piece + repeat for piece, repeat in parts)
    assert patterns.matches(pattern, value) == (re.fullmatch(pattern, value) is not None)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_pattern_or_refused(pattern: str, value: str) -> None:
    try:
        patterns.matches(pattern, value)
    except AwsError as error:
        assert error.code == "InvalidAllowedPatternException"


# ---------------------------------------------------------------- sealing


def test_what_is_sealed_is_opened_with_the_key_that_stays(tmp_path: Path) -> None:
    sealed = Sealer.at(tmp_path / "key").seal("password", "here")
    assert "password" not in sealed
    assert Sealer.at(tmp_path / "key").open(sealed, "here") == "password"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_what_is_sealed_does_not_open_elsewhere(tmp_path: Path) -> None:
    sealed = Sealer.at(tmp_path / "key").seal("password", "here")
    with pytest.raises(SealBrokenError):
        Sealer.at(tmp_path / "key").open(sealed, "there")
    with pytest.raises(SealBrokenError):
        Sealer.at(tmp_path / "other").open(sealed, "here")
