"""From RunInstances to the user's web process answering, beside a bare runc start of the same root."""

import statistics
import time
from pathlib import Path
from typing import Any

from aftershock.sites.whatisthetime.pack import user_data

from .figures import Figure, median_ms, spread
from .probe import first_answer, first_answers
from .region import Region

LAUNCHES = 15
MANY = 100
POLL_S = 0.05
IMAGE_PARAMETER = "/aws/service/debian/release/12/latest/amd64"
OUTLIVES_US_S = 120.0


class Launcher:
    """Launches instances that serve WhatIsTheTime."""

    def __init__(self, region: Region) -> None:
        self.region = region
        door = region.access.socks_port
        assert door is not None  # we are outside
        self.door = door
        self.ec2: Any = region.access.client("ec2")
        base = region.access.client("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        self.group = self.ec2.create_security_group(GroupName="bench", Description="HTTP from everywhere")["GroupId"]
        self.ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=80, ToPort=80, CidrIp="0.0.0.0/0"
        )
        self.golden = self._golden(base)

    def run(self, image: str, kind: str, count: int = 1, **more: Any) -> list[str]:
        answer = self.ec2.run_instances(
            ImageId=image, InstanceType=kind, MinCount=count, MaxCount=count, SecurityGroupIds=[self.group], **more
        )
        return [one["InstanceId"] for one in answer["Instances"]]

    def addresses(self, instances: list[str]) -> list[str]:
        """Their public addresses, as soon as all have one."""
        deadline = time.monotonic() + OUTLIVES_US_S
        while time.monotonic() < deadline:
            answer = self.ec2.describe_instances(InstanceIds=instances)
            described = [one for reservation in answer["Reservations"] for one in reservation["Instances"]]
            addresses = [one["PublicIpAddress"] for one in described if "PublicIpAddress" in one]
            if len(addresses) == len(instances):
                return addresses
        raise SystemExit(f"not all of {len(instances)} instances have a public address")

    def launch(self, kind: str) -> tuple[str, float]:
        """Launch one from the golden image: its id, and the seconds until it answered."""
        began = time.monotonic()
        (instance,) = self.run(self.golden, kind)
        (address,) = self.addresses([instance])
        return instance, first_answer(self.door, address) - began

    def terminate(self, instances: list[str]) -> None:
        self.ec2.terminate_instances(InstanceIds=instances)
        wanted = {"Name": "instance-state-name", "Values": ["terminated"]}
        self._until(
            lambda: (
                len(self.ec2.describe_instances(InstanceIds=instances, Filters=[wanted])["Reservations"]) > 0
                and self._states(instances) == {"terminated"}
            ),
            "instances are not terminated",
        )

    def _golden(self, base: str) -> str:
        """An image of an instance on which the user data has run."""
        (instance,) = self.run(base, "t2.micro", UserData=user_data())
        first_answer(self.door, self.addresses([instance])[0])
        image: str = self.ec2.create_image(InstanceId=instance, Name="golden")["ImageId"]
        self._until(
            lambda: self.ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available",
            "the golden image is not available",
        )
        self.terminate([instance])
        return image

    def _states(self, instances: list[str]) -> set[str]:
        answer = self.ec2.describe_instances(InstanceIds=instances)
        return {one["State"]["Name"] for reservation in answer["Reservations"] for one in reservation["Instances"]}

    def _until(self, condition: Any, otherwise: str) -> None:
        deadline = time.monotonic() + OUTLIVES_US_S
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"{otherwise} after {OUTLIVES_US_S:.0f} s")
            time.sleep(POLL_S)


def measure(launcher: Launcher) -> list[Figure]:
    """Ours and the bare ones in turn, so that both meet the same machine in the same moods."""
    region, script = launcher.region, (Path(__file__).parent / "bare_start.py").read_text()
    ours, whole, alone = [], [], []
    for _ in range(LAUNCHES):
        instance, seconds = launcher.launch("t2.micro")
        ours.append(seconds)
        template = f"/run/aftershock/state/machines/{instance}/config.json"
        said = region.inside("python3", "-c", script, lower_of(region, instance), template, "1").split()
        whole.append(float(said[0]))
        alone.append(float(said[1]))
        launcher.terminate([instance])
    ratios = [statistics.median(ours) / statistics.median(bare) for bare in (whole, alone)]
    return [
        Figure("RunInstances to the web process answering (golden)", median_ms(ours), "ms", spread(ours), at_most=250),
        Figure("bare runc start of the same root", median_ms(whole), "ms", spread(whole)),
        Figure("their ratio", ratios[0], "", at_most=2.5),
        Figure("bare runc start of its web process alone, no init, no network", median_ms(alone), "ms", spread(alone)),
        Figure("ratio to that", ratios[1], "", "for comparison; a container image does no more than that"),
    ]


def lower_of(region: Region, instance: str) -> str:
    """The layers below a running instance's root, as its own root's mount names them."""
    init = region.inside("cat", f"/run/aftershock/state/machines/{instance}/init.pid").strip()
    for line in region.inside("cat", f"/proc/{init}/mounts").splitlines():
        _, mount, kind, options, *_ = line.split()
        if (mount, kind) == ("/", "overlay"):
            return next(option.removeprefix("lowerdir=") for option in options.split(",") if option[:9] == "lowerdir=")
    raise SystemExit(f"{instance} has no overlay as its root")


def measure_many(launcher: Launcher) -> tuple[list[Figure], list[str]]:
    """Up to 100 at once, one by one and then together; the last ones are left running."""
    times, running = [], []
    for _ in range(MANY):
        instance, seconds = launcher.launch("t2.nano")
        running.append(instance)
        times.append(seconds)
    first, last = times[:10], times[-10:]
    growth = statistics.median(last) / statistics.median(first)
    launcher.terminate(running)
    began = time.monotonic()
    together = launcher.run(launcher.golden, "t2.nano", MANY)
    answered = max(first_answers(launcher.door, launcher.addresses(together))) - began
    figures = [
        Figure("launch of t2.nano number 1 to 10", median_ms(first), "ms", spread(first)),
        Figure(f"launch of t2.nano number {MANY - 9} to {MANY}", median_ms(last), "ms", spread(last)),
        Figure("their ratio", growth, "", "1 means that the time does not grow with the number", at_most=1.25),
        Figure(
            f"{MANY} × t2.nano in one call, until all answer", answered, "s", f"{answered / MANY * 1000:.0f} ms each"
        ),
    ]
    return figures, together
