"""The report in a real browser: nothing goes out, nothing overlaps, no text becomes code, and all eyes can read it."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.browser import Browser, a_browser

from aftershock.lab import words
from aftershock.lab.experiment import Bound
from aftershock.lab.report import COLUMNS, html, plain
from tests.accessibility import violations

from .canned import a_run

LAPTOP, PHONE = (1366, 768), (390, 844)
# Texts may touch the air around other texts, and not them: their boxes are higher than their letters.
OVERLAPPING = """
    const found = [];
    const overlap = (p, q, by) => p.left < q.right - by && q.left < p.right - by
                               && p.top < q.bottom - by && q.top < p.bottom - by;
    for (const svg of document.querySelectorAll('svg')) {
        const whole = svg.getBoundingClientRect();
        for (const [kind, by] of [['text', 3], ['rect.machine, rect.balancer, rect.name, rect.visitors', 0.5],
                                  ['rect.zone', 0.5], ['rect.group', 0.5]]) {
            const boxes = [...svg.querySelectorAll(kind)].map((one) => [one, one.getBoundingClientRect()]);
            boxes.forEach(([a, p], i) => {
                if (p.left < whole.left || p.right > whole.right || p.top < whole.top || p.bottom > whole.bottom)
                    found.push(['outside', svg.querySelector('title').textContent, a.outerHTML]);
                for (const [b, q] of boxes.slice(i + 1))
                    if (overlap(p, q, by)) found.push([a.outerHTML, b.outerHTML]);
            });
        }
        const boxes = [...svg.querySelectorAll('rect')].map((one) => one.getBoundingClientRect());
        for (const text of svg.querySelectorAll('.scene text')) {
            const p = text.getBoundingClientRect();
            // Whatever box holds its middle holds all of it.
            for (const q of boxes) {
                const [x, y] = [(p.left + p.right) / 2, (p.top + p.bottom) / 2];
                if (q.left < x && x < q.right && q.top < y && y < q.bottom && (p.left < q.left || p.right > q.right))
                    found.push(['wider than its box', text.outerHTML]);
            }
        }
    }
    return found.slice(0, 10)"""
LONELY = """
    return [...document.querySelectorAll('svg.scene path.arrow-head')].map((one) => one.getBoundingClientRect())
        .filter((tip) => ![...document.querySelectorAll('svg.scene rect')].map((one) => one.getBoundingClientRect())
            .some((box) => Math.abs(box.top - tip.bottom) < 1.5 && box.left <= tip.left && tip.right <= box.right))
        .length"""
MARKS = """
    const inside = (one, plot) => one.left >= plot.left - 0.6 && one.right <= plot.right + 0.6;
    return [...document.querySelectorAll('svg.timeline')].flatMap((svg) => {
        const plot = svg.querySelector('line.axis').getBoundingClientRect();
        const lines = [...svg.querySelectorAll('polyline.mark')].map((one) => one.getBoundingClientRect());
        const numbers = [...svg.querySelectorAll('circle.mark-number')].map((one) => one.getBoundingClientRect());
        return [...lines.filter((one) => !inside(one, plot)),
                ...numbers.filter((one, n) => numbers.slice(n + 1).some((two) => Math.abs(two.left - one.left) < 14))];
    })"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with a_browser(size=LAPTOP) as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(html(a_run()))
    return file


def opened(browser: Browser, page: Path, size: tuple[int, int] = LAPTOP, theme: str = "light") -> None:
    browser.open("about:blank")
    browser.complaints()  # of pages before
    width, height = size
    browser.devtools(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
    )
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.open(page.as_uri())


def table(browser: Browser, selector: str) -> list[list[str]]:
    script = """
        return [...document.querySelectorAll(arguments[0] + ' tr')]
            .map((row) => [...row.children].map((cell) => cell.textContent.trim()))"""
    found: list[list[str]] = browser.run(script, selector)
    return found


