"""What groups cost that have nothing to do, and what a look at one costs: both are to grow as their instances do."""

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from .figures import Figure
from .launch import IMAGE_PARAMETER, Launcher
from .region import Region

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
GROUPS = 5
SIZES = (10, 20, 40)  # of each group
NAME = "bench-many"
SETTLED_S = 60.0  # a whole minute: metrics are measured once in each
QUIET_S = 15.0  # until those that came last have booted
LOOKS = 200
LIMIT_S = 300.0
CPU_TIME = """
import os
import sys
from pathlib import Path
for directory in Path("/proc").glob("[0-9]*"):
    if sys.argv[1].encode() in (directory / "cmdline").read_bytes().split(b"\\0"):
        fields = (directory / "stat").read_text().rpartition(")")[2].split()
        print((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
        break
"""


def cpu_s(region: Region, program: str = "aftershock.region") -> float:
    """What the control plane, or another program of the region's, has used so far.

    proc(5): the 14th and 15th field of stat are utime and stime.
    """
    return float(region.inside(sys.executable, "-c", CPU_TIME, program))


class Groups:
    def __init__(self, launcher: Launcher) -> None:
        self.region = launcher.region
        self.scaling: Any = self.region.access.client("autoscaling")
        image = self.region.access.client("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]
        launcher.ec2.create_launch_template(
            LaunchTemplateName=NAME, LaunchTemplateData={"ImageId": image, "InstanceType": "t2.nano"}
        )
        self.names = [f"{NAME}-{number}" for number in range(GROUPS)]
        for name in self.names:
            self.scaling.create_auto_scaling_group(
                AutoScalingGroupName=name,
                MinSize=0,
                MaxSize=max(SIZES),
                LaunchTemplate={"LaunchTemplateName": NAME, "Version": "1"},
                AvailabilityZones=list(ZONES),
            )

    def grow(self, each: int) -> float:
        """Until every group has so many in service; how many seconds that took."""
        began = time.monotonic()
        for name in self.names:
            self.scaling.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=each)
        while self._in_service() < each * GROUPS:
            if time.monotonic() - began > LIMIT_S:
                raise SystemExit(f"not all of {each * GROUPS} instances are in service after {LIMIT_S:.0f} s")
            time.sleep(0.5)
        return time.monotonic() - began

    def _in_service(self) -> int:
        found = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=self.names)["AutoScalingGroups"]
        return sum(one["LifecycleState"] == "InService" for group in found for one in group["Instances"])

    def share(self, seconds: float) -> float:
        """The control plane's share of a core while nothing happens."""
        before, began = cpu_s(self.region), time.monotonic()
        time.sleep(seconds)
        return (cpu_s(self.region) - before) / (time.monotonic() - began)

    def look_ms(self, idle: float) -> float:
        """The control plane's time for one look at a group, which a change of a setting makes it have.

        The request that changes it is in it as well, at its full price.
        """
        before, began = cpu_s(self.region), time.monotonic()
        for number in range(LOOKS):
            self.scaling.update_auto_scaling_group(AutoScalingGroupName=self.names[0], DefaultCooldown=number)
        time.sleep(1.0)  # for the last of them
        used = cpu_s(self.region) - before - idle * (time.monotonic() - began)
        return used / LOOKS * 1000

    def delete(self) -> None:
        for name in self.names:
            self.scaling.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)


def measure(launcher: Launcher) -> Iterator[list[Figure]]:
    groups = Groups(launcher)
    looks, shares, had = [], [], 0
    for each in SIZES:
        count = each * GROUPS
        took = groups.grow(each)
        launched = Figure(
            f"{count - had} more instances launched by {GROUPS} groups, each",
            took / (count - had) * 1000,
            "ms",
            f"load average {os.getloadavg()[0]:.1f}",
        )
        had = count
        time.sleep(QUIET_S)
        shares.append(groups.share(SETTLED_S))
        looks.append(groups.look_ms(shares[-1]))
        yield [
            launched,
            Figure(
                f"control plane with {count} instances in {GROUPS} groups, settled",
                100 * shares[-1],
                "%",
                f"of a core, over {SETTLED_S:.0f} s; load average {os.getloadavg()[0]:.1f}",
            ),
            Figure(f"  a change of a group of {each}, and a look at it", looks[-1], "ms", "of cpu"),
        ]
    groups.delete()
    growth = SIZES[-1] / SIZES[0]
    yield [
        Figure(f"{growth:g} times the instances, settled: cpu for each", shares[-1] / shares[0] / growth, "×"),
        Figure(f"{growth:g} times the instances of a group: a look, for each", looks[-1] / looks[0] / growth, "×"),
    ]
