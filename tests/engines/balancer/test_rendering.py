import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.engines.balancer import (
    Backend,
    Check,
    Fixed,
    Forward,
    Header,
    Host,
    Http,
    Listener,
    Method,
    NodeSpec,
    Path,
    Place,
    Query,
    Redirect,
    Rule,
    Server,
    Share,
    Source,
    Sticky,
    Tls,
    pages,
    quoting,
    render,
    spec,
)
from aftershock.engines.errors import EngineError

KEY = "0123456789abcdef"
ALL = Forward((Share("all"),))


def node(*rules, default=ALL, backend=None, **changes):
    listener = Listener(80, "http", default, rules)
    backends = (backend or Backend("all"),)
    return NodeSpec(**{"name": "lb", "place": Place("n", "h"), "key": KEY, "listeners": (listener,)} | changes | {
        "backends": backends
    })  # fmt: skip


def lines(wanted):
    return "".join(part for part in render.render(wanted).parts if isinstance(part, str)).split("\n")


def shape(wanted):
    """What each line begins with: nothing that somebody made up may add a line, or change what one is."""
    return [line.split()[:2] for line in lines(wanted)]


anything = st.text() | st.text("'\"\\ \n\r\0%#{}[]()$,;?*&=\x7f\xe9\u20ac", max_size=30)


@given(anything, anything)
def test_whatever_is_matched_stays_in_its_word(one, two):
    def of(first, second):
        return node(
            Rule((Path((first, second)), Host((second,)), Header("X-A", (first,)), Query(((first, second),))), ALL)
        )

    wanted = of(one, two)
    try:
        spec.check(wanted)
    except EngineError as refused:
        assert not refused.retryable and any("\0" in text or len(text) > 1024 for text in (one, two))
        return
    assert rest(wanted) == rest(of("a", "b"))
    assert all(re.fullmatch("[ -~]*", line) for line in lines(wanted))
    tests = [shlex.split(line) for line in lines(wanted) if line.startswith("  acl r0_0")]
    assert all(words[2:4] == ["path", "-m"] and words[5] == "--" for words in tests)
    assert sum(len(words) - 6 for words in tests) == 2

    def holds(path):
        return any(finds(words[4], written, path) for words in tests for written in words[6:])

    plain = one.replace("*", "xx").replace("?", "y").encode("utf-8", "surrogatepass")
    assert holds(plain)
    assert not holds(plain + b"!") or one.endswith("*") or meant(two, plain + b"!")


def meant(pattern, text):
    """Whether a pattern is of this text, by the meaning of its two signs and nothing else."""
    signs = {"*": b".*", "?": b"."}
    parts = (signs.get(one) or re.escape(one.encode("utf-8", "surrogatepass")) for one in pattern)
    return bool(re.fullmatch(b"".join(parts), text, re.DOTALL))


def rest(wanted):
    """The shape without the tests of a rule: how many lines those are depends on what they look for."""
    return [words for words in shape(wanted) if words[1:2] not in [[f"r0_{index}"] for index in range(4)]]


def finds(kind, written, text):
    """As HAProxy looks for it."""
    match kind:
        case "str":
            return text == written.encode()
        case "beg":
            return text.startswith(written.encode())
        case "end":
            return text.endswith(written.encode())
    return bool(re.search(written.encode(), text, re.DOTALL))


@given(anything)
def test_a_regular_expression_is_refused_or_stands_as_it_is(text):
    wanted = node(Rule((Path((), (text,)), Host(("a.b",), (text,)), Header("X", regexes=(text,))), ALL))
    try:
        spec.check(wanted)
    except EngineError as refused:
        assert not refused.retryable
        return
    written = [shlex.split(line) for line in lines(wanted) if line.startswith("  acl r0_")]
    assert written == [
        ["acl", "r0_0", "path", "-m", "reg", "--", f"(?:{text})"],
        ["acl", "r0_1", "req.hdr(host),host_only", "-m", "str", "-i", "--", "a.b"],
        ["acl", "r0_1", "req.hdr(host),host_only", "-m", "reg", "--", f"(?:{text})"],
        ["acl", "r0_2", "req.fhdr(X)", "-m", "reg", "--", f"(?:{text})"],
    ]


@given(anything, anything, anything)
def test_a_redirect_is_refused_or_says_what_was_meant(host, path, query):
    def of(*texts):
        return node(default=Redirect(301, host=texts[0], path=texts[1], query="q" + texts[2]))

    wanted = of(host, path, query)
    try:
        spec.check(wanted)
    except EngineError as refused:
        assert not refused.retryable
        return
    assert shape(wanted) == shape(of("a", "b", "c"))
    words = next(shlex.split(line) for line in lines(wanted) if "hdr Location" in line)
    location = words[words.index("Location") + 1]
    assert words[words.index("Location") + 2] == "if"
    said = location.replace("%[req.hdr(host),host_only]", "#{host}").replace("%[path,bytes(1)]", "#{path}")
    said = said.replace("%[query]", "#{query}").replace("%%", "%")
    meant = f"http://{host}:80{path}?q{query}".replace("#{port}", "80").replace("#{protocol}", "http")
    assert said == meant


