"""Listeners and their rules as callers make, describe, change and delete them."""

from typing import Any

import pytest

from tests.services.elbv2.account import (
    CERTIFICATE,
    OTHER_CERTIFICATE,
    Balancing,
    fixed,
    forward,
    of_path,
    redirect,
)


def https(account: Balancing, balancer: str, **params: Any) -> str:
    return account.listener(
        balancer, Protocol="HTTPS", Port=443, Certificates=[{"CertificateArn": CERTIFICATE}], **params
    )


def test_a_listener_is_described_as_it_was_asked_for(account: Balancing) -> None:
    balancer, group = account.balancer(), account.group()
    listener = account.listener(balancer, group)
    found = account.call("DescribeListeners", LoadBalancerArn=balancer)["Listeners"]
    assert found == account.call("DescribeListeners", ListenerArns=[listener])["Listeners"]
    assert found[0]["Port"] == 80 and found[0]["Protocol"] == "HTTP" and found[0]["LoadBalancerArn"] == balancer
    assert found[0]["DefaultActions"] == [
        {
            "Type": "forward",
            "TargetGroupArn": group,
            "ForwardConfig": {
                "TargetGroups": [{"TargetGroupArn": group, "Weight": 1}],
                "TargetGroupStickinessConfig": {"Enabled": False},
            },
        }
    ]
    told = account.call("DescribeTargetGroups", LoadBalancerArn=balancer)["TargetGroups"]
    assert [one["LoadBalancerArns"] for one in told] == [[balancer]]


def test_the_same_listener_again_is_the_same_and_another_on_its_port_is_refused(account: Balancing) -> None:
    balancer, group = account.balancer(), account.group()
    assert account.listener(balancer, group) == account.listener(balancer, group)
    asked = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [fixed()]}
    assert account.refusal("CreateListener", **asked) == (
        "DuplicateListener",
        f"A listener already exists on this port for this load balancer '{balancer}'",
    )


def test_every_change_makes_the_nodes_wanted_otherwise(account: Balancing) -> None:
    balancer, group = account.balancer(), account.group()
    listener = account.listener(balancer, group)
    rule = account.rule(listener, 5)
    before = account.generation(balancer)
    steps: list[tuple[str, dict[str, Any]]] = [
        ("ModifyListener", {"ListenerArn": listener, "Port": 81}),
        ("ModifyRule", {"RuleArn": rule, "Conditions": [of_path("/y")]}),
        ("SetRulePriorities", {"RulePriorities": [{"RuleArn": rule, "Priority": 6}]}),
        ("DeleteRule", {"RuleArn": rule}),
        ("DeleteListener", {"ListenerArn": listener}),
    ]
    for number, (operation, params) in enumerate(steps, 1):
        account.call(operation, **params)
        assert account.generation(balancer) == before + number, operation


REFUSED_LISTENERS = [
    ({"Protocol": "TCP"}, "ValidationError", "Listener protocol 'TCP' must be one of 'HTTPS, HTTP'"),
    ({"Protocol": None}, "ValidationError", "A listener protocol must be specified"),
    ({"Port": None}, "ValidationError", "A listener port must be specified"),
    ({"Protocol": "HTTPS"}, "ValidationError", "A certificate must be specified for HTTPS listeners"),
    (
        {"Certificates": [{"CertificateArn": CERTIFICATE}]},
        "ValidationError",
        "A certificate cannot be specified for HTTP listeners",
    ),
    ({"Protocol": "HTTPS", "Certificates": [{"CertificateArn": "arn:x"}]}, "CertificateNotFound", "arn:x"),
    (
        {"Protocol": "HTTPS", "Certificates": [{"CertificateArn": CERTIFICATE}], "SslPolicy": "nobody"},
        "SSLPolicyNotFound",
        "nobody",
    ),
    ({"SslPolicy": "ELBSecurityPolicy-2016-08"}, "ValidationError", "An SSL policy cannot be specified"),
    ({"DefaultActions": []}, "ValidationError", "An action must be specified"),
    ({"DefaultActions": [fixed(), fixed()]}, "TooManyActions", "actions per rule"),
    ({"DefaultActions": [{"Type": "forward"}]}, "ValidationError", "A target group ARN must be specified"),
    ({"DefaultActions": [forward("arn:nobody")]}, "TargetGroupNotFound", "Target groups 'arn:nobody' not found"),
    ({"AlpnPolicy": ["HTTP2Only"]}, "InvalidConfigurationRequest", "AlpnPolicy"),
    ({"MutualAuthentication": {"Mode": "verify"}}, "InvalidConfigurationRequest", "MutualAuthentication.Mode"),
]


