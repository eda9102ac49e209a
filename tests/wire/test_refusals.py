"""Refusals are in the words of the service that refuses, and in its format."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import cbor2
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, HttpResponse, Models, error_context, parse, serialize_error

MODELS = Models()
KNOWN = ("ec2", "iam", "elbv2", "cloudwatch", "route53", "s3", "dynamodb", "sqs", "ssm", "lambda", "autoscaling")
ONE = "1 validation error detected: "
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def scoped(service: str, **headers: str) -> dict[str, str]:
    credential = f"AKID/20261122/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }


def form(service: str, **fields: str) -> HttpRequest:
    headers = scoped(service, content_type="application/x-www-form-urlencoded; charset=utf-8")
    return HttpRequest("POST", "/", "", headers, urlencode(fields).encode())


def rpc(service: str, target: str, body: Any) -> HttpRequest:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest("POST", "/", "", scoped(service, x_amz_target=target), text)


def refusal(request: HttpRequest) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        parse(request, MODELS, KNOWN)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("body", "encoding", "message"),
    [
        (b"\xff\xfe", None, "The form is not text in UTF-8"),
        (b"Action=DescribeVpcs", "gzip", "The body is not compressed with gzip"),
    ],
)
def test_ec2_says_of_a_body_that_is_none_what_is_wrong_with_it(body: bytes, encoding: str | None, message: str) -> None:
    headers = scoped("ec2", content_type="application/x-www-form-urlencoded")
    if encoding:
        headers["content-encoding"] = encoding
    assert refusal(HttpRequest("POST", "/", "", headers, body)) == ("MalformedQueryString", message)


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (
            {"Action": "DescribeNothing"},
            "InvalidAction",
            "The action DescribeNothing is not valid for this web service.",
        ),
        ({}, "MissingAction", "The request must contain the parameter Action"),
        ({"Action": "CreateSubnet"}, "MissingParameter", "The request must contain the parameter VpcId"),
        ({"Action": "DescribeVpcs", "Foo.1.Bar": "x"}, "UnknownParameter", "The parameter Foo.1.Bar is not recognized"),
        (
            {"Action": "DescribeVpcs", "Filter.1.Wrong": "x"},
            "UnknownParameter",
            "The parameter Filter.1.Wrong is not recognized",
        ),
        ({"Action": "DescribeVpcs", "VpcId": "x"}, "UnknownParameter", "The parameter VpcId is not recognized"),
        (
            {"Action": "RunInstances", "MinCount": "one", "MaxCount": "1"},
            "InvalidParameterValue",
            "Value (one) for parameter MinCount is invalid. Expected an integer.",
        ),
        (
            {"Action": "RunInstances", "MinCount": "1", "MaxCount": "1", "InstanceType": "t9.huge"},
            "InvalidParameterValue",
            "Invalid value 't9.huge' for InstanceType.",
        ),
        (
            {"Action": "DescribeInstanceTypes", "InstanceType.1": "t3.micro", "InstanceType.2": "t9.huge"},
            "InvalidInstanceType",
            "The following supplied instance types do not exist: [t9.huge]",
        ),
        (
            {
                "Action": "RunInstances",
                "MinCount": "1",
                "MaxCount": "1",
                "InstanceInitiatedShutdownBehavior": "hibernate",
            },
            "InvalidParameterValue",
            "Value (hibernate) for parameter InstanceInitiatedShutdownBehavior is invalid. Expecting one of stop, "
            "terminate.",
        ),
    ],
)
def test_ec2(fields: dict[str, str], code: str, message: str) -> None:
    found = refusal(form("ec2", Version="2016-11-15", **fields))
    assert found[0] == code
    assert found[1].startswith(message)


@pytest.mark.parametrize(
    ("service", "fields", "code", "message"),
    [
        (
            "iam",
            {"Action": "GetUsers", "Version": "2010-05-08"},
            "InvalidAction",
            "Could not find operation GetUsers for version 2010-05-08",
        ),
        (
            "iam",
            {"Action": "CreateUser", "Version": "2010-05-08"},
            "ValidationError",
            f"{ONE}Value null at 'userName' failed to satisfy constraint: Member must not be null",
        ),
        (
            "iam",
            {"Action": "CreateUser", "Version": "2010-05-08", "UserName": "a b", "Path": ""},
            "ValidationError",
            "3 validation errors detected: Value '' at 'path' failed to satisfy constraint: Member must have length "
            "greater than or equal to 1; Value '' at 'path' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: (\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F); Value 'a b' at 'userName' failed to "
            "satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        ),
        (
            "iam",
            {"Action": "ListUsers", "Version": "2010-05-08", "MaxItems": "1001"},
            "ValidationError",
            f"{ONE}Value '1001' at 'maxItems' failed to satisfy constraint: Member must have value "
            "less than or equal to 1000",
        ),
        (
            "iam",
            {"Action": "ListUsers", "Version": "2010-05-08", "MaxItems": "x"},
            "MalformedInput",
            "'x' is not an integer at 'MaxItems'",
        ),
        (
            "elasticloadbalancing",
            {"Action": "CreateLoadBalancer", "Version": "2015-12-01", "Name": "a", "Type": "huge"},
            "ValidationError",
            f"{ONE}Value 'huge' at 'type' failed to satisfy constraint: Member must satisfy enum "
            "value set: [application, network, gateway]",
        ),
    ],
)
def test_query_services(service: str, fields: dict[str, str], code: str, message: str) -> None:
    assert refusal(form(service, **fields)) == (code, message)


def test_query_services_ignore_what_they_do_not_know() -> None:
    parsed = parse(form("iam", Action="ListUsers", Version="2010-05-08", Foo="x"), MODELS, KNOWN)
    assert parsed.params == {}


@pytest.mark.parametrize(
    ("target", "body", "code", "message"),
    [
        ("DynamoDB_20120810.Nothing", {}, "UnknownOperationException", ""),
        ("DynamoDB_20120810.GetItem", b"{", "SerializationException", "The request body is not valid JSON"),
        ("DynamoDB_20120810.GetItem", b"[" * 100_000, "SerializationException", "The request body is not valid JSON"),
        (
            "DynamoDB_20120810.ListTables",
            {"Limit": "1"},
            "SerializationException",
            "STRING_VALUE can not be converted to Integer at 'Limit'",
        ),
        (
            "DynamoDB_20120810.ListTables",
            {"Limit": 101},
            "ValidationException",
            "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value "
            "less than or equal to 100",
        ),
        (
            "DynamoDB_20120810.ListTables",
            {"ExclusiveStartTableName": {}},
            "SerializationException",
            "Start of structure or map found where not expected. at 'ExclusiveStartTableName'",
        ),
        (
            "AmazonSSM.PutParameter",
            {"Name": "/a", "Value": "v", "Tags": [{"Key": "k"}]},
            "ValidationException",
            "1 validation error detected: Value null at 'tags.1.member.value' failed to satisfy constraint: "
            "Member must not be null",
        ),
    ],
)
def test_json_services(target: str, body: Any, code: str, message: str) -> None:
    service = "ssm" if target.startswith("AmazonSSM") else "dynamodb"
    assert refusal(rpc(service, target, body)) == (code, message)


def test_rest_services() -> None:
    long_id = HttpRequest("GET", f"/2013-04-01/hostedzone/{'Z' * 33}", "", scoped("route53"), b"")
    assert refusal(long_id) == (
        "InvalidInput",
        f"1 validation error detected: Value '{'Z' * 33}' at 'id' failed to satisfy constraint: "
        "Member must have length less than or equal to 32",
    )
    nowhere = HttpRequest("GET", "/nowhere", "", scoped("lambda"), b"")
    assert refusal(nowhere)[0] == "UnknownOperationException"
    broken = HttpRequest("PUT", "/bucket", "tagging", scoped("s3"), b"<Tagging><TagSet>")
    assert refusal(broken)[0] == "MalformedXML"


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><Tagging><TagSet/></Tagging>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><Tagging/>',
        b"<a>" * 70 + b"</a>" * 70,
        b"<Tagging>&undefined;</Tagging>",
    ],
)
def test_xml_with_entities_or_too_deep_is_refused(document: bytes) -> None:
    assert refusal(HttpRequest("PUT", "/bucket", "tagging", scoped("s3"), document))[0] == "MalformedXML"


def answered(request: HttpRequest, error: AwsError) -> HttpResponse:
    context = error_context(request, MODELS, KNOWN)
    return serialize_error(
        error,
        protocol=context.protocol,
        operation=context.operation,
        service=context.service,
        request_id="id-1",
        now=NOW,
        method=request.method,
    )


CBOR = HttpRequest(
    "POST",
    "/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
    "",
    scoped("monitoring", smithy_protocol="rpc-v2-cbor"),
    cbor2.dumps({}),
)


@pytest.mark.parametrize(
    ("request_", "code", "status"),
    [
        (form("ec2", Action="DescribeVpcs"), "InvalidVpcID.NotFound", 400),
        (form("iam", Action="GetUser", Version="2010-05-08"), "NoSuchEntity", 404),
        (form("autoscaling", Action="DescribePolicies", Version="2011-01-01"), "ServiceLinkedRoleFailure", 500),
        (rpc("dynamodb", "DynamoDB_20120810.GetItem", {}), "ResourceNotFoundException", 400),
        (rpc("sqs", "AmazonSQS.GetQueueUrl", {}), "AWS.SimpleQueueService.NonExistentQueue", 400),
        (rpc("sqs", "AmazonSQS.PurgeQueue", {}), "AWS.SimpleQueueService.PurgeQueueInProgress", 403),
        (HttpRequest("GET", "/2015-03-31/functions/f", "", scoped("lambda"), b""), "ResourceNotFoundException", 404),
        (HttpRequest("GET", "/2013-04-01/hostedzone/Z", "", scoped("route53"), b""), "NoSuchHostedZone", 404),
        (HttpRequest("GET", "/bucket", "", scoped("s3"), b""), "NoSuchBucket", 404),
        (CBOR, "ResourceNotFound", 404),
    ],
)
def test_errors_are_read_by_botocore(request_: HttpRequest, code: str, status: int) -> None:
    error = AwsError(code, 'a <message> & "more" é\x00', status=404 if code == "NoSuchBucket" else 400)
    answer = answered(request_, error)
    context = error_context(request_, MODELS, KNOWN)
    response = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
    parsed = create_parser(context.protocol).parse(response, None)
    assert answer.status == status
    assert parsed["Error"]["Code"] == code
    assert parsed["Error"]["Message"].rstrip("\x00\ufffd") == 'a <message> & "more" é'
    assert parsed["ResponseMetadata"]["RequestId"] == "id-1"
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 15:00:00 GMT"


def test_formats_of_errors() -> None:
    error = AwsError("NoSuchThing", "m")
    assert answered(form("ec2", Action="DescribeVpcs"), error).body.endswith(
        b"<Response><Errors><Error><Code>NoSuchThing</Code><Message>m</Message></Error></Errors>"
        b"<RequestID>id-1</RequestID></Response>"
    )
    assert b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>' in (
        answered(form("iam", Action="GetUser"), error).body
    )
    route53 = answered(HttpRequest("GET", "/2013-04-01/hostedzone/Z", "", scoped("route53"), b""), error)
    assert b'<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/">' in route53.body
    s3 = answered(HttpRequest("GET", "/bucket", "", scoped("s3"), b""), error)
    assert b"<Error><Code>NoSuchThing</Code>" in s3.body
    assert s3.headers["x-amz-request-id"] == "id-1"
    assert answered(HttpRequest("HEAD", "/bucket", "", scoped("s3"), b""), error).body == b""
    function = answered(HttpRequest("GET", "/2015-03-31/functions/f", "", scoped("lambda"), b""), error)
    assert (function.headers["x-amzn-ErrorType"], function.body) == ("NoSuchThing", b'{"message":"m"}')


def test_services_that_left_the_query_protocol_still_say_their_old_codes() -> None:
    old = "AWS.SimpleQueueService.NonExistentQueue"
    for code in (old, "QueueDoesNotExist"):
        answer = answered(rpc("sqs", "AmazonSQS.GetQueueUrl", {}), AwsError(code, "m"))
        assert answer.headers["x-amzn-query-error"] == f"{old};Sender"
        assert json.loads(answer.body)["__type"] == "QueueDoesNotExist"
    alarm = answered(CBOR, AwsError("InternalServiceError", "m"))
    assert alarm.status == 500
    assert alarm.headers["x-amzn-query-error"] == "InternalServiceError;Receiver"
    assert cbor2.loads(alarm.body)["__type"] == "InternalServiceFault"
