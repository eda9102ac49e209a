"""The page in a real browser: it shows what is seen, at every size, and no text in it ever becomes code."""

import copy
import json
from dataclasses import replace

import pytest

from aftershock.lab.records import REPORT, Claim, Record, Records, write
from tests.accessibility import violations
from tests.conftest import eventually

from .seen import experiment, site, stacked, status
from .served import a_console

HOSTILE = [
    "<img src=x onerror=\"document.title='taken'\">",
    "<script>document.title='taken'</script>",
    "\"><svg onload=document.title='taken'>",
    "javascript:document.title='taken'",
    "{{constructor.constructor('document.title=1')()}}",
    "&lt;b&gt; é 漢字 \u202e\u0000 ' \" ` $(x)",
]

OVERLAPPING = """
    const found = [...document.querySelectorAll('.machine, .node')].filter((one) => one.checkVisibility());
    const boxes = found.map((one) => [one, one.getBoundingClientRect()]);
    return boxes.flatMap(([a, p], i) => boxes.slice(i + 1).filter(([b, q]) =>
        p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1 && q.top < p.bottom - 1)
        .map(([b]) => a.outerHTML + b.outerHTML))"""
MACHINES = "return document.querySelectorAll('.machine').length"
RUN = Record("20261122-214000-0123abcd", ("4-behind-a-balancer",), 1795383600.0, ended=1795383660.0)
REPORT_TEXT = """<!doctype html><html lang=en><title>It held</title><style>p { color: green }</style>
<p>All of it<script>document.title = 'taken'</script><img src=x onerror="document.title='taken'">"""


def keep(console, *claims, **more):
    """A run that was, with its report."""
    records = Records(console.state)
    records.put(replace(RUN, claims=tuple(claims), **more))
    write(records.directory(RUN.id) / REPORT, REPORT_TEXT.encode())


def opened(browser, console):
    browser.open("about:blank")
    browser.complaints()  # of pages before
    browser.open(console.url)


def shown(browser, console, count):
    opened(browser, console)
    browser.wait("return document.getElementById('standing').textContent === 'live'")
    browser.wait(
        f"return document.querySelectorAll('.zone').length && ({MACHINES.removeprefix('return ')}) === {count}"
    )


def test_the_page_shows_what_is_there_and_what_changes_without_a_reload(browser, console):
    shown(browser, console, 4)
    browser.run("window.same = true")
    assert "us-east-1a" in browser.text("#map") and "www.shop.example" in browser.text("#map")
    assert "shop · 2/2" in browser.text("#map")
    console.seen = site(running=5)
    browser.wait(f"{MACHINES} === 5")
    console.seen = console.seen | {"experiments": [experiment("us-east-1a")]}
    browser.wait("return document.querySelector('.zone[data-out=power]')?.innerText.includes('no power')")
    assert "us-east-1a has lost its power" in browser.text("#feed")
    assert browser.run("return window.same")
    assert browser.complaints() == []


def test_the_token_leaves_the_address_and_survives_a_reload(browser, console):
    shown(browser, console, 4)
    assert browser.run("return location.href") == f"http://127.0.0.1:{console.port}/"
    browser.run("location.reload()")
    browser.wait(f"{MACHINES} === 4")
    assert browser.run("return document.cookie") == ""


def test_without_the_token_there_is_nothing_to_see(browser, console):
    browser.open("about:blank")
    browser.open(f"http://127.0.0.1:{console.port}/#token=guessed")
    browser.wait("return document.body.innerText.includes('aftershock console')")
    assert browser.run(MACHINES) == 0
    browser.run("location.hash = arguments[0]", console.url.partition("#")[2])
    browser.wait(f"{MACHINES} === 4")