@pytest.mark.parametrize(("params", "code", "part"), REFUSED_LISTENERS)
def test_a_listener_that_cannot_be_is_refused_in_the_words_of_aws(
    account: Balancing, params: dict[str, Any], code: str, part: str
) -> None:
    asked = {
        "LoadBalancerArn": account.balancer(),
        "Protocol": "HTTP",
        "Port": 80,
        "DefaultActions": [fixed()],
        **params,
    }
    found, message = account.refusal("CreateListener", **{key: one for key, one in asked.items() if one is not None})
    assert found == code and part in message, message


REFUSED_ACTIONS = [
    ({"Type": "authenticate-oidc"}, "InvalidConfigurationRequest", "authenticate-oidc"),
    ({"Type": "forward", "RedirectConfig": {"StatusCode": "HTTP_301"}}, "InvalidLoadBalancerAction", "RedirectConfig"),
    ({"Type": "redirect"}, "InvalidLoadBalancerAction", "redirect configuration"),
    ({"Type": "fixed-response"}, "InvalidLoadBalancerAction", "fixed response configuration"),
    (redirect(), "InvalidLoadBalancerAction", "must modify at least one of the following"),
    (redirect(Query="a=b"), "InvalidLoadBalancerAction", "must modify at least one of the following"),
    (redirect(Path="x"), "InvalidLoadBalancerAction", "should start with a '/'"),
    (redirect(Path="/a b"), "InvalidLoadBalancerAction", "The Path parameter must be a valid path"),
    (redirect(Path="/ä"), "InvalidLoadBalancerAction", "The Path parameter must be a valid path"),
    (redirect(Path="/#{query}"), "InvalidLoadBalancerAction", "The Path parameter must be a valid path"),
    (redirect(Path="/#{path}/#{path}"), "InvalidLoadBalancerAction", "up to one of each of these placeholders"),
    (redirect(Path="/#{nobody}"), "InvalidLoadBalancerAction", "The Path parameter must be a valid path"),
    (redirect(Host="a.com\n"), "InvalidLoadBalancerAction", "The Host parameter must be a valid host"),
    (redirect(Port="0"), "InvalidLoadBalancerAction", "between 1 and 65535"),
    (redirect(Port="x"), "InvalidLoadBalancerAction", "between 1 and 65535"),
    (fixed(ContentType="text/xml"), "ValidationError", "The ContentType must be one of"),
]


@pytest.mark.parametrize(("action", "code", "part"), REFUSED_ACTIONS)
def test_an_action_that_cannot_be_is_refused_in_the_words_of_aws(
    account: Balancing, action: dict[str, Any], code: str, part: str
) -> None:
    config = {"AuthenticateOidcConfig": None}
    given = {key: one for key, one in {**config, **action}.items() if one is not None}
    asked = {"LoadBalancerArn": account.balancer(), "Protocol": "HTTP", "Port": 80, "DefaultActions": [given]}
    found, message = account.refusal("CreateListener", **asked)
    assert found == code and part in message, message


def test_a_redirect_is_described_with_all_its_parts(account: Balancing) -> None:
    balancer = account.balancer()
    account.listener(balancer, DefaultActions=[redirect(Protocol="HTTPS", Port="443")])
    action = account.call("DescribeListeners", LoadBalancerArn=balancer)["Listeners"][0]["DefaultActions"][0]
    assert action["RedirectConfig"] == {
        "Protocol": "HTTPS",
        "Host": "#{host}",
        "Port": "443",
        "Path": "/#{path}",
        "Query": "#{query}",
        "StatusCode": "HTTP_301",
    }


