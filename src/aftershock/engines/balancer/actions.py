"""What a listener or a rule does with a request, as HAProxy's words."""

import hashlib
from collections.abc import Iterator

from aftershock.engines.balancer import answers
from aftershock.engines.balancer.answers import Files
from aftershock.engines.balancer.quoting import quoted, template
from aftershock.engines.balancer.spec import Action, Fixed, Forward, Listener, Redirect

GROUP_COOKIE = "AWSALBTG"


def action(action: Action, holds: str, label: str, listener: Listener, files: Files) -> Iterator[str]:
    match action:
        case Forward():
            yield from _forward(action, holds, label, files)
        case Fixed(status, content_type, body):
            yield f"  http-request set-var(txn.note) str(fixed) if {holds}"
            content = f"content-type {quoted(content_type)} file {files.add(body, 'body')}" if body else ""
            yield f"  http-request return status {status} {content} hdr {answers.OWN} if {holds}".replace(
                "  hdr", " hdr"
            )
        case Redirect():
            yield from _redirect(action, holds, listener, files)


def _forward(forward: Forward, holds: str, label: str, files: Files) -> Iterator[str]:
    shares = [share for share in forward.shares if share.weight]
    if not shares:
        yield f"  http-request return status 503 {answers.page(503, files)} if {holds}"
        return
    if len(shares) == 1 and not forward.sticky_s:
        yield f"  http-request set-var(txn.backend) str(b_{shares[0].backend}) if {holds}"
        return
    if forward.sticky_s:
        for name in (GROUP_COOKIE, f"{GROUP_COOKIE}CORS"):
            yield f"  http-request set-var(txn.seat) req.cook({name}) if {holds} !{{ var(txn.seat) -m found }}"
        yield f"  http-request set-var(txn.since) var(txn.seat),field(2,-) if {holds}"
        for share in shares:
            yield (
                f"  http-request set-var(txn.backend) str(b_{share.backend}) if {holds} "
                f"{{ var(txn.seat),field(1,-) -m str {_group(share.backend)} }} "
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


def _redirect(redirect: Redirect, holds: str, listener: Listener, files: Files) -> Iterator[str]:
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
    yield f"  http-request set-var(txn.note) str(redirect) if {holds}"
    for location, condition in ways:
        yield (
            f"  http-request return status {redirect.status} {answers.page(redirect.status, files)} "
            f"hdr Location {quoted(template(location, meanings))} if {condition}"
        )