@given(anything)
def test_bodies_and_certificates_are_files_whatever_is_in_them(text):
    wanted = node(default=Fixed(200, "text/plain", text))
    rendered = render.render(wanted)
    assert shape(wanted) == shape(node(default=Fixed(200, "text/plain", text or "x"))) or not text
    assert not text or text in rendered.files.values()
    assert all(re.fullmatch(r"/run/haproxy/files/[0-9a-f]{24}\.[a-z]+", path) for path in rendered.files)


@given(anything)
def test_names_of_headers_and_cookies_are_refused_or_stand_as_they_are(name):
    sticky = Backend("all", sticky=Sticky("AWSALBAPP-0", 60, name))
    wanted = node(Rule((Header(name, ("x",)),), ALL), backend=sticky)
    try:
        spec.check(wanted)
    except EngineError:
        return
    assert shape(wanted) == shape(
        node(Rule((Header("X", ("x",)),), ALL), backend=replace(sticky, sticky=Sticky("AWSALBAPP-0", 60, "X")))
    )
    words = [shlex.split(line) for line in lines(wanted)]
    assert ["acl", "r0_0", f"req.fhdr({name})", "-m", "str", "-i", "--", "x"] in words
    assert ["http-response", "set-var(txn.app)", f"res.cook({name})"] in words


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("/a*", "/abc", True), ("/a?", "/ab", True), ("/a?", "/a", False), ("/a.c", "/abc", False), ("*", "", True),
        ("/(x)", "/(x)", True), ("/a", "/A", False), ("/\u20ac", "/\u20ac", True),
    ],
)  # fmt: skip
def test_stars_and_question_marks_are_all_that_a_pattern_knows(pattern, text, matches):
    found = re.fullmatch(quoting.pattern(pattern).encode(), text.encode())
    assert bool(found) == matches


@pytest.mark.parametrize(
    "wanted",
    [
        node(name="../x"),
        node(key="no"),
        node(default=Forward((Share("none"),))),
        node(default=Forward((Share("all", 1000),))),
        node(default=Fixed(99)),
        node(default=Fixed(200, "text/plain\nX: y")),
        node(default=Redirect(303)),
        node(default=Redirect(301, path="/a b")),
        node(Rule((Source(("10.0.0.0/33",)),), ALL)),
        node(Rule((Method(("GET x",)),), ALL)),
        node(Rule((Path(()),), ALL)),
        node(backend=Backend("a b")),
        node(backend=Backend("all", (Server("10.0.0.1 check", 80),))),
        node(backend=Backend("all", (Server("10.0.0.1", 0),))),
        node(backend=Backend("all", (Server("10.0.0.1", 1), Server("10.0.0.1", 1)))),
        node(backend=Backend("all", check=Check(path="/a\r\nX: y"))),
        node(backend=Backend("all", check=Check(interval_s=0))),
        node(backend=Backend("all", sticky=Sticky("a;b", 1))),
        node(listeners=(Listener(80, "tls-http", ALL),)),
        node(listeners=(Listener(80, "http", ALL), Listener(80, "tcp", ALL))),
        node(listeners=(Listener(80, "tcp", Fixed(200)),)),
        node(listeners=(Listener(70000, "http", ALL),)),
        node(listeners=(Listener(80, "http", ALL, idle_timeout_s=5),)),
        node(listeners=(Listener(80, "http", ALL, tls=Tls(("TLSv1", "TLSv1.3"))),)),
        node(listeners=(Listener(80, "http", ALL, tls=Tls(())),)),
        node(listeners=(Listener(80, "http", ALL, tls=Tls(ciphers=("A:B",))),)),
        node(Rule((Path((), ("(",)),), ALL)),
        node(backend=Backend("all", minimum_healthy_percent=101)),
        node(http=Http(keep_alive_s=0)),
    ],
)
def test_what_cannot_be_meant_is_refused_for_good(wanted):
    with pytest.raises(EngineError) as refused:
        spec.check(wanted)
    assert not refused.value.retryable


def test_pages_are_as_long_as_aws_s():
    assert len(pages.of(503)) == 162 and len(pages.of(502)) == 122 and len(pages.of(301)) == 134


@pytest.mark.parametrize(
    "timeout_s, retries, each_ms", [(10.0, 2, 3334), (10.0, 0, 10_000), (4.0, 2, 2000), (0.5, 0, 500), (0.5, 2, 500)]
)
def test_all_attempts_to_connect_share_one_time_limit(timeout_s, retries, each_ms):
    wanted = node(connect_timeout_s=timeout_s, connect_retries=retries)
    assert f"timeout connect {each_ms}ms" in "".join(lines(wanted))


def test_every_change_of_what_is_wanted_changes_its_hash():
    one = render.wanted(node())["hash"]
    assert render.wanted(node())["hash"] == one
    for other in (node(default=Fixed(200)), node(backend=Backend("all", (Server("10.0.0.1", 1),))), node(key=KEY * 2)):
        assert render.wanted(other)["hash"] != one