def test_no_text_becomes_code(browser, console):
    seen = site(running=len(HOSTILE))
    for one, text in zip(seen["instances"], HOSTILE, strict=True):
        one["Tags"] = [{"Key": "Name", "Value": text}]
    seen["scaling"] = []
    seen["groups"][1]["GroupName"] = seen["target_groups"][0]["TargetGroupName"] = HOSTILE[0]
    seen["balancers"][0]["LoadBalancerName"] = HOSTILE[2]
    seen["health"] = copy.deepcopy(seen["health"])
    for target in next(iter(seen["health"].values())):
        target["TargetHealth"] = {"State": "unhealthy", "Reason": HOSTILE[1]}
    stack = stacked(HOSTILE[1], "UPDATE_ROLLBACK_FAILED", HOSTILE[0])
    stack["stacks"][0]["Outputs"] = [{"OutputKey": HOSTILE[2], "OutputValue": HOSTILE[0]}]
    console.seen = seen | stack
    shown(browser, console, len(HOSTILE))
    browser.click("#tab-stacks")
    browser.wait("return document.getElementById('stacks').innerText.includes(arguments[0])", HOSTILE[0])
    browser.click("#tab-paths")
    browser.click(".machine", saying="<img")
    browser.click(".acts button", saying="Kill")
    browser.wait("return document.querySelector('dialog').innerText.includes('<img src=x')")
    browser.press("Escape")
    assert browser.run("return document.title") == "Aftershock"
    assert browser.run("return document.querySelectorAll('img, #map script, [onerror], [onload]').length") == 0
    assert HOSTILE[0] in browser.run(
        "return [...document.querySelectorAll('.machine')].map((one) => one.title).join('\\n')"
    )
    # Even code of our own that forgot it could not: the browser refuses to parse a string as HTML here.
    refused = "try { document.body.innerHTML = '<b>x</b>'; return false } catch (error) { return error.name }"
    assert browser.run(refused) == "TypeError"


def test_a_page_of_another_origin_gets_nothing(browser, console):
    """From a second console's page, which is as near as a hostile page can come: the same machine, another port."""
    with a_console({}) as other:
        browser.open(f"http://127.0.0.1:{other.port}/")
        attack = """
            const [url, token] = arguments;
            window.got = [];
            const tried = (promise) => promise.then((answer) => window.got.push(answer.type + answer.status),
                                                    (error) => window.got.push(error.name));
            tried(fetch(url + 'api/events', {headers: {Authorization: 'Bearer ' + token}}));
            tried(fetch(url + 'api/do', {method: 'POST', mode: 'no-cors', body: '{"act": "kill-instance"}'}));
            tried(fetch(url + 'api/do', {method: 'POST', credentials: 'include', body: '{}'}));"""
        token = console.url.partition("token=")[2]
        browser.run(attack, f"http://127.0.0.1:{console.port}/", token)
        got = browser.wait("return window.got.length === 3 && window.got")
        assert set(got) == {"TypeError"}, got  # the policy of the page, or the console's answer: none came through


@pytest.mark.parametrize("count", [0, 1, 10, 60, 120, 300])
def test_any_number_of_machines_fits_and_nothing_overlaps(browser, console, count):
    console.seen = site(running=count)
    opened(browser, console)
    browser.wait("return document.getElementById('standing').textContent === 'live'")
    if count:
        browser.wait("return document.querySelectorAll('.cluster').length > 0")
    unfold = "for (const one of document.querySelectorAll('.fold[aria-expanded=false]')) one.click()"

    def all_there():
        browser.run(unfold)
        assert browser.run(MACHINES) == count

    eventually(all_there, within_s=30)
    assert browser.run(OVERLAPPING) == []
    wide = "const map = document.getElementById('map'); return map.scrollWidth <= map.clientWidth"
    assert browser.run(wide), "one has to scroll sideways"
    assert browser.complaints() == []


def test_many_machines_come_folded(browser, console):
    console.seen = site(running=100)
    shown(browser, console, 0)
    assert browser.text("#map").count("shop · 50/50") == 2


def test_all_can_be_done_from_the_keyboard(browser, console):
    shown(browser, console, 4)
    browser.run("document.querySelector('.zone header button').focus()")
    browser.press("Enter")
    browser.wait("return document.querySelector('#details h2')?.innerText.includes('us-east-1a')")
    browser.press("Tab", "Enter")
    browser.wait("return document.querySelector('dialog').open")
    assert browser.run("return document.activeElement.innerText") == "Cancel"  # what is safe comes first
    assert "aws fis start-experiment" in browser.text("dialog")
    browser.press("Escape")
    browser.wait("return !document.querySelector('dialog').open")
    browser.run("document.getElementById('tab-details').focus()")
    browser.press("Right")
    browser.wait("return document.getElementById('tab-feed').getAttribute('aria-selected') === 'true'")


def test_stacks_are_listed_with_what_they_have_made_and_why_it_failed(browser, console):
    console.seen = site() | stacked(status="CREATE_IN_PROGRESS")
    shown(browser, console, 4)
    browser.click("#tab-stacks")
    browser.wait("return document.querySelector('#deployed')?.innerText.includes('1 of 2 resources complete')")
    assert "http://web.example/" in browser.text("#deployed")
    assert browser.run("return document.querySelectorAll('#stages li').length") == 7
    console.seen = site() | stacked(status="CREATE_FAILED", reason="it is not to be had")
    browser.wait("return document.querySelector('#deployed').innerText.includes('CREATE_FAILED')")
    assert "it is not to be had" in browser.text("#deployed")
    browser.click("#tab-feed")
    bad = "return [...document.querySelectorAll('#feed [data-bad]')].map((one) => one.innerText).join('\\n')"
    assert "web: AWS::EC2::Instance Machine CREATE_FAILED" in browser.run(bad)
    assert "it is not to be had" in browser.run(bad)
    browser.click("#tab-stacks")
    browser.click("#deployed button", saying="Delete the stack web")
    browser.wait("return document.querySelector('dialog').open")
    assert "aws cloudformation delete-stack --stack-name web" in browser.text("dialog")
    browser.press("Escape")
    assert browser.complaints() == []


