"""An act says what it will do, is made of calls that the API takes, and names nothing that is not there."""

import base64
import subprocess
import sys
import time

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from aftershock.console.acts import ACTS, permission, plan
from aftershock.console.commands import Told
from aftershock.console.plans import Impossible

from .seen import experiment, instance, site

SESSION = botocore.session.Session()
ONE = "i-00000000000000001"
STACKED = site() | {
    "stacks": [{"StackName": "web", "StackId": "arn:web", "StackStatus": "CREATE_COMPLETE"}],
    "stack_resources": {
        "arn:web": [
            {
                "LogicalResourceId": "Group",
                "ResourceType": "AWS::EC2::SecurityGroup",
                "ResourceStatus": "CREATE_COMPLETE",
            }
        ]
    },
}
DARK = site() | {"experiments": [experiment("us-east-1a")]}
STOPPED = site() | {"instances": [instance(1, "us-east-1a", "stopped")]}
PERMISSION = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": "sg-lb"}]}
POSSIBLE = [
    (
        "fail-zone",
        {"zone": "us-east-1a", "kind": "power"},
        site(),
        ["CreateRole", "CreateExperimentTemplate", "StartExperiment"],
    ),
    (
        "fail-zone",
        {"zone": "us-east-1a", "kind": "network"},
        DARK,
        ["CreateRole", "CreateExperimentTemplate", "StartExperiment"],
    ),
    ("heal-zone", {"zone": "us-east-1a"}, DARK, ["StopExperiment", "DeleteExperimentTemplate"]),
    ("stop-instance", {"instance": ONE}, site(), ["StopInstances"]),
    ("start-instance", {"instance": ONE}, STOPPED, ["StartInstances"]),
    ("reboot-instance", {"instance": ONE}, site(), ["RebootInstances"]),
    ("kill-instance", {"instance": ONE}, STOPPED, ["TerminateInstances"]),
    ("cut-path", {"rule": "sgr-2"}, site(), ["RevokeSecurityGroupIngress"]),
    ("mend-path", {"group": "sg-web", "permission": PERMISSION}, site(), ["AuthorizeSecurityGroupIngress"]),
    ("start-load", {"url": "http://www.shop.example/", "rate": 50, "minutes": 5}, site(), ["RunInstances"]),
    ("resize", {"group": "shop", "desired": 6}, site(), ["SetDesiredCapacity"]),
    ("delete-stack", {"stack": "web"}, STACKED, ["DeleteStack"]),
]
IMPOSSIBLE = [
    ("fail-zone", {"zone": "us-east-1a", "kind": "power"}, DARK),
    ("fail-zone", {"zone": "us-east-1z", "kind": "power"}, site()),
    ("fail-zone", {"zone": "us-east-1a", "kind": "flood"}, site()),
    ("heal-zone", {"zone": "us-east-1b"}, DARK),
    ("stop-instance", {"instance": ONE}, STOPPED),
    ("start-instance", {"instance": ONE}, site()),
    ("kill-instance", {"instance": "i-0"}, site()),
    ("cut-path", {"rule": "sgr-9"}, site()),
    ("cut-path", {"rule": "sgr-3"}, site()),  # of egress
    ("mend-path", {"group": "sg-none", "permission": PERMISSION}, site()),
    ("start-load", {"url": "http://example.com/", "rate": 50, "minutes": 5}, site()),  # not of this region
    ("start-load", {"url": "file:///etc/passwd", "rate": 50, "minutes": 5}, site()),
    ("start-load", {"url": "http://www.shop.example/", "rate": 10**6, "minutes": 5}, site()),
    ("start-load", {"url": "http://www.shop.example/", "rate": True, "minutes": 5}, site()),
    ("start-load", {"url": "http://www.shop.example/", "rate": 50, "minutes": 5}, site() | {"subnets": []}),
    ("resize", {"group": "shop", "desired": 10}, site()),
    ("delete-stack", {"stack": "web"}, site()),
    ("no-such-act", {}, site()),
]


