"""Hostile and large messages cost no more than their size; what we write is always parsable."""

import gzip
import time
from datetime import UTC, datetime
from urllib.parse import urlencode
from xml.etree import ElementTree

import cbor2
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, Models, Request, ResultError, parse, patterns, serialize
from tests.wire.test_refusals import CBOR, form, refusal, scoped

MODELS = Models()
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
KNOWN = ("ec2", "iam", "cloudwatch", "s3", "elasticache")


def of(service: str, name: str, protocol: str) -> Request:
    return Request(service, MODELS.service(service).operation_model(name), protocol, {})


def test_lists_take_the_order_of_their_numbers_and_not_their_size() -> None:
    fields = {"Action": "DescribeInstances", "InstanceId.999999999": "c", "InstanceId.2": "a", "InstanceId.10": "b"}
    parsed = parse(form("ec2", Version="2016-11-15", **fields), MODELS, KNOWN)
    assert parsed.params == {"InstanceIds": ["a", "b", "c"]}


@pytest.mark.parametrize(
    "key", ["Filter.1." * 5000, "Filter." + "9" * 5000, "Filter.-1.Name", "Filter.\u0663.Name", "InstanceId.1.x", "."]
)
def test_odd_keys_are_unknown_parameters(key: str) -> None:
    assert refusal(form("ec2", Action="DescribeInstances", Version="2016-11-15", **{key: "x"}))[0] == "UnknownParameter"


def test_a_large_form_is_read_in_the_time_of_its_size() -> None:
    fields = {f"InstanceId.{number}": f"i-{number}" for number in range(100_000)}
    started = time.perf_counter()
    parsed = parse(form("ec2", Action="DescribeInstances", Version="2016-11-15", **fields), MODELS, KNOWN)
    assert len(parsed.params["InstanceIds"]) == 100_000
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize("pattern", ["[a-zA-Z](?:-?[a-zA-Z0-9]+)*", "[a-z](?:-?[a-z0-9]+){0,15}"])
def test_a_name_that_nearly_matches_takes_no_time(pattern: str) -> None:
    started = time.perf_counter()
    assert not patterns.satisfies("a" * 60 + "!", pattern)
    assert patterns.satisfies("a1-b-cc" + "d" * 50, pattern)
    assert not patterns.satisfies("a--b", pattern)
    assert time.perf_counter() - started < 1


def test_patterns_are_understood_as_java_understands_them() -> None:
    tag = r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*"  # IAM's
    assert patterns.satisfies("Größe 名前/1", tag)
    assert not patterns.satisfies("a#b", tag)
    assert patterns.satisfies("\U0001f600", r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF]*")
    assert not patterns.satisfies("é", r"\w+")
    assert patterns.satisfies("prefix-and-more", "^prefix-")
    assert not patterns.satisfies("my prefix-", "prefix-")


@pytest.mark.parametrize("levels", [100, 400, 100_000])
def test_a_shape_within_itself_may_be_nested_only_so_deeply(levels: int) -> None:
    item = b'{"TableName": "abc", "Item": {"a": ' + b'{"L": [' * levels + b"]}" * levels + b"}}"
    headers = scoped("dynamodb") | {"x-amz-target": "DynamoDB_20120810.PutItem"}
    request = HttpRequest("POST", "/", "", headers, item)
    if levels > 100:
        assert refusal(request)[0] == "SerializationException"
    else:
        assert parse(request, MODELS, ["dynamodb"]).params["TableName"] == "abc"


@pytest.mark.parametrize(
    "body",
    [
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",  # a list of 2**64 - 1 items
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",  # a blob as long
        b"\x81" * 100_000,
        b"\xa1\x61a\xd8\x1c\x81\xd8\x1d\x00",  # a list that contains itself, by shared references
        b"\xa1\x61a\xc2\x41\xff",  # a bignum
        b"\xa0\xa0",
        b"\xa1\x01\x02",
    ],
)
def test_hostile_cbor_is_refused(body: bytes) -> None:
    assert refusal(HttpRequest("POST", CBOR.path, "", CBOR.headers, body))[0] == "SerializationException"


def test_compressed_bodies_are_read_and_bombs_are_not() -> None:
    headers = {**CBOR.headers, "content-encoding": "gzip"}
    small = gzip.compress(cbor2.dumps({"AlarmNames": ["a"]}))
    assert parse(HttpRequest("POST", CBOR.path, "", headers, small), MODELS, KNOWN).params == {"AlarmNames": ["a"]}
    bomb = gzip.compress(bytes(70 * 1024 * 1024), 1)
    assert refusal(HttpRequest("POST", CBOR.path, "", headers, bomb))[0] == "SerializationException"


def test_chunked_uploads_are_put_together() -> None:
    headers = scoped("s3") | {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "content-encoding": "aws-chunked,gzip",
    }
    body = b"5;chunk-signature=ab\r\nhello\r\n6;chunk-signature=cd\r\n world\r\n0;chunk-signature=ef\r\n"
    body += b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:ab\r\n\r\n"
    parsed = parse(HttpRequest("PUT", "/b/k", "", headers, body), MODELS, KNOWN)
    assert parsed.params["Body"] == b"hello world"
    assert parsed.params["ContentEncoding"] == "gzip"
    assert parsed.params["ChecksumCRC32"] == "AAAAAA=="
    for cut in (10, 30, 60):
        with pytest.raises(AwsError, match="aws-chunked"):
            parse(HttpRequest("PUT", "/b/k", "", headers, body[:cut]), MODELS, KNOWN)


