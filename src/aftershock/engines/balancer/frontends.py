"""Listeners as HAProxy's frontends."""

from collections.abc import Iterator

from aftershock.engines.balancer import answers
from aftershock.engines.balancer.actions import GROUP_COOKIE, action
from aftershock.engines.balancer.answers import Files
from aftershock.engines.balancer.backends import COOKIE_LIFE_S, crossing
from aftershock.engines.balancer.conditions import tests
from aftershock.engines.balancer.quoting import milliseconds
from aftershock.engines.balancer.spec import Forward, Listener, NodeSpec, Tls

LINE_BYTES = 16 << 10  # of a request's target
# One line for each request is what response times are known from.  It costs HAProxy a fifteenth of what the request
# costs, so that a busy listener writes only of some; those that it answers by itself, and errors, it always tells.
BUSY_PER_S = 1000
ONE_OF = 16
LINE = "%pid %f %b %s %ST %Tr %ts %[var(txn.note)]"  # read by node/requests.py
_VERSIONS = {"TLSv1": "TLSv1.0"}  # where HAProxy's names differ from OpenSSL's


def tcp_lines(spec: NodeSpec, listener: Listener, files: Files) -> Iterator[str]:
    yield f"frontend p{listener.port}"
    yield "  mode tcp"
    yield "  no log"
    yield f"  {_bind(listener, spec, files)}"
    if listener.idle_timeout_s:
        yield f"  timeout client {milliseconds(listener.idle_timeout_s)}"
    assert isinstance(listener.default, Forward)
    for share in listener.default.shares:
        yield f"  default_backend b_{share.backend}"


def http_lines(spec: NodeSpec, listener: Listener, files: Files) -> Iterator[str]:
    yield f"frontend p{listener.port}"
    yield "  mode http"
    yield f"  {_bind(listener, spec, files)}"
    yield f'  log-format "{LINE}"'
    yield "  tcp-request session set-var(sess.since) date"
    yield "  tcp-request session set-var(sess.root) uuid(),bytes(24,12)"
    yield from _refusals(files)
    yield "  http-request set-var(txn.at) date(0,ms)"
    if spec.http.drop_invalid_headers:
        yield "  http-request del-header '[^A-Za-z0-9-]' -m reg"
    for number, rule in enumerate(listener.rules):
        for index, condition in enumerate(rule.conditions):
            for test in tests(condition):
                yield f"  acl r{number}_{index} {test}"
    yield "  acl chosen var(txn.backend) -m found"
    for number, rule in enumerate(listener.rules):
        holds = " ".join(["!chosen", *(f"r{number}_{index}" for index in range(len(rule.conditions)))])
        yield from action(rule.action, holds, f"r{number}", listener, files)
    default = listener.default
    alone = isinstance(default, Forward) and len(default.shares) == 1 and default.sticky_s is None
    if not alone:
        yield from action(default, "!chosen", "default", listener, files)
    yield from _headers(spec, listener)
    if listener.rules or not alone:
        yield "  use_backend %[var(txn.backend)] if chosen"
    if any(isinstance(a, Forward) and a.sticky_s for a in (default, *(rule.action for rule in listener.rules))):
        for name, more in ((GROUP_COOKIE, ""), (f"{GROUP_COOKIE}CORS", crossing(listener.mode))):
            yield (
                f"  http-after-response add-header Set-Cookie '{name}=%[var(txn.group)]-%[date]; "
                f"Expires=%[date({COOKIE_LIFE_S}),http_date]; Path=/{more}' if {{ var(txn.group) -m found }}"
            )
    yield f"  http-after-response set-header Connection close if {{ date,sub(sess.since) ge {_seconds(spec)} }}"
    yield f"  acl busy fe_req_rate gt {BUSY_PER_S}"
    yield f"  http-response set-var(txn.note) int({ONE_OF}) if busy {{ rand({ONE_OF}) eq 0 }}"
    yield "  http-response set-log-level silent if busy !{ var(txn.note) -m found }"
    if alone:
        assert isinstance(default, Forward)
        yield f"  default_backend b_{default.shares[0].backend}"


