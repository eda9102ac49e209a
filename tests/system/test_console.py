"""The console of a real region in a real browser: what is there is shown, what is clicked happens, and is seen.

The region's pace is 30, so that a minute lasts two seconds.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench.browser import Browser, a_browser

from aftershock.lab.records import Records
from aftershock.sites.visitors import Visitors
from tests.conftest import eventually
from tests.region import Region, a_region, pid_of

WITHIN_S = 120.0


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with a_region(pace=30) as found:
        yield found


@pytest.fixture
def browser() -> Iterator[Browser]:
    with a_browser(size=(1366, 900)) as found:
        yield found


def address(region: Region) -> str:
    """What `aftershock console` prints."""
    argv = [sys.executable, "-m", "aftershock", "console", "--state", str(region.state)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def machines(browser: Browser) -> dict[str, dict[str, str]]:
    """What the map shows, by instance."""
    script = """
        return Object.fromEntries([...document.querySelectorAll('.machine')].map((one) => [one.dataset.instance,
            {tone: one.dataset.tone, zone: one.closest('.zone').getAttribute('aria-label').replace('Zone ', '')}]))"""
    found: dict[str, dict[str, str]] = browser.run(script)
    return found


def tones(browser: Browser, zones: str, count: int) -> None:
    """As many machines as are said are shown, all well, and in these zones."""
    found = machines(browser)
    said = (found, browser.text("#stacks"), browser.text("#feed"))
    assert len([one for one in found.values() if one["tone"] == "good"]) == count, said
    assert {one["zone"][-1] for one in found.values() if one["tone"] == "good"} == {*zones}, said


def flows(browser: Browser) -> int:
    """Edges along which requests move."""
    return int(browser.run("return document.querySelectorAll('.flow[visibility=visible]').length"))


def deploy(browser: Browser, shots: Path) -> None:
    browser.click("#tab-stacks")
    browser.click("#stages button", saying="Deploy stage 6")
    browser.click("dialog button", saying="Next")
    browser.wait("return document.querySelector('dialog[open] pre') !== null")
    assert "aws cloudformation create-stack --stack-name whatisthetime --template-body file://" in browser.text(
        "dialog"
    )
    browser.screenshot(shots / "1-asked.png")
    browser.click("dialog .buttons button", saying="Deploy stage 6")
    browser.wait("return document.querySelector('#deployed')?.innerText.includes('CREATE_IN_PROGRESS')")
    browser.screenshot(shots / "2-deploying.png")
    browser.wait("return document.querySelector('#deployed').innerText.includes('CREATE_COMPLETE')", within_s=WITHIN_S)


@pytest.mark.timeout(600)
def test_a_stage_is_deployed_shaken_and_healed_by_clicking_while_it_serves(
    region: Region, browser: Browser, tmp_path: Path
) -> None:
    region.reset()
    browser.open(address(region))
    browser.wait("return document.getElementById('standing').textContent === 'live'", within_s=60)
    deploy(browser, tmp_path)
    eventually(lambda: tones(browser, "abc", 3), within_s=WITHIN_S)
    with Visitors(region.access, "whatisthetime.com", 6, every_s=0.1) as visitors:

        def flowing(least: int) -> None:
            assert flows(browser) >= least, visitors.visits[-5:]

        eventually(lambda: flowing(5), within_s=WITHIN_S)  # the internet, the name, and three zones
        browser.screenshot(tmp_path / "3-serving.png")
        browser.click(".zone header button", saying="us-east-1a")
        browser.click(".acts button", saying="Take its power")
        assert "aws fis start-experiment" in browser.wait("return document.querySelector('dialog[open]')?.innerText")
        browser.click("dialog button.danger")
        dark = "return document.querySelector('.zone[data-out=power]')?.ariaLabel === 'Zone us-east-1a'"
        browser.wait(dark, within_s=WITHIN_S)
        browser.click("#tab-feed")
        browser.screenshot(tmp_path / "4-struck.png")
        eventually(lambda: tones(browser, "bc", 3), within_s=WITHIN_S)
        eventually(lambda: flowing(4), within_s=WITHIN_S)
        served = len(visitors.visits)
        browser.screenshot(tmp_path / "5-refilled.png")

        def goes_on() -> None:
            latest = visitors.visits[served:]
            assert len(latest) > 20 and all(visit.served for visit in latest[-20:]), latest[-20:]

        eventually(goes_on, within_s=WITHIN_S)
        browser.click(".zone header button", saying="us-east-1a")
        browser.click(".acts button", saying="Heal")
        browser.click("dialog .buttons button", saying="Heal")
        browser.wait("return document.querySelector('.zone[data-out]') === null", within_s=WITHIN_S)
        again = "return ['us-east-1a', 'us-east-1b', 'us-east-1c'].every((zone) => [...document.querySelectorAll"
        again += "('.machine[data-tone=good]')].some((one) => one.closest('.zone').ariaLabel === 'Zone ' + zone))"
        browser.wait(again, within_s=WITHIN_S)
        browser.screenshot(tmp_path / "6-healed.png")
    feed = browser.text("#feed") or browser.run("return document.getElementById('feed').textContent")
    assert "us-east-1a has lost its power" in feed and "us-east-1a is back" in feed
    assert "AWS::ElasticLoadBalancingV2::LoadBalancer Balancer CREATE_COMPLETE" in feed
    assert region.client("fis").list_experiment_templates()["experimentTemplates"] == []
    change_and_delete(region, browser, tmp_path)


def change_and_delete(region: Region, browser: Browser, shots: Path) -> None:
    browser.click("#tab-stacks")
    browser.click("#stages button", saying="Deploy stage 7")
    browser.click("dialog button", saying="Next")
    browser.wait("return document.querySelector('dialog[open] pre') !== null")
    browser.screenshot(shots / "7-change.png")
    assert "is updated: " in browser.text("dialog") and "aws cloudformation update-stack" in browser.text("dialog")
    browser.press("Escape")
    browser.click("#deployed button", saying="Delete the stack")
    browser.click("dialog .buttons button", saying="Delete")
    browser.wait("return document.querySelector('#deployed .stack') === null", within_s=WITHIN_S)
    assert region.client("cloudformation").describe_stacks()["Stacks"] == []


def last_run(browser: Browser, *, within_s: float = WITHIN_S) -> str:
    """What is said of the latest run, as soon as it is over."""
    over = "return document.querySelector('#lab h2')?.innerText === 'The last run' && "
    return str(browser.wait(over + "document.querySelector('.runs').innerText", within_s=within_s))


@pytest.mark.timeout(600)
def test_an_experiment_is_run_from_the_page_to_its_report(region: Region, browser: Browser, tmp_path: Path) -> None:
    region.reset()
    browser.open(address(region))
    browser.click("#tab-lab")
    browser.click(".claims button", saying="Run the experiment 1, One machine")
    says = browser.wait("return document.querySelector('dialog[open]')?.innerText")
    assert f"aftershock lab whatisthetime --state {region.state} --only 1-one-machine" in says
    browser.click("dialog .buttons button", saying="Run")
    browser.wait("return document.querySelector('.told')?.innerText.includes('stage-1.yaml is deployed')", within_s=60)
    browser.screenshot(tmp_path / "1-under-way.png")
    assert "an experiment is under way" in refused(browser, "run-experiment", name="2-a-bigger-one")
    assert "held" in last_run(browser)
    browser.screenshot(tmp_path / "2-over.png")
    browser.click(".runs a", saying="Open the report")
    with browser.window():
        browser.wait("return document.body?.innerText.includes('Stage 1. One machine')")
        assert "of 1 claims held" in browser.text()
        browser.screenshot(tmp_path / "3-report.png")
    assert region.client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.mark.timeout(600)
def test_an_experiment_whose_console_is_killed_leaves_nothing_and_says_so(region: Region, browser: Browser) -> None:
    region.reset()
    browser.open(address(region))
    browser.click("#tab-lab")
    for victims in (["aftershock.console"], ["aftershock.lab"], ["aftershock.console", "aftershock.lab"]):
        before = len(Records(region.state).all())
        browser.wait("return document.querySelector('.claims button')?.checkVisibility()", within_s=WITHIN_S)
        browser.click(".claims button", saying="Run the experiment 1, One machine")
        browser.wait("return document.querySelector('dialog[open] pre') !== null")
        browser.click("dialog .buttons button", saying="Run")
        under_way = "return document.querySelector('#lab h2').innerText.startsWith('Under way') && "
        browser.wait(under_way + "document.querySelector('.told').innerText.includes('is deployed')", within_s=WITHIN_S)
        for pid in [pid_of(region.state, victim) for victim in victims]:
            os.kill(pid, signal.SIGKILL)

        def over(before: int = before) -> None:
            latest = Records(region.state).all()[0]
            assert len(Records(region.state).all()) == before + 1 and latest.ended is not None and latest.clean, latest
            assert latest.why in ("it was stopped", "it was interrupted"), latest
            assert region.client("cloudformation").describe_stacks()["Stacks"] == []
            assert not Records(region.state).busy()

        eventually(over, within_s=WITHIN_S)
        said = last_run(browser)
        assert "it was stopped" in said or "it was interrupted" in said
        browser.wait("return !document.getElementById('lab').innerText.includes('In the way')", within_s=WITHIN_S)


def refused(browser: Browser, act: str, **args: str) -> str:
    """What the console says to an act that it does not do, asked by the page's own script."""
    script = """
        window.says = null;
        import('/stream.js').then((stream) => stream.ask('do', {act: arguments[0], args: arguments[1]}))
            .then(() => { window.says = 'done' }, (error) => { window.says = error.message })"""
    browser.run(script, act, args)
    return str(browser.wait("return window.says"))


