"""What goes over the wire: signals, metadata, downloads; before a server that may be busy."""

import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

from aftershock.engines.images.bootstrap import downloads, files, main, sources, stacks
from aftershock.engines.images.bootstrap.errors import BuildError
from aftershock.engines.images.bootstrap.instance import Credentials

SIGNATURE = {"credentials": Credentials("AKIA", "secret")}


@pytest.fixture
def server(monkeypatch):
    """Answers with what is in `answers`, in order; `asked` has what came."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("content-length", 0))
            made.asked.append((self.command, self.path, dict(self.headers), self.rfile.read(length).decode()))
            status, body = made.answers.pop(0)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the standard library's names

        def log_message(self, *_):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.answers, made.asked = [], []
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(downloads, "pause_s", lambda _: 0.0)
    monkeypatch.setattr(stacks, "pause_s", lambda _: 0.0)
    yield made
    made.shutdown()
    thread.join(10)
    made.server_close()


def error(code):
    return json.dumps({"Error": {"Code": code, "Message": "why", "Type": "Sender"}}).encode()


def test_metadata_is_asked_for_until_the_service_answers(server):
    detail = {"StackResourceDetail": {"Metadata": '{"a": 1}'}}
    answer = {"DescribeStackResourceResponse": {"DescribeStackResourceResult": detail}}
    server.answers = [(503, b"busy"), (400, error("Throttling")), (403, error("InvalidClientTokenId"))]
    server.answers.append((200, json.dumps(answer).encode()))
    assert stacks.Stacks("us-east-1", server.url, **SIGNATURE).metadata("site", "Web") == {"a": 1}
    method, path, headers, body = server.asked[-1]
    assert (method, path) == ("POST", "/")
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")
    assert parse_qs(body) == {
        "Action": ["DescribeStackResource"],
        "ContentType": ["JSON"],
        "LogicalResourceId": ["Web"],
        "StackName": ["site"],
        "Version": ["2010-05-15"],
    }


def test_a_refusal_is_told_at_once(server):
    server.answers = [(400, error("ValidationError"))]
    with pytest.raises(stacks.RefusedError, match="ValidationError: why"):
        stacks.Stacks("us-east-1", server.url, **SIGNATURE).signal("site", "Web", "i-0", "SUCCESS")
    assert len(server.asked) == 1


def test_a_service_that_is_not_there_is_said_to_be_so(monkeypatch):
    monkeypatch.setattr(stacks, "pause_s", lambda _: 0.0)
    with pytest.raises(stacks.RefusedError, match="Could not reach"):
        stacks.Stacks("us-east-1", "http://127.0.0.1:1", **SIGNATURE).signal("site", "Web", "i-0", "SUCCESS")


@pytest.mark.parametrize(
    ("options", "status", "reason"),
    [
        ([], "SUCCESS", ""),
        (["-e", "0"], "SUCCESS", ""),
        (["-e", "3"], "FAILURE", "Configuration failed."),
        (["-s", "false", "-r", "no disk"], "FAILURE", "no disk"),
    ],
)
def test_a_signal_says_to_a_url_what_the_options_say(server, capsys, options, status, reason):
    server.answers = [(503, b""), (200, b"")]
    assert main.signal([*options, "-i", "me", "-d", "data", f"{server.url}/handle?Signature=x"]) == 0
    method, path, headers, body = server.asked[-1]
    assert (method, path, headers["Content-Type"]) == ("PUT", "/handle?Signature=x", "")
    assert json.loads(body) == {"Status": status, "Reason": reason, "Data": "data", "UniqueId": "me"}
    assert capsys.readouterr().out == f"CloudFormation signaled successfully with {status}.\n"


def test_a_signal_that_nobody_takes_fails(server):
    server.answers = [(403, b"")]
    with pytest.raises(main.SayError, match="Error signaling CloudFormation: HTTP Error 403"):
        main.signal(["-i", "me", f"{server.url}/handle"])


def test_files_and_archives_come_from_urls(server, tmp_path):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("one")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"two"))
    server.answers = [(500, b""), (200, b"page"), (200, packed.getvalue())]
    files.write({str(tmp_path / "page"): {"source": f"{server.url}/page"}})
    sources.unpack({str(tmp_path / "out"): f"{server.url}/a.tar.gz"})
    assert (tmp_path / "page").read_text() == "page"
    assert (tmp_path / "out" / "one").read_text() == "two"


def test_what_may_not_be_had_is_said_once(server, tmp_path):
    server.answers = [(403, b"")]
    with pytest.raises(BuildError, match="HTTP Error 403"):
        files.write({str(tmp_path / "page"): {"source": f"{server.url}/page"}})
    assert not (tmp_path / "page").exists()
    assert len(server.asked) == 1
