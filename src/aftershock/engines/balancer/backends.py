"""Backends as HAProxy's, but for their servers: those are the node's."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from aftershock.engines.balancer import answers, pages
from aftershock.engines.balancer.answers import Files
from aftershock.engines.balancer.quoting import milliseconds, pattern, quoted
from aftershock.engines.balancer.spec import Backend, Mode, NodeSpec

COOKIE_LIFE_S = 7 * 86400  # for browsers; how long a cookie counts is kept in the cookie


@dataclass(frozen=True, slots=True)
class Use:
    """What listeners make of a backend."""

    mode: Literal["http", "tcp"] = "http"
    idle_timeout_s: float | None = None


_ALGORITHMS = {
    "roundrobin": ("balance roundrobin",),
    "leastconn": ("balance leastconn",),
    "random": ("balance random(1)",),
    "source": ("balance source", "hash-type consistent"),
}


def backend_lines(spec: NodeSpec, backend: Backend, use: Use, files: Files) -> Iterator[str]:
    yield f"backend b_{backend.name}"
    # The servers' lines are the node's.  This is what a change of them is seen by.
    yield f"  # TLS: {backend.tls}, PROXY: {backend.proxy_protocol}"
    yield f"  mode {use.mode}"
    for line in _ALGORITHMS[backend.algorithm]:
        yield f"  {line}"
    if use.idle_timeout_s:
        for what in ("server", "tunnel"):
            yield f"  timeout {what} {milliseconds(use.idle_timeout_s)}"
    if use.mode == "http":
        if backend.sticky:
            yield from _sticky(spec, backend)
        yield from _failures(spec, files)


def crossing(mode: Mode) -> str:
    """What lets a browser send a cookie to us from pages of others."""
    return "; SameSite=None; Secure" if mode == "tls-http" else "; SameSite=None"


def _failures(spec: NodeSpec, files: Files) -> Iterator[str]:
    """HAProxy says 503 for all that keeps it from a server.

    AWS tells three cases apart: nobody to ask (503), nobody who takes the connection (502), and nobody who answers
    in time (504).  The latter two differ in how long they took.  The mark is how an answer of ours is known from a
    server's own; nobody else knows it.
    """
    # In a worker that has been replaced, nbsrv is 0 whoever is there.
    nobody = "{ nbsrv eq 0 } !{ stopping }"
    mark, limit = f"{spec.key[:16]}", round(spec.connect_timeout_s * 1000)
    yield (f"  http-request return status 503 {answers.page(503, files)} hdr X-Mark {mark}-none if {nobody}")
    late = f"%[date(0,ms),sub(txn.at),div({limit}),bool,iif({answers.title(504)},{answers.title(502)})]"
    told = f"content-type text/html lf-string {answers.word(pages.page(late))}"
    yield f"  http-error status 503 {told} hdr {answers.OWN} hdr X-Mark {mark}"
    yield f"  acl failed res.hdr(x-mark) -m str {mark}"
    yield f"  acl alone res.hdr(x-mark) -m str {mark}-none"
    yield f"  acl late date(0,ms),sub(txn.at) ge {limit}"
    # Almost always it is another; then nothing else is looked at.
    yield "  http-after-response allow if !{ status 503 }"
    yield f"  http-after-response set-status 503 reason '{pages.reason(503)}' if alone"
    yield f"  http-after-response set-status 504 reason '{pages.reason(504)}' if failed late"
    yield f"  http-after-response set-status 502 reason '{pages.reason(502)}' if failed !late"
    # HAProxy's log goes on to know the first status.
    yield "  http-after-response set-var(txn.note) str(=504) if failed late"
    yield "  http-after-response set-var(txn.note) str(=502) if failed !late"
    yield "  http-after-response del-header X-Mark if alone or failed"


def _sticky(spec: NodeSpec, backend: Backend) -> Iterator[str]:
    sticky = backend.sticky
    assert sticky
    key = hashlib.sha256(f"{spec.key} {backend.name}".encode()).hexdigest()
    kept = "maxlife" if sticky.app_cookie else "maxidle"
    cookie, duration = sticky.cookie, sticky.duration_s
    yield f"  dynamic-cookie-key {key}"
    yield f"  cookie {quoted(cookie)} insert dynamic {kept} {duration}"
    named = cookie.replace("%", "%%")  # where HAProxy fills something in
    ours = quoted(f"^({pattern(cookie)}=[^;]*);.*$")
    if sticky.app_cookie:
        yield f"  http-response set-var(txn.app) {quoted(f'res.cook({sticky.app_cookie})')}"
        # As AWS writes it: no request is sent anywhere by this value.
        none = quoted(f"{named}=_remove_; path=/")
        yield f"  http-after-response replace-header Set-Cookie {ours} {none} if !{{ var(txn.app) -m found }}"
        expires = f"%[date({duration}),http_date]"
    else:
        expires = f"%[date({COOKIE_LIFE_S}),http_date]"
        # Elastic Load Balancing: "AWSALBCORS ... includes the same information as the original stickiness cookie".
        only = f"!{{ {quoted(f'req.cook({cookie})')} -m found }} {{ {quoted(f'req.cook({cookie}CORS)')} -m found }}"
        back = quoted(f"{named}=%[req.cook({cookie}CORS)]; \\1")
        yield f"  http-request replace-header Cookie ^(.*)$ {back} if {only}"
        value, given = f"%[res.cook({cookie})]", quoted(f"res.cook({cookie})")
        for secure, when in (("", "!{ ssl_fc }"), ("; Secure", "{ ssl_fc }")):
            twin = quoted(f"{named}CORS={value}; Expires={expires}; Path=/; SameSite=None{secure}")
            yield f"  http-after-response add-header Set-Cookie {twin} if {{ {given} -m found }} {when}"
    yield f"  http-after-response replace-header Set-Cookie {ours} '\\1; Expires={expires}; Path=/'"
