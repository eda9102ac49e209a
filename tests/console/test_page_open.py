"""The page for as long as it is open: in many tabs, at every width, and while nobody answers."""

import time

import pytest

from aftershock.console import watch
from tests.accessibility import violations

from .seen import BALANCER, experiment, site, stacked
from .served import a_console

LIVE = "return document.getElementById('standing').textContent === 'live'"
LONG = "TargetTracking-whatisthetime-Group-LQPA1BC4958F-AlarmHigh-903d5754-956c-79b5-f281-399323750579"
STANDINGS = """
    const standing = document.getElementById('standing');
    window.said = [];
    new MutationObserver(() => window.said.push(standing.textContent)).observe(standing, {childList: true})"""


def opened(browser, console):
    browser.open("about:blank")
    browser.complaints()  # of pages before
    browser.open(console.url)
    browser.wait(LIVE)
    browser.wait("return document.querySelectorAll('.zone .machine').length > 0")


def sized(browser, width, height):
    browser.devtools(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
    )


def alarm(name, state="OK"):
    return {"AlarmName": name, "StateValue": state, "StateReason": "so it is"}


def test_ten_tabs_are_live_when_they_are_looked_at(browser, console):
    """A browser has six connections to one server, and each page that is followed keeps one."""
    opened(browser, console)
    browser.run("window.tabs = []")
    try:
        for _ in range(9):
            browser.run("window.tabs.push(window.open(location.href))")  # it has the token of its opener
            latest = "window.tabs.at(-1).document.getElementById('standing')"
            browser.wait(f"return {latest}?.textContent === 'live'")
    finally:
        browser.run("for (const one of window.tabs) one.close()")
    browser.wait(LIVE)
    console.seen = site(running=5)
    browser.wait("return document.querySelectorAll('.machine').length === 5")


def test_a_console_that_says_nothing_any_more_is_not_live(browser, console, monkeypatch):
    monkeypatch.setattr(watch, "STILL_S", 0.4)
    monkeypatch.setattr(watch, "SAMPLE_S", 600.0)
    opened(browser, console)
    browser.run(STANDINGS)
    monkeypatch.setattr(watch, "STILL_S", 600.0)
    browser.wait("return window.said.some((one) => one.includes('says nothing any more'))")
    browser.wait(LIVE)


def test_a_click_while_the_console_is_gone_is_answered_in_words(browser):
    with a_console(site()) as console:
        opened(browser, console)
    browser.wait("return document.getElementById('standing').textContent.includes('is the region up?')")
    browser.click("nav button", saying="Start a load")
    browser.click("dialog button", saying="Next")
    browser.wait("return document.getElementById('toasts').innerText.includes('The console does not answer')")


@pytest.mark.parametrize("width", [320, 390, 683, 1100])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_window_shows_all_and_nobody_scrolls_sideways(browser, console, width, theme):
    console.seen = site(running=12) | {"alarms": [alarm(LONG), alarm(LONG[::-1], "INSUFFICIENT_DATA")]}
    sized(browser, width, 700)
    try:
        opened(browser, console)
        browser.run("document.documentElement.dataset.theme = arguments[0]", theme)
        for tab in ("feed", "paths", "lists", "stacks", "lab"):
            browser.run("document.getElementById(arguments[0]).click()", f"tab-{tab}")
            wide = """
                return [document.documentElement, document.getElementById('map'), document.getElementById(arguments[0])]
                    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 200))"""
            assert browser.run(wide, tab) == [], tab
        if width < 760:
            assert browser.run("return document.getElementById('map').clientWidth") == width
        if theme == "dark":
            found = violations(browser)
            assert found == [], found
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")


def test_a_name_cannot_turn_a_sentence_around(browser, console):
    console.seen = site(running=1)
    console.seen["instances"][0]["Tags"] = [{"Key": "Name", "Value": "\u202ednammoc a"}]
    console.seen["scaling"] = []
    opened(browser, console)
    browser.click(".machine")
    browser.click(".acts button", saying="Kill")
    browser.wait("return document.querySelector('dialog').open")
    assert "\ufffddnammoc a (i-" in browser.text("dialog")
    turning = """
        const titles = [...document.querySelectorAll('[title]')].map((one) => one.title);
        return document.body.innerText + titles.join()"""
    assert "\u202e" not in browser.run(turning)
    browser.press("Escape")


def test_what_is_shown_of_a_thing_is_asked_for_again_when_it_changes(browser, console):
    opened(browser, console)
    asked = "return performance.getEntriesByType('resource').filter((one) => one.name.endsWith('/api/details')).length"
    browser.click(".zone header button", saying="us-east-1a")
    browser.wait(f"{asked} === 1")
    console.seen = console.seen | {"experiments": [experiment("us-east-1a")]}
    browser.wait(f"{asked} === 2")
    browser.wait("return document.querySelector('.acts').innerText.includes('Heal the zone')")
    browser.click("#details summary", saying="what happened")
    browser.wait("return document.querySelector('.happened').innerText.includes('us-east-1a has lost its power')")