def test_the_page_is_whole_in_itself(browser: Browser, page: Path) -> None:
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.read_bytes())

        def log_message(self, *said: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            browser.open("about:blank")
            browser.complaints()
            browser.open(f"http://127.0.0.1:{server.server_port}/report")
            assert browser.run("return performance.getEntriesByType('resource').map((one) => one.name)") == []
            assert browser.complaints() == []
        finally:
            server.shutdown()
    assert asked == ["/report"]


def test_it_is_no_large_file(page: Path) -> None:
    assert page.stat().st_size < 1_500_000


def test_no_text_becomes_code(browser: Browser, page: Path) -> None:
    opened(browser, page)
    assert browser.run("return document.title") == a_run().title
    strange = "script, img, iframe, object, link, [onload], [onerror], [src]"
    assert browser.run("return document.querySelectorAll(arguments[0]).length", strange) == 0
    assert browser.run("return document.querySelectorAll('style').length") == 1
    assert "<script>document.title='taken'</script>" in browser.text()
    # Code that got in all the same would not run: the page's own policy forbids it.
    tried = """
        const one = document.createElement('script');
        one.textContent = "document.title = 'taken'";
        document.body.append(one);
        return document.title"""
    assert browser.run(tried) == a_run().title


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_the_accessibility_checker_finds_nothing(
    browser: Browser, page: Path, size: tuple[int, int], theme: str
) -> None:
    opened(browser, page, size, theme)
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    found = violations(browser)
    assert found == [], json.dumps(found, indent=1)[:4000]
    assert browser.complaints() == []


@pytest.mark.parametrize("size", [LAPTOP, PHONE])
def test_nothing_overlaps_and_nobody_scrolls_the_page_sideways(
    browser: Browser, page: Path, size: tuple[int, int]
) -> None:
    opened(browser, page, size)
    assert browser.run("return document.querySelectorAll('rect.machine').length") > 600
    if size == LAPTOP:  # on a phone drawings are smaller, or scroll
        assert browser.run(OVERLAPPING) == []
        assert browser.run(LONELY) == 0, "an arrow that leads nowhere"
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")


def test_on_paper_everything_fits_the_width(browser: Browser, page: Path) -> None:
    opened(browser, page, (680, 1000))  # A4 without its margins, in CSS pixels
    browser.devtools("Emulation.setEmulatedMedia", media="print", features=[])
    try:
        wide = "return [...document.querySelectorAll('svg, table')].filter((one) => one.offsetWidth > innerWidth)"
        assert browser.run(f"{wide}.length") == 0
        cut = "return [...document.querySelectorAll('svg, table')].filter((one) => arguments[0] < "
        assert browser.run(f"{cut} one.getBoundingClientRect().right).map((one) => one.outerHTML)", 681) == []
    finally:
        browser.devtools("Emulation.setEmulatedMedia", media="", features=[])


def test_marks_stand_within_the_plot_and_apart(browser: Browser, page: Path) -> None:
    opened(browser, page)
    assert browser.run("return document.querySelectorAll('polyline.mark').length") > 30
    assert browser.run(MARKS) == []


def test_the_figures_on_the_page_are_those_of_the_json(browser: Browser, page: Path) -> None:
    opened(browser, page)
    experiments: list[dict[str, Any]] = json.loads(plain(a_run()))["experiments"]
    head, *rows = table(browser, "#all-stages table")
    assert head == list(COLUMNS)
    assert len(rows) == len(experiments)
    sections = browser.run("return [...document.querySelectorAll('main > section')].map((one) => one.id)")
    for row, one, section in zip(rows, experiments, sections[:-1], strict=True):
        shown, found = dict(zip(COLUMNS, row, strict=True)), one["figures"]
        assert shown["The claim"] == ("held" if one["holds"] else "not held")
        judged = table(browser, f"#{section} table")[1:]
        assert [line[3] for line in judged] == ["held" if each["holds"] else "not held" for each in one["verdicts"]]
        for line, each in zip(judged, one["verdicts"], strict=True):
            measure = each["bound"]["measure"]
            assert line[:3] == [
                words.NAMES[measure],
                words.bound(Bound(**each["bound"])),
                words.value(measure, each["value"]),
            ]
        if not found:
            assert set(row[1:-1]) == {"-"}
            continue
        assert shown["Requests"] == str(len(one["requests"])) == f"{found['requests']:g}"
        failed = sum(not served for _, _, served, *_ in one["requests"])
        assert shown["Failed"].partition(" ")[0] == str(failed) == f"{found['failed']:g}"
        assert shown["Machines"].partition(" ")[0] == f"{found['instances']:g}"
        assert shown["USD a month"].partition(" ")[0] == f"{found['monthly_usd']:.2f}"
        if found["p99_ms"] is not None:
            assert shown["99 of 100"] == f"{found['p99_ms']:.0f} ms"
            assert shown["Median"] == f"{found['p50_ms']:.0f} ms"


def test_every_section_is_reached_from_the_keyboard(browser: Browser, page: Path) -> None:
    opened(browser, page)
    here = """
        const one = document.querySelector(location.hash);
        return [one.querySelector('h2').textContent, Math.abs(one.getBoundingClientRect().top) < innerHeight]"""
    wanted = browser.run("return [...document.querySelectorAll('nav a')].map((one) => one.textContent)")
    assert len(wanted) == len(a_run().outcomes) + 1
    for number, title in enumerate(wanted):
        browser.run("document.activeElement.blur(); scrollTo(0, 0); getSelection().removeAllRanges()")
        browser.run("document.querySelectorAll('nav a')[arguments[0]].focus()", number)
        assert browser.run("return document.activeElement.textContent") == title
        browser.press("Enter")
        browser.wait("return location.hash !== '' && scrollY > 0")
        said, seen = browser.run(here)
        assert title in said and seen
        browser.run("history.replaceState(null, '', location.pathname)")


def test_what_is_wider_than_a_phone_scrolls_by_itself_and_from_the_keyboard(browser: Browser, page: Path) -> None:
    opened(browser, page, PHONE)
    wider = """
        return [...document.querySelectorAll('.wide')].filter((one) => one.scrollWidth > one.clientWidth)
            .map((one) => [one.tabIndex, one.ariaLabel !== ''])"""
    found = browser.run(wider)
    assert found and all(one == [0, True] for one in found)
