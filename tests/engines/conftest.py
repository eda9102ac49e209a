"""Engines need a region's namespaces: outside of them, each module here is run as a whole inside, by a second pytest.

Its reports come back one by one and are shown as if the tests had run here, so that node ids, -k and xdist work.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

# Tests that need a region's namespaces: those of the engines, and of controllers that move real packets.
SERVICES = Path(__file__).parents[1] / "services"
DIRECTORIES = (Path(__file__).parent, SERVICES / "ec2" / "kernel", SERVICES / "elbv2" / "kernel")
INSIDE = "AFTERSHOCK_INSIDE" in os.environ
REPORTS = "AFTERSHOCK_TEST_REPORTS"


class Inside:
    """One module's run in namespaces of its own, and what it has reported so far."""

    def __init__(self, config, module, node_ids):
        self.config, self.module, self.expected = config, module, set(node_ids)
        self.state = Path(tempfile.mkdtemp(prefix="aftershock-engines-", dir="/var/tmp"))
        self.output = (self.state / "output").open("w+")
        (self.state / "reports").touch(mode=0o666)
        (self.state / "reports").chmod(0o666)
        self.reports = (self.state / "reports").open()
        self.partial, self.pending = "", []
        self.enter = [sys.executable, "-m", "aftershock.ground.enter", "--state", self.state]
        options = ["-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", config.rootpath, "-q", "--no-header"]
        self.process = subprocess.Popen(
            [*self.enter, "--egress", "--", sys.executable, "-m", "pytest", *options, *node_ids],
            cwd=config.rootpath,
            env={**os.environ, REPORTS: "/run/aftershock/state/reports"},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )

    def reports_of(self, item):
        """The reports of one test as they come; a run that ends without them is a failure that says how it ended."""
        while True:
            report = self.next_report()
            if report is None:
                self.expected.clear()  # the next test starts another run
                self.output.seek(0)
                yield lost(item, f"pytest inside ended ({self.process.returncode}):\n{self.output.read()}")
                return
            if report.nodeid != item.nodeid:
                self.expected.clear()
                yield lost(item, f"pytest inside reported {report.nodeid} instead")
                return
            yield report
            if report.when == "teardown":
                return

    def next_report(self):
        while not self.pending:
            ended = self.process.poll() is not None
            *lines, self.partial = (self.partial + self.reports.read()).split("\n")
            self.pending += lines
            if ended and not lines:
                return None
            if not lines:
                time.sleep(0.02)
        data = json.loads(self.pending.pop(0))
        if isinstance(data["longrepr"], list):  # a skip's place and reason, which JSON has no tuples for
            data["longrepr"] = tuple(data["longrepr"])
        return self.config.hook.pytest_report_from_serializable(config=self.config, data=data)

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.reports.close()
        self.output.close()
        if os.geteuid() != 0:  # files of the region's other users are not ours to remove, but they are its root's
            subprocess.run(
                [*self.enter, "--", "find", "/run/aftershock/state", "-mindepth", "1", "-delete"], check=False
            )
        shutil.rmtree(self.state)


def lost(item, text):
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")


def is_for_inside(item):
    return any(item.path.is_relative_to(directory) for directory in DIRECTORIES)


def pytest_collection_modifyitems(items):
    if not INSIDE:
        for item in items:
            if is_for_inside(item):
                item.add_marker(pytest.mark.timeout(0))  # the time limit is kept inside


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if INSIDE or not is_for_inside(item):
        return None
    inside = item.session.stash.get(KEY, None)
    if inside is None or inside.module != item.path or item.nodeid not in inside.expected:
        close(item.session)
        inside = item.session.stash[KEY] = start(item)
    inside.expected.remove(item.nodeid)
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in inside.reports_of(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    # Packages that an item before us has in common with us are left standing for us; pytest has no public call for it.
    item.session._setupstate.teardown_exact(nextitem)
    return True


KEY = pytest.StashKey()


def start(item):
    """Run this test inside, and those of its module that come after it."""
    items = item.session.items[item.session.items.index(item) :]
    node_ids = [other.nodeid for other in items if other.path == item.path]
    return Inside(item.config, item.path, node_ids)


def close(session):
    if (inside := session.stash.get(KEY, None)) is not None:
        inside.close()
        del session.stash[KEY]


def pytest_sessionfinish(session):
    close(session)


def pytest_configure(config):
    if REPORTS in os.environ:
        config.pluginmanager.register(Reporter(config))


class Reporter:
    """Inside: hands every report out."""

    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        with Path(os.environ[REPORTS]).open("a") as file:
            file.write(json.dumps(data) + "\n")
