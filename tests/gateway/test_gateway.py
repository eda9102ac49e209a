"""The API door, driven by boto3 and by raw sockets, before a table of operations of the test's own."""

import http.client
import json
import logging
import threading
from types import SimpleNamespace

import boto3
import msgspec
import pytest
import uvicorn
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from aftershock.aws.call import Principal
from aftershock.aws.errors import AwsError
from aftershock.clock import Clock
from aftershock.gateway import Badge, Credential, Gateway
from aftershock.gateway.http import MAX_BODY_BYTES
from aftershock.store import Store, Table
from aftershock.wire import Models, Secret
from tests.conftest import eventually

KEY, SECRET = "AKIAEXAMPLE", "secret/with+signs"
PRINCIPAL = Principal("123456789012", "arn:aws:iam::123456789012:root", "123456789012", KEY)


class Note(msgspec.Struct, frozen=True):
    id: str


NOTES = Table("note", Note)


def get_caller_identity(call, params):
    return {"Account": call.account, "Arn": call.principal.arn, "UserId": call.principal.user_id}


def create_vpc(call, params):
    NOTES.put(call.tx, Note(params["CidrBlock"]))
    if params["CidrBlock"] == "refused":
        raise AwsError("InvalidVpc.Range", "The CIDR 'refused' is invalid.", context="why the operator sees it")
    if params["CidrBlock"] == "broken":
        raise RuntimeError("secret inner workings")
    return {"Vpc": {"VpcId": call.new_id("vpc"), "CidrBlock": params["CidrBlock"]}}


BEARERS = {"good": Principal("123456789012", "arn:aws:sts::123456789012:assumed-role/r/i-0", "r:i-0", "")}
SAID = []


def said(call, path, query, body):
    if query != "Signature=right":
        raise AwsError("AccessDenied", "Access Denied", status=403)
    SAID.append((path, body))


async def echo(asked):
    return {"asked": asked}


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    ready = threading.Event()
    door = SimpleNamespace()

    def authenticate(tx, access_key_id, now):
        return Credential(Secret(SECRET), PRINCIPAL) if access_key_id == KEY else None

    def serve():
        door.store = Store(tmp_path_factory.mktemp("gateway") / "region.db", [NOTES])
        gateway = Gateway(
            store=door.store,
            models=Models(),
            services={"sts": {"GetCallerIdentity": get_caller_identity}, "ec2": {"CreateVpc": create_vpc}},
            authenticate=authenticate,
            clock=Clock(),
            region="us-east-1",
            health=lambda: {"ready": True},
            acts={"echo": echo},
            badges={"BADGE": Badge("sts", frozenset({"GetCallerIdentity"}), lambda tx, shown: BEARERS.get(shown))},
            links={"/said/": said},
        )
        door.server = uvicorn.Server(uvicorn.Config(gateway, port=0, log_config=None, lifespan="off"))
        ready.set()
        door.server.run()
        with door.store.snapshot() as tx:
            door.left = NOTES.keys(tx)
        door.store.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait()
    eventually(lambda: _true(door.server.started))
    door.port = door.server.servers[0].sockets[0].getsockname()[1]
    yield door
    door.server.should_exit = True
    thread.join(10)
    assert door.left == {"10.0.0.0/16"}, "a refused or a dry request left a record"


def _true(condition):
    assert condition


