"""What is drawn is what the API answered, and what is told has happened between two pictures."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.console.chronicle import told
from aftershock.console.looks import LOOKS, minutes
from aftershock.console.picture import difference, draw

from .seen import BALANCER, TARGETS, experiment, site, status

FIRST = "instance:i-00000000000000001"


def happened(before, after):
    return [one.says for one in told(draw(before), draw(after))]


def test_a_whole_site_is_drawn():
    drawn = draw(site())
    assert drawn[FIRST]["zone"] == "us-east-1b" and drawn[FIRST]["scaling"] == "shop"
    assert drawn["subnet:subnet-a"]["public"]
    assert drawn[f"balancer:{BALANCER}"]["zones"] == ["us-east-1a", "us-east-1b"]
    assert drawn[f"targets:{TARGETS}"]["health"]["i-00000000000000001"] == ["healthy", ""]
    assert drawn["group:sg-web"]["rules"] == [{"id": "sgr-2", "ports": "tcp 80", "from": "sg-lb"}]
    [name] = [fact for key, fact in drawn.items() if key.startswith("name:")]
    assert name["alias"] == drawn[f"balancer:{BALANCER}"]["dns"]
    json.dumps(drawn)


@given(st.sets(st.sampled_from([look.name for look in LOOKS])), st.booleans())
def test_whatever_is_not_seen_yet_or_refused_is_left_out_and_no_error(missing, as_none):
    seen = site()
    for name in missing & seen.keys():
        if as_none:
            seen[name] = None
        else:
            del seen[name]
    draw(seen)


@given(st.integers(0, 6), st.integers(0, 6))
def test_a_difference_makes_one_picture_of_the_other(some, others):
    before, after = draw(site(running=some)), draw(site(running=others))
    changed, gone = difference(before, after)
    made = {key: fact for key, fact in before.items() if key not in gone} | changed
    assert made == after
    assert difference(after, after) == ({}, [])


def test_a_status_is_newer_than_what_is_known_of_the_instance():
    seen = site()
    seen["statuses"][0] = status({**seen["instances"][0], "State": {"Name": "stopping"}})
    assert draw(seen)[FIRST]["state"] == "stopping"


def test_what_is_terminated_is_gone():
    seen = site()
    seen["statuses"][0] = status({**seen["instances"][0], "State": {"Name": "terminated"}})
    assert FIRST not in draw(seen)


@pytest.mark.parametrize("zone", ["us-east-1a", "use1-az1"])
@pytest.mark.parametrize("kind, out", [("power-interruption", ["power"]), ("network-isolation", ["network"])])
def test_a_zone_is_out_while_an_experiment_that_does_it_is_in_force(zone, kind, out):
    seen = site() | {"experiments": [experiment(zone, kind)]}
    assert draw(seen)["zone:us-east-1a"]["out"] == out
    assert draw(seen)["zone:us-east-1b"]["out"] == []
    seen["experiments"] = [experiment(zone, kind, running=False)]
    assert draw(seen)["zone:us-east-1a"]["out"] == []


def test_what_happens_is_told_in_sentences():
    before = site()
    dark = before | {"experiments": [experiment("us-east-1a")]}
    assert happened(before, dark) == ["us-east-1a has lost its power"]
    assert happened(dark, before) == ["us-east-1a is back"]
    sick = copy.deepcopy(before)
    sick["statuses"][0] = status(sick["instances"][0], "impaired")
    assert happened(before, sick) == ["shop (i-00000000000000001): status checks say impaired"]
    ill = copy.deepcopy(before)
    ill["health"][TARGETS][0]["TargetHealth"] = {"State": "unhealthy", "Reason": "Target.Timeout"}
    assert happened(before, ill) == ["i-00000000000000001 is unhealthy in shop (Target.Timeout)"]
    assert happened(before, before) == []
    less = happened(before, site(running=3))
    assert "shop (i-00000000000000004) is terminated" in less


def test_what_happens_to_many_at_once_is_one_sentence():
    assert happened(site(running=0), site(running=8)) == [
        "4 instances are running in us-east-1b",
        "4 instances are running in us-east-1a",
        "8 targets are healthy in shop",
    ]


def test_what_happens_is_told_in_the_order_of_the_picture():
    fewer = happened(site(running=5), site(running=2))
    gone = [one for one in fewer if "terminated" in one]
    assert gone == [f"shop (i-{n:017x}) is terminated" for n in (3, 4, 5)]


@given(st.floats(0.01, 10_000))
def test_the_strip_never_asks_for_more_points_than_there_may_be(pace):
    assert 30 <= minutes(pace) <= 1440
