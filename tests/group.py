"""An Auto Scaling group behind a load balancer, for tests through the public doors."""

import base64
from typing import Any

from tests.conftest import eventually
from tests.front import ECHO, Front, forward

WITHIN_S = 90.0
NAME = "web"


class Group:
    """One Auto Scaling group over three zones, behind a load balancer."""

    def __init__(self, front: Front) -> None:
        self.front, self.region = front, front.region
        # At a fast pace the least settings are a few looks in a second, and a busy host looks ill.
        slack: dict[str, Any] = {
            "HealthCheckIntervalSeconds": 75,
            "HealthCheckTimeoutSeconds": 60,
            "UnhealthyThresholdCount": 3,
        }
        self.targets = front.target_group("web", **slack)
        front.attributes(self.targets, deregistration_delay__timeout_seconds="30")
        front.listen(forward(self.targets))
        self.template(ECHO)

    @property
    def api(self) -> Any:
        return self.region.client("autoscaling")

    def template(self, user_data: str) -> int:
        """A version of the launch template with this user data; its number."""
        data = {
            "ImageId": self.region.image_id,
            "InstanceType": "t2.micro",
            "SecurityGroupIds": [self.front.web_group],
            "UserData": base64.b64encode(user_data.encode()).decode(),
        }
        ec2 = self.region.ec2
        found = ec2.describe_launch_templates()["LaunchTemplates"]
        if not found:
            made = ec2.create_launch_template(LaunchTemplateName=NAME, LaunchTemplateData=data)["LaunchTemplate"]
            return int(made["LatestVersionNumber"])
        made = ec2.create_launch_template_version(LaunchTemplateName=NAME, LaunchTemplateData=data)
        return int(made["LaunchTemplateVersion"]["VersionNumber"])

    def create(self, *, least: int, most: int, **settings: Any) -> None:
        asked: dict[str, Any] = {
            "LaunchTemplate": {"LaunchTemplateName": NAME, "Version": "1"},
            "VPCZoneIdentifier": ",".join(self.front.subnets),
            "TargetGroupARNs": [self.targets],
            "HealthCheckType": "ELB",
            "HealthCheckGracePeriod": 300,
            "DefaultInstanceWarmup": 60,
            **settings,
        }
        self.api.create_auto_scaling_group(AutoScalingGroupName=NAME, MinSize=least, MaxSize=most, **asked)

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])
        return dict(found["AutoScalingGroups"][0])

    def members(self, state: str = "InService") -> dict[str, str]:
        """The zones of those in this lifecycle state, by instance."""
        found = self.described()["Instances"]
        return {one["InstanceId"]: one["AvailabilityZone"] for one in found if one["LifecycleState"] == state}

    def eventually_serving(self, count: int) -> dict[str, str]:
        """The members, when so many are in service and healthy, and no others are there."""

        def check() -> dict[str, str]:
            described, members = self.described(), self.members()
            assert len(members) == count == len(described["Instances"]), self.said()
            healthy = {name for name, (state, _) in self.front.states(self.targets).items() if state == "healthy"}
            assert healthy == set(members), self.front.states(self.targets)
            return members

        return eventually(check, within_s=WITHIN_S)

    def said(self) -> list[tuple[str, str, str]]:
        found = self.api.describe_scaling_activities(AutoScalingGroupName=NAME)["Activities"]
        return [(one["StatusCode"], one["Description"], one["Cause"]) for one in found]

    def delete(self) -> None:
        if self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]:
            self.api.delete_auto_scaling_group(AutoScalingGroupName=NAME, ForceDelete=True)

        def gone() -> None:
            assert not self.api.describe_auto_scaling_groups(AutoScalingGroupNames=[NAME])["AutoScalingGroups"]
            assert not self.front.states(self.targets)

        eventually(gone, within_s=WITHIN_S)