def test_every_part_of_the_details_is_what_the_api_answers(region: Region, browser: Browser) -> None:
    region.reset()
    group = region.open_port(80)
    name = region.run(SecurityGroupIds=[group])["InstanceId"]
    region.in_state(name, "running")
    browser.open(address(region))
    browser.click(f".machine[data-instance={name}]")
    for part in ("fields", "status", "metrics", "console", "volumes"):
        summary = (
            f"[...document.querySelectorAll('#details details')].find((one) => one.innerText.startsWith('{part}'))"
        )
        browser.run(f"{summary}.open = true")
        text = browser.wait(f"const one = {summary}; return one.querySelector('pre') && one.innerText")
        assert f"aws {'cloudwatch' if part == 'metrics' else 'ec2'} " in text, text
    assert browser.run("return document.querySelectorAll('#details .refused').length") == 0
    assert group in browser.text("#details")


def test_a_path_is_cut_and_mended_by_clicking(region: Region, browser: Browser) -> None:
    region.reset()
    group = region.open_port(80, name="to-be-cut")
    region.run(SecurityGroupIds=[group])
    browser.open(address(region))
    browser.click("#tab-paths")
    browser.click("#paths li button", saying="into to-be-cut")
    browser.click("dialog button.danger")

    def rules() -> list[Any]:
        found: list[Any] = region.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
        return found

    def is_cut() -> None:
        assert rules() == []

    eventually(is_cut)
    browser.click(".toast button")
    browser.click("dialog .buttons button", saying="Undo")

    def is_mended() -> None:
        assert [rule["FromPort"] for rule in rules()] == [80]

    eventually(is_mended)


