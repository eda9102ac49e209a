"""Whatever passes the service model, every operation answers in the model's words or refuses in AWS's; and what is
then wanted, a node can do."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.engines.balancer import render, spec
from aftershock.services.elbv2.controllers.wishes import wishes
from aftershock.services.elbv2.operations import operations
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, Node
from aftershock.wire import Family
from aftershock.wire.validation import check
from tests.services.elbv2.account import CERTIFICATE, OTHER_CERTIFICATE, Balancing, Surroundings, fixed, forward
from tests.services.inputs import values
from tests.services.modelled import service_model

MODEL = service_model("elbv2")
TEXTS = [
    *("", "web", "a_b", "internal-x", "subnet-a", "subnet-b", "subnet-c", "subnet-tiny", "subnet-other", "vpc-1"),
    *("vpc-2", "sg-web", "sg-other", "i-1", "i-2", "i-stopped", "i-other", "10.0.0.9", "192.168.0.1", "8.8.8.8"),
    *("us-east-1a", "all", "traffic-port", "80", "0", "65536", "200", "200-299,404", "600", "/", "/a b", "/x/*"),
    *("#{path}", "/#{path}", "#{host}", "#{query}", "#{", "*.example.com", "GET", "get", "10.0.0.0/8", "::/0"),
    *("path-pattern", "host-header", "http-header", "query-string", "http-request-method", "source-ip", "Host"),
    *("X-Y", "it's", "^/a+$", "(", "(?i)x", "HTTP1", "GRPC", "text/plain", "ELBSecurityPolicy-2016-08", "true"),
    *("false", "off", "lb_cookie", "app_cookie", "AWSALB", "sid", "idle_timeout.timeout_seconds", "30", "4001"),
    *("stickiness.enabled", "stickiness.type", "stickiness.app_cookie.cookie_name", "slow_start.duration_seconds"),
    *("load_balancing.cross_zone.enabled", "load_balancing.algorithm.type", "weighted_random", "nonsense", "aws:x"),
]


def furnished(directory: Path) -> tuple[Balancing, list[str]]:
    """An account with some of everything, and the ARNs of what it has."""
    account = Balancing(directory / "db")
    application, network = account.balancer(), account.balancer("net", Type="network")
    groups = [account.group(), account.group("two", TargetType="ip"), account.group("tcp", Protocol="TCP")]
    http = account.listener(application, groups[0])
    certificates = [{"CertificateArn": CERTIFICATE}]
    https = account.listener(application, Protocol="HTTPS", Port=443, Certificates=certificates)
    tcp = account.listener(network, groups[2], Protocol="TCP")
    rules = [account.rule(http, 1, fixed()), account.rule(http, 2, forward(groups[0]), path="/y")]
    account.call("RegisterTargets", TargetGroupArn=groups[0], Targets=[{"Id": "i-1"}, {"Id": "i-2"}])
    default = account.call("DescribeRules", ListenerArn=http)["Rules"][-1]["RuleArn"]
    arns = [application, network, *groups, http, https, tcp, *rules, default, CERTIFICATE, OTHER_CERTIFICATE]
    return account, arns


@pytest.mark.parametrize("operation", sorted(operations(Surroundings().outside())))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_operation_answers_or_refuses_and_nodes_can_do_what_is_left(operation: str, data: st.DataObject) -> None:
    model = MODEL.operation_model(operation)
    with TemporaryDirectory() as directory:
        account, known = furnished(Path(directory))
        try:
            for _ in range(4):
                params = data.draw(values(model.input_shape, known, TEXTS)) if model.input_shape else {}
                try:
                    check(model, params, Family.QUERY)
                    account.call(operation, **params)
                except AwsError as error:
                    assert error.message
            wanted(account)
        finally:
            account.store.close()


def wanted(account: Balancing) -> None:
    """What the nodes of every load balancer are told, the engine has nothing against."""
    outside = account.around.outside()
    with account.store.snapshot() as tx:
        for balancer in LOAD_BALANCERS.every(tx):
            for place in balancer.zones:
                node = Node(
                    name="node", load_balancer=balancer.arn, zone=place.zone, subnet_id=place.subnet_id, serial=1
                )
                told = wishes(tx, node, balancer, outside, Clock(7.0)).spec
                spec.check(told)
                render.render(told)
