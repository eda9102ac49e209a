"""Unmodified clients, whose messages we take from the wire: signed, sent, understood, answered, read."""

import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from aftershock.aws.errors import AwsError
from aftershock.wire import (
    HttpResponse,
    Models,
    Secret,
    error_context,
    parse,
    serialize,
    serialize_error,
    signing_name,
    verify,
)
from tests.wire.strategies import wire_request

MODELS = Models()
KNOWN = ("ec2", "iam", "sts", "ssm", "elbv2", "cloudwatch", "route53", "s3", "dynamodb", "sqs", "lambda")
Handler = Callable[[str, str, dict[str, Any]], Mapping[str, Any]]


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def answer(request: AWSPreparedRequest, handler: Handler) -> HttpResponse:
    """All a gateway does with a request."""
    arrived, now = wire_request(request), datetime.now(UTC)
    context = error_context(arrived, MODELS, KNOWN)
    try:
        verify(
            arrived,
            secret_of={"AKID": Secret("secret", "token")}.get,
            now=now,
            family=context.family,
            signing_names={signing_name(context.service)} if context.service else (),
        )
        parsed = parse(arrived, MODELS, KNOWN)
        return serialize(parsed, handler(parsed.service, parsed.operation.name, parsed.params), "id-1", now)
    except AwsError as error:
        return serialize_error(
            error,
            protocol=context.protocol,
            operation=context.operation,
            service=context.service,
            request_id="id-1",
            now=now,
            method=arrived.method,
        )


def client(service: str, handler: Handler, **options: Any) -> Any:
    made = Session().create_client(
        service,
        region_name="us-east-1",
        aws_access_key_id="AKID",
        aws_secret_access_key=options.pop("secret", "secret"),
        aws_session_token="token",
        endpoint_url=options.pop("endpoint_url", None),
        config=Config(retries={"total_max_attempts": 1}, **options),
    )

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        given = answer(request, handler)
        return AWSResponse(request.url, given.status, given.headers, _Raw(given.body))

    made.meta.events.register("before-send", send)
    return made


@pytest.mark.parametrize(
    ("service", "call", "params", "result"),
    [
        ("ec2", "describe_vpcs", {"VpcIds": ["vpc-1"]}, {"Vpcs": [{"VpcId": "vpc-1", "IsDefault": True}]}),
        ("sts", "get_caller_identity", {}, {"Account": "123456789012"}),
        ("iam", "list_users", {"MaxItems": 3}, {"Users": [], "IsTruncated": False}),
        ("elbv2", "describe_load_balancers", {"Names": ["a", "b"]}, {"LoadBalancers": [{"DNSName": "x & y"}]}),
        ("ssm", "get_parameters", {"Names": ["/a"]}, {"Parameters": [{"Name": "/a", "Version": 1}]}),
        ("cloudwatch", "list_metrics", {"Namespace": "n"}, {"Metrics": [{"Namespace": "n"}]}),
        ("sqs", "send_message", {"QueueUrl": "http://q/", "MessageBody": "é"}, {"MessageId": "m"}),
        ("dynamodb", "get_item", {"TableName": "abc", "Key": {"a": {"S": "x"}}}, {"Item": {"a": {"B": b"\0"}}}),
        ("lambda", "get_function", {"FunctionName": "f"}, {"Configuration": {"FunctionName": "f", "Timeout": 3}}),
        ("route53", "list_hosted_zones", {"MaxItems": "10"}, {"IsTruncated": False, "MaxItems": "10"}),
        ("s3", "put_object", {"Bucket": "bkt", "Key": "a b/ä+", "Body": b"x"}, {"ETag": '"e"'}),
        ("s3", "copy_object", {"Bucket": "bkt", "Key": "k", "CopySource": "a/b"}, {"CopyObjectResult": {"ETag": "e"}}),
        ("s3", "list_objects_v2", {"Bucket": "b.k.t", "Prefix": "a b+c"}, {"KeyCount": 0, "Name": "b.k.t"}),
        ("s3", "get_bucket_location", {"Bucket": "bkt"}, {"LocationConstraint": "eu-west-1"}),
        ("s3", "head_object", {"Bucket": "bkt", "Key": "k"}, {"Metadata": {"a": "b"}}),
        (
            "s3",
            "delete_objects",
            {"Bucket": "bkt", "Delete": {"Objects": [{"Key": "<k>"}]}},
            {"Deleted": [{"Key": "<k>"}]},
        ),
    ],
)
@pytest.mark.parametrize("endpoint_url", [None, "http://127.0.0.1:4566"])
def test_a_call_goes_through(
    service: str, call: str, params: dict[str, Any], result: dict[str, Any], endpoint_url: str | None
) -> None:
    seen: list[dict[str, Any]] = []

    def handler(_service: str, _operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
        seen.append(params)
        return result

    received = getattr(client(service, handler, endpoint_url=endpoint_url), call)(**params)
    assert params.items() <= seen[0].items() or call == "copy_object"
    assert {key: received[key] for key in result} == result
    assert received["ResponseMetadata"]["RequestId"] == "id-1"


def test_a_large_metric_is_sent_compressed_and_read() -> None:
    data = [
        {"MetricName": f"m{number}", "Value": 1.5, "Timestamp": datetime(2026, 1, 1, tzinfo=UTC)}
        for number in range(999)
    ]
    seen: list[dict[str, Any]] = []

    def handler(_service: str, _operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
        seen.append(params)
        return {}

    client("cloudwatch", handler).put_metric_data(Namespace="n", MetricData=data)
    assert seen == [{"Namespace": "n", "MetricData": data}]


def test_a_stream_is_uploaded_and_downloaded() -> None:
    stored: dict[str, bytes] = {}

    def handler(_service: str, operation: str, params: dict[str, Any]) -> Mapping[str, Any]:
        if operation == "PutObject":
            stored[params["Key"]] = params["Body"]
            return {}
        return {"Body": stored[params["Key"]], "ContentType": "text/plain"}

    s3 = client("s3", handler)
    s3.put_object(Bucket="bkt", Key="k", Body=io.BytesIO(b"\x00\xff" * 70_000))
    assert s3.get_object(Bucket="bkt", Key="k")["Body"].read() == b"\x00\xff" * 70_000


def test_errors_become_the_exceptions_of_the_client() -> None:
    def handler(service: str, _operation: str, _params: dict[str, Any]) -> Mapping[str, Any]:
        raise AwsError({"sqs": "QueueDoesNotExist", "s3": "NoSuchKey", "iam": "NoSuchEntity"}[service], "gone")

    sqs, s3, iam = (client(service, handler) for service in ("sqs", "s3", "iam"))
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as caught:
        sqs.get_queue_url(QueueName="q")
    assert caught.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="bkt", Key="k")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="u")


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("iam", "list_users", "SignatureDoesNotMatch"),
        ("ssm", "describe_parameters", "InvalidSignatureException"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("cloudwatch", "list_metrics", "InvalidSignatureException"),
    ],
)
def test_a_wrong_secret_is_refused(service: str, call: str, code: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(service, lambda *_: {}, secret="wrong"), call)()
    assert caught.value.response["Error"]["Code"] == code