def test_a_file_that_is_too_large_is_not_even_sent(browser, console, tmp_path):
    shown(browser, console, 4)
    browser.click("#tab-stacks")
    file = tmp_path / "large.yaml"
    file.write_text("#" * 51201)
    browser.choose("#template", file)
    browser.wait("return document.getElementById('toasts').innerText.includes('51201 bytes')")


def test_the_lab_shows_its_experiments_and_says_what_is_in_the_way(browser, console):
    shown(browser, console, 4)
    browser.click("#tab-lab")
    browser.wait("return document.querySelectorAll('.claims > li').length === 8")
    assert "In the way: shop, shop, shop and 1 more" in browser.text("#lab")
    console.seen = site(running=0)
    browser.wait("return !document.getElementById('lab').innerText.includes('In the way')")
    browser.click(".claims summary", saying="Behind a load balancer")
    assert "The machines have no public addresses any more" in browser.text(".claims")


def test_a_report_opens_in_a_window_that_can_do_nothing(browser, console):
    keep(console, Claim("4-behind-a-balancer", True, ""))
    with a_console(site(), state=console.state) as again:
        shown(browser, again, 4)
        browser.click("#tab-lab")
        assert "held" in browser.wait("return document.querySelector('.runs')?.innerText")
        browser.click(".runs a", saying="Open the report")
        with browser.window():
            assert browser.run("return document.title") == "It held", "no script has run"
            assert browser.run("return getComputedStyle(document.querySelector('p')).color") == "rgb(0, 128, 0)"
            assert browser.run("return [origin, opener]") == ["null", None]
            reach = "try { return sessionStorage.length } catch (error) { return error.name }"
            assert browser.run(reach) == "SecurityError"
            asked = """
                window.got = null;
                fetch('/api/events').then((one) => { window.got = one.type }, (error) => { window.got = error.name })"""
            browser.run(asked)
            assert browser.wait("return window.got") == "TypeError"


def test_what_did_not_hold_or_was_interrupted_is_said(browser, console):
    keep(
        console,
        Claim("4-behind-a-balancer", False, ""),
        why="it was interrupted",
        clean=True,
        lines=((1.0, HOSTILE[0]),),
    )
    with a_console(site(), state=console.state) as again:
        shown(browser, again, 4)
        browser.click("#tab-lab")
        text = browser.wait("return document.querySelector('.runs')?.innerText")
        assert "not held" in text and "it was interrupted" in text
        browser.click("#lab summary", saying="What happened")
        assert HOSTILE[0] in browser.text("#lab")
        assert browser.run("return document.title") == "Aftershock"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_accessibility_checker_finds_nothing(browser, console, theme):
    seen = site(running=12) | {"experiments": [experiment("us-east-1a")]}
    seen["statuses"][1] = status({**seen["instances"][1], "State": {"Name": "pending"}})
    seen["statuses"][2] = status({**seen["instances"][2], "State": {"Name": "stopped"}})
    console.seen = seen | stacked(status="CREATE_FAILED", reason="it is not to be had")
    shown(browser, console, 12)
    browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
    browser.click(".machine")
    browser.wait("return document.querySelector('.acts button') !== null")
    found = violations(browser)
    assert found == [], json.dumps(found, indent=1)[:4000]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["stacks", "lab"])
def test_it_finds_nothing_in_the_panels_either(browser, console, theme, tab):
    keep(console, Claim("4-behind-a-balancer", False, "it broke"), lines=((1.0, "it began"),))
    seen = site(running=0) | stacked(status="CREATE_FAILED", reason="it is not to be had")
    with a_console(seen, state=console.state) as again:
        shown(browser, again, 0)
        browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
        browser.click(f"#tab-{tab}")
        browser.wait("return document.querySelector('#deployed .stack') && document.querySelector('.runs')")
        browser.run("for (const one of document.querySelectorAll('aside details')) one.open = true")
        found = violations(browser)
        assert found == [], json.dumps(found, indent=1)[:4000]
