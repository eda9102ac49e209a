"""Asking the AWS API cheaply, over and over: one kept connection, and no parsing of what is as it was.

botocore writes, signs and parses.  What it cannot do is to skip the parsing, which is most of the cost of a poll: here
an answer with the same bytes as the last one of its question is the last one.
"""

import hashlib
import http.client
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import create_request_object, prepare_request_dict
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

Params = Mapping[str, Any]
Answer = dict[str, Any]

# What is another in every answer; with it no two would be the same.
REQUEST_ID = re.compile(rb"<(requestId|RequestId)>[^<]*</")
MOST_REMEMBERED = 200
# Hosts of services with one endpoint for the world; their scope in a signature.
REGION = "us-east-1"


class Key(Protocol):
    """Tells the account's key; asked anew where the last one is refused, since a reset may have made another."""

    def __call__(self) -> tuple[str, str]: ...


class Unreachable(OSError):
    """Nobody answers at the API's endpoint."""


class Api:
    """One connection to the API.  Threads wait for one another."""

    def __init__(self, endpoint: str, key: Key, *, timeout_s: float = 20.0) -> None:
        parts = urlsplit(endpoint)
        self._endpoint, self._key = endpoint, key
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=timeout_s)
        self._session = botocore.session.Session()
        self._models: dict[str, ServiceModel] = {}
        self._pages: dict[str, Any] = {}
        self._last: dict[str, tuple[bytes, Answer]] = {}
        self._lock = threading.Lock()

    def ask(self, service: str, operation: str, params: Params | None = None) -> Answer:
        """One answer, in botocore's shape.  One that is as it was is the same object as before.

        Raises:
            ClientError: it was refused.
            Unreachable
        """
        with self._lock:
            model = self.model(service, operation)
            status, headers, body = self._send(model, params or {})
            question = f"{service} {operation} {params}" if status < 300 else ""
            digest = hashlib.blake2b(REQUEST_ID.sub(b"", body), digest_size=16).digest()
            remembered = self._last.get(question)
            if remembered is not None and remembered[0] == digest:
                return remembered[1]
            answer = _parsed(model, status, headers, body)
            if status >= 300:
                raise ClientError(answer, operation)
            answer.pop("ResponseMetadata", None)
            if len(self._last) >= MOST_REMEMBERED:
                self._last.clear()
            self._last[question] = (digest, answer)
            return answer

    def pages(self, service: str, operation: str, params: Params | None = None) -> Iterator[Answer]:
        """Every page of an answer."""
        asked = dict(params or {})
        tokens = self._tokens(service, operation)
        while True:
            page = self.ask(service, operation, asked)
            yield page
            following = {given: page[told] for given, told in tokens if page.get(told)}
            if not following:
                return
            asked |= following

    def all(self, service: str, operation: str, result: str, params: Params | None = None) -> list[Answer]:
        """The members of the list `result`, of all pages."""
        return [one for page in self.pages(service, operation, params) for one in page.get(result, ())]

    def model(self, service: str, operation: str) -> OperationModel:
        """The operation, as AWS's own clients know it.

        Raises:
            botocore.exceptions.BotoCoreError: there is no such service or operation.
        """
        if service not in self._models:
            self._models[service] = self._session.get_service_model(service)
        return self._models[service].operation_model(operation)

    def operations(self, service: str) -> list[str]:
        """The names of a service's operations, whether the region has them or not."""
        if service not in self._models:
            self._models[service] = self._session.get_service_model(service)
        names: list[str] = self._models[service].operation_names
        return names

    def _tokens(self, service: str, operation: str) -> list[tuple[str, str]]:
        """Pairs of the parameter that asks for a further page and the member that tells it; botocore's own table."""
        if service not in self._pages:
            try:
                loaded = self._session.get_component("data_loader").load_service_model(service, "paginators-1")
            except botocore.exceptions.UnknownServiceError:
                loaded = {"pagination": {}}
            self._pages[service] = loaded["pagination"]
        known = self._pages[service].get(operation)
        if known is None:
            return []
        given, told = known["input_token"], known["output_token"]
        givens, tolds = (given, told) if isinstance(given, list) else ([given], [told])
        # Some are expressions ("NextMarker || Contents[-1].Key"); the first name is the one that is told.
        return [(name, member.split(" ")[0]) for name, member in zip(givens, tolds, strict=True)]

    def _send(self, model: OperationModel, params: Params) -> tuple[int, dict[str, str], bytes]:
        service = model.service_model
        serialized = create_serializer(service.resolved_protocol, False).serialize_to_request(dict(params), model)
        prepare_request_dict(serialized, self._endpoint)
        request = create_request_object(serialized)
        SigV4Auth(Credentials(*self._key()), service.signing_name, REGION).add_auth(request)
        ready = request.prepare()
        path = ready.url.removeprefix(self._endpoint) or "/"
        headers = {name: _text(value) for name, value in ready.headers.items()}
        for last in (False, True):
            try:
                self._connection.request(ready.method, path, ready.body, headers)
                response = self._connection.getresponse()
                return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
            except (OSError, http.client.HTTPException) as error:
                fresh = isinstance(error, TimeoutError) or not isinstance(
                    error, ConnectionError | http.client.HTTPException
                )
                self._connection.close()
                # A kept connection that the other side has closed meanwhile tells nothing; a new one does.
                if last or fresh or isinstance(error, ConnectionRefusedError):
                    raise Unreachable(f"the region's API does not answer: {error}") from error
        raise AssertionError


def _parsed(model: OperationModel, status: int, headers: dict[str, str], body: bytes) -> Answer:
    parser = create_parser(model.service_model.resolved_protocol)
    shape = model.output_shape
    parsed: Answer = parser.parse({"status_code": status, "headers": headers, "body": body}, shape)
    return parsed


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
