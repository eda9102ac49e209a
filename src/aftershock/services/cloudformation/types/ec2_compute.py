"""AWS::EC2, the machines: instances, launch templates, key pairs."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    STRINGS,
    TAGS,
    Kind,
    changed,
    changing,
    fixed,
    interrupting,
    many,
    members,
)

from .ec2_network import retag, tagged
from .model import Doing, FailedError, ResourceType, Seen, found, unless_gone

_NO_INSTANCE = ("InvalidInstanceID.NotFound",)
EBS = members(
    DeleteOnTermination=BOOLEAN,
    Encrypted=BOOLEAN,
    Iops=INTEGER,
    SnapshotId=STRING,
    VolumeSize=INTEGER,
    VolumeType=STRING,
)
DISKS = many(members("DeviceName", DeviceName=STRING, Ebs=EBS, NoDevice=STRING, VirtualName=STRING))
TEMPLATE_OF = members("Version", LaunchTemplateId=STRING, LaunchTemplateName=STRING, Version=STRING)
CREDITS = members(CPUCredits=STRING)
METADATA = members(
    HttpEndpoint=STRING,
    HttpProtocolIpv6=STRING,
    HttpPutResponseHopLimit=INTEGER,
    HttpTokens=STRING,
    InstanceMetadataTags=STRING,
)


def _interface(groups: str) -> dict[str, Kind]:
    return {
        "AssociatePublicIpAddress": BOOLEAN,
        "DeleteOnTermination": BOOLEAN,
        "Description": STRING,
        "NetworkInterfaceId": STRING,
        "PrivateIpAddress": STRING,
        "SubnetId": STRING,
        groups: STRINGS,
    }


def _interfaces(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """As RunInstances takes them: the index is a number, and the groups are called otherwise."""
    made = []
    for one in properties.get("NetworkInterfaces", []):
        asked = {name: value for name, value in one.items() if name not in ("DeviceIndex", "GroupSet")}
        asked["DeviceIndex"] = int(one.get("DeviceIndex", "0"))
        if "GroupSet" in one:
            asked["Groups"] = one["GroupSet"]
        made.append(asked)
    return made


def _create_instance(doing: Doing) -> str:
    properties = doing.properties
    asked = doing.given(
        "ImageId",
        "InstanceType",
        "KeyName",
        "SubnetId",
        "SecurityGroupIds",
        "SecurityGroups",
        "UserData",
        "BlockDeviceMappings",
        "DisableApiTermination",
        "InstanceInitiatedShutdownBehavior",
        "EbsOptimized",
        "PrivateIpAddress",
        "LaunchTemplate",
        "MetadataOptions",
    )
    if "IamInstanceProfile" in properties:
        asked["IamInstanceProfile"] = {"Name": properties["IamInstanceProfile"]}
    if "Monitoring" in properties:
        asked["Monitoring"] = {"Enabled": properties["Monitoring"]}
    if "CreditSpecification" in properties:
        asked["CreditSpecification"] = {"CpuCredits": properties["CreditSpecification"]["CPUCredits"]}
    placement = {"AvailabilityZone": "AvailabilityZone", "Tenancy": "Tenancy"}
    placed = {wire: properties[name] for name, wire in placement.items() if name in properties}
    if placed:
        asked["Placement"] = placed
    if "NetworkInterfaces" in properties:
        asked["NetworkInterfaces"] = _interfaces(properties)
    specifications = tagged(doing, "instance")
    if specifications and properties.get("PropagateTagsToVolumeOnCreation"):
        own = [{"ResourceType": "volume", "Tags": specifications["TagSpecifications"][0]["Tags"]}]
        specifications["TagSpecifications"] += own
    answer = doing.ask(
        "ec2", "RunInstances", MinCount=1, MaxCount=1, ClientToken=doing.token, **asked, **specifications
    )
    return str(answer["Instances"][0]["InstanceId"])


def _described(doing: Doing, instance_id: str) -> Mapping[str, Any] | None:
    answer = found(lambda: doing.ask("ec2", "DescribeInstances", InstanceIds=[instance_id]), *_NO_INSTANCE)
    if answer is None or not answer["Reservations"]:
        return None
    instance: Mapping[str, Any] = answer["Reservations"][0]["Instances"][0]
    return None if instance["State"]["Name"] == "terminated" else instance


def _read_instance(doing: Doing, instance_id: str) -> Seen | None:
    instance = _described(doing, instance_id)
    if instance is None:
        return None
    state = instance["State"]["Name"]
    attributes = {
        "InstanceId": instance_id,
        "AvailabilityZone": instance["Placement"]["AvailabilityZone"],
        "PrivateDnsName": instance.get("PrivateDnsName", ""),
        "PrivateIp": instance.get("PrivateIpAddress", ""),
        "PublicDnsName": instance.get("PublicDnsName", ""),
        "PublicIp": instance.get("PublicIpAddress", ""),
        "VpcId": instance.get("VpcId", ""),
    }
    failed = None
    if state == "shutting-down":
        why = instance.get("StateReason", {}).get("Message", "")
        failed = f"Instance {instance_id} failed to stabilize. Current state: {state}. Reason: {why}"
    return Seen(attributes, waiting=None if state == "running" else f"the instance is {state}", failed=failed)


def _update_instance(doing: Doing, instance_id: str, before: Mapping[str, Any]) -> Mapping[str, Any] | None:
    names = changed(before, doing.properties)
    if "SecurityGroupIds" in names:
        groups = doing.properties.get("SecurityGroupIds", [])
        doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, Groups=groups)
    if "DisableApiTermination" in names:
        value = {"Value": doing.properties.get("DisableApiTermination", False)}
        doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, DisableApiTermination=value)
    retag(doing, instance_id, before)
    if {"InstanceType", "UserData"} & set(names):
        doing.ask("ec2", "StopInstances", InstanceIds=[instance_id])
        return {"stopped for": "its new type and user data"}
    return None


def _advance_instance(doing: Doing, instance_id: str) -> Mapping[str, Any]:
    """AWS: "Update requires: Some interruptions" of an EBS-backed instance: it is stopped, changed and started."""
    instance = _described(doing, instance_id)
    if instance is None:
        raise FailedError(f"Instance {instance_id} does not exist")
    if instance["State"]["Name"] != "stopped":
        return doing.state
    kind = {"Value": doing.properties.get("InstanceType", instance["InstanceType"])}
    doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, InstanceType=kind)
    data = {"Value": doing.properties.get("UserData", "")}
    doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, UserData=data)
    doing.ask("ec2", "StartInstances", InstanceIds=[instance_id])
    return {}


def _delete_instance(doing: Doing, instance_id: str) -> None:
    unless_gone(lambda: doing.ask("ec2", "TerminateInstances", InstanceIds=[instance_id]), *_NO_INSTANCE)


INSTANCE = ResourceType(
    name="AWS::EC2::Instance",
    properties={
        "AvailabilityZone": fixed(STRING),
        "BlockDeviceMappings": fixed(DISKS),
        "CreditSpecification": fixed(CREDITS),
        "DisableApiTermination": changing(BOOLEAN),
        "EbsOptimized": fixed(BOOLEAN),
        "IamInstanceProfile": fixed(STRING),
        "ImageId": fixed(STRING),
        "InstanceInitiatedShutdownBehavior": fixed(STRING),
        "InstanceType": interrupting(STRING),
        "KeyName": fixed(STRING),
        "LaunchTemplate": fixed(TEMPLATE_OF),
        "MetadataOptions": fixed(METADATA),
        "Monitoring": fixed(BOOLEAN),
        "NetworkInterfaces": fixed(many(members("DeviceIndex", DeviceIndex=STRING, **_interface("GroupSet")))),
        "PrivateIpAddress": fixed(STRING),
        "PropagateTagsToVolumeOnCreation": fixed(BOOLEAN),
        "SecurityGroupIds": changing(STRINGS),
        "SecurityGroups": fixed(STRINGS),
        "SubnetId": fixed(STRING),
        "Tags": changing(TAGS),
        "Tenancy": fixed(STRING),
        "UserData": interrupting(STRING),
    },
    create=_create_instance,
    read=_read_instance,
    update=_update_instance,
    advance=_advance_instance,
    delete=_delete_instance,
    attributes=(
        "InstanceId",
        "AvailabilityZone",
        "PrivateDnsName",
        "PrivateIp",
        "PublicDnsName",
        "PublicIp",
        "VpcId",
    ),
    tags="list",
    creation_policy=True,
)

_DATA = {
    "BlockDeviceMappings": DISKS,
    "CreditSpecification": members(CpuCredits=STRING),
    "DisableApiTermination": BOOLEAN,
    "EbsOptimized": BOOLEAN,
    "IamInstanceProfile": members(Arn=STRING, Name=STRING),
    "ImageId": STRING,
    "InstanceInitiatedShutdownBehavior": STRING,
    "InstanceType": STRING,
    "KeyName": STRING,
    "MetadataOptions": METADATA,
    "Monitoring": members(Enabled=BOOLEAN),
    "NetworkInterfaces": many(members(DeviceIndex=INTEGER, **_interface("Groups"))),
    "Placement": members(AvailabilityZone=STRING, Tenancy=STRING),
    "SecurityGroupIds": STRINGS,
    "SecurityGroups": STRINGS,
    "TagSpecifications": many(members("ResourceType Tags", ResourceType=STRING, Tags=TAGS)),
    "UserData": STRING,
}


def _template_name(doing: Doing) -> str:
    return str(doing.properties.get("LaunchTemplateName") or doing.name(128))


def _create_template(doing: Doing) -> str:
    specified = doing.properties.get("TagSpecifications")
    specifications = {"TagSpecifications": specified} if specified else tagged(doing, "launch-template")
    answer = doing.ask(
        "ec2",
        "CreateLaunchTemplate",
        LaunchTemplateName=_template_name(doing),
        ClientToken=doing.token,
        **doing.given("LaunchTemplateData", "VersionDescription"),
        **specifications,
    )
    return str(answer["LaunchTemplate"]["LaunchTemplateId"])


def _read_template(doing: Doing, template_id: str) -> Seen | None:
    answer = found(
        lambda: doing.ask("ec2", "DescribeLaunchTemplates", LaunchTemplateIds=[template_id]),
        "InvalidLaunchTemplateId.NotFound",
    )
    if answer is None:
        return None
    template = answer["LaunchTemplates"][0]
    return Seen(
        {
            "LaunchTemplateId": template_id,
            "DefaultVersionNumber": str(template["DefaultVersionNumber"]),
            "LatestVersionNumber": str(template["LatestVersionNumber"]),
        }
    )


def _update_template(doing: Doing, template_id: str, before: Mapping[str, Any]) -> None:
    if before.get("LaunchTemplateData") != doing.properties.get("LaunchTemplateData"):
        asked = doing.given("LaunchTemplateData", "VersionDescription")
        doing.ask("ec2", "CreateLaunchTemplateVersion", LaunchTemplateId=template_id, ClientToken=doing.token, **asked)


def _delete_template(doing: Doing, template_id: str) -> None:
    unless_gone(
        lambda: doing.ask("ec2", "DeleteLaunchTemplate", LaunchTemplateId=template_id),
        "InvalidLaunchTemplateId.NotFound",
    )


LAUNCH_TEMPLATE = ResourceType(
    name="AWS::EC2::LaunchTemplate",
    properties={
        "LaunchTemplateData": changing(members(**_DATA), required=True),
        "LaunchTemplateName": fixed(STRING),
        "TagSpecifications": fixed(many(members("ResourceType Tags", ResourceType=STRING, Tags=TAGS))),
        "VersionDescription": changing(STRING),
    },
    create=_create_template,
    read=_read_template,
    update=_update_template,
    delete=_delete_template,
    attributes=("LaunchTemplateId", "DefaultVersionNumber", "LatestVersionNumber"),
)


def _create_key(doing: Doing) -> str:
    name = str(doing.properties["KeyName"])
    if "PublicKeyMaterial" in doing.properties:
        material = doing.properties["PublicKeyMaterial"].encode()
        doing.ask("ec2", "ImportKeyPair", KeyName=name, PublicKeyMaterial=material, **tagged(doing, "key-pair"))
        return name
    asked = doing.given("KeyType", "KeyFormat")
    key = doing.ask("ec2", "CreateKeyPair", KeyName=name, **asked, **tagged(doing, "key-pair"))
    # AWS: the private key "is stored in an AWS Systems Manager Parameter Store parameter".
    doing.ask(
        "ssm",
        "PutParameter",
        Name=f"/ec2/keypair/{key['KeyPairId']}",
        Type="SecureString",
        Value=key["KeyMaterial"],
    )
    return name


def _key(doing: Doing, name: str) -> Mapping[str, Any] | None:
    answer = found(lambda: doing.ask("ec2", "DescribeKeyPairs", KeyNames=[name]), "InvalidKeyPair.NotFound")
    return answer["KeyPairs"][0] if answer else None


def _read_key(doing: Doing, name: str) -> Seen | None:
    key = _key(doing, name)
    return Seen({"KeyPairId": key["KeyPairId"], "KeyFingerprint": key["KeyFingerprint"]}) if key else None


def _update_key(doing: Doing, name: str, before: Mapping[str, Any]) -> None:
    key = _key(doing, name)
    if key is None:
        raise FailedError(f"The key pair '{name}' does not exist")
    retag(doing, key["KeyPairId"], before)


def _delete_key(doing: Doing, name: str) -> None:
    key = _key(doing, name)
    if key is None:
        return
    doing.ask("ec2", "DeleteKeyPair", KeyName=name)
    unless_gone(
        lambda: doing.ask("ssm", "DeleteParameter", Name=f"/ec2/keypair/{key['KeyPairId']}"), "ParameterNotFound"
    )


KEY_PAIR = ResourceType(
    name="AWS::EC2::KeyPair",
    properties={
        "KeyFormat": fixed(STRING),
        "KeyName": fixed(STRING, required=True),
        "KeyType": fixed(STRING),
        "PublicKeyMaterial": fixed(STRING),
        "Tags": changing(TAGS),
    },
    create=_create_key,
    read=_read_key,
    update=_update_key,
    delete=_delete_key,
    attributes=("KeyPairId", "KeyFingerprint"),
    tags="list",
)


TYPES = (INSTANCE, LAUNCH_TEMPLATE, KEY_PAIR)
