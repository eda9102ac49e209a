"""A load balancer in the engine's words: what each of its nodes has to do.  Here the two vocabularies meet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aftershock.engines import balancer as engine
from aftershock.services.elbv2.records.action import Action, Fixed, Forward, Redirect
from aftershock.services.elbv2.records.condition import Condition, Header, Host, Method, Path, Query, Source
from aftershock.services.elbv2.records.listener import Listener, Rule
from aftershock.services.elbv2.records.load_balancer import LoadBalancer
from aftershock.services.elbv2.records.target_group import HealthCheck, Target, TargetGroup

from . import target_groups, tls
from .attributes import balancer_value, group_value, is_cross_zone, listener_value
from .target_groups import ALL_ZONES

MODES: Mapping[str, engine.spec.Mode] = {"HTTP": "http", "HTTPS": "tls-http", "TCP": "tcp"}
ROUTING = "target_group_health.unhealthy_state_routing.minimum_healthy_targets"
DNS = "target_group_health.dns_failover.minimum_healthy_targets"
UNHEALTHY_CUT = "target_health_state.unhealthy.connection_termination.enabled"
CONNECT_TIMEOUT_S = 10.0  # AWS: HTTP 504, "the connection timeout expired (10 seconds)"
# Between its attempts a node waits for a second; what is refused each time must not look like what timed out.
LEAST_CONNECT_S = 4.0
LEAST_TIMEOUT_S = 1.0  # of whatever limits real work, which no pace makes faster
_ALGORITHMS: Mapping[str, Literal["roundrobin", "leastconn", "random"]] = {
    "round_robin": "roundrobin",
    "least_outstanding_requests": "leastconn",
    "weighted_random": "random",
}

Paced = Callable[[float], float]  # how long a nominal duration lasts, in seconds


@dataclass(frozen=True, slots=True)
class Placed:
    """A target that gets requests, or did until it was deregistered."""

    target: Target
    address: str
    zone: str  # or `ALL_ZONES`


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that is wanted of one load balancer."""

    balancer: LoadBalancer
    listeners: Sequence[Listener] = ()
    rules: Sequence[Rule] = ()
    groups: Mapping[str, TargetGroup] = field(default_factory=dict)  # by ARN: those that the actions name
    targets: Mapping[str, Sequence[Placed]] = field(default_factory=dict)  # by the group's ARN
    certificates: Mapping[str, str] = field(default_factory=dict)  # PEM, chain and key in one, by ARN


def node(wanted: Wanted, *, name: str, zone: str, place: engine.Place, paced: Paced) -> engine.NodeSpec:
    """What the load balancer's node of this name does in the zone."""
    return engine.NodeSpec(
        name=name,
        place=place,
        key=wanted.balancer.key,
        listeners=tuple(
            _listener(wanted, listener, paced) for listener in sorted(wanted.listeners, key=lambda one: one.port)
        ),
        backends=tuple(
            _backend(wanted.balancer, wanted.groups[arn], wanted.targets.get(arn, ()), zone, paced)
            for arn in sorted(wanted.groups)
        ),
        http=_http(wanted.balancer, paced),
        connect_timeout_s=max(LEAST_CONNECT_S, paced(CONNECT_TIMEOUT_S)),
    )


def backend_name(group: TargetGroup) -> str:
    """The name of the target group's backend on every node."""
    return f"{group.name}-{group.id}"


def drain_ends(group: TargetGroup, target: Target, paced: Paced) -> float | None:
    """The Unix time at which what a target still has open is cut off; None while it is in service."""
    if target.deregistering_at is None:
        return None
    delay_s = int(group_value(group, "deregistration_delay.timeout_seconds"))
    return target.deregistering_at.timestamp() + paced(delay_s)


def _listener(wanted: Wanted, listener: Listener, paced: Paced) -> engine.Listener:
    rules = [rule for rule in wanted.rules if rule.listener == listener.arn]
    return engine.Listener(
        port=listener.port,
        mode=MODES[listener.protocol],
        default=_action(wanted.groups, listener.action, paced),
        rules=tuple(
            engine.Rule(
                conditions=tuple(_condition(condition) for condition in rule.conditions),
                action=_action(wanted.groups, rule.action, paced),
            )
            for rule in sorted(rules, key=lambda one: one.priority)
        ),
        certificates=tuple(dict.fromkeys(wanted.certificates[arn] for arn in listener.certificates)),
        tls=_tls(listener),
        idle_timeout_s=_idle_timeout_s(listener, paced),
    )


def _tls(listener: Listener) -> engine.Tls:
    if listener.ssl_policy is None:
        return engine.Tls()
    policy = tls.POLICIES[listener.ssl_policy]
    return engine.Tls(policy.protocols, policy.ciphers)


def _idle_timeout_s(listener: Listener, paced: Paced) -> float | None:
    """Of HTTP it is the load balancer's."""
    if listener.protocol != "TCP":
        return None
    return max(LEAST_TIMEOUT_S, paced(int(listener_value(listener, "tcp.idle_timeout.seconds"))))


def _action(groups: Mapping[str, TargetGroup], action: Action, paced: Paced) -> engine.spec.Action:
    match action:
        case Forward():
            shares = tuple(engine.Share(backend_name(groups[one.group]), one.weight) for one in action.shares)
            if len(shares) == 1:
                # AWS: the weight of one target group alone is of no account.
                return engine.Forward((engine.Share(shares[0].backend),))
            seconds = paced(action.sticky_s) if action.sticky and action.sticky_s else None
            return engine.Forward(shares, None if seconds is None else max(1, round(seconds)))
        case Redirect():
            return engine.Redirect(
                status=301 if action.status == "HTTP_301" else 302,
                protocol=action.protocol if action.protocol.startswith("#") else action.protocol.lower(),
                host=action.host,
                port=action.port,
                path=action.path,
                query=action.query,
            )
        case Fixed():
            return engine.Fixed(int(action.status), action.content_type or "text/plain", action.body or "")


