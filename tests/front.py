"""A load balancer before machines that say what reached them, for tests through the public doors."""

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aftershock.doors import socks
from tests.conftest import eventually
from tests.region import Region

HEALTHY_WITHIN_S = 60.0
# Answers with what reached it.  /slow?s=2 takes its time; /health is well until /break, and again after /mend.
ECHO = """#!/bin/sh
cat > /usr/local/bin/echo.py <<'END'
import http.server, json, os, socket, time, urllib.parse
state = {"well": True}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(path.query))
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if path.path == "/break":
            state["well"] = False
        if path.path == "/mend":
            state["well"] = True
        if path.path == "/slow":
            time.sleep(float(asked["s"]))
        status = int(asked.get("status", 200))
        if path.path == "/health" and not state["well"]:
            status = 500
        seen = {"host": socket.gethostname(), "path": self.path, "method": self.command,
                "headers": {k.lower(): v for k, v in self.headers.items()}, "bytes": len(body)}
        answer = (json.dumps(seen) + "\\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        if "cookie" in asked:
            self.send_header("Set-Cookie", asked["cookie"])
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)
    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
Server(("", 80), Handler).serve_forever()
END
cat > /etc/systemd/system/echo.service <<'END'
[Service]
ExecStart=/usr/bin/python3 -u /usr/local/bin/echo.py
[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now echo
"""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # names in lower case
    cookies: Mapping[str, str]
    body: str

    @property
    def seen(self) -> dict[str, Any]:
        """What reached the machine that answered."""
        seen: dict[str, Any] = json.loads(self.body)
        return seen


@dataclass
class Client:
    """Asks through the SOCKS door, as a browser on the host would; it follows and remembers nothing by itself."""

    region: Region
    host: str  # a name or an address of the region
    port: int = 80
    tls: ssl.SSLContext | None = None
    name: str | None = None  # what it asks for, if that is not the host

    def ask(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 10.0,
    ) -> Answer:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        connection.sock = self.connect(timeout_s)
        try:
            connection.request(method, path, body, {"Host": self.name or self.host, **(headers or {})})
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        cookies = [line.split(";")[0].partition("=") for line in response.headers.get_all("Set-Cookie") or ()]
        return Answer(
            status=response.status,
            headers={name.lower(): value for name, value in response.headers.items()},
            cookies={name: value for name, _, value in cookies},
            body=text,
        )

    def connect(self, timeout_s: float) -> socket.socket:
        """A connection to keep; the caller closes it."""
        plain = socks.connect(self.region.access.socks_port, self.host, self.port, timeout_s=timeout_s)
        if self.tls is None:
            return plain
        return self.tls.wrap_socket(plain, server_hostname=self.name or self.host)


@dataclass
class Front:
    """One load balancer, and what tests do with it by boto3."""

    region: Region
    arn: str = ""
    name: str = ""
    subnets: Sequence[str] = ()
    front_group: str = ""
    web_group: str = ""
    vpc_id: str = ""
    groups: dict[str, str] = field(default_factory=dict)  # target groups' ARNs by name

    @property
    def elb(self) -> Any:
        return self.region.client("elbv2")

    def client(self, port: int = 80) -> Client:
        return Client(self.region, self.name, port)

    def instances(self, count: int, subnet: str | None = None, **params: Any) -> list[str]:
        asked = {"MinCount": count, "MaxCount": count, "UserData": ECHO, **params}
        placed = {"SubnetId": subnet or self.subnets[0], "SecurityGroupIds": [self.web_group]}
        made = self.region.ec2.run_instances(ImageId=self.region.image_id, InstanceType="t2.micro", **placed, **asked)
        ids = [instance["InstanceId"] for instance in made["Instances"]]
        for one in ids:
            self.region.in_state(one, "running")  # RegisterTargets takes no others
        return ids

    def target_group(self, name: str, targets: Sequence[str] = (), **settings: Any) -> str:
        checked = {"HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2, "HealthCheckPath": "/health"}
        counted = {"HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2}
        asked = {"Protocol": "HTTP", "Port": 80, "VpcId": self.vpc_id, **checked, **counted, **settings}
        arn = self.elb.create_target_group(Name=name, **asked)["TargetGroups"][0]["TargetGroupArn"]
        self.groups[name] = arn
        if targets:
            self.elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": one} for one in targets])
        return str(arn)

    def attributes(self, group: str, **values: str) -> None:
        given = [{"Key": key.replace("__", "."), "Value": value} for key, value in values.items()]
        self.elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=given)

    def listen(self, *actions: dict[str, Any], port: int = 80, **settings: Any) -> str:
        asked = {"Protocol": "HTTP", "Port": port, **settings}
        made = self.elb.create_listener(LoadBalancerArn=self.arn, DefaultActions=list(actions), **asked)
        return str(made["Listeners"][0]["ListenerArn"])

    def states(self, group: str) -> dict[str, tuple[str, str | None]]:
        """Each target's state and reason."""
        found = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: (one["TargetHealth"]["State"], one["TargetHealth"].get("Reason")) for one in found}

    def eventually_states(self, group: str, wanted: Mapping[str, str]) -> dict[str, tuple[str, str | None]]:
        def check() -> dict[str, tuple[str, str | None]]:
            found = self.states(group)
            assert {name: state for name, (state, _) in found.items()} == dict(wanted), found
            return found

        return eventually(check, within_s=HEALTHY_WITHIN_S)

    def eventually_healthy(self, group: str, targets: Sequence[str]) -> None:
        self.eventually_states(group, dict.fromkeys(targets, "healthy"))

    def eventually_active(self) -> None:
        def check() -> None:
            state = self.elb.describe_load_balancers(LoadBalancerArns=[self.arn])["LoadBalancers"][0]["State"]
            assert state["Code"] == "active", state

        eventually(check, within_s=HEALTHY_WITHIN_S)

    def eventually_answers(self, path: str = "/", *, status: int = 200, port: int = 80) -> Answer:
        def check() -> Answer:
            try:
                answer = self.client(port).ask(path)
            except OSError as error:
                raise AssertionError(f"{self.name}: {error}") from error
            assert answer.status == status, answer
            return answer

        return eventually(check, within_s=HEALTHY_WITHIN_S)

    def address_of(self, instance: str) -> str:
        return str(self.region.instance(instance)["PrivateIpAddress"])

    def host_of(self, instance: str) -> str:
        """What the machine calls itself, as its answers say."""
        return str(self.region.instance(instance)["PrivateDnsName"]).partition(".")[0]