def test_what_a_forward_names_is_weighed(account: Balancing) -> None:
    balancer = account.balancer()
    groups = [account.group(f"g{number}") for number in range(6)]
    cases: list[tuple[dict[str, Any], str, str]] = [
        (forward(*groups), "ValidationError", "Up to '5' target groups can be specified, but '6' were specified"),
        (forward(groups[0], groups[0]), "ValidationError", "only once"),
        (
            forward(groups[0], groups[1], TargetGroupStickinessConfig={"Enabled": True}),
            "ValidationError",
            "Target group stickiness duration must be between 1 and 604800 seconds",
        ),
        (
            forward(groups[0], TargetGroupStickinessConfig={"Enabled": True, "DurationSeconds": 604801}),
            "ValidationError",
            "must be between 1 and 604800 seconds",
        ),
        (
            {
                "Type": "forward",
                "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1000}]},
            },
            "ValidationError",
            "weight '1000'",
        ),
        (
            {**forward(groups[0], groups[1]), "TargetGroupArn": groups[0]},
            "ValidationError",
            "you can specify only one target group using ForwardConfig",
        ),
    ]
    for action, code, part in cases:
        found, message = account.refusal(
            "CreateListener", LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=[action]
        )
        assert found == code and part in message, message
    stickiness = {"Enabled": True, "DurationSeconds": 60}
    account.listener(balancer, DefaultActions=[forward(*groups[:5], TargetGroupStickinessConfig=stickiness)])


def test_a_group_belongs_to_one_load_balancer(account: Balancing) -> None:
    group = account.group()
    account.listener(account.balancer("one"), group)
    other = account.balancer("two")
    asked = {"LoadBalancerArn": other, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(group)]}
    assert account.refusal("CreateListener", **asked) == (
        "TargetGroupAssociationLimit",
        f"The following target groups cannot be associated with more than one load balancer: {group}",
    )


def test_protocols_and_networks_have_to_fit(account: Balancing) -> None:
    balancer, tcp = account.balancer(), account.group("tcp", Protocol="TCP")
    elsewhere = account.group("elsewhere", VpcId="vpc-2")
    for group, code in ((tcp, "IncompatibleProtocols"), (elsewhere, "InvalidConfigurationRequest")):
        asked = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [forward(group)]}
        found, message = account.refusal("CreateListener", **asked)
        assert found == code and group in message


def test_a_network_load_balancer_forwards_tcp_to_one_group(account: Balancing) -> None:
    balancer, group = account.balancer(Type="network"), account.group(Protocol="TCP")
    asked: dict[str, Any] = {"LoadBalancerArn": balancer, "Port": 80, "DefaultActions": [forward(group)]}
    cases = [("TLS", "UnsupportedProtocol"), ("UDP", "UnsupportedProtocol"), ("HTTP", "ValidationError")]
    for protocol, code in cases:
        assert account.refusal("CreateListener", **asked, Protocol=protocol)[0] == code
    code, _ = account.refusal("CreateListener", **{**asked, "DefaultActions": [fixed()]}, Protocol="TCP")
    assert code == "InvalidLoadBalancerAction"
    listener = account.call("CreateListener", **asked, Protocol="TCP")["Listeners"][0]["ListenerArn"]
    assert ":listener/net/web/" in listener
    refused = account.refusal(
        "CreateRule", ListenerArn=listener, Priority=1, Conditions=[of_path("/x")], Actions=[forward(group)]
    )
    assert refused[0] == "InvalidConfigurationRequest"


