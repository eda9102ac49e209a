"""What the console costs with hundreds of instances: how smoothly its page moves, and what it asks of the machine.

The browser is headless, and draws on the processors that the region runs on: on a desktop the page moves more smoothly,
and the region has more left.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .browser import Browser, a_browser
from .figures import Figure
from .groups import cpu_s
from .launch import Launcher
from .region import Region

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
NAME = "bench-console"
GROUPS, EACH = 4, 50
COUNT = GROUPS * EACH
LIMIT_S = 600.0
QUIET_S = 20.0  # until those that came last have booted, and the page has seen them
WATCHED_S = 20.0
SIZE = (1366, 768)
EVERY_S = 0.1  # of the load
CHANGES = 5
# What a machine of the region's does: it asks for the page, and notes nothing.
LOAD = """#!/bin/sh
cat >/root/load.py <<'END'
import time
import urllib.request
while True:
    time.sleep({every_s})
    try:
        urllib.request.urlopen("http://{name}/", timeout=2).read()
    except OSError:
        pass  # while the name leads nowhere yet
END
systemd-run --unit=load python3 /root/load.py
"""
FLOWING = "return document.querySelectorAll('.flow[visibility=visible]').length > 0"
FRAMES = """
    window.drawn = [];
    const count = (now) => {
        if (window.drawn === null) return;
        window.drawn.push(now);
        requestAnimationFrame(count);
    };
    requestAnimationFrame(count)"""
# To compare with: a page that has nothing to do but to move something.
EMPTY = """
    const box = document.body.appendChild(document.createElement('div'));
    box.style = 'width: 100px; height: 100px; background: green';
    box.animate({translate: ['0', '600px']}, {duration: 1000, iterations: Infinity})"""
UNFOLD = "for (const one of document.querySelectorAll('.fold[aria-expanded=false]')) one.click()"
SHOWN = "return document.querySelectorAll('.machine').length"
# Names of what is folded say how many are in it.
COUNTED = """
    return [...document.querySelectorAll('.cluster')].map((one) => one.innerText.match(/(\\d+)\\/\\d+/))
        .reduce((sum, found) => sum + (found ? Number(found[1]) : 0), 0)"""
LOADED = """
    const [page] = performance.getEntriesByType('navigation');
    const all = [page, ...performance.getEntriesByType('resource').filter((one) => !one.name.includes('/api/'))];
    return [page.loadEventEnd, all.reduce((sum, one) => sum + one.transferSize, 0)]"""


class Fleet:
    """Groups over three zones behind one load balancer, and somebody who asks it."""

    def __init__(self, launcher: Launcher) -> None:
        self.region = launcher.region
        access, self.ec2 = launcher.region.access, launcher.ec2
        self.scaling: Any = access.client("autoscaling")
        self.balancing: Any = access.client("elbv2")
        wanted = [{"Name": "default-for-az", "Values": ["true"]}, {"Name": "availability-zone", "Values": [*ZONES]}]
        subnets = self.ec2.describe_subnets(Filters=wanted)["Subnets"]
        ids = [one["SubnetId"] for one in subnets]
        made = self.balancing.create_load_balancer(Name=NAME, Subnets=ids, SecurityGroups=[launcher.group])
        balancer = made["LoadBalancers"][0]
        targets = self.balancing.create_target_group(
            Name=NAME, Protocol="HTTP", Port=80, VpcId=subnets[0]["VpcId"], HealthCheckPath="/health"
        )["TargetGroups"][0]["TargetGroupArn"]
        self.targets: str = targets
        self.balancing.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": targets}],
        )
        data = {"ImageId": launcher.golden, "InstanceType": "t2.nano", "SecurityGroupIds": [launcher.group]}
        self.ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData=data)
        self.names = [f"{NAME}-{number}" for number in range(GROUPS)]
        for name in self.names:
            self.scaling.create_auto_scaling_group(
                AutoScalingGroupName=name,
                MinSize=EACH,
                MaxSize=EACH,
                LaunchTemplate={"LaunchTemplateName": NAME, "Version": "1"},
                VPCZoneIdentifier=",".join(ids),
                TargetGroupARNs=[targets],
            )
        script = LOAD.format(every_s=EVERY_S, name=balancer["DNSName"])
        (self.asker,) = launcher.run(launcher.golden, "t2.micro", UserData=script)

    def wait_served(self) -> float:
        """Until all are healthy behind the load balancer; how many seconds that took."""
        began = time.monotonic()
        while (healthy := self._healthy()) < COUNT:
            if time.monotonic() - began > LIMIT_S:
                raise SystemExit(f"{healthy} of {COUNT} instances are healthy after {LIMIT_S:.0f} s")
            time.sleep(1.0)
        return time.monotonic() - began

    def _healthy(self) -> int:
        found = self.balancing.describe_target_health(TargetGroupArn=self.targets)["TargetHealthDescriptions"]
        return sum(one["TargetHealth"]["State"] == "healthy" for one in found)


def address(region: Region) -> str:
    command = [sys.executable, "-m", "aftershock", "console", "--state", str(region.state)]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.strip()


def shares(region: Region) -> tuple[float, float]:
    """Of a core, over the next while: the control plane's and the console's."""
    programs = ("aftershock.region", "aftershock.console")
    before, began = [cpu_s(region, one) for one in programs], time.monotonic()
    time.sleep(WATCHED_S)
    used = [cpu_s(region, one) - had for one, had in zip(programs, before, strict=True)]
    whole_s = time.monotonic() - began
    return used[0] / whole_s, used[1] / whole_s


@dataclass(frozen=True, slots=True)
class Watched:
    """A page, for a while."""

    rate: float  # frames a second
    longest_ms: float  # without one
    thread_ms: float  # the processor time of the page's main thread, for each frame
    control: float  # the control plane's share of a core
    console: float

    def figures(self, what: str, at_least: float | None = None) -> Iterator[Figure]:
        yield Figure(f"frames a second, {what}", self.rate, "", f"over {WATCHED_S:.0f} s; {load()}", at_least=at_least)
        yield Figure("  longest time without one", self.longest_ms, "ms")
        yield Figure("  cpu of the page's thread, for each", self.thread_ms, "ms", "at 30 a second there are 33 ms")


def watch(browser: Browser, region: Region) -> Watched:
    before = thread_s(browser)
    browser.run(FRAMES)
    control, console = shares(region)
    times = browser.run("const seen = window.drawn; window.drawn = null; return seen")
    pauses = [later - earlier for earlier, later in pairwise(times)]
    thread_ms = 1000 * (thread_s(browser) - before) / len(pauses)
    return Watched(1000 * len(pauses) / (times[-1] - times[0]), max(pauses), thread_ms, control, console)


def thread_s(browser: Browser) -> float:
    """What the page's main thread has used so far: for scripts, styles, layout, painting."""
    found = {one["name"]: one["value"] for one in browser.devtools("Performance.getMetrics")["metrics"]}
    return float(found["ThreadTime"])