@pytest.mark.parametrize(
    "act, args, seen, operations", POSSIBLE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_an_act_is_made_of_calls_that_the_api_takes(act, args, seen, operations):
    planned = plan(act, args, seen)
    assert [step.operation for step in planned.steps] == operations
    assert planned.says.endswith(".")
    for step in planned.steps:
        model = SESSION.get_service_model(step.service).operation_model(step.operation)
        params = {name: "told" if isinstance(value, Told) else value for name, value in step.params.items()}
        report = ParamValidator().validate(params, model.input_shape)
        assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize("act, args, seen", IMPOSSIBLE, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_refused_before_anything_is_asked(act, args, seen):
    with pytest.raises(Impossible):
        plan(act, args, seen)


@given(
    st.sampled_from(sorted(ACTS)),
    st.dictionaries(
        st.sampled_from(
            ["zone", "kind", "instance", "rule", "group", "permission", "url", "rate", "minutes", "desired"]
        ),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers()) | st.just({}),
    ),
)
def test_whatever_a_page_sends_is_an_act_or_refused(act, args):
    try:
        plan(act, args, site())
    except Impossible as refused:
        assert str(refused)


def test_a_sentence_names_what_will_be_hit():
    said = plan("fail-zone", {"zone": "us-east-1a", "kind": "power"}, site()).says
    assert "2 instances (shop (i-00000000000000002), shop (i-00000000000000004)) die" in said
    assert "1 load balancer (shop)" in said
    said = plan("kill-instance", {"instance": ONE}, site()).says
    assert "cannot be taken back" in said and "group shop wants 4, and will replace it" in said


@pytest.mark.parametrize(
    "kind, says",
    [("power-interruption", "start again from their own disks"), ("network-isolation", "is reached as before")],
)
def test_what_healing_does_is_said_of_what_was_done(kind, says):
    dark = site() | {"experiments": [experiment("us-east-1a", kind)]}
    said = plan("heal-zone", {"zone": "us-east-1a"}, dark).says
    assert says in said, said


def test_a_load_ends_when_it_was_to_end_though_its_machine_starts_anew_meanwhile(tmp_path):
    [step] = plan("start-load", {"url": "http://www.shop.example/", "rate": 5, "minutes": 2}, site()).steps
    script = base64.b64decode(step.params["UserData"]).decode()
    assert subprocess.run(["sh", "-n"], input=script, text=True, check=False).returncode == 0
    program = script.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    end = tmp_path / "load.end"
    end.write_text(f"{time.time() - 1}\n")  # as a machine finds it that has been off for long
    program = program.replace("/root/load.end", str(end))
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
    assert "systemctl enable --now load" in script


@pytest.mark.parametrize(
    "rule, whom",
    [
        ("sgr-1", "to 1 load balancer (shop) are dropped"),
        ("sgr-2", "to 1 instance (shop (i-00000000000000001)) are dropped"),
    ],
)
def test_who_is_behind_a_path_is_said(rule, whom):
    assert whom in plan("cut-path", {"rule": rule}, site(running=1)).says


def test_a_path_to_nobody_is_said_to_be_one():
    assert plan("cut-path", {"rule": "sgr-2"}, site(running=0)).says.endswith(": nothing is in it.")


def test_what_was_cut_can_be_mended_with_the_same_rule():
    cut = plan("cut-path", {"rule": "sgr-2"}, site())
    mended = plan(cut.again["act"], cut.again["args"], site())
    [step] = mended.steps
    [allowed] = step.params["IpPermissions"]
    assert allowed == {**PERMISSION, "UserIdGroupPairs": [{"GroupId": "sg-lb", "Description": "from the front"}]}


@pytest.mark.parametrize(
    "rule, wanted",
    [
        (
            {"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "10.0.0.0/8"},
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        ),
        (
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIpv6": "::/0"},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]},
        ),
    ],
)
def test_a_rule_is_read_as_it_can_be_written(rule, wanted):
    assert permission(rule) == wanted


def test_a_load_that_would_break_out_of_its_script_is_no_target():
    for url in [
        "http://www.shop.example/'; reboot; '",
        "http://www.shop.example/\nEND\nreboot\n",
        "http://www.shop.example/{x}",
    ]:
        with pytest.raises(Impossible):
            plan("start-load", {"url": url, "rate": 1, "minutes": 1}, site())