def _condition(condition: Condition) -> engine.spec.Condition:
    match condition:
        case Host(values, regex):
            return engine.Host(values, regex)
        case Path(values, regex):
            return engine.Path(values, regex)
        case Header(name, values, regex):
            return engine.Header(name, values, regex)
        case Method(values):
            return engine.Method(values)
        case Query(pairs):
            return engine.Query(pairs)
        case Source(values):
            return engine.Source(values)


def _backend(
    balancer: LoadBalancer, group: TargetGroup, targets: Iterable[Placed], zone: str, paced: Paced
) -> engine.Backend:
    everywhere = is_cross_zone(balancer, group)
    placed = [one for one in targets if everywhere or one.zone in (zone, ALL_ZONES)]
    found = (engine.Server(one.address, one.target.port, drain_ends(group, one.target, paced)) for one in placed)
    servers = {server.id: server for server in found}
    http = target_groups.is_http(group.protocol)
    return engine.Backend(
        name=backend_name(group),
        servers=tuple(servers[key] for key in sorted(servers)),
        algorithm=_algorithm(group),
        tls=group.protocol == "HTTPS",
        check=_check(group.check, paced),
        slow_start_s=paced(int(group_value(group, "slow_start.duration_seconds"))) if http else 0.0,
        sticky=_sticky(group, paced) if http else None,
        minimum_healthy=int(group_value(group, f"{ROUTING}.count")),
        minimum_healthy_percent=_percent(group_value(group, f"{ROUTING}.percentage")),
        cut_drained=http or group_value(group, "deregistration_delay.connection_termination.enabled") == "true",
        cut_unhealthy=not http and group_value(group, UNHEALTHY_CUT) == "true",
        proxy_protocol=not http and group_value(group, "proxy_protocol_v2.enabled") == "true",
    )


def _percent(value: str) -> float:
    return 0.0 if value == "off" else float(value)


def minimum_for_dns(group: TargetGroup, targets: int) -> int | None:
    """With fewer healthy ones of so many targets in a zone, its address leaves the load balancer's name.

    AWS: the count and the percentage both hold, as far as they are set.  None: it stays, whatever becomes of them.
    """
    count, percentage = (group_value(group, f"{DNS}.{what}") for what in ("count", "percentage"))
    asked = []
    if count != "off":
        asked.append(int(count))
    if percentage != "off":
        asked.append(-(-int(percentage) * targets // 100))
    return max(asked, default=None)


def _algorithm(group: TargetGroup) -> Literal["roundrobin", "leastconn", "random", "source"]:
    if target_groups.is_http(group.protocol):
        return _ALGORITHMS[group_value(group, "load_balancing.algorithm.type")]
    # AWS: "a flow hash algorithm", in which the client's port has a part unless it is sticky.
    return "source" if group_value(group, "stickiness.enabled") == "true" else "random"


def _check(check: HealthCheck, paced: Paced) -> engine.Check:
    protocols: Mapping[str, Literal["http", "https", "tcp"]] = {"HTTP": "http", "HTTPS": "https", "TCP": "tcp"}
    return engine.Check(
        protocol=protocols[check.protocol],
        path=check.path or "/",
        port=None if check.port == target_groups.TRAFFIC_PORT else int(check.port),
        codes=target_groups.codes(check.matcher) if check.matcher else ((200, 200),),
        interval_s=paced(check.interval_s),
        timeout_s=max(LEAST_TIMEOUT_S, paced(check.timeout_s)),
        healthy_threshold=check.healthy_threshold,
        unhealthy_threshold=check.unhealthy_threshold,
    )


def _sticky(group: TargetGroup, paced: Paced) -> engine.Sticky | None:
    if group_value(group, "stickiness.enabled") != "true":
        return None
    kind = group_value(group, "stickiness.type")
    seconds = max(1, round(paced(int(group_value(group, f"stickiness.{kind}.duration_seconds")))))
    if kind == "lb_cookie":
        return engine.Sticky("AWSALB", seconds)
    return engine.Sticky("AWSALBAPP-0", seconds, group_value(group, "stickiness.app_cookie.cookie_name"))


def _http(balancer: LoadBalancer, paced: Paced) -> engine.Http:
    if balancer.kind == "network":
        return engine.Http()  # its listeners say it all

    def get(key: str) -> str:
        return balancer_value(balancer, key)

    modes: Mapping[str, Literal["append", "preserve", "remove"]] = {
        "append": "append",
        "preserve": "preserve",
        "remove": "remove",
    }
    return engine.Http(
        idle_timeout_s=max(LEAST_TIMEOUT_S, paced(int(get("idle_timeout.timeout_seconds")))),
        forwarded_for=modes[get("routing.http.xff_header_processing.mode")],
        client_port=get("routing.http.xff_client_port.enabled") == "true",
        preserve_host=get("routing.http.preserve_host_header.enabled") == "true",
        drop_invalid_headers=get("routing.http.drop_invalid_header_fields.enabled") == "true",
        http2=get("routing.http2.enabled") == "true",
        keep_alive_s=max(LEAST_TIMEOUT_S, paced(int(get("client_keep_alive.seconds")))),
        tls_headers=get("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true",
    )
