"""The programs' own rules: signatures, hooks, command lines."""

from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Botocores

from aftershock.engines.images.bootstrap import hup, main, signing
from aftershock.engines.images.bootstrap.errors import BuildError
from aftershock.engines.images.bootstrap.instance import Credentials

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://cloudformation.us-east-1.amazonaws.com/"


@pytest.mark.parametrize("token", ["", "session"])
def test_a_form_is_signed_as_botocore_signs_it(token, monkeypatch):
    body = "Action=DescribeStackResource&StackName=a%20b"
    form = {"content-type": "application/x-www-form-urlencoded"}
    scope = ("us-east-1", "cloudformation")
    key = Credentials("AKIA", "secret", token)
    headers = signing.signed(key, scope, "POST", URL, headers=form, body=body.encode(), now=NOON)
    request = AWSRequest("POST", URL, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOON.replace(tzinfo=None))
    SigV4Auth(Botocores("AKIA", "secret", token or None), "cloudformation", "us-east-1").add_auth(request)
    assert headers["Authorization"] == request.headers["Authorization"]
    assert headers["x-amz-date"] == request.headers["X-Amz-Date"]


HOOK = """
[reloader]
triggers=post.update, post.add
path=Resources.Web.Metadata.AWS::CloudFormation::Init
action=/opt/aws/bin/cfn-init -s x -r Web
runas=root
"""


def test_hooks_are_read_from_their_files():
    (hook,) = hup.hooks({"a.conf": HOOK})
    assert hook.triggers == {"post.update", "post.add"}
    assert (hook.path, hook.runas) == ("Resources.Web.Metadata.AWS::CloudFormation::Init", "root")


@pytest.mark.parametrize("missing", ["triggers", "path", "action", "runas"])
def test_a_hook_that_lacks_something_is_named(missing):
    text = "\n".join(line for line in HOOK.splitlines() if not line.startswith(missing))
    with pytest.raises(BuildError, match=f"reloader has no {missing}"):
        list(hup.hooks({"a.conf": text}))


@pytest.mark.parametrize(
    ("before", "after", "happened"),
    [
        (None, None, None),
        ({"a": 1}, {"a": 1}, None),
        (None, {"a": 1}, "post.add"),
        ({"a": 1}, {"a": 2}, "post.update"),
        ({"a": 1}, None, "post.remove"),
    ],
)
def test_a_trigger_is_what_happened(before, after, happened):
    assert hup.trigger(before, after) == happened


class Told:
    """A stack whose resource has this metadata."""

    def __init__(self, *_):
        pass

    def metadata(self, stack, resource):
        return Told.now


def test_hup_runs_an_action_once_for_each_change_and_again_until_it_succeeds(tmp_path, monkeypatch):
    (tmp_path / "hooks.d").mkdir()
    (tmp_path / "cfn-hup.conf").write_text("[main]\nstack=x\nregion=us-east-1\ninterval=1\n")
    (tmp_path / "hooks.d" / "a.conf").write_text(HOOK)
    ran, statuses = [], [0, 1, 0]
    monkeypatch.setattr(hup, "Stacks", Told)
    monkeypatch.setattr(hup, "KEPT", tmp_path / "kept" / "db.json")
    monkeypatch.setattr(hup, "run", lambda command, **_: (ran.append(command[-1]), (statuses.pop(0), ""))[1])
    watcher = hup.Hup(tmp_path)
    assert watcher.interval_s == 60
    for value, times in (("1", 0), ("1", 0), ("2", 1), ("2", 1), ("3", 2), ("3", 3), ("3", 3)):
        Told.now = {"AWS::CloudFormation::Init": {"config": value}}
        watcher.look()
        assert len(ran) == times, value


@pytest.mark.parametrize(
    ("path", "value"),
    [("", {"a": {"b.c": 1}}), ("a", {"b.c": 1}), (r"a.b\.c", 1), ("a.b", None), ("x", None)],
)
def test_a_path_leads_into_metadata(path, value):
    assert main.at_path({"a": {"b.c": 1}}, path) == value


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        (None, 0o600, "was not found"),
        ("AWSAccessKeyId=a\nAWSSecretKey=b\n", 0o644, "accessible by group or other"),
        ("AWSAccessKeyId=a\n", 0o600, "must contain the keys"),
    ],
)
def test_a_credential_file_is_for_its_owner_alone_and_complete(tmp_path, text, mode, words):
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(main.SayError, match=words):
        main.credentials_in(path)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Specify either"),
        (["https://x", "--resource", "a"], "Specify either"),
        (["--resource", "a", "-i", "me"], "must specify a stack name"),
        (["no url", "-i", "me"], "Invalid WaitConditionHandle URL"),
        (["--http-proxy", "p", "https://x"], "proxies are not supported"),
    ],
)
def test_a_signal_that_says_too_little_is_refused(words, said):
    with pytest.raises(main.SayError, match=said):
        main.signal(words)