def _seconds(spec: NodeSpec) -> int:
    return max(1, round(spec.http.keep_alive_s))


def _bind(listener: Listener, spec: NodeSpec, files: Files) -> str:
    words = [f"bind :{listener.port}"]
    if listener.mode.startswith("tls-"):
        words.append("ssl")
        words += [f"crt {files.add(pem, 'pem')}" for pem in listener.certificates]
        words += _offer(listener.tls)
        if listener.mode == "tls-http":
            words.append("alpn h2,http/1.1" if spec.http.http2 else "alpn http/1.1")
    return " ".join(words)


def _offer(tls: Tls) -> Iterator[str]:
    versions = [_VERSIONS.get(name, name) for name in sorted(tls.protocols)]
    yield f"ssl-min-ver {versions[0]} ssl-max-ver {versions[-1]}"
    newest = [name for name in tls.ciphers if name.startswith("TLS_")]
    older = [name for name in tls.ciphers if not name.startswith("TLS_")]
    if older:
        # What OpenSSL takes for insecure it does not speak unless it is told to: whoever names it means it.
        yield f"ciphers {':'.join([*older, '@SECLEVEL=0'])}"
    if newest:
        yield f"ciphersuites {':'.join(newest)}"


def _refusals(files: Files) -> Iterator[str]:
    # RFC 9112 §3.2: "A server MUST respond with a 400 ... to any HTTP/1.1 request message that lacks a Host".
    yield f"  http-request return status 400 {answers.page(400, files)} if HTTP_1.1 !{{ req.fhdr_cnt(host) gt 0 }}"
    yield f"  http-request return status 405 {answers.page(405, files)} if METH_TRACE"
    # Elastic Load Balancing: "414: ... the request URL or query string parameters are too large".
    yield f"  http-request return status 414 {answers.page(414, files)} if {{ url,length gt {LINE_BYTES} }}"
    # Elastic Load Balancing: "463: ... an X-Forwarded-For request header with more than 30 IP addresses".
    yield f"  http-request return status 463 {answers.page(463, files)} if {{ req.hdr_cnt(x-forwarded-for) gt 30 }}"


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
        if http.client_port:
            yield f"  http-request set-header {name} '{peer}' if {{ req.fhdr_cnt({name}) eq 0 }}"
        else:
            yield "  option forwardfor if-none"  # comes after the rules, and costs less than one
    yield f"  http-request set-header X-Forwarded-Proto {'https' if listener.mode == 'tls-http' else 'http'}"
    yield f"  http-request set-header X-Forwarded-Port {listener.port}"
    # 24 digits: 12 of the connection, which cost nothing any more, and 12 that are random for each request.
    fresh = f"1-%[date,bytes(4,4),hex,lower]-%[var(sess.root)]{'%[rand(16777216),bytes(5,3),hex,lower]' * 2}"
    trace = "X-Amzn-Trace-Id"
    yield f"  acl traced req.fhdr({trace}) -m found"
    yield f"  acl rooted req.fhdr({trace}) -m reg -i '(^|;) *root='"
    yield f"  http-request set-header {trace} 'Self={fresh};%[req.fhdr({trace})]' if rooted"
    yield f"  http-request set-header {trace} 'Root={fresh};%[req.fhdr({trace})]' if traced !rooted"
    yield f"  http-request add-header {trace} 'Root={fresh}' if !traced"
    if http.tls_headers and listener.mode == "tls-http":
        yield "  http-request set-header X-Amzn-Tls-Version '%[ssl_fc_protocol]'"
        yield "  http-request set-header X-Amzn-Tls-Cipher-Suite '%[ssl_fc_cipher]'"
    usual = 443 if listener.mode == "tls-http" else 80
    if not http.preserve_host and listener.port != usual:
        yield f"  http-request set-header Host '%[req.hdr(host)]:{listener.port}' if !{{ req.hdr(host) -m sub : }}"
