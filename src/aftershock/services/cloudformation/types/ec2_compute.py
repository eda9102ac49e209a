"""AWS::EC2, the machines: instances, launch templates, key pairs."""

from collections.abc import Mapping
from typing import Any

from aftershock.services.cloudformation.rules.schema import (
    BOOLEAN,
    INTEGER,
    JSON,
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
_EBS = {
    "DeleteOnTermination": BOOLEAN,
    "Encrypted": BOOLEAN,
    "Iops": INTEGER,
    "SnapshotId": STRING,
    "VolumeSize": INTEGER,
    "VolumeType": STRING,
}


def disks(no_device: Kind, required: str = "DeviceName", **more: Kind) -> Kind:
    """Block device mappings: AWS's types write `NoDevice` each in a way of its own."""
    ebs = members(**_EBS, **more)
    return many(members(required, DeviceName=STRING, Ebs=ebs, NoDevice=no_device, VirtualName=STRING))


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
        "PrivateIpAddresses": many(members("Primary PrivateIpAddress", Primary=BOOLEAN, PrivateIpAddress=STRING)),
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


def _mappings(properties: Mapping[str, Any]) -> dict[str, Any]:
    """`NoDevice` is an empty object in a template, and an empty text where an instance is run."""
    if "BlockDeviceMappings" not in properties:
        return {}
    made = [one | {"NoDevice": ""} if "NoDevice" in one else one for one in properties["BlockDeviceMappings"]]
    return {"BlockDeviceMappings": made}


_CPU: dict[str, Kind] = {"CpuOptions": members(CoreCount=INTEGER, ThreadsPerCore=INTEGER)}
# What has to be as it is for every instance here; EC2 refuses other values.
_AS_EVERYWHERE: dict[str, Kind] = {
    "EnclaveOptions": members(Enabled=BOOLEAN),
    "HibernationOptions": members(Configured=BOOLEAN),
    "PrivateDnsNameOptions": members(
        EnableResourceNameDnsAAAARecord=BOOLEAN, EnableResourceNameDnsARecord=BOOLEAN, HostnameType=STRING
    ),
}


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
        "DisableApiTermination",
        "InstanceInitiatedShutdownBehavior",
        "EbsOptimized",
        "PrivateIpAddress",
        "LaunchTemplate",
        "MetadataOptions",
        *_CPU,
        *_AS_EVERYWHERE,
    )
    asked |= _mappings(properties)
    if "IamInstanceProfile" in properties:
        asked["IamInstanceProfile"] = {"Name": properties["IamInstanceProfile"]}
    if "Monitoring" in properties:
        asked["Monitoring"] = {"Enabled": properties["Monitoring"]}
    if "CreditSpecification" in properties:
        asked["CreditSpecification"] = {"CpuCredits": properties["CreditSpecification"]["CPUCredits"]}
    placed = doing.given("Affinity", "AvailabilityZone", "Tenancy")
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
    instance_id = str(answer["Instances"][0]["InstanceId"])
    if "SourceDestCheck" in properties:
        _source_dest_check(doing, instance_id)
    return instance_id


def _source_dest_check(doing: Doing, instance_id: str) -> None:
    value = {"Value": doing.properties.get("SourceDestCheck", True)}
    doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, SourceDestCheck=value)


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
    defaults = {"DisableApiTermination": False, "InstanceInitiatedShutdownBehavior": "stop"}
    for name in defaults.keys() & set(names):
        value = {"Value": doing.properties.get(name, defaults[name])}
        doing.ask("ec2", "ModifyInstanceAttribute", InstanceId=instance_id, **{name: value})
    if "SourceDestCheck" in names:
        _source_dest_check(doing, instance_id)
    if "MetadataOptions" in names:
        options = {**_METADATA_DEFAULTS, **doing.properties.get("MetadataOptions", {})}
        doing.ask("ec2", "ModifyInstanceMetadataOptions", InstanceId=instance_id, **options)
    if "Monitoring" in names:
        operation = "MonitorInstances" if doing.properties.get("Monitoring") else "UnmonitorInstances"
        doing.ask("ec2", operation, InstanceIds=[instance_id])
    if "CreditSpecification" in names:
        _credit(doing, instance_id)
    if "IamInstanceProfile" in names:
        _change_profile(doing, instance_id)
    retag(doing, instance_id, before)
    if {"InstanceType", "UserData"} & set(names):
        doing.ask("ec2", "StopInstances", InstanceIds=[instance_id])
        return {"stopped for": "its new type and user data"}
    return None


_METADATA_DEFAULTS: dict[str, Any] = {
    "HttpEndpoint": "enabled",
    "HttpPutResponseHopLimit": 1,
    "HttpTokens": "optional",
    "InstanceMetadataTags": "disabled",
}


