"""The console over HTTP: the page's files, the stream of what changes, and acts.  ASGI."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from . import acts, details, guard, plans, stacks
from .api import Api, Unreachable
from .desk import REPORTS, Desk
from .watch import Page, Watch

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 256 * 1024  # a template of 51,200 bytes, written as JSON
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
PRIVATE = "/api/"
LAB = ("run-experiment", "run-story", "stop-run")


class Refused(Exception):
    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status = status


class Console:
    """The ASGI application."""

    def __init__(self, watch: Watch, api: Api, desk: Desk, *, token: str, pace: float) -> None:
        """`api` is a connection of its own, so that a click does not wait for a look."""
        self._desk = desk
        self._watch, self._api, self._token, self._pace = watch, api, token, pace
        self._files = page_files()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        path, method = scope["path"], scope["method"]
        private = path.startswith(PRIVATE)
        if refused := guard.refusal(headers, token=self._token if private else None):
            await _answer(send, refused[0], {"error": refused[1]})
        elif path.startswith(REPORTS):
            await self._report(send, headers, method, path)
        elif not private:
            await self._file(send, method, path)
        elif path == "/api/events" and method == "GET":
            await self._events(receive, send)
        else:
            await self._act(headers, path, method, receive, send)

    async def _file(self, send: Send, method: str, path: str) -> None:
        found = self._files.get("index.html" if path == "/" else path.removeprefix("/"))
        if found is None:
            await _answer(send, 404, {"error": "There is no such page."})
        elif method not in ("GET", "HEAD"):
            await _answer(send, 405, {"error": "Pages are only read."})
        else:
            await _send(send, 200, *found, head=method == "HEAD")

    async def _report(self, send: Send, headers: Mapping[str, str], method: str, path: str) -> None:
        """By an address that only our own page was told; a link of another page leads nowhere even so."""
        own = headers.get("sec-fetch-site", "none") in ("same-origin", "none")
        found = await asyncio.to_thread(self._desk.report, path) if own and method == "GET" else None
        if found is None:
            await _answer(send, 404, {"error": "There is no such report."})
        else:
            await _send(send, 200, "text/html; charset=utf-8", found, headers=guard.REPORT_HEADERS)

    async def _events(self, receive: Receive, send: Send) -> None:
        """Server-sent events, until the page goes."""
        kind = (b"content-type", b"text/event-stream; charset=utf-8")
        await send({"type": "http.response.start", "status": 200, "headers": [kind, *_fixed()]})
        with self._watch.page() as page:
            sending = asyncio.create_task(self._stream(page, send))
            leaving = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                leaving.cancel()

    async def _stream(self, page: Page, send: Send) -> None:
        async for event in self._watch.events(page):
            line = ":\n\n" if event is None else f"data: {json.dumps(event, separators=(',', ':'))}\n\n"
            await send({"type": "http.response.body", "body": line.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _act(self, headers: Mapping[str, str], path: str, method: str, receive: Receive, send: Send) -> None:
        try:
            if method != "POST" or headers.get("content-type", "").partition(";")[0] != "application/json":
                raise Refused(405, "This is asked for by POST, with JSON.")
            asked = _object(await _body(receive))
            answer = await asyncio.to_thread(self._answer, path, asked)
        except Refused as refused:
            await _answer(send, refused.status, {"error": str(refused)})
        except plans.Impossible as error:
            await _answer(send, 409, {"error": str(error)})
        except ClientError as error:
            said = error.response["Error"]
            await _answer(send, 400, {"error": f"{said.get('Code')}: {said.get('Message')}"})
        except Unreachable as error:
            await _answer(send, 503, {"error": str(error)})
        except BotoCoreError as error:
            await _answer(send, 400, {"error": str(error)})
        except Exception:
            log.exception("%s", path)
            await _answer(send, 500, {"error": "The console has met an error of its own; its log says which."})
        else:
            await _answer(send, 200, answer)

    def _answer(self, path: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        given = asked.get("args")
        act, args = str(asked.get("act")), given if isinstance(given, dict) else {}
        match path:
            case "/api/plan" if act in LAB:
                return self._desk.planned(act, args, self._api)
            case "/api/do" if act in LAB:
                return self._desk.do(act, args, self._api)
            case "/api/plan":
                planned = self._planned(act, args, preview=True)
                return {"says": planned.says, "details": planned.details, "commands": plans.shown(planned, self._api)}
            case "/api/do":
                planned = self._planned(act, args, preview=False)
                commands = plans.shown(planned, self._api)
                try:
                    answers = plans.run(planned, self._api)
                finally:
                    self._watch.hurry()
                return {"commands": commands, "answers": details.plain(answers), "again": planned.again}
            case "/api/template":
                return stacks.form(args, self._watch.seen, self._api)
            case "/api/details":
                return self._details(asked)
        raise Refused(404, "There is no such act.")

    def _planned(self, act: str, args: Mapping[str, Any], *, preview: bool) -> plans.Plan:
        if act == stacks.DEPLOY:
            self._desk.require_free()
            return stacks.plan(args, self._watch.seen, self._api, preview=preview)
        return acts.plan(act, args, self._watch.seen)

    def _details(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        kind, thing, part = (str(asked.get(name)) for name in ("kind", "thing", "part"))
        try:
            if part == "metrics":
                found = details.measured(self._api, kind, thing, datetime.now(UTC), self._pace)
            else:
                found = details.ask(self._api, kind, thing, part)
        except KeyError:
            raise Refused(404, f"The console has no {part[:40]} of a {kind[:40]}.") from None
        plain: Mapping[str, Any] = details.plain(found)
        return plain


def page_files() -> dict[str, tuple[str, bytes]]:
    """The page's files with their types, by name; read once."""
    found = {}
    for file in files(__package__).joinpath("files").iterdir():
        suffix = file.name[file.name.rfind(".") :]
        if suffix in TYPES:
            found[file.name] = (f"{TYPES[suffix]}; charset=utf-8", file.read_bytes())
    return found


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _body(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "The request was not whole.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise Refused(413, "The request is too large.")
    return bytes(body)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(found, dict):
        raise Refused(400, "The body is not a JSON object.")
    return found


async def _answer(send: Send, status: int, value: Mapping[str, Any]) -> None:
    await _send(send, status, "application/json", json.dumps(value).encode())


async def _send(
    send: Send,
    status: int,
    kind: str,
    body: bytes,
    *,
    head: bool = False,
    headers: Mapping[str, str] = guard.HEADERS,
) -> None:
    own = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*own, *_fixed(headers)]})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _fixed(headers: Mapping[str, str] = guard.HEADERS) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
