"""Who may come into the console: no hostile page in the same browser, whatever it can make the browser send."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.console.guard import HEADERS, ensure_token, read_token, refusal

TOKEN = "k" * 43
OURS = {"host": "127.0.0.1:4567", "authorization": f"Bearer {TOKEN}"}


def without(headers, name):
    return {key: value for key, value in headers.items() if key != name}


@pytest.mark.parametrize(
    "headers",
    [
        OURS,
        {**OURS, "host": "localhost:4567"},
        {**OURS, "host": "127.0.0.1"},
        {**OURS, "host": "localhost:8080", "origin": "http://localhost:8080"},  # forwarded through ssh
        {**OURS, "origin": "http://127.0.0.1:4567", "sec-fetch-site": "same-origin"},
    ],
)
def test_our_own_page_comes_in(headers):
    assert refusal(headers, token=TOKEN) is None


@pytest.mark.parametrize(
    "status, headers",
    [
        (421, {**OURS, "host": "evil.example:4567"}),  # DNS rebinding: its name leads to 127.0.0.1
        (421, {**OURS, "host": "127.0.0.1.evil.example:4567"}),
        (421, {**OURS, "host": "localhost.evil.example"}),
        (421, {**OURS, "host": "evil.example:127.0.0.1"}),
        (421, {**OURS, "host": "127.0.0.1:80@evil.example:4567"}),
        (421, {**OURS, "host": "[::1]:4567"}),
        (421, {**OURS, "host": ""}),
        (421, without(OURS, "host")),
        (403, {**OURS, "origin": "https://evil.example"}),
        (403, {**OURS, "origin": "null"}),
        (403, {**OURS, "origin": "http://127.0.0.1:9999"}),  # another program's page on the same machine
        (403, {**OURS, "origin": "http://localhost:4567"}),  # for a browser not the same
        (403, {**OURS, "sec-fetch-site": "cross-site"}),
        (403, {**OURS, "sec-fetch-site": "same-site"}),
        (403, {**OURS, "sec-fetch-site": "none"}),
        (401, without(OURS, "authorization")),
        (401, {**OURS, "authorization": ""}),
        (401, {**OURS, "authorization": "Bearer "}),
        (401, {**OURS, "authorization": TOKEN}),
        (401, {**OURS, "authorization": f"Basic {TOKEN}"}),
        (401, {**OURS, "authorization": f"Bearer {TOKEN}x"}),
        (401, {**OURS, "authorization": f"Bearer {TOKEN[:-1]}"}),
        (401, {**OURS, "authorization": "Bearer é"}),
        (401, {**without(OURS, "authorization"), "cookie": f"token={TOKEN}"}),
    ],
)
def test_whoever_else_asks_is_refused(status, headers):
    refused = refusal(headers, token=TOKEN)
    assert refused is not None and refused[0] == status


@given(st.dictionaries(st.sampled_from(["host", "origin", "sec-fetch-site", "authorization"]), st.text()))
def test_no_chance_headers_come_in(headers):
    assert refusal(headers, token=TOKEN) is not None


def test_the_pages_own_files_need_no_token_but_the_right_host():
    assert (
        refusal({"host": "127.0.0.1:4567", "sec-fetch-site": "cross-site"}, token=None) is None
    )  # a link was followed
    assert refusal({"host": "evil.example"}, token=None) is not None


def test_no_other_page_may_hold_ours_and_no_text_becomes_code():
    policy = HEADERS["content-security-policy"]
    for part in (
        "default-src 'none'",
        "frame-ancestors 'none'",
        "script-src 'self'",
        "require-trusted-types-for 'script'",
    ):
        assert part in policy
    assert "unsafe" not in policy and "*" not in policy
    assert HEADERS["cross-origin-resource-policy"] == "same-origin"


def test_the_token_stays_and_is_its_owners_alone(tmp_path):
    with pytest.raises(OSError):
        read_token(tmp_path)
    token = ensure_token(tmp_path)
    assert len(token) >= 43 and ensure_token(tmp_path) == read_token(tmp_path) == token
    assert stat.S_IMODE((tmp_path / "console.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", "null"])
def test_a_broken_token_file_is_made_anew(tmp_path, broken):
    (tmp_path / "console.json").write_text(broken)
    token = ensure_token(tmp_path)
    assert read_token(tmp_path) == token
