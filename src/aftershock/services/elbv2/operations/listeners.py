"""Listeners."""

from typing import Any

from msgspec.structs import replace

from aftershock.aws.call import Call, Params, Result
from aftershock.services.elbv2.records.listener import LISTENERS, RULES, Listener
from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.rules import actions, errors, names, quotas, tls
from aftershock.services.elbv2.rules.paging import page
from aftershock.services.elbv2.rules.parameters import honours
from aftershock.services.elbv2.rules.tags import tagged

from .forwarding import require_groups
from .found import Handler, Sources, require_listener, require_load_balancer, touch

# What AWS's load balancers of each type listen for, and which of it those of the region do.
PROTOCOLS = {
    "application": ("HTTPS", "HTTP"),
    "network": ("TLS", "TCP", "TCP_UDP", "UDP", "QUIC", "TCP_QUIC"),
}
OURS = frozenset({"HTTP", "HTTPS", "TCP"})
HONOURED = (
    "Port",
    "Protocol",
    "SslPolicy",
    "Certificates.CertificateArn",
    "DefaultActions",
)
MODE = {"MutualAuthentication.Mode": "off"}


@honours("LoadBalancerArn", "Tags", *HONOURED, only=MODE)
def create_listener(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: "idempotent ...  If you attempt to create multiple listeners with the same settings, each call succeeds."""
    balancer = require_load_balancer(call, params["LoadBalancerArn"])
    if not params.get("Protocol"):
        raise errors.invalid("A listener protocol must be specified")
    if not params.get("Port"):
        raise errors.invalid("A listener port must be specified")
    protocol, port = _protocol(balancer, params["Protocol"]), params["Port"]
    certificate = _certificate(sources, call, protocol, params, None)
    policy = _policy(protocol, params, None)
    action = actions.action_of(params["DefaultActions"], secure=protocol == "HTTPS", http=protocol != "TCP")
    tags = tagged({}, params.get("Tags") or ())
    existing = LISTENERS.where(call.tx, "load_balancer", balancer.arn)
    for other in existing:
        if other.port == port:
            same = (other.protocol, other.certificate, other.ssl_policy, other.action)
            if same != (protocol, certificate, policy, action):
                raise errors.duplicate_listener(balancer.arn)
            return {"Listeners": [view(other)]}
    require_groups(call, balancer, protocol, [action])
    quotas.require_within("TooManyListeners", len(existing) + 1, quotas.LISTENERS)
    arn = names.listener_arn(balancer.arn, names.opaque_id(call.new_id("listener")))
    made = Listener(
        arn=arn,
        account=call.account,
        load_balancer=balancer.arn,
        protocol=protocol,
        port=port,
        certificate=certificate,
        ssl_policy=policy,
        action=action,
        default_rule=names.rule_arn(arn, names.opaque_id(call.new_id("rule"))),
        tags=tags,
        created_at=call.now,
    )
    LISTENERS.put(call.tx, made)
    touch(call, balancer.arn)
    return {"Listeners": [view(made)]}


def _protocol(balancer: LoadBalancer, protocol: str) -> str:
    if protocol not in PROTOCOLS[balancer.kind]:
        raise errors.invalid(f"Listener protocol '{protocol}' must be one of '{', '.join(PROTOCOLS[balancer.kind])}'")
    if protocol not in OURS:
        raise errors.unsupported_protocol(protocol)
    return protocol


def _certificate(sources: Sources, call: Call, protocol: str, params: Params, before: str | None) -> str | None:
    """The ARN of the default certificate that a listener has after these parameters."""
    given = params.get("Certificates") or ()
    if protocol != "HTTPS":
        if given:
            raise errors.invalid(f"A certificate cannot be specified for {protocol} listeners")
        return None
    if len(given) > 1:
        raise errors.invalid(f"Up to '1' certificate ARNs can be specified, but '{len(given)}' were specified")
    arn = (given[0].get("CertificateArn") if given else before) or ""
    if not arn:
        raise errors.invalid("A certificate must be specified for HTTPS listeners")
    if sources.outside.certificate(call.tx, call.account, arn) is None:
        raise errors.no_certificate(arn)
    return arn


def _policy(protocol: str, params: Params, before: str | None) -> str | None:
    given = params.get("SslPolicy")
    if protocol != "HTTPS":
        if given:
            raise errors.invalid(f"An SSL policy cannot be specified for {protocol} listeners")
        return None
    if given and given not in tls.POLICIES:
        raise errors.no_ssl_policy(given)
    return given or before or tls.DEFAULT


@honours("ListenerArn", *HONOURED, only=MODE)
def modify_listener(sources: Sources, call: Call, params: Params) -> Result:
    before = require_listener(call, params["ListenerArn"])
    balancer = require_load_balancer(call, before.load_balancer)
    protocol = _protocol(balancer, params.get("Protocol") or before.protocol)
    port = params.get("Port") or before.port
    siblings = LISTENERS.where(call.tx, "load_balancer", balancer.arn)
    if any(other.port == port for other in siblings if other.arn != before.arn):
        raise errors.duplicate_listener(balancer.arn)
    action = before.action
    if params.get("DefaultActions") is not None:
        action = actions.action_of(params["DefaultActions"], secure=protocol == "HTTPS", http=protocol != "TCP")
        require_groups(call, balancer, protocol, [action])
    if protocol == "HTTPS" != before.protocol:
        rules = RULES.where(call.tx, "listener", before.arn)
        actions.require_secure([action, *(rule.action for rule in rules)])
    after = replace(
        before,
        protocol=protocol,
        port=port,
        certificate=_certificate(sources, call, protocol, params, before.certificate),
        more_certificates=before.more_certificates if protocol == "HTTPS" else (),
        ssl_policy=_policy(protocol, params, before.ssl_policy),
        action=action,
    )
    if after != before:
        LISTENERS.put(call.tx, after)
        touch(call, balancer.arn)
    return {"Listeners": [view(after)]}


def describe_listeners(sources: Sources, call: Call, params: Params) -> Result:
    arns, balancer = params.get("ListenerArns") or (), params.get("LoadBalancerArn")
    if bool(arns) == bool(balancer):
        raise errors.invalid("You must specify either listener ARNs or a load balancer ARN")
    if balancer:
        found = LISTENERS.where(call.tx, "load_balancer", require_load_balancer(call, balancer).arn)
    else:
        found = [require_listener(call, arn) for arn in dict.fromkeys(arns)]
    shown, marker = page(params, found, key=lambda one: one.arn)
    return {"Listeners": [view(one) for one in shown], "NextMarker": marker}


def delete_listener(sources: Sources, call: Call, params: Params) -> Result:
    """AWS: its rules go with it."""
    listener = require_listener(call, params["ListenerArn"])
    for rule in RULES.where(call.tx, "listener", listener.arn):
        RULES.forget(call.tx, rule.arn)
    LISTENERS.forget(call.tx, listener.arn)
    touch(call, listener.load_balancer)
    return {}


def view(listener: Listener) -> dict[str, Any]:
    return {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "Certificates": [{"CertificateArn": listener.certificate}] if listener.certificate else None,
        "SslPolicy": listener.ssl_policy,
        "DefaultActions": actions.view(listener.action),
        "MutualAuthentication": {"Mode": "off"} if listener.protocol == "HTTPS" else None,
    }


OPERATIONS: dict[str, Handler] = {
    "CreateListener": create_listener,
    "ModifyListener": modify_listener,
    "DescribeListeners": describe_listeners,
    "DeleteListener": delete_listener,
}