def forward(group: str) -> dict[str, Any]:
    return {"Type": "forward", "TargetGroupArn": group}


def a_front(region: Region, name: str = "front", *, zones: Sequence[str] = ("a", "b"), **settings: Any) -> Front:
    """A load balancer over the default VPC's subnets in these zones, whose machines only it can reach."""
    ec2 = region.ec2
    names = [f"us-east-1{zone}" for zone in zones]
    found = ec2.describe_subnets(
        Filters=[{"Name": "default-for-az", "Values": ["true"]}, {"Name": "availability-zone", "Values": names}]
    )["Subnets"]
    front = Front(region, subnets=[one["SubnetId"] for one in sorted(found, key=lambda one: one["AvailabilityZone"])])
    front.vpc_id = found[0]["VpcId"]
    front.front_group = region.open_port(name=f"{name}-front")
    front.web_group = ec2.create_security_group(GroupName=f"{name}-web", Description="web", VpcId=front.vpc_id)[
        "GroupId"
    ]
    ec2.authorize_security_group_ingress(
        GroupId=front.web_group,
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 80,
                "ToPort": 80,
                "UserIdGroupPairs": [{"GroupId": front.front_group}],
            }
        ],
    )
    network = settings.get("Type") == "network"
    groups = {} if network and "SecurityGroups" not in settings else {"SecurityGroups": [front.front_group]}
    made = front.elb.create_load_balancer(Name=name, Subnets=list(front.subnets), **groups, **settings)
    front.arn, front.name = made["LoadBalancers"][0]["LoadBalancerArn"], made["LoadBalancers"][0]["DNSName"]
    return front


@dataclass
class Load:
    """Requests of several clients, one after the other each, for as long as a block runs; every one is counted."""

    client: Client
    path: str = "/"
    answers: list[Answer] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        return self.errors + [f"{one.status}: {one.body[:200]}" for one in self.answers if one.status != 200]

    @property
    def hosts(self) -> set[str]:
        return {one.seen["host"] for one in self.answers if one.status == 200}


@contextmanager
def load(client: Client, path: str = "/", *, clients: int = 4, every_s: float = 0.02) -> Iterator[Load]:
    result, over = Load(client, path), threading.Event()

    def run() -> None:
        while not over.wait(every_s):
            try:
                result.answers.append(client.ask(path))
            except OSError as error:
                result.errors.append(repr(error))

    threads = [threading.Thread(target=run, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield result
    finally:
        over.set()
        for thread in threads:
            thread.join()


def served(result: Load, more: int, *, within_s: float = 30.0) -> None:
    """Wait until so many more requests were answered."""
    wanted = len(result.answers) + more
    deadline = time.monotonic() + within_s
    while len(result.answers) < wanted:
        assert time.monotonic() < deadline, f"{len(result.answers)} answers, {result.errors[-3:]}"
        time.sleep(0.01)