def test_an_instance_leads_to_its_rules_its_group_and_its_subnet(browser, console):
    opened(browser, console)
    browser.click(".machine")
    browser.click(".links button", saying="rules of web")
    browser.wait("return document.querySelector('#details h2').innerText === 'group sg-web'")
    browser.click(".machine")
    browser.click(".links button", saying="shop")
    browser.wait("return document.querySelector('#details h2').innerText === 'scaling shop'")


def test_what_happened_leads_to_what_it_happened_to(browser, console):
    opened(browser, console)
    console.seen = console.seen | {"experiments": [experiment("us-east-1a")]}
    browser.click("#feed button", saying="us-east-1a has lost its power")
    browser.wait("return document.querySelector('#details h2')?.innerText === 'zone us-east-1a'")


def test_what_was_measured_long_ago_is_not_now(browser, console):
    now = time.time()
    points = [(now - ago, 600.0) for ago in (1500, 1440, 1380, 900, 840)]
    console.seen = site() | {"traffic": {BALANCER: {"": {"requests": points}}}}
    opened(browser, console)
    line = "return document.querySelector('.lane.requests .line')?.getAttribute('d') ?? ''"
    assert browser.wait(line).count("M") == 2, "a line where nothing was measured"
    assert browser.text(".lane.requests") == "" or "10" not in browser.run(
        "return document.querySelector('.lane.requests .value').textContent"
    )
    assert browser.run("return document.querySelectorAll('.times text').length") >= 4


def test_why_a_stack_was_rolled_back_is_said_with_it(browser, console):
    wrong = stacked(status="ROLLBACK_COMPLETE")
    [stack], [event, *_] = wrong["stacks"], wrong["stack_events"]
    failed = {"ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "there is no such image"}
    wrong["stack_events"] = [{**event, "EventId": "9", "LogicalResourceId": "Machine", **failed}]
    wrong["stack_resources"] = {stack["StackId"]: []}
    console.seen = site() | wrong
    opened(browser, console)
    browser.click("#tab-stacks")
    browser.wait("return document.querySelector('#deployed').innerText.includes('Machine: there is no such image')")
    assert "0 of 0" not in browser.text("#deployed")


@pytest.mark.parametrize("width", [390, 1366])
def test_a_path_that_is_cut_says_so_where_it_can_be_read(browser, console, width):
    """To the second cluster of a zone, too, whose edge would be behind the first."""
    seen = site(running=4)
    seen["instances"][1]["Tags"] = seen["instances"][3]["Tags"] = [{"Key": "Name", "Value": "other"}]
    seen["instances"][3]["SecurityGroups"] = [{"GroupId": "sg-none", "GroupName": "none"}]
    seen["groups"].append({"GroupId": "sg-none", "GroupName": "none", "VpcId": "vpc-1", "OwnerId": "123456789012"})
    seen["instances"][3]["Tags"] = [{"Key": "Name", "Value": "alone"}]
    seen["scaling"] = []
    console.seen = seen
    sized(browser, width, 900)
    try:
        opened(browser, console)
        browser.wait("return [...document.querySelectorAll('#lines text')].some((one) => one.textContent)")
        hidden = """
            const boxed = (selector) =>
                [...document.querySelectorAll(selector)].map((one) => one.getBoundingClientRect());
            const said = boxed('#lines [data-cut] text'), boxes = boxed('.node, .cluster, .subnet');
            const over = (a) => boxes.some((b) =>
                a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom);
            return [said.length, said.filter(over).length]"""
        assert browser.run(hidden) == [1, 0]
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")


def test_the_buttons_of_a_long_form_are_always_in_reach(browser, console):
    sized(browser, 1366, 500)
    try:
        opened(browser, console)
        browser.run("""
            const dialog = document.getElementById('ask'), form = document.createElement('form');
            form.className = 'parameters';
            for (let n = 0; n < 40; n += 1) form.append(Object.assign(document.createElement('p'), {textContent: n}));
            const buttons = Object.assign(document.createElement('div'), {className: 'buttons'});
            buttons.append(Object.assign(document.createElement('button'), {textContent: 'Next'}));
            form.append(buttons);
            dialog.replaceChildren(form);
            dialog.showModal()""")
        inside = """
            const button = document.querySelector('.parameters button').getBoundingClientRect();
            const form = document.querySelector('.parameters').getBoundingClientRect();
            return button.bottom <= form.bottom && button.top >= form.top && button.bottom <= innerHeight"""
        assert browser.run(inside)
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")
