"""What a balancer node should be, and what one was seen to be.  No I/O."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from aftershock.engines.errors import EngineError
from aftershock.engines.images.tree import require_name

Mode = Literal["http", "tls-http", "tcp", "tls-tcp"]
STATUS_CODES = range(200, 600)
HEADER_CODES = "0-9A-Za-z!#$%&*+.^_`|~-"  # RFC 9110 §5.6.2, but for the quote, which HAProxy's arguments end at
PROTOCOLS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
TEMPLATE = re.compile(r"#\{(protocol|host|port|path|query)\}")


# Conditions: each holds if any of its values does.  In patterns `*` is any number of signs, and `?` is one.  Regular
# expressions are PCRE's, mind the case, and may hold anywhere in the text.


@dataclass(frozen=True, slots=True)
class Host:
    patterns: tuple[str, ...] = ()  # whatever the case
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    patterns: tuple[str, ...] = ()  # of the path alone, without the query
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    patterns: tuple[str, ...] = ()  # whatever the case
    regexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    pairs: tuple[tuple[str | None, str], ...]  # key and value, both patterns; any key for None; whatever the case


@dataclass(frozen=True, slots=True)
class Source:
    networks: tuple[str, ...]  # of the connection's peer


Condition = Host | Path | Header | Method | Query | Source


# Actions


@dataclass(frozen=True, slots=True)
class Share:
    backend: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Forward:
    shares: tuple[Share, ...]
    sticky_s: int | None = None  # how long a client stays with the backend that was chosen for it


@dataclass(frozen=True, slots=True)
class Redirect:
    """Every part may hold #{protocol}, #{host}, #{port}, #{path} (without its slash) and #{query}."""

    status: Literal[301, 302]
    protocol: str = "#{protocol}"
    host: str = "#{host}"
    port: str = "#{port}"
    path: str = "/#{path}"
    query: str = "#{query}"


@dataclass(frozen=True, slots=True)
class Fixed:
    status: int
    content_type: str = "text/plain"
    body: str = ""


Action = Forward | Redirect | Fixed


@dataclass(frozen=True, slots=True)
class Rule:
    conditions: tuple[Condition, ...]  # all of them must hold
    action: Action


@dataclass(frozen=True, slots=True)
class Tls:
    """What is offered to clients, which must choose of it; the earlier a cipher stands, the better it is liked."""

    protocols: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")  # without a gap; "TLSv1" and "TLSv1.1" are the others
    ciphers: tuple[str, ...] = ()  # OpenSSL's names; those of TLS 1.3 begin with TLS_; none: OpenSSL's own choice


@dataclass(frozen=True, slots=True)
class Listener:
    port: int
    mode: Mode
    default: Action
    rules: tuple[Rule, ...] = ()  # the first that holds counts
    certificates: tuple[str, ...] = ()  # PEM: chain and key in one; the first is for names that no other has
    tls: Tls = field(default_factory=Tls)  # counts where the mode is one of TLS
    idle_timeout_s: float | None = None  # in tcp modes; None: as the node's `http` says