def measure(launcher: Launcher) -> Iterator[list[Figure]]:
    fleet = Fleet(launcher)
    took = fleet.wait_served()
    yield [Figure(f"{COUNT} t2.nano in {GROUPS} groups, healthy behind a load balancer", took, "s", load())]
    time.sleep(QUIET_S)
    with a_browser(size=SIZE) as browser:
        browser.devtools("Performance.enable")
        browser.open("about:blank")
        browser.run(EMPTY)
        alone = watch(browser, fleet.region)
        yield [
            *alone.figures("a page with one box that moves"),
            Figure("control plane, nobody at the console", 100 * alone.control, "%", "of a core"),
            Figure("console, nobody there", 100 * alone.console, "%", "of a core"),
        ]
        yield opened(browser, fleet.region)
        browser.wait(FLOWING, within_s=LIMIT_S)  # CloudWatch has counted a minute's requests
        for shown in ("folded", "unfolded"):
            if shown == "unfolded":
                browser.run(UNFOLD)
                browser.wait(f"{SHOWN} >= {COUNT}", within_s=LIMIT_S)
            time.sleep(QUIET_S)
            seen = watch(browser, fleet.region)
            more = 100 * (seen.control - alone.control)
            yield [
                *seen.figures(f"{COUNT} instances {shown}", at_least=30),
                Figure("  console", 100 * seen.console, "%", "of a core", at_most=5),
                Figure("  control plane, more than with nobody there", more, "%", "of a core", at_most=15),
            ]
        yield [shown_after(browser, fleet)]
        if said := browser.complaints():
            raise SystemExit(f"the page complains: {said[0]}")


def opened(browser: Browser, region: Region) -> list[Figure]:
    began = time.monotonic()
    browser.open(address(region))
    browser.wait("return document.getElementById('standing').textContent === 'live'", within_s=LIMIT_S)
    browser.wait(f"{COUNTED} >= {COUNT}", within_s=LIMIT_S)
    whole_s = time.monotonic() - began
    load_ms, size = browser.run(LOADED)
    return [
        Figure("the console's page: its files", size / 1000, "kB", at_most=300),
        Figure("the console's page: loaded", load_ms, "ms", load(), at_most=1000),
        Figure(f"  until it shows all {COUNT}", whole_s, "s", "with the command that tells its address"),
    ]


def shown_after(browser: Browser, fleet: Fleet) -> Figure:
    """From StopInstances' answer to the map on which that machine stops."""
    told = """
        const machines = [...document.querySelectorAll('.machine')];
        return machines.some((one) => [...arguments].every((word) => one.title.includes(word)))"""
    took = []
    for _ in range(CHANGES):
        fleet.ec2.start_instances(InstanceIds=[fleet.asker])
        browser.wait(told, fleet.asker, "running", within_s=LIMIT_S)
        fleet.ec2.stop_instances(InstanceIds=[fleet.asker])
        began = time.monotonic()
        browser.wait(told, fleet.asker, "stop", within_s=LIMIT_S)
        took.append(time.monotonic() - began)
        fleet.ec2.get_waiter("instance_stopped").wait(InstanceIds=[fleet.asker], WaiterConfig={"Delay": 1})
    note = f"n={CHANGES}, {min(took):.1f} to {max(took):.1f} s; {load()}"
    return Figure("a machine is told to stop → the map shows it", statistics.median(took), "s", note)


def load() -> str:
    return f"load average {os.getloadavg()[0]:.1f}"
