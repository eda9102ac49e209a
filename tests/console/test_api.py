"""Asking cheaply: the same bytes are the same answer, pages are followed, and a closed connection is no refusal."""

import http.server
import threading

import pytest
from botocore.exceptions import ClientError

from aftershock.console.api import Api, Unreachable

EMPTY = '<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">{}</DescribeInstancesResponse>'
ONE = "<reservationSet><item><reservationId>{}</reservationId></item></reservationSet>"


class Script:
    """A server that gives prepared answers, one after the other, and the last one for ever."""

    def __init__(self):
        self.answers = []
        self.asked = []

    @property
    def next(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def script():
    script = Script()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            script.asked.append((self.headers["Authorization"], self.rfile.read(length).decode()))
            status, body = script.next
            if status is None:  # as after an idle connection was closed
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        script.api = Api(f"http://127.0.0.1:{server.server_port}", lambda: ("AKIAEXAMPLE", "secret"), timeout_s=10)
        yield script
        script.api._connection.close()
        server.shutdown()
        thread.join()


def described(*reservations, request_id="a", more=""):
    sets = "".join(ONE.format(one) for one in reservations)
    return 200, EMPTY.format(f"<requestId>{request_id}</requestId>{sets}{more}")


def test_an_answer_that_differs_by_its_request_id_only_is_the_one_before(script):
    script.answers = [described("r-1", request_id="a"), described("r-1", request_id="b"), described("r-2")]
    first, second, third = (script.api.ask("ec2", "DescribeInstances") for _ in range(3))
    assert first is second and first["Reservations"][0]["ReservationId"] == "r-1"
    assert third["Reservations"][0]["ReservationId"] == "r-2"


def test_other_parameters_are_another_question(script):
    script.answers = [described("r-1")]
    one = script.api.ask("ec2", "DescribeInstances", {"InstanceIds": ["i-1"]})
    other = script.api.ask("ec2", "DescribeInstances", {"InstanceIds": ["i-2"]})
    assert one is not other and "InstanceId.1=i-2" in script.asked[1][1]


def test_requests_are_signed(script):
    script.answers = [described()]
    script.api.ask("ec2", "DescribeInstances")
    assert "Credential=AKIAEXAMPLE/" in script.asked[0][0] and "/us-east-1/ec2/aws4_request" in script.asked[0][0]


def test_pages_are_followed_to_the_end(script):
    script.answers = [described("r-1", more="<nextToken>t</nextToken>"), described("r-2")]
    found = script.api.all("ec2", "DescribeInstances", "Reservations")
    assert [one["ReservationId"] for one in found] == ["r-1", "r-2"]
    assert "NextToken=t" in script.asked[1][1]


def test_a_refusal_has_awss_code(script):
    error = "<Response><Errors><Error><Code>Nope</Code><Message>no</Message></Error></Errors></Response>"
    script.answers = [(400, error)]
    with pytest.raises(ClientError) as refused:
        script.api.ask("ec2", "DescribeInstances")
    assert refused.value.response["Error"] == {"Code": "Nope", "Message": "no"}


def test_a_connection_that_was_closed_meanwhile_is_made_anew(script):
    script.answers = [described("r-1"), (None, ""), described("r-2")]
    script.api.ask("ec2", "DescribeInstances")
    assert script.api.ask("ec2", "DescribeInstances")["Reservations"][0]["ReservationId"] == "r-2"


def test_nobody_there_is_said_so():
    api = Api("http://127.0.0.1:9", lambda: ("AKIAEXAMPLE", "secret"))
    with pytest.raises(Unreachable, match="does not answer"):
        api.ask("ec2", "DescribeInstances")