@dataclass(frozen=True, slots=True)
class Check:
    protocol: Literal["http", "https", "tcp"] = "http"
    path: str = "/"
    port: int | None = None  # without one, the server's
    codes: tuple[tuple[int, int], ...] = ((200, 200),)  # ranges that include both ends
    interval_s: float = 30.0
    timeout_s: float = 5.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    port: int
    drain_until: float | None = None  # Unix time at which open requests are cut off; None while it is in service

    @property
    def id(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sticky:
    cookie: str  # ours; without an `app_cookie` there is a twin, <cookie>CORS, with SameSite=None
    duration_s: int
    app_cookie: str | None = None  # ours is set only together with this one of the server's


@dataclass(frozen=True, slots=True)
class Backend:
    name: str
    servers: tuple[Server, ...] = ()
    algorithm: Literal["roundrobin", "leastconn", "random", "source"] = "roundrobin"
    tls: bool = False  # to the servers
    check: Check | None = field(default_factory=Check)  # None: every server counts as healthy
    slow_start_s: float = 0.0
    sticky: Sticky | None = None
    minimum_healthy: int = 1  # with fewer than that, all servers get requests
    minimum_healthy_percent: float = 0.0  # of the servers that do not drain; likewise
    cut_drained: bool = True  # end what is open when a drain is over, or a server is gone; else it may go on
    cut_unhealthy: bool = False  # end what is open to a server that becomes unhealthy
    proxy_protocol: bool = False  # servers and their checks are told the peer in a header of version 2


@dataclass(frozen=True, slots=True)
class Http:
    idle_timeout_s: float = 60.0
    forwarded_for: Literal["append", "preserve", "remove"] = "append"
    client_port: bool = False  # in X-Forwarded-For
    preserve_host: bool = False
    drop_invalid_headers: bool = False
    http2: bool = True
    keep_alive_s: float = 3600.0  # a connection that is older is closed after its next answer
    tls_headers: bool = False  # X-Amzn-Tls-Version and -Cipher-Suite


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node lives."""

    netns: str
    hostname: str
    cpus: float = 1.0
    memory_mib: int = 512


@dataclass(frozen=True, slots=True)
class NodeSpec:
    name: str
    place: Place
    key: str  # secret; cookies of nodes with the same key are understood by each other
    listeners: tuple[Listener, ...] = ()
    backends: tuple[Backend, ...] = ()
    http: Http = field(default_factory=Http)
    connect_timeout_s: float = 10.0  # for all attempts together
    connect_retries: int = 2  # on other servers; no request has been sent by then


# What was seen


@dataclass(frozen=True, slots=True)
class Target:
    """A server as the node's own checks see it."""

    backend: str
    server: str  # Server.id
    state: Literal["initial", "healthy", "unhealthy", "draining"]
    fault: Literal["", "code", "timeout", "failed"]  # why the last check was not passed
    code: int | None  # the last status code that a check was answered with
    in_flight: int  # requests, or connections in tcp mode


@dataclass(frozen=True, slots=True)
class Observed:
    name: str
    applied: str  # `wanted_hash` of what it does now
    problem: str  # why what is wanted is not what it does; empty if it is
    ports: frozenset[int]  # on which HAProxy itself says that it listens
    targets: tuple[Target, ...]
    # By "listener/<port>", "backend/<name>" and "server/<backend>/<Server.id>", all since `since`.  They never go back.
    counters: dict[str, dict[str, int]]
    # How long servers took from the end of a request to the beginning of their answer, by "backend/..." and
    # "server/...": in ms, to two digits, and how many took that long.
    times: dict[str, dict[int, int]] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)  # connections now, by "listener/..." and "server/..."
    since: float = 0.0  # the Unix time of the node's start


# Checking


def check(spec: NodeSpec) -> None:
    """Refuse what cannot be meant.

    Raises:
        EngineError: always not retryable; the message names the value.
    """
    for problem in _problems(spec):
        raise EngineError(f"balancer {spec.name}: {problem}", retryable=False)


def _problems(spec: NodeSpec) -> Iterator[str]:
    require_name(spec.name)
    if not re.fullmatch(r"[0-9a-f]{16,64}", spec.key):
        yield "its key is no hexadecimal number of 16 to 64 digits"
    names = [backend.name for backend in spec.backends]
    if len(set(names)) != len(names):
        yield "two backends have the same name"
    ports = [listener.port for listener in spec.listeners]
    if len(set(ports)) != len(ports):
        yield "two listeners have the same port"
    if spec.http.keep_alive_s <= 0:
        yield f"connections that are kept for {spec.http.keep_alive_s} s"
    for backend in spec.backends:
        yield from _backend_problems(backend)
    for listener in spec.listeners:
        yield from _listener_problems(listener, set(names))


def _backend_problems(backend: Backend) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", backend.name):
        yield f"{backend.name!r} cannot be a backend's name"
    ids = [server.id for server in backend.servers]
    if len(set(ids)) != len(ids):
        yield f"backend {backend.name} has the same server twice"
    for server in backend.servers:
        if not _is_address(server.address) or not 0 < server.port < 65536:
            yield f"{server.id!r} cannot be a server"
    if not 0 <= backend.minimum_healthy_percent <= 100:
        yield f"backend {backend.name}: {backend.minimum_healthy_percent} % healthy"
    if backend.sticky:
        for cookie in (backend.sticky.cookie, backend.sticky.app_cookie):
            if cookie is not None and not re.fullmatch(rf"[{HEADER_CODES}]{{1,256}}", cookie):
                yield f"{cookie!r} cannot be a cookie's name"
        if backend.sticky.duration_s <= 0:
            yield f"backend {backend.name}: stickiness for {backend.sticky.duration_s} s"
    if (checked := backend.check) is not None:
        if not re.fullmatch(r"/[!-~]{0,1023}", checked.path):
            yield f"{checked.path!r} cannot be a path to check"
        if min(checked.interval_s, checked.timeout_s, checked.healthy_threshold, checked.unhealthy_threshold) <= 0:
            yield f"backend {backend.name}: an interval, time limit or threshold that is not positive"


