"""One request's way: route, verify, parse, run the operation in a transaction, answer in the client's protocol."""

import json
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from botocore.model import OperationModel, StructureShape

from aftershock import wire
from aftershock.aws.call import Call, Operation, Principal
from aftershock.aws.errors import AwsError
from aftershock.aws.ids import new_id
from aftershock.clock import Clock
from aftershock.store import Store
from aftershock.wire import ErrorContext, HttpRequest, HttpResponse, Models, Proven, Secret, Stream

from . import http
from .door import Act, Authenticate, Badge, Credential, Data, Link
from .refusals import not_here
from .sites import Site, Visit
from .uploads import upload

log = logging.getLogger(__name__)
V = TypeVar("V")

OWN_PATH = "/_aftershock/"  # the region's own acts; no AWS service answers below it
OWN_SERVICE = "aftershock"  # what requests for them are signed for
HEALTH = "health"  # asked for many times a second while a region comes up, and not worth a line each
UNKNOWN = ErrorContext("query")
OWN = ErrorContext("json")


@dataclass(slots=True)
class _Request:
    """What is known so far of a request, for its answer and its line in the log."""

    id: str
    context: ErrorContext = UNKNOWN
    service: str = "-"
    operation: str = "-"
    caller: str = "-"


class Gateway:
    """The ASGI application behind the API door."""

    def __init__(
        self,
        *,
        store: Store,
        models: Models,
        services: Mapping[str, Mapping[str, Operation]],
        authenticate: Authenticate,
        clock: Clock,
        region: str,
        health: Callable[[], Mapping[str, Any]],
        acts: Mapping[str, Act],
        data: Mapping[str, Data] | None = None,
        badges: Mapping[str, Badge] | None = None,
        links: Mapping[str, Link] | None = None,
        sites: Sequence[Site] = (),
    ) -> None:
        """`data` are the services that move bodies of any size, `badges` known by their schemes, `links` by how the
        paths begin that are written to by PUT; `sites` answer in protocols of their own."""
        self._sites = tuple(sites)
        self._data, self._badges, self._links = dict(data or {}), dict(badges or {}), dict(links or {})
        self._store, self._models, self._services = store, models, services
        self._authenticate, self._clock, self._region = authenticate, clock, region
        self._health, self._acts = health, acts

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        if scope["type"] != "http":
            return  # lifespan and websockets: nothing of ours
        began = time.monotonic()
        known = _Request(id=str(uuid.uuid4()))
        request = http.head(scope)
        try:
            response, outcome = await self._answer(request, receive, known)
        except http.ClientGoneError:
            return
        try:
            await http.write(send, response, bodiless=request.method == "HEAD")
        finally:
            if isinstance(response.body, Stream):
                response.body.close()
        log.log(
            logging.DEBUG if known.operation == HEALTH else logging.INFO,
            "%s %s caller=%s %s %.1fms %s",
            known.service,
            known.operation,
            known.caller,
            outcome,
            (time.monotonic() - began) * 1000,
            known.id,
        )

    async def _answer(self, request: HttpRequest, receive: http.Receive, known: _Request) -> tuple[HttpResponse, str]:
        """The answer, and in one word how it went.  This is the outermost frame: whatever happens, it answers.

        Raises:
            ClientGoneError: there is nobody to answer.
        """
        try:
            if site := next((site for site in self._sites if site.serves(request)), None):
                return await self._visit(site, request, receive, known)
            if stream := wire.expects_stream(request, self._models, self._services.keys()):
                known.context = stream
                return await self._upload(request, receive, known), "ok"
            request = replace(request, body=await http.whole(receive))
            if request.path.startswith(OWN_PATH):
                return await self._own(request, known), "ok"
            if link := self._link(request):
                return self._follow(link, request, known), "ok"
            return await self._aws(request, known), "ok"
        except http.ClientGoneError:
            raise
        except http.BodyTooLargeError:
            return HttpResponse(413, {"Connection": "close"}, b""), "RequestEntityTooLarge"
        except AwsError as error:
            if error.context:
                log.info("%s: %s", known.id, error.context)
            return self._refuse(request, known, error), error.code
        except sqlite3.OperationalError as error:
            # Most often the disk is full.  Nothing was written: the transaction was rolled back.
            log.exception("%s: the records could not be written", known.id)
            message = f"The region cannot write its records ({error}); nothing was changed. Is its disk full?"
            return self._refuse(request, known, AwsError("ServiceUnavailable", message, status=503)), "unavailable"
        except Exception:
            log.exception("%s failed", known.id)
            message = f"An internal error has occurred; the region's log names it under {known.id}."
            return self._refuse(request, known, AwsError("InternalFailure", message, status=500)), "InternalFailure"

    async def _aws(self, request: HttpRequest, known: _Request) -> HttpResponse:
        known.context = wire.error_context(request, self._models, self._services.keys())
        if known.context.service is None:
            wire.route(request, self._services.keys(), self._models)  # raises, saying why it cannot be told
        assert known.context.service is not None
        known.service = known.context.service.service_name
        principal = self._by_badge(request, known)
        principal = principal or self._verify(request, known, wire.signing_name(known.context.service))
        parsed = wire.parse(request, self._models, self._services.keys(), known.context)
        operation = self._operation(parsed, known)
        if data := self._data.get(parsed.service):
            params = await data.prepare(self._store.snapshot, parsed.operation.name, parsed.params)
            parsed = replace(parsed, params=dict(params))
        return self._run(operation, parsed, principal, known)

    async def _visit(
        self, site: Site, request: HttpRequest, receive: http.Receive, known: _Request
    ) -> tuple[HttpResponse, str]:
        known.service, known.operation = site.name, request.method
        now = self._clock.now()

        @contextmanager
        def transaction(principal: Principal) -> Iterator[Call]:
            known.caller = principal.arn
            with self._store.transaction() as tx:
                yield Call(principal=principal, region=self._region, request_id=known.id, now=now, tx=tx, new_id=new_id)

        answer = await site.answer(Visit(request, now, self._store.snapshot, transaction, http.pieces(receive)))
        return HttpResponse(answer.status, dict(answer.headers), answer.body), str(answer.status)

    async def _upload(self, request: HttpRequest, receive: http.Receive, known: _Request) -> HttpResponse:
        """An operation whose body goes to the disk as it comes; before that, all is checked that can be."""
        assert known.context.service is not None
        known.service = known.context.service.service_name
        try:
            proven, principal = self._verify_head(request, known, wire.signing_name(known.context.service))
            payload = proven.payload(request)
            headers = wire.without_chunks(request.headers)
            plain = replace(request, headers=headers)
            parsed = wire.parse(plain, self._models, self._services.keys(), known.context)
            operation = self._operation(parsed, known)
            with self._store.snapshot() as tx:
                intake = self._data[parsed.service].receive(tx, parsed.operation.name, parsed.params, request.headers)
        except AwsError as error:
            if "expect" in request.headers:  # the client was not told to go on, and does not send what it announced
                error.headers["Connection"] = "close"
            raise
        kept = False
        try:
            body, trailers = await upload(http.pieces(receive), payload, intake)
            plain = replace(plain, headers=headers | trailers)
            parsed = wire.parse(plain, self._models, self._services.keys(), known.context)
            assert parsed.operation.input_shape is not None
            parsed.params[parsed.operation.input_shape.serialization["payload"]] = body
            response = self._run(operation, parsed, principal, known)
            kept = True
        finally:
            intake.close(kept=kept)
        return response

    def _operation(self, parsed: wire.Request, known: _Request) -> Operation:
        known.operation = parsed.operation.name
        operation = self._services[parsed.service].get(parsed.operation.name)
        if operation is None:
            raise not_here(parsed.operation, parsed.protocol)
        return operation

    def _run(self, operation: Operation, parsed: wire.Request, principal: Principal, known: _Request) -> HttpResponse:
        now = self._clock.now()
        with self._store.transaction() as tx:
            call = Call(principal=principal, region=self._region, request_id=known.id, now=now, tx=tx, new_id=new_id)
            result = operation(call, parsed.params)
            _refuse_dry_run(parsed.operation, parsed.params)
        return wire.serialize(parsed, result, known.id, now)

    def _link(self, request: HttpRequest) -> Link | None:
        found = (link for start, link in self._links.items() if request.path.startswith(start))
        return next(found, None) if request.method == "PUT" else None

    def _follow(self, link: Link, request: HttpRequest, known: _Request) -> HttpResponse:
        known.operation = "link"
        nobody = Principal(account="", arn="", user_id="", access_key_id="")
        with self._store.transaction() as tx:
            now = self._clock.now()
            call = Call(principal=nobody, region=self._region, request_id=known.id, now=now, tx=tx, new_id=new_id)
            link(call, request.path, request.query, request.body)
        return HttpResponse(200, {}, b"")

    def _by_badge(self, request: HttpRequest, known: _Request) -> Principal | None:
        """Who shows a badge; None if the request has none, and so a signature or nothing."""
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        badge = self._badges.get(scheme)
        if badge is None:
            return None
        operation = known.context.operation
        if known.service != badge.service or operation is None or operation.name not in badge.operations:
            allowed = ", ".join(sorted(badge.operations))
            raise AwsError("AccessDenied", f"{scheme} is good for {allowed} of {badge.service} only.", status=403)
        with self._store.snapshot() as tx:
            principal = badge.shown_by(tx, shown)
        if principal is None:
            raise AwsError("AccessDenied", f"What was shown by {scheme} is nobody's in this region.", status=403)
        known.caller = principal.arn
        return principal

    def _verify(self, request: HttpRequest, known: _Request, signed_for: str) -> Principal:
        return self._proven(wire.verify, request, known, signed_for)[1]

    def _verify_head(self, request: HttpRequest, known: _Request, signed_for: str) -> tuple[Proven, Principal]:
        return self._proven(partial(wire.verify_head, body_follows=True), request, known, signed_for)

    def _proven(
        self, verify: Callable[..., V], request: HttpRequest, known: _Request, signed_for: str
    ) -> tuple[V, Principal]:
        """What `verify` says, and who is proven by it."""
        found: list[Credential] = []
        now = self._clock.now()

        def secret_of(access_key_id: str) -> Secret | None:
            with self._store.snapshot() as tx:
                credential = self._authenticate(tx, access_key_id, now)
            if credential is None:
                return None
            found.append(credential)
            return credential.secret

        proven = verify(
            request,
            secret_of=secret_of,
            now=now,
            family=known.context.family,
            signing_names=(signed_for,),
            region="" if signed_for in wire.SAME_EVERYWHERE else self._region,
        )
        known.caller = found[0].principal.arn
        return proven, found[0].principal

    async def _own(self, request: HttpRequest, known: _Request) -> HttpResponse:
        """The region's own paths: health for everybody, acts for those who sign."""
        known.service, known.context = OWN_SERVICE, OWN
        name = request.path.removeprefix(OWN_PATH)
        if name == HEALTH and request.method in ("GET", "HEAD"):
            known.operation = HEALTH
            return _json(self._health())
        if name not in self._acts:
            raise AwsError("UnknownOperationException", f"The region has no act {name[:80]!r}.", status=404)
        if request.method != "POST":
            raise AwsError("ValidationException", f"{name} is asked for by POST.", status=405)
        self._verify(request, known, OWN_SERVICE)
        known.operation = name
        try:
            asked = json.loads(request.body or b"{}")
        except ValueError:
            raise AwsError("SerializationException", "The body is not JSON.") from None
        if not isinstance(asked, dict):
            raise AwsError("SerializationException", "The body is not a JSON object.")
        return _json(await self._acts[name](asked))

    def _refuse(self, request: HttpRequest, known: _Request, error: AwsError) -> HttpResponse:
        return wire.serialize_error(
            error,
            protocol=known.context.protocol,
            operation=known.context.operation,
            service=known.context.service,
            request_id=known.id,
            now=self._clock.now(),
            method=request.method,
            path=request.path,
        )


def _refuse_dry_run(operation: OperationModel, params: Mapping[str, Any]) -> None:
    """EC2's DryRun: all was checked as for a real request; raising here takes its effects back."""
    shape = operation.input_shape
    if isinstance(shape, StructureShape) and "DryRun" in shape.members and params.get("DryRun"):
        raise AwsError("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)


def _json(value: Mapping[str, Any]) -> HttpResponse:
    return HttpResponse(200, {"Content-Type": "application/json"}, json.dumps(value).encode())
