"""Wait conditions, and what is said at the URLs of their handles."""

import json
from urllib.parse import urlsplit

import pytest

from aftershock.aws.errors import AwsError
from aftershock.services.cloudformation import answer_handle

TEXT = """
Resources:
  Ready: {Type: AWS::CloudFormation::WaitConditionHandle}
  Told:
    Type: AWS::CloudFormation::WaitCondition
    Properties: {Handle: !Ref Ready, Timeout: "%s", Count: 2}
Outputs:
  Data: {Value: !GetAtt Told.Data}
"""


def begun(cloud, timeout_s=7200):
    cloud.cfn("CreateStack", StackName="web", TemplateBody=TEXT % timeout_s)
    for _ in range(3):
        cloud.round()
    return cloud.physical("Ready")


def put(cloud, url, said, *, query=None):
    parts = urlsplit(url)
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    with cloud.store.transaction() as tx:
        answer_handle(cloud._call(tx), parts.path, parts.query if query is None else query, body)


def say(who, status="SUCCESS", **more):
    return {"Status": status, "UniqueId": who, "Reason": "", "Data": f"of {who}", **more}


def test_a_condition_stands_when_so_many_have_said_so(cloud):
    url = begun(cloud)
    assert url.startswith("https://cloudformation.us-east-1.amazonaws.com/waitcondition/arn%3Aaws")
    put(cloud, url, say("a"))
    put(cloud, url, say("a"))  # the same one again counts once
    cloud.round()
    assert cloud.resources()["Told"] == "CREATE_IN_PROGRESS"
    put(cloud, url, say("b", Data={"any": 1}))
    cloud.drive()
    assert cloud.status() == "CREATE_COMPLETE", cloud.events()
    assert json.loads(cloud.outputs()["Data"]) == {"a": "of a", "b": '{"any": 1}'}
    assert cloud.physical("Told") == f"{cloud.stack()['StackId']}/Told"


def test_a_condition_that_hears_of_a_failure_fails(cloud):
    url = begun(cloud)
    put(cloud, url, say("a", "FAILURE", Reason="no disk"))
    cloud.drive()
    failed = ("Told", "CREATE_FAILED", "WaitCondition received failed message: 'no disk' for uniqueId: a")
    assert failed in cloud.events()


def test_a_condition_that_hears_too_little_in_time_fails(cloud):
    url = begun(cloud, timeout_s=20)
    put(cloud, url, say("a"))
    cloud.drive()
    failed = ("Told", "CREATE_FAILED", "WaitCondition timed out. Received 1 conditions when expecting 2")
    assert failed in cloud.events()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"", "MalformedSignal"),
        (b"[]", "MalformedSignal"),
        (say("a", "DONE"), "MalformedSignal"),
        (say(""), "MalformedSignal"),
        (say("a", Data="x" * 5000), "EntityTooLarge"),
    ],
)
def test_what_is_no_signal_is_refused(cloud, said, code):
    url = begun(cloud)
    with pytest.raises(AwsError) as caught:
        put(cloud, url, said)
    assert caught.value.code == code


def test_nobody_speaks_without_the_very_url(cloud):
    url = begun(cloud)
    for spoilt in (url[:-1] + ("0" if url[-1] != "0" else "1"), url.replace("/Ready", "/Told"), url.partition("?")[0]):
        with pytest.raises(AwsError, match="Access Denied"):
            put(cloud, spoilt, say("a"))
    cloud.cfn("DeleteStack", StackName="web")
    cloud.drive()
    with pytest.raises(AwsError, match="expired"):
        put(cloud, url, say("a"))


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ("{Handle: !Ref Ready}", "Property Timeout cannot be empty."),
        ("{Timeout: 10}", "Property Handle cannot be empty."),
        ("{Handle: !Ref Ready, Timeout: 43201}", "Invalid timeout value 43201"),
        ("{Handle: https://elsewhere, Timeout: 10}", "Invalid wait condition handle"),
    ],
)
def test_conditions_that_cannot_be_waited_for_are_refused(cloud, properties, words):
    text = f"""
Resources:
  Ready: {{Type: AWS::CloudFormation::WaitConditionHandle}}
  Told: {{Type: AWS::CloudFormation::WaitCondition, Properties: {properties}}}
"""
    cloud.create(text)
    assert [
        words in reason for name, status, reason in cloud.events() if (name, status) == ("Told", "CREATE_FAILED")
    ] == [True]
