"""A story that cannot be told: it says so, keeps what there is, and tells nothing that it has not seen."""

import socket
from pathlib import Path

import pytest

from aftershock.doors.access import Access
from aftershock.lab.clients import Clients
from aftershock.lab.deployment import Stack
from aftershock.lab.experiment import read_all
from aftershock.lab.figures import Point
from aftershock.lab.report import Report, html
from aftershock.lab.site import Cost, Hands, Site
from aftershock.lab.story import tell
from aftershock.lab.watch import told
from tests.lab.test_experiments import EXPERIMENTS, TEMPLATES


@pytest.fixture
def nowhere(tmp_path: Path) -> Site:
    """A site in a region that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    access = Access(tmp_path, port, port, port, "AKIAIOSFODNN7EXAMPLE", "secret", 30.0)
    clients = Clients(access)
    hands = Hands(
        quake=lambda zone: None, heal=lambda zone: None, month=lambda: Cost(0, 0), say=print, show=lambda text: None
    )
    return Site(access, clients, Stack(clients, "web"), hands)


def test_a_region_that_does_not_answer_is_no_success(nowhere: Site) -> None:
    kept: list[Report] = []
    story = read_all(EXPERIMENTS, TEMPLATES)
    report = tell("A story", story, nowhere, kept.append)
    assert not report.holds
    assert len(report.outcomes) == len(kept) == 1
    assert "Could not connect to the endpoint" in report.outcomes[0].broken
    assert report.left_out == tuple(one.said.title for one in story[1:])
    page = html(kept[-1])
    assert "0 of 1 claims held" in page
    assert "Could not connect to the endpoint" in page


@pytest.mark.parametrize(
    "points, text",
    [
        ([], "waiting for the first page"),
        (
            [Point(0, 0.010, True, 0), Point(1, 1.0, False, 0)],
            "2 requests, 1 failed; of the last 2 50% failed, median 10 ms; 3 machines",
        ),
    ],
)
def test_how_it_is_going_is_told_in_one_line(points: list[Point], text: str) -> None:
    assert told(points, 3) == text
