"""A whole region for tests: started through the launcher, driven through its public doors, gone afterwards."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aftershock.cli.place import access_to
from aftershock.doors import own, web
from aftershock.ground import cgroups, launcher
from aftershock.ground.launcher import Running, Settings
from tests.conftest import eventually

IMAGE_PARAMETER = "/aws/service/debian/release/12/latest/amd64"
IMAGE_WITHIN_S = 900.0  # the base image is built first, where no region of this machine has built it yet

WEB = """#!/bin/sh
# The user's own code: a page that tells which instance answered.
mkdir -p /srv/www && hostname > /srv/www/index.html
cat > /etc/systemd/system/web.service <<END
[Service]
ExecStart=/usr/bin/python3 -m http.server --directory /srv/www 80
[Install]
WantedBy=multi-user.target
END
systemctl enable --now web
"""


class Region:
    """What a test sees of a running region."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.state = running.state
        self.access = access_to(running)
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.access.client(service)
        return self._clients[service]

    @property
    def ec2(self) -> Any:
        return self.client("ec2")

    @property
    def image_id(self) -> str:
        return str(self.client("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"])

    def reset(self) -> None:
        own.act(self.access, "reset", {})

    def health(self) -> own.Health | None:
        return own.health(self.access.api_port)

    def run(self, **params: Any) -> dict[str, Any]:
        """One instance of the base image, as RunInstances answered."""
        asked = {"ImageId": self.image_id, "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1, **params}
        instance: dict[str, Any] = self.ec2.run_instances(**asked)["Instances"][0]
        return instance

    def instance(self, instance_id: str) -> dict[str, Any]:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])
        instance: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return instance

    def in_state(self, instance_id: str, state: str, *, within_s: float = 30.0) -> dict[str, Any]:
        """The instance, as soon as it is described in this state."""

        def check() -> dict[str, Any]:
            instance = self.instance(instance_id)
            assert instance["State"]["Name"] == state, instance
            return instance

        return eventually(check, within_s=within_s)

    def open_port(self, *ports: int, cidr: str = "0.0.0.0/0", name: str | None = None) -> str:
        """A new security group of the default VPC that lets these TCP ports in; without any, all of them."""
        vpc = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        name = name or f"ports-{len(self.ec2.describe_security_groups()['SecurityGroups'])}"
        group = str(self.ec2.create_security_group(GroupName=name, Description="test", VpcId=vpc)["GroupId"])
        for first, last in [(port, port) for port in ports] or [(1, 65535)]:
            self.ec2.authorize_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=first, ToPort=last, CidrIp=cidr
            )
        return group

    def page(self, host: str, port: int = 80, path: str = "/", *, timeout_s: float = 3.0) -> str:
        """What a browser on the host gets through the SOCKS door."""
        answer = web.get(f"http://{host}:{port}{path}", door=self.access.socks_port, timeout_s=timeout_s)
        assert answer.status == 200, answer
        return answer.body

    def eventual_page(self, host: str, port: int = 80, *, within_s: float = 30.0) -> str:
        def check() -> str:
            try:
                return self.page(host, port)
            except OSError as error:
                raise AssertionError(f"{host}: {error}") from error

        return eventually(check, within_s=within_s)

    def aftershock(self, verb: str, *words: str, status: int = 0) -> str:
        """What one of the region's own commands printed, and where it is to fail also what it said of that."""
        done = subprocess.run(
            [sys.executable, "-m", "aftershock", verb, "--state", str(self.state), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, f"{verb} {words}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout + (done.stderr if status else "")

    def inside(self, instance_id: str, command: str) -> str:
        """What a shell command printed that a person typed at the machine's own console (`aftershock shell`)."""
        return self.aftershock("shell", instance_id, "sh", "-c", command)

    def control_pid(self) -> int:
        """The host's pid of the control plane."""
        return pid_of(self.state, "aftershock.region")

    def kill_control(self) -> None:
        os.kill(self.control_pid(), signal.SIGKILL)

    def wait_ready(self, *, within_s: float = IMAGE_WITHIN_S) -> None:
        def check() -> None:
            health = self.health()
            assert health is not None, "the API does not answer"
            assert health.ready, health

        eventually(check, within_s=within_s)


def pid_of(state: Path, word: str) -> int:
    """The host's pid of the region's process that has this word in its command line."""
    name = cgroups.region_name(state)
    for directory in Path("/proc").iterdir():
        if not directory.name.isdecimal():
            continue
        try:
            words = (directory / "cmdline").read_bytes().split(b"\0")
            if word.encode() in words and name in (directory / "cgroup").read_text():
                return int(directory.name)
        except OSError:
            continue
    raise AssertionError(f"no process of {name} has {word}")


def up(state: Path, **settings: Any) -> Region:
    """Start the region of this state and wait until instances can be run in it."""
    running = launcher.start(Settings(state=state, api_port=0, socks_port=0, dns_port=0, console_port=0, **settings))
    port = running.ports["api"]

    def check() -> None:
        health = own.health(port)
        assert health is not None, f"the API does not answer; {state}/logs/control.log says why"
        assert health.ready, health

    eventually(check, within_s=IMAGE_WITHIN_S)
    return Region(running)


@contextmanager
def a_region(**settings: Any) -> Iterator[Region]:
    """A region of its own, on the host's disk: overlay cannot use a tmpfs everywhere."""
    with tempfile.TemporaryDirectory(prefix="aftershock-test-", dir="/var/tmp", ignore_cleanup_errors=False) as home:
        state = Path(home, "state")
        try:
            yield up(state, **settings)
        finally:
            launcher.stop(state)
            assert launcher.find(state) is None
