"""An act says what it will do, is made of calls that the API takes, and names nothing that is not there."""

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
