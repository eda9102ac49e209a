"""How EC2 is asked for an instance."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.autoscaling.records import Group, Made, Place

GROUP_TAG = "aws:autoscaling:groupName"


def request(
    group: Group, place: Place, made: Made, configuration: Mapping[str, Any] | None, token: str
) -> dict[str, Any]:
    """The parameters of RunInstances.  They are recorded, so that asking again is asking the same."""
    asked: dict[str, Any] = {"MinCount": 1, "MaxCount": 1, "ClientToken": token}
    if configuration is not None:
        asked |= run_params(configuration)
    else:
        asked["LaunchTemplate"] = {"LaunchTemplateId": made.template_id, "Version": made.version}
        if made.instance_type:
            asked["InstanceType"] = made.instance_type
        if made.override_image:
            asked["ImageId"] = made.override_image
    if place.subnet is None:
        asked["Placement"] = {"AvailabilityZone": place.zone}
    elif asked.get("NetworkInterfaces"):
        asked["NetworkInterfaces"] = [{**one, "SubnetId": place.subnet} for one in asked["NetworkInterfaces"]]
    else:
        asked["SubnetId"] = place.subnet
    tags = {tag.key: tag.value for tag in group.tags if tag.propagate}
    tags[GROUP_TAG] = group.name
    asked["TagSpecifications"] = [
        {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
    ]
    return asked


def run_params(given: Mapping[str, Any]) -> dict[str, Any]:
    """What of RunInstances a launch configuration says."""
    found: dict[str, Any] = {name: given[name] for name in ("ImageId", "InstanceType")}
    for name in ("KeyName", "UserData", "EbsOptimized", "MetadataOptions"):
        if given.get(name):
            found[name] = given[name]
    if mappings := given.get("BlockDeviceMappings"):
        found["BlockDeviceMappings"] = [_mapping(one) for one in mappings]
    if profile := given.get("IamInstanceProfile"):
        found["IamInstanceProfile"] = {"Arn" if profile.startswith("arn:") else "Name": profile}
    if given.get("InstanceMonitoring", {}).get("Enabled"):
        found["Monitoring"] = {"Enabled": True}
    groups = list(given.get("SecurityGroups", ()))
    public = given.get("AssociatePublicIpAddress")
    if public is not None:
        interface: dict[str, Any] = {"DeviceIndex": 0, "AssociatePublicIpAddress": public}
        found["NetworkInterfaces"] = [{**interface, **({"Groups": groups} if groups else {})}]
    elif groups:
        by_id = all(one.startswith("sg-") for one in groups)
        found["SecurityGroupIds" if by_id else "SecurityGroups"] = groups
    return found


def _mapping(given: Mapping[str, Any]) -> dict[str, Any]:
    """EC2 says with an empty text what Auto Scaling says with a yes."""
    mapping = {name: value for name, value in given.items() if name != "NoDevice"}
    return {**mapping, "NoDevice": ""} if given.get("NoDevice") else mapping
