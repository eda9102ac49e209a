"""Whatever arrives is understood or refused in the service's words: never an exception of ours."""

from datetime import UTC, datetime
from functools import cache

import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, Models, error_context, parse, serialize_error
from tests.wire.strategies import malformed_for

MODELS = Models()
KNOWN = ("ec2", "iam", "sts", "ssm", "elbv2", "cloudwatch", "route53", "s3", "dynamodb", "sqs", "lambda", "efs", "rds")
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
some = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@cache
def names_of(service: str) -> list[str]:
    return list(MODELS.service(service).operation_names)


def answered_as_an_error(request: HttpRequest) -> None:
    try:
        parse(request, MODELS, KNOWN)
    except AwsError as error:
        context = error_context(request, MODELS, KNOWN)
        answer = serialize_error(
            error,
            protocol=context.protocol,
            operation=context.operation,
            service=context.service,
            request_id="id-1",
            now=NOW,
            method=request.method,
        )
        assert 400 <= answer.status < 500
        if request.method != "HEAD":
            response = {"status_code": answer.status, "headers": HeadersDict(answer.headers), "body": answer.body}
            parsed = create_parser(context.protocol).parse(response, None)
            assert parsed["Error"]["Code"]


@pytest.mark.parametrize("service", KNOWN)
@some
@given(data=st.data())
def test_broken_requests_are_refused_or_understood(service: str, data: st.DataObject) -> None:
    operation = MODELS.service(service).operation_model(data.draw(st.sampled_from(names_of(service))))
    answered_as_an_error(data.draw(malformed_for(operation)))


@some
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "FOO", ""]),
    st.text(max_size=20),
    st.text(max_size=40),
    st.dictionaries(
        st.sampled_from(
            ["host", "x-amz-target", "content-type", "authorization", "smithy-protocol", "content-encoding"]
        ),
        st.text(max_size=30) | st.sampled_from(["ec2.us-east-1.amazonaws.com", "DynamoDB_20120810.PutItem", "gzip"]),
    ),
    st.binary(max_size=60),
)
def test_garbage_is_refused_or_understood(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes
) -> None:
    answered_as_an_error(HttpRequest(method, f"/{path}", query, headers, body))
