"""A request reaches the service it means, whichever way it says so."""

import pytest

from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, Models, parse, route
from tests.wire.test_refusals import form, rpc, scoped

MODELS = Models()
KNOWN = (
    *("ec2", "iam", "elb", "elbv2", "cloudwatch", "route53", "s3", "s3control", "dynamodb", "dynamodbstreams", "sqs"),
    *("lambda", "rds", "neptune", "ses", "sesv2", "apigateway", "apigatewayv2", "ecr", "logs", "sts"),
)


def bare(host: str = "127.0.0.1:4566", query: str = "", path: str = "/", **headers: str) -> HttpRequest:
    return HttpRequest("GET", path, query, {"host": host} | {n.replace("_", "-"): v for n, v in headers.items()}, b"")


@pytest.mark.parametrize(
    ("request_", "service", "protocol"),
    [
        (form("ec2", Action="DescribeVpcs", Version="2016-11-15"), "ec2", "ec2"),
        (form("elasticloadbalancing", Action="DescribeLoadBalancers", Version="2012-06-01"), "elb", "query"),
        (form("elasticloadbalancing", Action="DescribeLoadBalancers", Version="2015-12-01"), "elbv2", "query"),
        (form("rds", Action="DescribeDBInstances", Version="2014-10-31"), "rds", "query"),
        (form("monitoring", Action="ListMetrics", Version="2010-08-01"), "cloudwatch", "query"),
        (form("ses", Action="ListIdentities", Version="2010-12-01"), "ses", "query"),
        (HttpRequest("GET", "/v2/email/account", "", scoped("ses"), b""), "sesv2", "rest-json"),
        (HttpRequest("GET", "/restapis", "", scoped("apigateway"), b""), "apigateway", "rest-json"),
        (HttpRequest("GET", "/v2/apis", "", scoped("apigateway"), b""), "apigatewayv2", "rest-json"),
        (rpc("dynamodb", "DynamoDB_20120810.ListTables", {}), "dynamodb", "json"),
        (rpc("dynamodb", "DynamoDBStreams_20120810.ListStreams", {}), "dynamodbstreams", "json"),
        (rpc("monitoring", "GraniteServiceVersion20100801.ListMetrics", {}), "cloudwatch", "json"),
        (form("sqs", Action="ListQueues", Version="2012-11-05"), "sqs", "query"),
        (bare("ec2.us-east-1.amazonaws.com", "Action=DescribeVpcs"), "ec2", "ec2"),
        (bare("bucket.s3.us-east-1.amazonaws.com"), "s3", "rest-xml"),
        (bare("ec2.s3.us-east-1.amazonaws.com"), "s3", "rest-xml"),
        (bare("s3.localhost.localstack.cloud:4566"), "s3", "rest-xml"),
        (bare("123456789012.s3-control.us-east-1.amazonaws.com"), "s3control", "rest-xml"),
        (bare("api.ecr.us-east-1.amazonaws.com"), "ecr", "json"),
        (bare(query="Action=GetCallerIdentity&Version=2011-06-15"), "sts", "query"),
        (bare(query="X-Amz-Credential=AKID%2F20261122%2Fus-east-1%2Fs3%2Faws4_request", path="/b/k"), "s3", "rest-xml"),
        (bare(x_amz_target="Logs_20140328.DescribeLogGroups"), "logs", "json"),
    ],
)
def test_a_request_reaches_its_service(request_: HttpRequest, service: str, protocol: str) -> None:
    assert route(request_, KNOWN, MODELS) == (service, protocol)


def test_a_service_that_is_not_here_is_named() -> None:
    with pytest.raises(AwsError, match="'kms'") as caught:
        route(HttpRequest("POST", "/", "", scoped("kms"), b""), KNOWN, MODELS)
    assert (caught.value.code, caught.value.status) == ("UnknownService", 404)


def test_nothing_to_go_by_is_a_missing_token() -> None:
    with pytest.raises(AwsError) as caught:
        route(bare(), KNOWN, MODELS)
    assert (caught.value.code, caught.value.status) == ("MissingAuthenticationToken", 403)


@pytest.mark.parametrize(
    ("method", "target", "headers", "name"),
    [
        ("GET", "/", {}, "ListBuckets"),
        ("GET", "/b", {}, "ListObjects"),
        ("GET", "/b/", {}, "ListObjects"),
        ("GET", "/b?list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b?lifecycle", {}, "GetBucketLifecycleConfiguration"),
        ("GET", "/b?location", {}, "GetBucketLocation"),
        ("GET", "/b?analytics", {}, "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", {}, "GetBucketAnalyticsConfiguration"),
        ("GET", "/b/k/with/slashes/", {}, "GetObject"),
        ("GET", "/b/k?x-id=GetObject", {}, "GetObject"),
        ("GET", "/b/k?uploadId=1", {}, "ListParts"),
        ("PUT", "/b/k", {}, "PutObject"),
        ("PUT", "/b/k", {"x-amz-copy-source": "a/b"}, "CopyObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=x", {}, "UploadPart"),
        ("PUT", "/b/k?partNumber=1&uploadId=x", {"x-amz-copy-source": "a/b"}, "UploadPartCopy"),
        ("POST", "/b/k?uploads", {}, "CreateMultipartUpload"),
        ("DELETE", "/b/k?uploadId=x", {}, "AbortMultipartUpload"),
        ("HEAD", "/b", {}, "HeadBucket"),
    ],
)
def test_s3_operations_are_told_apart(method: str, target: str, headers: dict[str, str], name: str) -> None:
    path, _, query = target.partition("?")
    request = HttpRequest(method, path, query, scoped("s3") | headers, b"")
    assert parse(request, MODELS, KNOWN).operation.name == name


def test_a_bucket_may_stand_in_the_host() -> None:
    headers = scoped("s3") | {"host": "my.bucket.s3.us-east-1.amazonaws.com"}
    parsed = parse(HttpRequest("GET", "/a%20key/%C3%A4", "", headers, b""), MODELS, KNOWN)
    assert parsed.params == {"Bucket": "my.bucket", "Key": "a key/ä"}
