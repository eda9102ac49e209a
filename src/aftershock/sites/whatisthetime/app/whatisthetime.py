#!/usr/bin/python3
"""WhatIsTheTime.com: tells the time, and which machine it was that told it.

It needs nothing but the Python of Debian's cloud image.  What it says of the machine comes from the instance metadata
service, version 2.  SIGTERM ends it after the requests at hand are answered.

    /             a page, or the same as JSON to whoever asks for `Accept: application/json`
    /health       200 "ok" while it takes requests
"""

import http.client
import json
import signal
import socket
import socketserver
import sys
import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler

METADATA = "169.254.169.254"
METADATA_TIMEOUT_S = 1.0
TOKEN_TTL_S = 21600
# An Elastic IP may come and go while we run; nothing tells us but asking again.
KNOWN_FOR_S = 1.0
FACTS = {
    "instance": "instance-id",
    "type": "instance-type",
    "zone": "placement/availability-zone",
    "private_address": "local-ipv4",
    "public_address": "public-ipv4",
}
PAGE = """<!doctype html>
<html lang="en"><title>What is the time?</title>
<style>body {{ font: 1.2rem system-ui, sans-serif; margin: 15vh auto; max-width: 40rem; text-align: center }}
time {{ font-size: 5rem; font-variant-numeric: tabular-nums }} table {{ margin: 2rem auto; text-align: left }}
th {{ font-weight: normal; color: #777; padding-right: 1rem }}</style>
<time datetime="{time}">{clock}</time>
<table>
{rows}
</table>
</html>
"""


class Machine:
    """What the metadata service says of this machine, asked again when older than `KNOWN_FOR_S`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: dict[str, str | None] = {}
        self._asked = float("-inf")

    def facts(self) -> dict[str, str | None]:
        with self._lock:
            if time.monotonic() - self._asked > KNOWN_FOR_S:
                try:
                    self._facts = ask_metadata()
                except OSError as error:  # the time is known without it
                    print(f"metadata: {error}", file=sys.stderr, flush=True)
                self._asked = time.monotonic()
            return self._facts


def ask_metadata() -> dict[str, str | None]:
    connection = http.client.HTTPConnection(METADATA, timeout=METADATA_TIMEOUT_S)
    try:
        token = _get(connection, "PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_TTL_S)})
        headers = {"X-aws-ec2-metadata-token": token or ""}
        return {name: _get(connection, "GET", f"meta-data/{path}", headers) for name, path in FACTS.items()}
    except http.client.HTTPException as error:
        raise OSError(f"not understood: {error!r}") from error
    finally:
        connection.close()


def _get(connection: http.client.HTTPConnection, method: str, path: str, headers: dict[str, str]) -> str | None:
    connection.request(method, f"/latest/{path}", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    return text if answer.status == 200 else None  # 404: there is no such thing, a public address for example


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False  # closing waits for the requests at hand
    request_queue_size = 1024

    def __init__(self, port: int) -> None:
        super().__init__(("", port), Handler)
        self.machine = Machine()
        self.ending = False
        self.connections: set[socket.socket] = set()

    def end(self, *_: object) -> None:
        self.ending = True
        # It waits for serve_forever, which this signal has interrupted in this very thread.
        threading.Thread(target=self.shutdown).start()
        self.socket.shutdown(socket.SHUT_RD)  # wakes it up

    def server_close(self) -> None:
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RD)  # what has arrived is still read; who says nothing is let go
            except OSError:
                continue  # gone by itself
        super().server_close()


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "WhatIsTheTime"
    timeout = 30  # seconds that a connection may idle

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        match self.path.split("?")[0]:
            case "/":
                facts = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **self.server.machine.facts()}
                if "application/json" in self.headers.get("Accept", ""):
                    self._answer(200, "application/json", json.dumps(facts) + "\n")
                else:
                    self._answer(200, "text/html; charset=utf-8", page(facts))
            case "/health":
                self._answer(200, "text/plain; charset=utf-8", "ok\n")
            case _:
                self._answer(404, "text/plain; charset=utf-8", "There is only the time here.\n")

    do_HEAD = do_GET

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.server.ending:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        print(f"{self.address_string()} {format % args}", flush=True)


def page(facts: dict[str, str | None]) -> str:
    time_now = facts["time"] or ""
    rows = "\n".join(
        f"<tr><th>{escape(name.replace('_', ' '))}<td>{escape(value)}"
        for name, value in facts.items()
        if name != "time" and value
    )
    return PAGE.format(time=time_now, clock=time_now[11:19], rows=rows)


def main() -> None:
    server = Server(int(sys.argv[1]) if len(sys.argv) > 1 else 80)
    signal.signal(signal.SIGTERM, server.end)
    print(f"serving on port {server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=60)  # seconds, for nothing: a hundred idle sites should cost nothing
    server.server_close()


if __name__ == "__main__":
    main()
