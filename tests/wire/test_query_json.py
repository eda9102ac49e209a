"""The query protocol with answers in JSON, as AWS's programs on instances ask for them."""

import json
from datetime import UTC, datetime

import pytest

from aftershock import wire
from aftershock.aws.errors import AwsError
from aftershock.wire import HttpRequest, Models

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FORM = "Action=DescribeStackResource&LogicalResourceId=Web&StackName=site&Version=2010-05-15"
HOST = {"host": "cloudformation.us-east-1.amazonaws.com"}
MODELS = Models()


def request(method: str, form: str) -> HttpRequest:
    if method == "GET":
        return HttpRequest("GET", "/", form, HOST, b"")
    headers = {**HOST, "content-type": "application/x-www-form-urlencoded"}
    return HttpRequest("POST", "/", "", headers, form.encode())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_that_asks_for_json_gets_json(method: str) -> None:
    parsed = wire.parse(request(method, f"{FORM}&ContentType=JSON"), MODELS, ["cloudformation"])
    assert parsed.params == {"LogicalResourceId": "Web", "StackName": "site"}
    result = {
        "StackResourceDetail": {
            "LogicalResourceId": "Web",
            "ResourceType": "AWS::EC2::Instance",
            "LastUpdatedTimestamp": NOON,
            "ResourceStatus": "CREATE_COMPLETE",
            "Metadata": "{}",
        }
    }
    answer = wire.serialize(parsed, result, "id", NOON)
    assert answer.headers["Content-Type"] == "application/json"
    assert isinstance(answer.body, bytes)
    said = json.loads(answer.body)["DescribeStackResourceResponse"]
    assert said["ResponseMetadata"] == {"RequestId": "id"}
    detail = said["DescribeStackResourceResult"]["StackResourceDetail"]
    assert (detail["Metadata"], detail["LastUpdatedTimestamp"]) == ("{}", NOON.timestamp())


def test_so_does_its_error() -> None:
    asked = request("POST", f"{FORM}&ContentType=JSON")
    context = wire.error_context(asked, MODELS, ["cloudformation"])
    answer = wire.serialize_error(
        AwsError("ValidationError", "Stack 'site' does not exist"),
        protocol=context.protocol,
        operation=context.operation,
        service=context.service,
        request_id="id",
        now=NOON,
    )
    assert isinstance(answer.body, bytes)
    assert json.loads(answer.body) == {
        "Error": {"Type": "Sender", "Code": "ValidationError", "Message": "Stack 'site' does not exist"},
        "RequestId": "id",
    }


@pytest.mark.parametrize("form", [FORM, f"{FORM}&ContentType=XML"])
def test_everybody_else_gets_xml(form: str) -> None:
    parsed = wire.parse(request("POST", form), MODELS, ["cloudformation"])
    assert parsed.protocol == "query"
