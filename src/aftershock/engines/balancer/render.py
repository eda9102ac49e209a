"""A node's spec as HAProxy's configuration, and as the wishes that the node itself reads.  Pure."""

import base64
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from aftershock.engines.balancer import answers
from aftershock.engines.balancer.answers import Files
from aftershock.engines.balancer.backends import Use, backend_lines
from aftershock.engines.balancer.frontends import http_lines, tcp_lines
from aftershock.engines.balancer.quoting import milliseconds
from aftershock.engines.balancer.spec import Backend, Forward, NodeSpec

HEADER_BYTES = 64 << 10  # of a request or an answer, all together
ADDED_BYTES = 4 << 10  # to them, by us
LEAST_ATTEMPT_S = 2.0  # for a connection on a busy host, whose first packet may be lost
FILES_MAX = 40_000  # open at once, two for each connection, if the node may have so many
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
        "check": {**asdict(backend.check), "proxy_protocol": backend.proxy_protocol} if backend.check else None,
        "slow_start_s": backend.slow_start_s if backend.algorithm != "leastconn" else 0,
        "minimum_healthy": backend.minimum_healthy,
        "minimum_healthy_percent": backend.minimum_healthy_percent,
        "cut_drained": backend.cut_drained,
        "cut_unhealthy": backend.cut_unhealthy,
        "proxy_protocol": backend.proxy_protocol,
        "tls": backend.tls,
        "sticky": backend.sticky is not None,
        "servers": [{**asdict(server), "id": server.id} for server in backend.servers],
    }


def render(spec: NodeSpec) -> Rendered:
    """The whole configuration.  `spec` has been checked."""
    files = Files(spec.key)
    parts: list[str | dict[str, str]] = [_lines(_global(spec, files))]
    if not spec.listeners:
        parts.append("frontend idle\n  mode tcp\n  bind /run/haproxy/idle.sock\n")  # HAProxy does not run without any
    for listener in spec.listeners:
        lines = http_lines if listener.mode.endswith("http") else tcp_lines
        parts.append(_lines(lines(spec, listener, files)))
    uses = _uses(spec)
    for backend in spec.backends:
        parts += [
            _lines(backend_lines(spec, backend, uses.get(backend.name, Use()), files)),
            {"servers_of": backend.name},
        ]
    return Rendered(tuple(parts), files.all)


def _uses(spec: NodeSpec) -> dict[str, Use]:
    """What each backend is that a listener forwards to."""
    uses: dict[str, Use] = {}
    for listener in spec.listeners:
        for action in (listener.default, *(rule.action for rule in listener.rules)):
            for share in action.shares if isinstance(action, Forward) else ():
                idle_s = max(listener.idle_timeout_s or 0, uses.get(share.backend, Use()).idle_timeout_s or 0)
                uses[share.backend] = Use("http" if listener.mode.endswith("http") else "tcp", idle_s or None)
    return uses


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _attempt_s(spec: NodeSpec) -> float:
    """AWS: 504 when "the connection timeout expired (10 seconds)", however many targets were tried in them.

    Rounded up: by the last attempt's end all of the time has to be over, or it would be a 502.
    """
    share_s = math.ceil(1000 * spec.connect_timeout_s / (spec.connect_retries + 1)) / 1000
    return max(share_s, min(spec.connect_timeout_s, LEAST_ATTEMPT_S))


def _global(spec: NodeSpec, files: Files) -> Iterator[str]:
    yield "global"
    yield f"  fd-hard-limit {FILES_MAX}"
    yield "  user haproxy"
    yield "  group haproxy"
    yield "  chroot /var/lib/haproxy"
    yield f"  nbthread {max(1, round(spec.place.cpus))}"
    yield f"  tune.bufsize {HEADER_BYTES + ADDED_BYTES}"
    yield f"  tune.maxrewrite {ADDED_BYTES}"
    yield "  ssl-default-bind-options ssl-min-ver TLSv1.2"
    yield "  ssl-server-verify none"
    yield "defaults"
    idle = milliseconds(spec.http.idle_timeout_s)
    yield "  log stdout len 512 format raw local0"  # a pipe that the node's own program reads: see node/requests.py
    for what in ("client", "server", "http-request", "http-keep-alive", "tunnel"):
        yield f"  timeout {what} {idle}"
    yield f"  timeout connect {milliseconds(_attempt_s(spec))}"
    yield f"  retries {spec.connect_retries}"
    yield "  option redispatch 1"
    # What a client asked for who has gone is not waited for.
    yield "  option abortonclose"
    # A client that waits between two requests is not hung up on by a reload; it is told with its next answer.
    yield "  option idle-close-on-response"
    for status in ERRORS:
        yield f"  errorfile {status} {files.add(answers.whole(status), 'http')}"