def _listener_problems(listener: Listener, backends: set[str]) -> Iterator[str]:
    here = f"listener {listener.port}"
    if not 0 < listener.port < 65536:
        yield f"{here}: no such port"
    if listener.mode.startswith("tls-") != bool(listener.certificates):
        yield f"{here}: certificates belong to TLS, and TLS needs one"
    protocols = [PROTOCOLS.index(name) for name in listener.tls.protocols if name in PROTOCOLS]
    if not protocols or sorted(protocols) != [*range(min(protocols), min(protocols) + len(listener.tls.protocols))]:
        yield f"{here}: {listener.tls.protocols!r} are no versions of TLS without a gap"
    for cipher in listener.tls.ciphers:
        if not re.fullmatch(r"[A-Z0-9][A-Za-z0-9_-]{0,63}", cipher):
            yield f"{here}: {cipher!r} cannot be a cipher"
    is_http = listener.mode.endswith("http")
    if listener.idle_timeout_s is not None and (is_http or listener.idle_timeout_s <= 0):
        yield f"{here}: an idle timeout of its own belongs to tcp, and is more than nothing"
    if not is_http and (
        listener.rules or not isinstance(listener.default, Forward) or len(listener.default.shares) > 1
    ):
        yield f"{here}: tcp is forwarded to one backend"
    for action in (listener.default, *(rule.action for rule in listener.rules)):
        for problem in _action_problems(action, backends):
            yield f"{here}: {problem}"
    for condition in (condition for rule in listener.rules for condition in rule.conditions):
        for problem in _condition_problems(condition):
            yield f"{here}: {problem}"


def _action_problems(action: Action, backends: set[str]) -> Iterator[str]:
    match action:
        case Forward(shares, sticky_s):
            if unknown := {share.backend for share in shares} - backends:
                yield f"there is no backend {sorted(unknown)}"
            if any(not 0 <= share.weight <= 999 for share in shares) or (sticky_s is not None and sticky_s <= 0):
                yield "a weight or a duration is out of range"
        case Redirect(status, protocol, host, port, path, query):
            if status not in (301, 302):
                yield f"{status} is no status of a redirect"
            for part in (protocol, host, port, path, query):
                # What stands in a header: visible ASCII.  Other signs are percent-encoded by whoever means them.
                if not re.fullmatch(r"[!-~]{0,256}", part):
                    yield f"{part!r} cannot be a part of a redirect"
        case Fixed(status, content_type, body):
            if status not in STATUS_CODES:
                yield f"{status} is no status of an answer"
            if not re.fullmatch(r"[a-z0-9.+-]+/[a-z0-9.+-]+", content_type):
                yield f"{content_type!r} cannot be a content type"
            if len(body.encode("utf-8", "replace")) > 16384:
                yield "the body of a fixed answer is too long"


def _condition_problems(condition: Condition) -> Iterator[str]:
    match condition:
        case Method(texts) | Source(texts):
            pass
        case Host(patterns, regexes) | Path(patterns, regexes):
            texts = patterns + regexes
        case Header(name, patterns, regexes):
            texts = patterns + regexes
            if not re.fullmatch(rf"[{HEADER_CODES}]{{1,256}}", name):
                yield f"{name!r} cannot be a header's name"
        case Query(pairs):
            texts = tuple(text for key, value in pairs for text in (key or "", value))
    if not texts:
        yield "a condition without a value never holds"
    if any("\0" in text or len(text) > 1024 for text in texts):
        yield f"{texts!r} cannot be a condition's values"
    for regex in condition.regexes if isinstance(condition, Host | Path | Header) else ():
        if problem := regex_problem(regex):
            yield f"{regex!r} cannot be a regular expression: {problem}"
    if isinstance(condition, Source) and not all(_is_network(text) for text in texts):
        yield f"{texts!r} are no networks"
    if isinstance(condition, Method) and not all(re.fullmatch(r"[A-Za-z_-]{1,40}", text) for text in texts):
        yield f"{texts!r} are no methods"


def regex_problem(text: str) -> str:
    """Why it is none; empty if it is one.  HAProxy has the last word, when the node is told."""
    if not re.fullmatch(r"[ -~]{1,1024}", text):
        return "it has signs that are not printable ASCII, or none at all"
    try:
        re.compile(text)
    except re.error as error:
        return str(error)
    return ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True