def test_an_https_listener_has_a_policy_and_certificates(account: Balancing) -> None:
    balancer = account.balancer()
    listener = https(account, balancer)
    found = account.call("DescribeListeners", ListenerArns=[listener])["Listeners"][0]
    assert found["SslPolicy"] == "ELBSecurityPolicy-2016-08"
    assert found["Certificates"] == [{"CertificateArn": CERTIFICATE}]
    more = [{"CertificateArn": OTHER_CERTIFICATE}]
    account.call("AddListenerCertificates", ListenerArn=listener, Certificates=more)
    account.call("AddListenerCertificates", ListenerArn=listener, Certificates=more)
    told = account.call("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]
    assert told == [
        {"CertificateArn": CERTIFICATE, "IsDefault": True},
        {"CertificateArn": OTHER_CERTIFICATE, "IsDefault": False},
    ]
    code, _ = account.refusal(
        "RemoveListenerCertificates", ListenerArn=listener, Certificates=[{"CertificateArn": CERTIFICATE}]
    )
    assert code == "OperationNotPermitted"
    account.call("RemoveListenerCertificates", ListenerArn=listener, Certificates=more)
    assert len(account.call("DescribeListenerCertificates", ListenerArn=listener)["Certificates"]) == 1


def test_a_listener_becomes_http_and_loses_what_belongs_to_tls(account: Balancing) -> None:
    balancer = account.balancer()
    listener = https(account, balancer)
    account.call("ModifyListener", ListenerArn=listener, Protocol="HTTP", Port=80)
    found = account.call("DescribeListeners", ListenerArns=[listener])["Listeners"][0]
    assert "Certificates" not in found and "SslPolicy" not in found and found["Protocol"] == "HTTP"
    assert account.refusal("ModifyListener", ListenerArn=listener, Protocol="HTTPS")[0] == "ValidationError"


def test_https_is_not_redirected_to_http(account: Balancing) -> None:
    balancer = account.balancer()
    certificates = [{"CertificateArn": CERTIFICATE}]
    down = redirect(Protocol="HTTP")
    asked = {"LoadBalancerArn": balancer, "Protocol": "HTTPS", "Port": 443, "Certificates": certificates}
    assert account.refusal("CreateListener", **asked, DefaultActions=[down])[0] == "InvalidLoadBalancerAction"
    listener = account.listener(balancer)
    account.rule(listener, 1, down)
    code, _ = account.refusal("ModifyListener", ListenerArn=listener, Protocol="HTTPS", Certificates=certificates)
    assert code == "InvalidLoadBalancerAction", "one of its rules does"


def test_a_listener_moves_only_to_a_free_port(account: Balancing) -> None:
    balancer = account.balancer()
    account.listener(balancer)
    listener = account.listener(balancer, Port=81)
    assert account.refusal("ModifyListener", ListenerArn=listener, Port=80)[0] == "DuplicateListener"


def test_rules_are_described_by_priority_and_the_default_one_last(account: Balancing) -> None:
    listener = account.listener(account.balancer())
    arns = {priority: account.rule(listener, priority, path=f"/{priority}") for priority in (500, 3, 20000)}
    told = account.call("DescribeRules", ListenerArn=listener)["Rules"]
    assert [rule["Priority"] for rule in told] == ["3", "500", "20000", "default"]
    assert [rule["IsDefault"] for rule in told] == [False, False, False, True]
    assert told[0]["Conditions"] == [
        {"Field": "path-pattern", "Values": ["/3"], "PathPatternConfig": {"Values": ["/3"]}}
    ]
    default = told[-1]["RuleArn"]
    by_arn = account.call("DescribeRules", RuleArns=[default, arns[3]])["Rules"]
    assert sorted(by_arn, key=lambda rule: rule["Priority"]) == [told[0], told[-1]]
    for operation, params in (("DeleteRule", {}), ("ModifyRule", {"Actions": [fixed()]})):
        assert account.refusal(operation, RuleArn=default, **params)[0] == "OperationNotPermitted"


def test_two_rules_of_a_listener_have_different_priorities(account: Balancing) -> None:
    listener = account.listener(account.balancer())
    account.rule(listener, 7)
    asked = {"ListenerArn": listener, "Priority": 7, "Conditions": [of_path("/y")], "Actions": [fixed()]}
    assert account.refusal("CreateRule", **asked) == ("PriorityInUse", "Priority '7' is currently in use")


def test_rules_change_places_at_once(account: Balancing) -> None:
    listener = account.listener(account.balancer())
    one, two, three = (account.rule(listener, priority) for priority in (1, 2, 3))
    swap = [{"RuleArn": one, "Priority": 2}, {"RuleArn": two, "Priority": 1}]
    account.call("SetRulePriorities", RulePriorities=swap)
    told = account.call("DescribeRules", ListenerArn=listener)["Rules"]
    assert [rule["RuleArn"] for rule in told[:3]] == [two, one, three]
    taken = [{"RuleArn": one, "Priority": 3}]
    assert account.refusal("SetRulePriorities", RulePriorities=taken)[0] == "PriorityInUse"
    twice = [{"RuleArn": one, "Priority": 9}, {"RuleArn": two, "Priority": 9}]
    assert account.refusal("SetRulePriorities", RulePriorities=twice)[0] == "ValidationError"


def header(name: str, *values: str) -> dict[str, Any]:
    return {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": name, "Values": list(values)}}


def query(*pairs: tuple[str | None, str]) -> dict[str, Any]:
    values = [{"Value": value, **({"Key": key} if key else {})} for key, value in pairs]
    return {"Field": "query-string", "QueryStringConfig": {"Values": values}}


CONDITIONS: list[dict[str, Any]] = [
    {"Field": "host-header", "Values": ["*.example.com"], "HostHeaderConfig": {"Values": ["*.example.com"]}},
    of_path("/img/*") | {"PathPatternConfig": {"Values": ["/img/*"]}},
    header("User-Agent", "*Chrome*", "*Safari*"),
    {
        "Field": "http-header",
        "HttpHeaderConfig": {"HttpHeaderName": "X-Y", "Values": ["z"], "RegexValues": ["^(?:a|b)\\d+$"]},
    },
    query(("version", "v1"), (None, "*beta*")),
    {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET", "CUSTOM-METHOD"]}},
    {"Field": "source-ip", "SourceIpConfig": {"Values": ["192.0.2.0/24", "198.51.100.10/32"]}},
]


@pytest.mark.parametrize("told", CONDITIONS, ids=lambda one: one["Field"])
def test_a_condition_is_described_as_it_was_asked_for(account: Balancing, told: dict[str, Any]) -> None:
    listener = account.listener(account.balancer())
    asked = told if len(told) == 2 else {key: one for key, one in told.items() if key != "Values"}
    rule = account.call("CreateRule", ListenerArn=listener, Priority=1, Conditions=[asked], Actions=[fixed()])
    assert rule["Rules"][0]["Conditions"] == [told]


REFUSED_CONDITIONS: list[tuple[list[dict[str, Any]], str]] = [
    ([], "A condition must be specified"),
    ([{"Field": "nobody", "Values": ["x"]}], "Condition field 'nobody' must be one of"),
    ([{"Field": "path-pattern"}], "A condition value must be specified"),
    ([{"Field": "path-pattern", "Values": [""]}], "cannot be empty"),
    ([of_path("/a b")], "not valid for 'path-pattern'"),
    ([of_path("/" + "a" * 128)], "cannot be longer than '128' characters"),
    ([of_path("/a", "/b", "/c", "/d", "/e", "/f")], "A rule can only have '5' condition values"),
    ([of_path("/***"), header("a", "***")], "A rule can only have '5' condition wildcards"),
    ([of_path("/a"), of_path("/b")], "A rule can only have one 'path-pattern' condition"),
    ([{"Field": "host-header", "Values": ["a_b"]}], "not valid for 'host-header'"),
    ([{"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["get"]}}], "http-request-method"),
    ([header("", "x")], "An HTTP header name must be specified"),
    ([header("it's", "x")], "HTTP header name 'it's' contains a character that is not valid"),
    ([header("a" * 41, "x")], "cannot be longer than '40' characters"),
    ([header("Host", "x")], "cannot be 'Host'"),
    ([header("X-Y", "ä")], "not valid for 'http-header'"),
    ([query(("a", ""))], "cannot be empty"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1"]}}], "is not a valid CIDR block"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.1/8"]}}], "is not a valid CIDR block"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["2001:db8::/32"]}}], "IPv6"),
    ([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["(a"]}}], "not a valid regular expression"),
    ([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["(?L)a"]}}], "not a valid regular expression"),
    ([{"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["a" * 129]}}], "between '1' and '128'"),
    ([{"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}, "RegexValues": ["a"]}], "RegexValues"),
    ([{"Field": "path-pattern", "Values": ["/a"], "HostHeaderConfig": {"Values": ["a.b"]}}], "HostHeaderConfig"),
]


@pytest.mark.parametrize(("conditions", "part"), REFUSED_CONDITIONS)
def test_a_condition_that_cannot_be_is_refused(account: Balancing, conditions: list[dict[str, Any]], part: str) -> None:
    listener = account.listener(account.balancer())
    code, message = account.refusal(
        "CreateRule", ListenerArn=listener, Priority=1, Conditions=conditions, Actions=[fixed()]
    )
    assert code in ("ValidationError", "InvalidConfigurationRequest") and part in message, message


def test_transforms_are_refused(account: Balancing) -> None:
    listener = account.listener(account.balancer())
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "a", "Replace": "b"}]}}
    asked = {"ListenerArn": listener, "Priority": 1, "Conditions": [of_path("/x")], "Actions": [fixed()]}
    code, message = account.refusal("CreateRule", **asked, Transforms=[rewrite])
    assert code == "InvalidConfigurationRequest" and "Transforms" in message


def test_no_more_rules_than_the_quota_allows(account: Balancing) -> None:
    listener = account.listener(account.balancer())
    for priority in range(1, 101):
        account.rule(listener, priority)
    asked = {"ListenerArn": listener, "Priority": 200, "Conditions": [of_path("/y")], "Actions": [fixed()]}
    assert account.refusal("CreateRule", **asked)[0] == "TooManyRules"
