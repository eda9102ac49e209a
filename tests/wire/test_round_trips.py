"""What botocore writes we read as it was meant; what we write botocore reads as it was meant."""

import math
import re
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.wire import Models, Request, parse, serialize
from tests.wire.strategies import http_request, params_for

MODELS = Models()
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
OPERATIONS = [
    ("ec2", "ec2", "RunInstances"),
    ("ec2", "ec2", "DescribeInstances"),
    ("ec2", "ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "ec2", "CreateLaunchTemplate"),
    ("ec2", "ec2", "DescribeSpotPriceHistory"),
    ("iam", "query", "CreateRole"),
    ("iam", "query", "SimulateCustomPolicy"),
    ("sts", "query", "AssumeRole"),
    ("elbv2", "query", "CreateRule"),
    ("elbv2", "query", "DescribeTargetHealth"),
    ("autoscaling", "query", "CreateAutoScalingGroup"),
    ("sns", "query", "Publish"),
    ("sdb", "query", "BatchPutAttributes"),
    ("cloudwatch", "query", "PutMetricAlarm"),
    ("cloudwatch", "json", "GetMetricData"),
    ("cloudwatch", "smithy-rpc-v2-cbor", "PutMetricData"),
    ("cloudwatch", "smithy-rpc-v2-cbor", "GetMetricData"),
    ("sqs", "query", "SendMessageBatch"),
    ("sqs", "json", "SendMessageBatch"),
    ("ssm", "json", "PutParameter"),
    ("ssm", "json", "SendCommand"),
    ("dynamodb", "json", "PutItem"),
    ("dynamodb", "json", "BatchGetItem"),
    ("lambda", "rest-json", "CreateFunction"),
    ("lambda", "rest-json", "Invoke"),
    ("lambda", "rest-json", "ListFunctions"),
    ("efs", "rest-json", "CreateFileSystem"),
    ("apigateway", "rest-json", "GetExport"),
    ("route53", "rest-xml", "ChangeResourceRecordSets"),
    ("route53", "rest-xml", "CreateHostedZone"),
    ("s3", "rest-xml", "PutObject"),
    ("s3", "rest-xml", "GetObject"),
    ("s3", "rest-xml", "CopyObject"),
    ("s3", "rest-xml", "UploadPart"),
    ("s3", "rest-xml", "DeleteObjects"),
    ("s3", "rest-xml", "PutBucketAcl"),
    ("s3", "rest-xml", "PutBucketLifecycleConfiguration"),
    ("s3", "rest-xml", "ListObjectsV2"),
]
few = settings(
    max_examples=12,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@cache
def operation_of(service: str, name: str) -> Any:
    return MODELS.service(service).operation_model(name)


@pytest.mark.parametrize(("service", "protocol", "name"), OPERATIONS)
@few
@given(data=st.data())
def test_requests(service: str, protocol: str, name: str, data: st.DataObject) -> None:
    operation = operation_of(service, name)
    params = data.draw(params_for(operation.input_shape))
    parsed = parse(http_request(operation, params, protocol), MODELS, {service})
    assert (parsed.service, parsed.protocol, parsed.operation.name) == (service, protocol, name)
    by_transport = {"ContentLength", "ContentType"} - set(params)
    assert plain({key: value for key, value in parsed.params.items() if key not in by_transport}) == plain(params)


@pytest.mark.parametrize(("service", "protocol", "name"), OPERATIONS)
@few
@given(data=st.data())
def test_answers(service: str, protocol: str, name: str, data: st.DataObject) -> None:
    operation = operation_of(service, name)
    result = data.draw(params_for(operation.output_shape, milliseconds=True))
    answer = serialize(Request(service, operation, protocol, {}), result, "id-1", NOW)
    # botocore hands its parser a stream where the body is a blob, and only bytes are decoded there.
    body = bytearray(answer.body) if operation.has_streaming_output else answer.body
    if protocol == "query" and operation.output_shape is not None:
        # The models of services that left the query protocol no longer name the wrapper that their old clients expect.
        wrapper = operation.output_shape.serialization.get("resultWrapper")
        body = body if wrapper else re.sub(rb"</?%sResult>" % name.encode(), b"", body)
    response = {"status_code": 200, "headers": HeadersDict(answer.headers), "body": body}
    parsed = create_parser(protocol).parse(response, operation.output_shape)
    metadata = parsed.pop("ResponseMetadata")
    if operation.output_shape is not None or protocol != "smithy-rpc-v2-cbor":
        assert metadata["RequestId"] == "id-1"
    assert plain(comparable(parsed, operation.output_shape)) == plain(comparable(result, operation.output_shape))


def plain(value: Any) -> Any:
    """Without what the wire cannot tell apart: members that are empty, and a float's last digit."""
    match value:
        case dict():
            kept = {key: plain(inner) for key, inner in value.items()}
            return {key: inner for key, inner in kept.items() if inner not in ({}, [], b"", "", None)}
        case list():
            return [kept for inner in value if (kept := plain(inner)) != {}]
        case float():
            return 0.0 if value == 0 else float(f"{value:.5g}") if math.isfinite(value) else value
        case datetime():
            return value.astimezone(UTC)
        case bytearray() | memoryview():
            return bytes(value)
    return value


def comparable(value: Any, shape: Shape | None) -> Any:
    """botocore leaves some values as they arrived: numbers of headers as text, a blob payload as bytes or text."""
    match shape:
        case None:
            return value
        case StructureShape() if isinstance(value, dict) and not shape.is_document_type:
            return {
                name: comparable(inner, shape.members[name])
                for name, inner in value.items()
                if shape.members[name].serialization.get("location") != "statusCode"
            }
        case ListShape() if isinstance(value, list):
            return [comparable(inner, shape.member) for inner in value]
        case MapShape() if isinstance(value, dict):
            return {key: comparable(inner, shape.value) for key, inner in value.items()}
    if shape.serialization.get("location") == "header" and not isinstance(value, datetime):
        return str(value).lower()
    if shape.type_name == "blob" and isinstance(value, str):
        return value.encode()
    return value
