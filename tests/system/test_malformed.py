"""Whatever is sent to any operation, the answer is that operation's own kind of refusal, and never an error of ours."""

import http.client
import string
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.wire import Models, parse, signing_name
from aftershock.wiring import catalogue
from tests.wire.strategies import http_request, malformed_for, params_for

MODELS = Models()
OPERATIONS = [(service, name) for service, names in catalogue().items() for name in names]
UNSIGNED = ("host", "authorization", "x-amz-date", "content-length")  # what signing and sending anew sets anew
NOT_LET_IN = (b"AuthFailure", b"SignatureDoesNotMatch", b"InvalidSignature", b"IncompleteSignature", b"TokenId<")
SENDABLE = string.punctuation
EXAMPLES = settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Door:
    """One connection to the API door that signs what it sends."""

    def __init__(self, region):
        self._access = region.access
        self._connection = http.client.HTTPConnection("127.0.0.1", region.access.api_port, timeout=30)

    def send(self, request, service):
        # What HTTP cannot carry on its first line would not arrive: it is sent as a client would have to send it.
        path = quote(request.path, safe=SENDABLE) + (f"?{quote(request.query, safe=SENDABLE)}" if request.query else "")
        url = f"http://127.0.0.1:{self._access.api_port}{path}"
        kept = {name: value for name, value in request.headers.items() if name not in UNSIGNED}
        assume(all(value.isascii() and value.isprintable() for value in kept.values()))
        signed = AWSRequest(request.method, url, data=request.body, headers=kept)
        credentials = Credentials(self._access.access_key_id, self._access.secret_access_key)
        signer = S3SigV4Auth if service == "s3" else SigV4Auth  # of S3 a path is signed as it is sent
        signer(credentials, signing_name(MODELS.service(service)), "us-east-1").add_auth(signed)
        self._connection.request(request.method, path, request.body, dict(signed.headers.items()))
        answer = self._connection.getresponse()
        body = answer.read()
        # A broken query string is signed as one thing by the client and read as another by the door, and so refused.
        let_in = not any(code in body for code in NOT_LET_IN)
        assert let_in or request.query, f"the request never came to the operation: {body!r}"
        # S3's own word for what it does not do is a status of 501.
        return 400 if (service, answer.status) == ("s3", 501) else answer.status, body


@pytest.fixture(scope="module")
def door(running_region):
    running_region.reset()
    yield Door(running_region)
    running_region.reset()


def is_well_formed(request):
    """Chance may make a request that breaks nothing."""
    try:
        parse(request, MODELS, catalogue().keys())
    except AwsError:
        return False
    return True


@pytest.mark.parametrize("service, name", OPERATIONS, ids=lambda value: value)
def test_malformed_input_is_refused_by_the_service_itself(door, service, name):
    operation = MODELS.service(service).operation_model(name)

    @EXAMPLES
    @given(malformed_for(operation))
    def refused(request):
        status, body = door.send(request, service)
        assert status < 500, (status, body)
        assert b"Traceback" not in body
        assert status >= 400 or is_well_formed(request), (status, body)

    refused()


@pytest.mark.parametrize("service, name", OPERATIONS, ids=lambda value: value)
def test_well_formed_nonsense_is_never_an_error_of_ours(door, service, name):
    operation = MODELS.service(service).operation_model(name)
    shape = operation.input_shape
    params = params_for(shape) if shape is not None else st.just({})

    @EXAMPLES
    @given(params)
    def answered(given_params):
        protocol = MODELS.service(service).metadata["protocol"]
        status, body = door.send(http_request(operation, given_params, protocol), service)
        assert status < 500, (status, body)

    answered()
