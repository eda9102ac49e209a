"""The console of a real region in a real browser: what is there is shown, what is clicked happens, and is seen.

The region's pace is 30, so that a minute lasts two seconds.
"""

import base64
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import eventually
from tests.console.browser import Browser, a_browser
from tests.front import ECHO, a_front, forward, load, served
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


def test_a_zone_is_failed_and_healed_by_clicking_while_the_site_serves(region: Region, browser: Browser) -> None:
    region.reset()
    browser.open(address(region))
    browser.wait("return document.getElementById('standing').textContent === 'live'", within_s=60)
    front = a_front(region, zones=("a", "b", "c"))
    targets = front.target_group("web")
    front.attributes(targets, deregistration_delay__timeout_seconds="30")
    front.listen(forward(targets))
    create_group(region, front, targets)

    def whole() -> dict[str, dict[str, str]]:
        found = machines(browser)
        assert len(found) == 3 and {one["tone"] for one in found.values()} == {"good"}, (found, browser.text("#feed"))
        return found

    before = eventually(whole, within_s=WITHIN_S)
    assert {one["zone"] for one in before.values()} == {"us-east-1a", "us-east-1b", "us-east-1c"}
    front.eventually_active()
    front.eventually_answers()
    with load(front.client(), clients=2) as result:
        served(result, 30)
        flowing = "return document.querySelectorAll('.flow[visibility=visible]').length >= 4"
        browser.wait(flowing, within_s=WITHIN_S)
        browser.click(".zone header button", saying="us-east-1a")
        browser.click(".acts button", saying="Take its power")
        assert "aws fis start-experiment" in browser.wait("return document.querySelector('dialog').innerText")
        browser.click("dialog button.danger")
        dark = "return document.querySelector('.zone[data-out=power]')?.ariaLabel === 'Zone us-east-1a'"
        browser.wait(dark, within_s=WITHIN_S)

        def refilled() -> None:
            well = [one["zone"] for one in machines(browser).values() if one["tone"] == "good"]
            assert len(well) == 3 and set(well) == {"us-east-1b", "us-east-1c"}, (well, browser.text("#feed"))

        browser.click("#tab-feed")
        eventually(refilled, within_s=WITHIN_S)
        browser.wait(flowing.replace(">= 4", ">= 3"), within_s=WITHIN_S)
        browser.click(".zone header button", saying="us-east-1a")
        browser.click(".acts button", saying="Heal")
        browser.click("dialog .buttons button", saying="Heal")
        browser.wait("return document.querySelector('.zone[data-out]') === null", within_s=WITHIN_S)
        again = "return ['us-east-1a', 'us-east-1b', 'us-east-1c'].every((zone) => [...document.querySelectorAll"
        again += "('.machine[data-tone=good]')].some((one) => one.closest('.zone').ariaLabel === 'Zone ' + zone))"
        browser.wait(again, within_s=WITHIN_S)
    feed = browser.text("#feed") or browser.run("return document.getElementById('feed').textContent")
    assert "us-east-1a has lost its power" in feed and "us-east-1a is back" in feed
    assert region.client("fis").list_experiment_templates()["experimentTemplates"] == []


def create_group(region: Region, front: Any, targets: str) -> None:
    data = {
        "ImageId": region.image_id,
        "InstanceType": "t2.micro",
        "SecurityGroupIds": [front.web_group],
        "UserData": base64.b64encode(ECHO.encode()).decode(),
    }
    region.ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData=data)
    region.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName="web",
        LaunchTemplate={"LaunchTemplateName": "web"},
        MinSize=3,
        MaxSize=6,
        VPCZoneIdentifier=",".join(front.subnets),
        TargetGroupARNs=[targets],
        HealthCheckType="ELB",
        HealthCheckGracePeriod=300,
    )


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
