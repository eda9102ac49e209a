"""A node's spec as HAProxy's configuration, and as the wishes that the node itself reads.  Pure."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from aftershock.engines.balancer import pages
from aftershock.engines.balancer.quoting import pattern, quoted, template
from aftershock.engines.balancer.spec import (
    Action,
    Backend,
    Condition,
    Fixed,
    Forward,
    Header,
    Host,
    Listener,
    Method,
    NodeSpec,
    Path,
    Query,
    Redirect,
    Source,
)

FILES = "/run/haproxy/files"  # in the node; below it a directory per content
BUFFER_BYTES = 68 << 10  # holds all headers of a request: 64 KiB of them, and some to add
FILES_MAX = 40_000  # open at once, two for each connection, if the node may have so many
COOKIE_LIFE_S = 7 * 86400  # for browsers; how long a cookie counts is kept in the cookie
GROUP_COOKIE = "AWSALBTG"
OWN = "Server 'awselb/2.0'"
ERRORS = (400, 403, 405, 408, 413, 500, 501, 502, 504)  # that HAProxy answers with by itself, beside 503


@dataclass(frozen=True, slots=True)
class Rendered:
    # Text, and names of backends whose servers stand there: who is in service is for the node to say.
    parts: tuple[str | dict[str, str], ...]
    files: dict[str, str]  # by absolute path in the node


def wanted(spec: NodeSpec) -> dict[str, Any]:
    """What a node is told, as plain values."""
    rendered = render(spec)
    plain = {
        "key": spec.key,
        "parts": list(rendered.parts),
        "files": {
            path: base64.b64encode(text.encode("utf-8", "replace")).decode() for path, text in rendered.files.items()
        },
        "backends": {backend.name: _backend_plan(backend) for backend in spec.backends},
        "ports": [listener.port for listener in spec.listeners],
    }
    return {**plain, "hash": hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:32]}


def _backend_plan(backend: Backend) -> dict[str, Any]:
    return {
        "check": asdict(backend.check) if backend.check else None,
        "slow_start_s": backend.slow_start_s if backend.algorithm != "leastconn" else 0,
        "minimum_healthy": backend.minimum_healthy,
        "tls": backend.tls,
        "sticky": backend.sticky is not None,
        "servers": [asdict(server) for server in backend.servers],
    }


def render(spec: NodeSpec) -> Rendered:
    """The whole configuration.  `spec` has been checked."""
    files = _Files(spec)
    parts: list[str | dict[str, str]] = [_lines(_global(spec, files))]
    if not spec.listeners:
        parts.append("frontend idle\n  mode tcp\n  bind /run/haproxy/idle.sock\n")  # HAProxy does not run without any
    for listener in spec.listeners:
        if listener.mode.endswith("http"):
            parts.append(_lines(_http_frontend(spec, listener, files)))
        else:
            parts.append(_lines(_tcp_frontend(spec, listener, files)))
    modes = _modes(spec)
    for backend in spec.backends:
        mode = modes.get(backend.name, "http")
        parts += [_lines(_backend(spec, backend, mode, files)), {"servers_of": backend.name}]
    return Rendered(tuple(parts), files.all)


class _Files:
    """Files that the configuration names, each under a name that says its content."""

    def __init__(self, spec: NodeSpec) -> None:
        self._salt = spec.key
        self.all: dict[str, str] = {}

    def add(self, text: str, suffix: str) -> str:
        # Salted: a certificate's file name must not betray whether two nodes have the same one.
        name = hashlib.sha256(f"{self._salt}\0{text}".encode("utf-8", "replace")).hexdigest()[:24]
        path = f"{FILES}/{name}.{suffix}"
        self.all[path] = text
        return path


def _modes(spec: NodeSpec) -> dict[str, str]:
    """The mode of each backend that a listener forwards to."""
    modes = {}
    for listener in spec.listeners:
        for action in (listener.default, *(rule.action for rule in listener.rules)):
            if isinstance(action, Forward):
                for share in action.shares:
                    modes[share.backend] = "http" if listener.mode.endswith("http") else "tcp"
    return modes


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _ms(seconds: float) -> str:
    return f"{max(1, round(seconds * 1000))}ms"


def _global(spec: NodeSpec, files: _Files) -> Iterator[str]:
    yield "global"
    yield f"  fd-hard-limit {FILES_MAX}"
    yield "  user haproxy"
    yield "  group haproxy"
    yield "  chroot /var/lib/haproxy"
    yield f"  nbthread {max(1, round(spec.place.cpus))}"
    yield "  tune.bufsize 69632"
    yield "  tune.maxrewrite 4096"
    yield "  ssl-default-bind-options ssl-min-ver TLSv1.2"
    yield "  ssl-server-verify none"
    yield "defaults"
    idle = _ms(spec.http.idle_timeout_s)
    for what in ("client", "server", "http-request", "http-keep-alive", "tunnel"):
        yield f"  timeout {what} {idle}"
    yield f"  timeout connect {_ms(spec.connect_timeout_s)}"
    yield f"  retries {spec.connect_retries}"
    yield "  option redispatch 1"
    # A client that waits between two requests is not hung up on by a reload; it is told with its next answer.
    yield "  option idle-close-on-response"
    for status in ERRORS:
        yield f"  errorfile {status} {files.add(_whole_answer(status), 'http')}"


def _whole_answer(status: int) -> str:
    body = pages.of(status)
    return (
        f"HTTP/1.1 {status} {pages.reason(status)}\r\nServer: awselb/2.0\r\nContent-Type: text/html\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    )


def _page(text: str) -> str:
    # The line ends stand between double quotes, where the configuration knows \r and \n.
    return '"' + text.replace("\r\n", "\\r\\n") + '"'


def _bind(listener: Listener, spec: NodeSpec, files: _Files) -> str:
    words = [f"bind :{listener.port}"]
    if listener.mode.startswith("tls-"):
        words.append("ssl")
        words += [f"crt {files.add(pem, 'pem')}" for pem in listener.certificates]
        if listener.mode == "tls-http":
            words.append("alpn h2,http/1.1" if spec.http.http2 else "alpn http/1.1")
    return " ".join(words)


def _tcp_frontend(spec: NodeSpec, listener: Listener, files: _Files) -> Iterator[str]:
    yield f"frontend p{listener.port}"
    yield "  mode tcp"
    yield f"  {_bind(listener, spec, files)}"
    assert isinstance(listener.default, Forward)
    for share in listener.default.shares:
        yield f"  default_backend b_{share.backend}"


def _http_frontend(spec: NodeSpec, listener: Listener, files: _Files) -> Iterator[str]:
    yield f"frontend p{listener.port}"
    yield "  mode http"
    yield f"  {_bind(listener, spec, files)}"
    yield f"  http-request return status 405 {_own_page(405, files)} if METH_TRACE"
    # Elastic Load Balancing: "463: ... an X-Forwarded-For request header with more than 30 IP addresses".
    yield f"  http-request return status 463 {_own_page(463, files)} if {{ req.hdr_cnt(x-forwarded-for) gt 30 }}"
    yield "  http-request set-var(txn.at) date(0,ms)"
    if spec.http.drop_invalid_headers:
        yield "  http-request del-header '[^A-Za-z0-9-]' -m reg"
    for number, rule in enumerate(listener.rules):
        for index, condition in enumerate(rule.conditions):
            yield f"  acl r{number}_{index} {_condition(condition)}"
    yield "  acl chosen var(txn.backend) -m found"
    for number, rule in enumerate(listener.rules):
        holds = " ".join(["!chosen", *(f"r{number}_{index}" for index in range(len(rule.conditions)))])
        yield from _action(rule.action, holds, f"r{number}", listener, files)
    default = listener.default
    alone = isinstance(default, Forward) and len(default.shares) == 1 and default.sticky_s is None
    if not alone:
        yield from _action(default, "!chosen", "default", listener, files)
    yield from _headers(spec, listener)
    if listener.rules or not alone:
        yield "  use_backend %[var(txn.backend)] if chosen"
    if any(isinstance(a, Forward) and a.sticky_s for a in (default, *(rule.action for rule in listener.rules))):
        yield (
            f"  http-after-response add-header Set-Cookie '{GROUP_COOKIE}=%[var(txn.group)]-%[date]; "
            f"Expires=%[date({COOKIE_LIFE_S}),http_date]; Path=/' if {{ var(txn.group) -m found }}"
        )
    if alone:
        assert isinstance(default, Forward)
        yield f"  default_backend b_{default.shares[0].backend}"


def _own_page(status: int, files: _Files) -> str:
    return f"content-type text/html file {files.add(pages.of(status), 'html')} hdr {OWN}"


def _condition(condition: Condition) -> str:
    def words(fetch: str, patterns: list[str]) -> str:
        return f"{fetch} {' '.join(quoted(f'^{text}$') for text in patterns)}"

    match condition:
        case Host(patterns):
            return words("req.hdr(host),host_only -m reg -i", [pattern(text) for text in patterns])
        case Path(patterns):
            return words("path -m reg", [pattern(text) for text in patterns])
        case Header(name, patterns):
            return words(quoted(f"req.fhdr({name})") + " -m reg -i", [pattern(text) for text in patterns])
        case Method(values):
            return f"method -m str {' '.join(quoted(value) for value in values)}"
        case Source(networks):
            return f"src {' '.join(networks)}"
        case Query(pairs):
            found = []
            for key, value in pairs:
                name = "[^&=]*" if key is None else pattern(key, any_sign="[^&=]")
                optional = "?" if key is None else ""
                found.append(f"(.*&)?({name}=){optional}{pattern(value, any_sign='[^&]')}(&.*)?")
            return words("query -m reg -i", found)


def _action(action: Action, holds: str, label: str, listener: Listener, files: _Files) -> Iterator[str]:
    match action:
        case Forward():
            yield from _forward(action, holds, label, files)
        case Fixed(status, content_type, body):
            content = f"content-type {quoted(content_type)} file {files.add(body, 'body')}" if body else ""
            yield f"  http-request return status {status} {content} hdr {OWN} if {holds}".replace("  hdr", " hdr")
        case Redirect():
            yield from _redirect(action, holds, listener, files)


def _forward(forward: Forward, holds: str, label: str, files: _Files) -> Iterator[str]:
    shares = [share for share in forward.shares if share.weight]
    if not shares:
        yield f"  http-request return status 503 {_own_page(503, files)} if {holds}"
        return
    if len(shares) == 1 and not forward.sticky_s:
        yield f"  http-request set-var(txn.backend) str(b_{shares[0].backend}) if {holds}"
        return
    if forward.sticky_s:
        yield f"  http-request set-var(txn.since) req.cook({GROUP_COOKIE}),field(2,-) if {holds}"
        for share in shares:
            yield (
                f"  http-request set-var(txn.backend) str(b_{share.backend}) if {holds} "
                f"{{ req.cook({GROUP_COOKIE}),field(1,-) -m str {_group(share.backend)} }} "
                f"{{ date,sub(txn.since) -m int lt {forward.sticky_s} }}"
            )
    total = sum(share.weight for share in shares)
    yield f"  http-request set-var(txn.{label}) rand({total}) if {holds}"
    below = 0
    for share in shares:
        below += share.weight
        yield (
            f"  http-request set-var(txn.backend) str(b_{share.backend}) if {holds} "
            f"{{ var(txn.{label}) -m int lt {below} }}"
        )
    if forward.sticky_s:
        ours = holds.replace("!chosen", "chosen")
        for share in shares:
            yield (
                f"  http-request set-var(txn.group) str({_group(share.backend)}) if {ours} "
                f"!{{ var(txn.group) -m found }} {{ var(txn.backend) -m str b_{share.backend} }}"
            )


def _group(backend: str) -> str:
    return hashlib.sha256(f"group {backend}".encode()).hexdigest()[:24]


def _redirect(redirect: Redirect, holds: str, listener: Listener, files: _Files) -> Iterator[str]:
    meanings = {
        "protocol": "https" if listener.mode == "tls-http" else "http",
        "host": "%[req.hdr(host),host_only]",
        "port": str(listener.port),
        "path": "%[path,bytes(1)]",
        "query": "%[query]",
    }
    to = f"{redirect.protocol}://{redirect.host}:{redirect.port}{redirect.path}"
    to = to.replace("#{protocol}", meanings["protocol"])
    ways = [(to, holds)]
    if redirect.query == "#{query}":
        ways = [(f"{to}?#{{query}}", f"{holds} {{ query -m len gt 0 }}"), (to, f"{holds} !{{ query -m len gt 0 }}")]
    elif redirect.query:
        ways = [(f"{to}?{redirect.query}", holds)]
    for location, condition in ways:
        yield (
            f"  http-request return status {redirect.status} {_own_page(redirect.status, files)} "
            f"hdr Location {quoted(template(location, meanings))} if {condition}"
        )


def _headers(spec: NodeSpec, listener: Listener) -> Iterator[str]:
    http = spec.http
    name = "X-Forwarded-For"
    if http.forwarded_for == "remove":
        yield f"  http-request del-header {name}"
    elif http.forwarded_for == "append":
        peer = "%[src]:%[src_port]" if http.client_port else "%[src]"
        # Several headers are one list (RFC 9110 §5.3): then ours is one more of them.
        yield f"  http-request add-header {name} '{peer}' if {{ req.fhdr_cnt({name}) gt 1 }}"
        yield f"  http-request set-header {name} '%[req.fhdr({name})], {peer}' if {{ req.fhdr_cnt({name}) eq 1 }}"
        yield f"  http-request set-header {name} '{peer}' if {{ req.fhdr_cnt({name}) eq 0 }}"
    yield f"  http-request set-header X-Forwarded-Proto {'https' if listener.mode == 'tls-http' else 'http'}"
    yield f"  http-request set-header X-Forwarded-Port {listener.port}"
    # 24 random digits: twelve bytes of three numbers, for a number here has 31 random bits at the most.
    random = "%[rand(16777216),bytes(5,3),hex,lower]" * 4
    fresh = f"1-%[date,bytes(4,4),hex,lower]-{random}"
    trace = "X-Amzn-Trace-Id"
    yield f"  acl traced req.fhdr({trace}) -m found"
    yield f"  acl rooted req.fhdr({trace}) -m reg -i '(^|;) *root='"
    yield f"  http-request set-header {trace} 'Self={fresh};%[req.fhdr({trace})]' if rooted"
    yield f"  http-request set-header {trace} 'Root={fresh};%[req.fhdr({trace})]' if traced !rooted"
    yield f"  http-request set-header {trace} 'Root={fresh}' if !traced"
    usual = 443 if listener.mode == "tls-http" else 80
    if not http.preserve_host and listener.port != usual:
        yield f"  http-request set-header Host '%[req.hdr(host)]:{listener.port}' if !{{ req.hdr(host) -m sub : }}"


_ALGORITHMS = {
    "roundrobin": ("balance roundrobin",),
    "leastconn": ("balance leastconn",),
    "random": ("balance random(1)",),
    "source": ("balance source", "hash-type consistent"),
}


def _backend(spec: NodeSpec, backend: Backend, mode: str, files: _Files) -> Iterator[str]:
    yield f"backend b_{backend.name}"
    if backend.tls:
        yield "  # Its servers speak TLS."  # their lines are the node's, and this is what a change of it is seen by
    yield f"  mode {mode}"
    for line in _ALGORITHMS[backend.algorithm]:
        yield f"  {line}"
    if mode == "http":
        yield from _failures(spec, files)
        if backend.sticky:
            yield from _sticky(spec, backend)


def _failures(spec: NodeSpec, files: _Files) -> Iterator[str]:
    """HAProxy says 503 for all that keeps it from a server.

    AWS tells three cases apart: nobody to ask (503), nobody who takes the connection (502), and nobody who answers
    in time (504).  The latter two differ in how long they took.  The mark is how an answer of ours is known from a
    server's own; nobody else knows it.
    """
    # In a worker that has been replaced, nbsrv is 0 whoever is there.
    nobody = "{ nbsrv eq 0 } !{ stopping }"
    mark, limit = f"{spec.key[:16]}", round(spec.connect_timeout_s * 1000)
    yield (f"  http-request return status 503 {_own_page(503, files)} hdr X-Mark {mark}-none if {nobody}")
    late = f"%[date(0,ms),sub(txn.at),div({limit}),bool,iif({_title(504)},{_title(502)})]"
    told = f"content-type text/html lf-string {_page(pages.page(late))}"
    yield f"  http-error status 503 {told} hdr {OWN} hdr X-Mark {mark}"
    yield f"  acl failed res.hdr(x-mark) -m str {mark}"
    yield f"  acl alone res.hdr(x-mark) -m str {mark}-none"
    yield f"  acl late date(0,ms),sub(txn.at) ge {limit}"
    # The status comes first: it is a number, and almost always another.
    yield f"  http-after-response set-status 503 reason '{pages.reason(503)}' if {{ status 503 }} alone"
    yield f"  http-after-response set-status 504 reason '{pages.reason(504)}' if {{ status 503 }} failed late"
    yield f"  http-after-response set-status 502 reason '{pages.reason(502)}' if {{ status 503 }} failed !late"
    yield "  http-after-response del-header X-Mark if { status 502:504 }"


def _title(status: int) -> str:
    return f"{status} {pages.reason(status)}"


def _sticky(spec: NodeSpec, backend: Backend) -> Iterator[str]:
    sticky = backend.sticky
    assert sticky
    key = hashlib.sha256(f"{spec.key} {backend.name}".encode()).hexdigest()
    kept = "maxlife" if sticky.app_cookie else "maxidle"
    cookie, duration = sticky.cookie, sticky.duration_s
    yield f"  dynamic-cookie-key {key}"
    yield f"  cookie {quoted(cookie)} insert dynamic {kept} {duration}"
    ours = quoted(f"^({pattern(cookie)}=.*)$")
    if sticky.app_cookie:
        yield f"  http-response set-var(txn.app) {quoted(f'res.cook({sticky.app_cookie})')}"
        # As AWS writes it: no request is sent anywhere by this value.
        none = quoted(f"{cookie}=_remove_; path=/".replace("%", "%%"))
        yield f"  http-after-response replace-header Set-Cookie {ours} {none} if !{{ var(txn.app) -m found }}"
        expires = f"%[date({duration}),http_date]"
    else:
        expires = f"%[date({COOKIE_LIFE_S}),http_date]"
    yield f"  http-after-response replace-header Set-Cookie {ours} '\\1; Expires={expires}'"