def test_text_that_xml_cannot_hold_does_not_break_the_answer() -> None:
    name = "".join(map(chr, range(0x20))) + "<&>\"'\r\n]]>\ud800\ufffe\U0001f600"
    answer = serialize(of("ec2", "DescribeKeyPairs", "ec2"), {"KeyPairs": [{"KeyName": name}]}, "id", NOW)
    text = ElementTree.fromstring(answer.body).findtext(".//{*}keyName")
    assert text is not None
    assert text.endswith("<&>\"'\r\n]]>\ufffd\ufffd\U0001f600")


def test_header_values_cannot_end_their_header() -> None:
    result = {"Metadata": {"a": "x\r\nSet-Cookie: y", "b": "é"}, "ETag": "e\nf"}
    answer = serialize(of("s3", "HeadObject", "rest-xml"), result, "id", NOW)
    assert answer.headers["x-amz-meta-a"] == "x  Set-Cookie: y"
    assert answer.headers["x-amz-meta-b"] == "=?UTF-8?B?w6k=?="
    assert answer.headers["ETag"] == "e f"
    assert answer.body == b""


@pytest.mark.parametrize(
    ("request_", "result"),
    [
        (of("ec2", "DescribeVpcs", "ec2"), {"Vpcs": [{"VpcID": "x"}]}),
        (of("ec2", "DescribeVpcs", "ec2"), {"Vpcs": "text"}),
        (of("ec2", "DescribeVpcs", "ec2"), {"Vpcs": [{"VpcId": 1}]}),
        (of("ec2", "DescribeVpcs", "ec2"), {"Vpcs": [{"IsDefault": "yes"}]}),
        (of("ec2", "DeleteVpc", "ec2"), {"Return": True}),
        (of("iam", "GetUser", "query"), {"User": {"CreateDate": datetime(2026, 1, 1)}}),
        (of("s3", "GetObject", "rest-xml"), {"Bodie": b""}),
        (of("cloudwatch", "DescribeAlarms", "smithy-rpc-v2-cbor"), {"MetricAlarms": [{"Name": "x"}]}),
        (of("cloudwatch", "DescribeAlarms", "json"), {"MetricAlarms": [{"Threshold": "x"}]}),
    ],
)
def test_a_result_the_model_does_not_know_is_our_error(request_: Request, result: dict[str, object]) -> None:
    with pytest.raises(ResultError):
        serialize(request_, result, "id", NOW)


def test_members_that_are_none_are_left_out() -> None:
    answer = serialize(of("iam", "GetUser", "query"), {"User": {"UserName": "a", "Path": None}}, "id", NOW)
    assert b"<GetUserResult><User><UserName>a</UserName></User></GetUserResult>" in answer.body


def test_a_buckets_location_is_not_wrapped() -> None:
    answer = serialize(of("s3", "GetBucketLocation", "rest-xml"), {"LocationConstraint": "eu-west-1"}, "id", NOW)
    assert answer.body.endswith(
        b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">eu-west-1</LocationConstraint>'
    )


def instance(number: int) -> dict[str, object]:
    return {
        "InstanceId": f"i-{number:017x}",
        "ImageId": "ami-0123456789abcdef0",
        "State": {"Code": 16, "Name": "running"},
        "PrivateDnsName": "ip-10-0-0-1.ec2.internal",
        "PublicDnsName": "ec2-198-18-0-1.compute-1.amazonaws.com",
        "InstanceType": "t3.micro",
        "LaunchTime": NOW,
        "Placement": {"AvailabilityZone": "us-east-1a", "GroupName": "", "Tenancy": "default"},
        "Monitoring": {"State": "disabled"},
        "SubnetId": "subnet-0123456789abcdef0",
        "VpcId": "vpc-0123456789abcdef0",
        "PrivateIpAddress": "10.0.0.1",
        "Architecture": "x86_64",
        "RootDeviceType": "ebs",
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-1", "Status": "attached", "AttachTime": NOW}}
        ],
        "Tags": [{"Key": f"key-{tag}", "Value": "a & b"} for tag in range(5)],
        "SecurityGroups": [{"GroupName": "default", "GroupId": "sg-0123456789abcdef0"}],
        "SourceDestCheck": True,
        "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "MacAddress": "02:00:00:00:00:01", "Ipv6Addresses": []}],
    }


def test_a_hundred_instances_are_written_fast() -> None:
    request = of("ec2", "DescribeInstances", "ec2")
    result = {"Reservations": [{"ReservationId": f"r-{n}", "Instances": [instance(n)]} for n in range(100)]}
    answer = serialize(request, result, "id", NOW)
    times = []
    for _ in range(10):
        started = time.perf_counter()
        serialize(request, result, "id", NOW)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.05  # 4 ms on the machine it was written on; this only finds another order of magnitude
    response = {"status_code": 200, "headers": HeadersDict(answer.headers), "body": answer.body}
    parsed = create_parser("ec2").parse(response, request.operation.output_shape)
    assert parsed["Reservations"][99]["Instances"] == [instance(99)]


def test_forms_may_stand_in_the_query() -> None:
    query = urlencode({"Action": "DescribeVpcs", "Version": "2016-11-15", "VpcId.1": "vpc-1"})
    assert parse(HttpRequest("GET", "/", query, scoped("ec2"), b""), MODELS, KNOWN).params == {"VpcIds": ["vpc-1"]}
