"""The account that a story is told in: it has to be empty, for its figures are the whole account's."""

from aftershock.doors.bill import Clients


def in_the_way(access: Clients) -> list[str]:
    """What an experiment does not expect, by name or id; its site's names and figures are the story's alone."""
    ec2 = access.client("ec2")
    stacks = [stack["StackName"] for stack in access.client("cloudformation").describe_stacks()["Stacks"]]
    instances = [
        one["InstanceId"]
        for reservation in ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
        if one["State"]["Name"] != "terminated"
    ]
    held = ec2.describe_reserved_instances()["ReservedInstances"]
    return [*stacks, *instances, *(one["ReservedInstancesId"] for one in held if one["State"] == "active")]