def test_the_page_says_that_the_control_plane_is_gone_and_goes_on_when_it_is_back(
    region: Region, browser: Browser
) -> None:
    region.reset()
    browser.open(address(region))
    browser.wait("return document.getElementById('standing').textContent === 'live'", within_s=60)
    control = region.control_pid()
    os.kill(control, signal.SIGSTOP)
    try:
        said = "return document.getElementById('standing').textContent.includes('does not answer')"
        browser.wait(said, within_s=WITHIN_S)
        assert browser.run("return document.querySelectorAll('.zone').length") > 0
    finally:
        os.kill(control, signal.SIGCONT)
    browser.wait("return document.getElementById('standing').textContent === 'live'", within_s=WITHIN_S)
    os.kill(pid_of(region.state, "aftershock.console"), signal.SIGKILL)  # and the console itself
    browser.run("window.before = document.querySelectorAll('.zone').length")
    region.open_port(81, name="after-the-kill")
    region.run(TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "after"}]}])
    browser.wait("return document.querySelector('.machine')?.innerText.includes('after')", within_s=WITHIN_S)


def test_whoever_has_not_the_address_gets_nothing(region: Region) -> None:
    port = region.running.ports["console"]
    for path, headers in [
        ("/api/events", {}),
        ("/api/events", {"Authorization": "Bearer guessed"}),
        ("/api/events", {"Host": "evil.example"}),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status in (401, 421) and "error" in json.loads(answer.read())
        connection.close()