def _credit(doing: Doing, instance_id: str) -> None:
    wanted = doing.properties.get("CreditSpecification", {}).get("CPUCredits")
    if wanted is None:  # AWS: "T2 instances are launched as standard", and those of later families as unlimited
        instance = _described(doing, instance_id)
        wanted = "standard" if instance is not None and instance["InstanceType"].startswith("t2.") else "unlimited"
    asked = [{"InstanceId": instance_id, "CpuCredits": wanted}]
    answer = doing.ask("ec2", "ModifyInstanceCreditSpecification", InstanceCreditSpecifications=asked)
    for one in answer.get("UnsuccessfulInstanceCreditSpecifications", []):
        raise FailedError(one["Error"]["Message"])


def _change_profile(doing: Doing, instance_id: str) -> None:
    wanted = doing.properties.get("IamInstanceProfile")
    filters = [{"Name": "instance-id", "Values": [instance_id]}]
    there = doing.ask("ec2", "DescribeIamInstanceProfileAssociations", Filters=filters)
    ids = [one["AssociationId"] for one in there["IamInstanceProfileAssociations"]]
    if wanted is None:
        for association in ids:
            doing.ask("ec2", "DisassociateIamInstanceProfile", AssociationId=association)
    elif ids:
        profile = {"Name": wanted}
        doing.ask("ec2", "ReplaceIamInstanceProfileAssociation", AssociationId=ids[0], IamInstanceProfile=profile)
    else:
        doing.ask("ec2", "AssociateIamInstanceProfile", InstanceId=instance_id, IamInstanceProfile={"Name": wanted})


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
        "Affinity": fixed(STRING),
        "AvailabilityZone": fixed(STRING),
        "BlockDeviceMappings": fixed(disks(JSON, KmsKeyId=STRING)),
        "CreditSpecification": changing(CREDITS),
        "DisableApiTermination": changing(BOOLEAN),
        "EbsOptimized": fixed(BOOLEAN),
        "IamInstanceProfile": changing(STRING),
        "ImageId": fixed(STRING),
        "InstanceInitiatedShutdownBehavior": changing(STRING),
        "InstanceType": interrupting(STRING),
        "KeyName": fixed(STRING),
        "LaunchTemplate": fixed(TEMPLATE_OF),
        "MetadataOptions": changing(METADATA),
        "Monitoring": changing(BOOLEAN),
        "NetworkInterfaces": fixed(many(members("DeviceIndex", DeviceIndex=STRING, **_interface("GroupSet")))),
        "PrivateIpAddress": fixed(STRING),
        "PropagateTagsToVolumeOnCreation": changing(BOOLEAN),  # it says what is done when it is made
        "SecurityGroupIds": changing(STRINGS),
        "SecurityGroups": fixed(STRINGS),
        "SourceDestCheck": changing(BOOLEAN),
        "SubnetId": fixed(STRING),
        "Tags": changing(TAGS),
        "Tenancy": fixed(STRING),
        "UserData": interrupting(STRING),
        **{name: fixed(kind) for name, kind in (_CPU | _AS_EVERYWHERE).items()},
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
    "BlockDeviceMappings": disks(STRING, "", KmsKeyId=STRING, Throughput=INTEGER),
    "CapacityReservationSpecification": members(CapacityReservationPreference=STRING),
    "CreditSpecification": members(CpuCredits=STRING),
    "DisableApiStop": BOOLEAN,
    "DisableApiTermination": BOOLEAN,
    "EbsOptimized": BOOLEAN,
    "IamInstanceProfile": members(Arn=STRING, Name=STRING),
    "ImageId": STRING,
    "InstanceInitiatedShutdownBehavior": STRING,
    "InstanceType": STRING,
    "KeyName": STRING,
    "MaintenanceOptions": members(AutoRecovery=STRING),
    "MetadataOptions": METADATA,
    "Monitoring": members(Enabled=BOOLEAN),
    "NetworkInterfaces": many(
        members(DeviceIndex=INTEGER, InterfaceType=STRING, NetworkCardIndex=INTEGER, **_interface("Groups"))
    ),
    "Placement": members(Affinity=STRING, AvailabilityZone=STRING, Tenancy=STRING),
    "SecurityGroupIds": STRINGS,
    "SecurityGroups": STRINGS,
    "TagSpecifications": many(members("ResourceType Tags", ResourceType=STRING, Tags=TAGS)),
    "UserData": STRING,
    **_CPU,
    **_AS_EVERYWHERE,
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
    retag(doing, template_id, _own_tags(before), _own_tags(doing.properties))


def _own_tags(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the template itself, as a property of tags."""
    given = properties.get("TagSpecifications", [])
    return {"Tags": [tag for one in given if one["ResourceType"] == "launch-template" for tag in one["Tags"]]}


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
        "TagSpecifications": changing(many(members("ResourceType Tags", ResourceType=STRING, Tags=TAGS))),
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
        "Tags": fixed(TAGS),
    },
    create=_create_key,
    read=_read_key,
    delete=_delete_key,
    attributes=("KeyPairId", "KeyFingerprint"),
    tags="list",
)


TYPES = (INSTANCE, LAUNCH_TEMPLATE, KEY_PAIR)