def client(door, service, key=KEY, secret=SECRET, region="us-east-1"):
    return boto3.client(
        service,
        endpoint_url=f"http://127.0.0.1:{door.port}",
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}),
    )


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def raw(door, method, path, body=b"", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, dict(response.getheaders()), response.read()


def signed(door, path, body=b"{}", service="aftershock"):
    url = f"http://127.0.0.1:{door.port}{path}"
    request = AWSRequest("POST", url, data=body)
    SigV4Auth(Credentials(KEY, SECRET), service, "us-east-1").add_auth(request)
    return raw(door, "POST", path, body, dict(request.headers))


def test_an_operation_answers_who_asked(door):
    answer = client(door, "sts").get_caller_identity()
    assert answer["Account"] == "123456789012"
    assert answer["ResponseMetadata"]["RequestId"] == answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"]
    assert answer["ResponseMetadata"]["HTTPHeaders"]["date"].endswith("GMT")


def test_what_an_operation_writes_is_kept_and_what_a_dry_run_writes_is_not(door):
    ec2 = client(door, "ec2")
    assert ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"].startswith("vpc-0")
    assert refused(ec2.create_vpc, CidrBlock="10.9.0.0/16", DryRun=True)[:2] == (412, "DryRunOperation")


@pytest.mark.parametrize(
    "key, secret, service, code",
    [
        (KEY, "wrong", "sts", "SignatureDoesNotMatch"),
        ("AKIAUNKNOWN", SECRET, "sts", "InvalidClientTokenId"),
        (KEY, "wrong", "ec2", "AuthFailure"),
    ],
)
def test_who_cannot_prove_who_they_are_is_refused(door, key, secret, service, code):
    chosen = client(door, service, key, secret)
    call = chosen.get_caller_identity if service == "sts" else lambda: chosen.create_vpc(CidrBlock="x")
    assert refused(call)[1] == code


def test_an_unsigned_request_is_refused(door):
    status, _, body = raw(door, "POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15")
    assert status == 403
    assert b"MissingAuthenticationToken" in body


def test_a_refusal_speaks_to_the_caller_and_its_context_to_the_log(door, caplog):
    with caplog.at_level(logging.INFO):
        status, code, message = refused(client(door, "ec2").create_vpc, CidrBlock="refused")
    assert (status, code, message) == (400, "InvalidVpc.Range", "The CIDR 'refused' is invalid.")
    assert "why the operator sees it" in caplog.text


def test_a_mistake_of_ours_is_told_by_request_id_and_never_by_its_inner_workings(door, caplog):
    status, code, message = refused(client(door, "ec2").create_vpc, CidrBlock="broken")
    assert (status, code) == (500, "InternalFailure")
    assert "secret inner workings" not in message
    request_id = message.rpartition(" ")[2].rstrip(".")
    assert request_id in caplog.text
    assert "secret inner workings" in caplog.text


def test_a_client_of_another_region_is_refused_but_for_what_is_the_same_everywhere(door):
    assert refused(client(door, "ec2", region="eu-west-1").create_vpc, CidrBlock="10.0.0.0/16")[:2] == (
        401,
        "AuthFailure",
    )
    assert client(door, "sts", region="eu-west-1").get_caller_identity()["Account"] == PRINCIPAL.account


def test_an_operation_that_the_region_does_not_have_is_named(door):
    assert refused(client(door, "ec2").describe_vpcs)[1] == "UnsupportedOperation"
    status, code, message = refused(client(door, "sts").get_session_token)
    assert (status, code) == (501, "NotImplemented")
    assert "GetSessionToken" in message


def test_a_missing_parameter_is_refused_before_the_operation_runs(door):
    body = b"Action=CreateVpc&Version=2016-11-15&Tag=1"
    status, _, answer = signed(door, "/", body, service="ec2")
    assert status == 400
    assert b"UnknownParameter" in answer or b"MissingParameter" in answer


def test_no_secret_is_logged(door, caplog):
    with caplog.at_level(logging.DEBUG, logger="aftershock"):
        client(door, "sts").get_caller_identity()
        eventually(lambda: _true("GetCallerIdentity" in caplog.text))
    assert SECRET not in caplog.text


def test_a_body_that_is_too_large_is_refused(door):
    try:
        status = raw(door, "POST", "/", b"x" * (MAX_BODY_BYTES + 1))[0]
    except ConnectionError:
        status = 413  # the server hung up before we were done sending
    assert status == 413


def test_health_is_for_everybody_and_acts_are_for_those_who_sign(door):
    status, _, body = raw(door, "GET", "/_aftershock/health")
    assert (status, json.loads(body)) == (200, {"ready": True})
    assert raw(door, "POST", "/_aftershock/echo", b"{}")[0] == 400
    status, _, body = signed(door, "/_aftershock/echo", b'{"a": 1}')
    assert (status, json.loads(body)) == (200, {"asked": {"a": 1}})


@pytest.mark.parametrize(
    "path, body, service, status",
    [
        ("/_aftershock/nothing", b"{}", "aftershock", 404),
        ("/_aftershock/echo", b"{", "aftershock", 400),
        ("/_aftershock/echo", b"[]", "aftershock", 400),
        ("/_aftershock/echo", b"{}", "ec2", 400),
    ],
)
def test_an_act_asked_wrongly_is_refused(door, path, body, service, status):
    assert signed(door, path, body, service)[0] == status


@pytest.mark.parametrize("garbage", [b"GET / HTTP/9.9\r\n\r\n", b"\x00\xff" * 40, b"POST / HTTP/1.1\r\n\r\n"])
def test_garbage_never_makes_a_server_error(door, garbage):
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)
    connection.connect()
    connection.sock.sendall(garbage + b"\r\n\r\n")
    answer = connection.sock.recv(65536)
    assert b" 500 " not in answer[:20]
    connection.close()
    assert raw(door, "GET", "/_aftershock/health")[0] == 200


FORM = {"content-type": "application/x-www-form-urlencoded"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"


def test_a_badge_is_as_good_as_a_signature_for_what_it_is_good_for(door):
    status, _, body = raw(door, "POST", "/", IDENTITY, FORM | {"authorization": "BADGE good"})
    assert (status, b"assumed-role/r/i-0" in body) == (200, True)


@pytest.mark.parametrize(
    ("shown", "body", "words"),
    [
        ("BADGE bad", IDENTITY, b"nobody&apos;s in this region"),
        ("BADGE good", b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.9.0.0/16", b"good for GetCallerIdentity"),
        ("BADGE good", b"Action=GetSessionToken&Version=2011-06-15", b"good for GetCallerIdentity"),
    ],
)
def test_a_badge_is_good_for_nothing_else_and_nobody_else(door, shown, body, words):
    status, _, answer = raw(door, "POST", "/", body, FORM | {"authorization": shown})
    assert (status, words in answer.replace(b"'", b"&apos;")) == (403, True), answer


def test_a_link_allows_by_itself_what_it_is_for(door):
    assert raw(door, "PUT", "/said/a%20b?Signature=right", b"word")[0] == 200
    assert SAID == [("/said/a%20b", b"word")]
    status, _, body = raw(door, "PUT", "/said/a?Signature=wrong", b"word")
    assert (status, b"<Code>AccessDenied</Code>" in body) == (403, True)
    assert raw(door, "GET", "/said/a?Signature=right")[0] != 200
    assert len(SAID) == 1
