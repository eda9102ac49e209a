"""What Auto Scaling is given of the others: the door to them, and the tables that tell that something changed."""

from dataclasses import dataclass

from aftershock.aws.ask import Ask


@dataclass(frozen=True, slots=True)
class Outside:
    ask: Ask

    pace: float = 1.0
    """By what the region's clock divides AWS's durations."""

    instances: str = "ec2_instance"
    """The table of EC2's instances, whose keys are their ids."""

    health: str = "ec2_instance_health"
    """What status checks last saw, by instance id."""

    targets: str = "elbv2_target"
    """The table of targets: a change of any wakes the groups that have target groups."""
