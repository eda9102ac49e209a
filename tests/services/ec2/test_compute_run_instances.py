"""RunInstances, launch templates and the reading of instances: what is honoured, and what is refused how."""

import base64
from pathlib import Path
from typing import Any

import pytest

from aftershock.services.ec2.rules.capacity import Host
from tests.services.ec2.compute import AUTHORITY, Compute, Parameter


@pytest.fixture
def ec2(tmp_path: Path) -> Compute:
    return Compute(tmp_path / "region.db")


def default(ec2: Compute) -> dict[str, Any]:
    return {"ImageId": ec2.image, "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


NETWORK_AND_MORE = "Network interfaces and an instance-level {} may not be specified on the same request"


@pytest.mark.parametrize(
    "params, code, message",
    [
        ({"ImageId": None}, "MissingParameter", "The request must contain the parameter ImageId"),
        (
            {"ImageId": "ami-0123456789abcdef0"},
            "InvalidAMIID.NotFound",
            "The image id '[ami-0123456789abcdef0]' does not exist",
        ),
        ({"ImageId": "debian"}, "InvalidAMIID.Malformed", 'Invalid id: "debian" (expecting "ami-...")'),
        ({"InstanceType": None}, "InvalidParameterCombination", "virtualization type of 'hvm'"),  # m1.small
        ({"InstanceType": "t1.micro"}, "InvalidParameterCombination", "virtualization type of 'hvm'"),
        ({"InstanceType": "m5.metal"}, "Unsupported", "m5.metal"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue", "The architecture 'arm64' of the specified instance"),
        ({"MinCount": 2}, "InvalidParameterCombination", "minCount"),
        ({"MaxCount": 0, "MinCount": 0}, "InvalidParameterValue", "minCount"),
        ({"KeyName": "none"}, "InvalidKeyPair.NotFound", "The key pair 'none' does not exist"),
        ({"SubnetId": "subnet-0123"}, "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0123' does not exist"),
        (
            {"SecurityGroupIds": ["sg-0123456789abcdef0"]},
            "InvalidGroup.NotFound",
            "The security group 'sg-0123456789abcdef0' does not exist",
        ),
        ({"SecurityGroups": ["none"]}, "InvalidGroup.NotFound", "The security group 'none' does not exist in default"),
        ({"UserData": "%%%"}, "InvalidParameterValue", "Invalid BASE64 encoding of user data"),
        ({"UserData": b64("x" * 16385)}, "InvalidParameterValue", "User data is limited to 16384 bytes"),
        (
            {"SubnetId": "subnet-0", "NetworkInterfaces": [{"DeviceIndex": 0}]},
            "InvalidParameterCombination",
            NETWORK_AND_MORE.format("subnet ID"),
        ),
        (
            {"SecurityGroups": ["default"], "NetworkInterfaces": [{"DeviceIndex": 0}]},
            "InvalidParameterCombination",
            NETWORK_AND_MORE.format("security groups"),
        ),
        (
            {"PrivateIpAddress": "172.31.0.9", "NetworkInterfaces": [{"DeviceIndex": 0}]},
            "InvalidParameterCombination",
            NETWORK_AND_MORE.format("private IP address"),
        ),
        ({"NetworkInterfaces": [{"DeviceIndex": 1}]}, "UnsupportedOperation", "device index 0"),
        ({"Placement": {"Tenancy": "dedicated"}}, "UnsupportedOperation", "Placement.Tenancy"),
        ({"Placement": {"AvailabilityZone": "us-east-1z"}}, "InvalidParameterValue", "us-east-1z"),
        ({"HibernationOptions": {"Configured": True}}, "UnsupportedOperation", "HibernationOptions.Configured"),
        ({"InstanceMarketOptions": {"MarketType": "spot"}}, "UnsupportedOperation", "InstanceMarketOptions.MarketType"),
        ({"CpuOptions": {"CoreCount": 1}}, "UnsupportedOperation", "CpuOptions"),
        ({"CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 4}}, "UnsupportedOperation", "CpuOptions"),
        ({"KernelId": "aki-0"}, "UnsupportedOperation", "KernelId"),
        ({"Ipv6AddressCount": 1}, "UnsupportedOperation", "Ipv6AddressCount"),
        ({"IamInstanceProfile": {"Name": "none"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
        ({"IamInstanceProfile": {"Arn": "none"}}, "InvalidParameterValue", "Invalid IAM Instance Profile ARN"),
        ({"MetadataOptions": {"HttpPutResponseHopLimit": 65}}, "InvalidParameterValue", "between 1 and 64"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}}]},
            "UnsupportedOperation",
            "/dev/sdf",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 4}}]},
            "InvalidBlockDeviceMapping",
            "is smaller than snapshot",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "KmsKeyId": "mine"}}]},
            "UnsupportedOperation",
            "BlockDeviceMappings.Ebs.KmsKeyId",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"KmsKeyId": "alias/aws/ebs"}}]},
            "InvalidParameterDependency",
            "The parameter KmsKeyId requires the parameter Encrypted to be set.",
        ),
        (
            {
                "InstanceType": "m3.medium",  # which has instance store volumes on AWS, and not here
                "BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}],
            },
            "UnsupportedOperation",
            "/dev/sdb",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "VirtualName": "ephemeral0"}]},
            "InvalidBlockDeviceMapping",
            "must be an EBS volume",
        ),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeType": "io1"}}]},
            "MissingParameter",
            "iops",
        ),
        (
            {"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:x", "Value": "1"}]}]},
            "InvalidParameterValue",
            "Tag keys starting with 'aws:' are reserved for internal use",
        ),
        ({"LaunchTemplate": {"LaunchTemplateName": "none"}}, "InvalidLaunchTemplateName.NotFoundException", "none"),
    ],
)
def test_what_is_refused(ec2: Compute, params: dict[str, Any], code: str, message: str) -> None:
    given = {name: value for name, value in {**default(ec2), **params}.items() if value is not None}
    found = ec2.refusal("RunInstances", **given)
    assert found[0] == code and message in found[1]
    assert ec2.call("DescribeInstances")["Reservations"] == []
    assert ec2.call("DescribeNetworkInterfaces")["NetworkInterfaces"] == []


def test_everything_asked_for_shows(ec2: Compute) -> None:
    ec2.call("CreateKeyPair", KeyName="mine")
    tags = [{"Key": "Name", "Value": "web"}]
    instance_id = ec2.run(
        KeyName="mine",
        UserData=b64("#!/bin/sh\n"),
        SecurityGroups=["default"],
        PrivateIpAddress="172.31.0.77",
        InstanceInitiatedShutdownBehavior="terminate",
        DisableApiTermination=True,
        IamInstanceProfile={"Name": "web"},
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2},
        CreditSpecification={"CpuCredits": "unlimited"},
        Monitoring={"Enabled": True},
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}, {"ResourceType": "volume", "Tags": tags}],
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp2"}}],
        ClientToken="token",
    )
    shown = ec2.instance(instance_id)
    assert shown["KeyName"] == "mine"
    assert shown["PrivateIpAddress"] == "172.31.0.77"
    assert shown["PrivateDnsName"] == "ip-172-31-0-77.ec2.internal"
    assert shown["PublicDnsName"].startswith("ec2-198-18-")
    assert shown["IamInstanceProfile"]["Arn"].endswith("instance-profile/web")
    assert shown["MetadataOptions"]["HttpTokens"] == "required"
    assert shown["Monitoring"] == {"State": "enabled"}
    assert shown["Tags"] == tags
    assert shown["SecurityGroups"][0]["GroupName"] == "default"
    assert shown["ClientToken"] == "token"
    (volume,) = ec2.call("DescribeVolumes")["Volumes"]
    assert (volume["Size"], volume["VolumeType"], volume["Iops"], volume["Tags"]) == (30, "gp2", 100, tags)
    user_data = ec2.call("DescribeInstanceAttribute", InstanceId=instance_id, Attribute="userData")["UserData"]
    assert base64.b64decode(user_data["Value"]) == b"#!/bin/sh\n"
    ec2.settle()
    spec = ec2.ground.specs[instance_id]
    assert (spec.hostname, spec.cpus, spec.memory_mib, spec.netns) == ("ip-172-31-0-77", 1.0, 1024, instance_id)


def test_a_device_that_the_image_does_not_have_can_be_left_out(ec2: Compute) -> None:
    instance_id = ec2.run(BlockDeviceMappings=[{"DeviceName": "/dev/sdb", "NoDevice": ""}])
    ec2.settle()
    assert [one["DeviceName"] for one in ec2.instance(instance_id)["BlockDeviceMappings"]] == ["/dev/xvda"]


def test_instance_store_volumes_that_the_type_does_not_have_are_ignored(ec2: Compute) -> None:
    mappings = [{"DeviceName": f"/dev/sd{letter}", "VirtualName": f"ephemeral{n}"} for n, letter in enumerate("bc")]
    instance_id = ec2.run(BlockDeviceMappings=mappings)
    ec2.settle()
    assert [one["DeviceName"] for one in ec2.instance(instance_id)["BlockDeviceMappings"]] == ["/dev/xvda"]


AS_IT_IS_ANYWAY: dict[str, Any] = {
    "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
    "DisableApiStop": False,
    "DisableApiTermination": False,
    "EbsOptimized": False,
    "EnclaveOptions": {"Enabled": False},
    "HibernationOptions": {"Configured": False},
    "InstanceInitiatedShutdownBehavior": "stop",
    "MaintenanceOptions": {"AutoRecovery": "default"},
    "MetadataOptions": {"HttpEndpoint": "enabled", "HttpProtocolIpv6": "disabled"},
    "Monitoring": {"Enabled": False},
    "NetworkInterfaces": [
        {
            "DeviceIndex": 0,
            "InterfaceType": "interface",
            "NetworkCardIndex": 0,
            "DeleteOnTermination": True,
            "Ipv6AddressCount": 0,
            "Ipv6Addresses": [],
            "PrimaryIpv6": False,
            "AssociateCarrierIpAddress": False,
            "SecondaryPrivateIpAddressCount": 0,
        }
    ],
    "Placement": {"Tenancy": "default", "Affinity": "default", "GroupName": ""},
    "PrivateDnsNameOptions": {
        "HostnameType": "ip-name",
        "EnableResourceNameDnsARecord": False,
        "EnableResourceNameDnsAAAARecord": False,
    },
}


def test_what_is_so_anyway_may_be_said_of_an_instance_and_in_a_template(ec2: Compute) -> None:
    plain = ec2.instance(ec2.run())
    said = ec2.instance(ec2.run(**AS_IT_IS_ANYWAY))
    same = ("EnclaveOptions", "HibernationOptions", "MaintenanceOptions", "MetadataOptions", "PrivateDnsNameOptions")
    assert [said[name] for name in same] == [plain[name] for name in same]
    assert said["Placement"]["Tenancy"] == "default"
    data = {**AS_IT_IS_ANYWAY, "ImageId": plain["ImageId"], "InstanceType": "t2.micro"}
    ec2.call("CreateLaunchTemplate", LaunchTemplateName="plain", LaunchTemplateData=data)
    template = {"LaunchTemplateName": "plain"}
    assert ec2.call("RunInstances", MinCount=1, MaxCount=1, LaunchTemplate=template)["Instances"]


def test_cpu_options_that_come_to_all_of_the_types_vcpus_are_told_until_it_has_another_type(ec2: Compute) -> None:
    cpu = {"CoreCount": 1, "ThreadsPerCore": 2}
    instance_id = ec2.run(InstanceType="t3.micro", CpuOptions=cpu)
    assert ec2.instance(instance_id)["CpuOptions"] == cpu
    ec2.settle()
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    ec2.call("ModifyInstanceAttribute", InstanceId=instance_id, InstanceType={"Value": "t3.small"})
    assert "CpuOptions" not in ec2.instance(instance_id)


def test_the_source_and_destination_check_is_on_until_it_is_switched_off_and_can_be_reset(ec2: Compute) -> None:
    instance_id = ec2.run()
    assert ec2.instance(instance_id)["SourceDestCheck"] is True
    ec2.call("ModifyInstanceAttribute", InstanceId=instance_id, SourceDestCheck={"Value": False})
    assert ec2.instance(instance_id)["SourceDestCheck"] is False
    assert ec2.instance(instance_id)["NetworkInterfaces"][0]["SourceDestCheck"] is False
    ec2.call("ResetInstanceAttribute", InstanceId=instance_id, Attribute="sourceDestCheck")
    shown = ec2.call("DescribeInstanceAttribute", InstanceId=instance_id, Attribute="sourceDestCheck")
    assert shown["SourceDestCheck"] == {"Value": True}


def test_credits_are_changed_of_each_instance_on_its_own(ec2: Compute) -> None:
    bursting, steady = ec2.run(InstanceType="t3.micro"), ec2.run(InstanceType="m5.large")
    ec2.settle()
    asked = [{"InstanceId": one, "CpuCredits": "standard"} for one in (bursting, steady, "i-0123456789abcdef0")]
    found = ec2.call("ModifyInstanceCreditSpecification", InstanceCreditSpecifications=asked)
    assert found["SuccessfulInstanceCreditSpecifications"] == [{"InstanceId": bursting}]
    assert [(one["InstanceId"], one["Error"]["Code"]) for one in found["UnsuccessfulInstanceCreditSpecifications"]] == [
        (steady, "InstanceCreditSpecification.NotSupported"),
        ("i-0123456789abcdef0", "InvalidInstanceID.NotFound"),
    ]
    shown = ec2.call("DescribeInstanceCreditSpecifications")["InstanceCreditSpecifications"]
    assert shown == [{"InstanceId": bursting, "CpuCredits": "standard"}]
    wrong = [{"InstanceId": bursting, "CpuCredits": "endless"}]
    code, message = ec2.refusal("ModifyInstanceCreditSpecification", InstanceCreditSpecifications=wrong)
    assert (code, message) == ("InvalidParameterValue", "Invalid value for CpuCredits: endless")


def test_the_same_client_token_is_the_same_reservation(ec2: Compute) -> None:
    first = ec2.call("RunInstances", **default(ec2), ClientToken="once")
    again = ec2.call("RunInstances", **default(ec2), ClientToken="once")
    assert first["ReservationId"] == again["ReservationId"]
    assert len(ec2.call("DescribeInstances")["Reservations"]) == 1
    other = {**default(ec2), "InstanceType": "t2.nano"}
    assert ec2.refusal("RunInstances", **other, ClientToken="once")[0] == "IdempotentParameterMismatch"


def test_capacity_is_the_hosts_memory(ec2: Compute) -> None:
    big = {**default(ec2), "InstanceType": "m5.4xlarge"}
    assert ec2.refusal("RunInstances", **big)[0] == "InsufficientInstanceCapacity"
    ec2.host = Host(memory_mib=16384, available_mib=512 + 3 * 32, bootable=1000)
    assert ec2.refusal("RunInstances", **{**default(ec2), "MinCount": 4, "MaxCount": 4})[0] == (
        "InsufficientInstanceCapacity"
    )
    launched = ec2.call("RunInstances", **{**default(ec2), "MinCount": 2, "MaxCount": 10})["Instances"]
    assert [one["AmiLaunchIndex"] for one in launched] == [0, 1, 2]
    assert ec2.refusal("RunInstances", **default(ec2))[0] == "InsufficientInstanceCapacity"


def test_capacity_is_what_the_hosts_kernel_lets_an_init_have(ec2: Compute) -> None:
    ec2.host = Host(memory_mib=16384, available_mib=12000, bootable=2)
    code, message = ec2.refusal("RunInstances", **{**default(ec2), "MinCount": 3, "MaxCount": 3})
    assert code == "InsufficientInstanceCapacity"
    assert message.endswith("sysctl -w fs.inotify.max_user_instances=8192")
    launched = ec2.call("RunInstances", **{**default(ec2), "MinCount": 1, "MaxCount": 5})["Instances"]
    assert len(launched) == 2
    assert ec2.refusal("RunInstances", **default(ec2))[0] == "InsufficientInstanceCapacity"


def test_placement_by_zone_and_interface(ec2: Compute) -> None:
    by_zone = ec2.instance(ec2.run(Placement={"AvailabilityZone": "us-east-1c"}))
    assert by_zone["Placement"]["AvailabilityZone"] == "us-east-1c"
    interface = {
        "DeviceIndex": 0,
        "SubnetId": by_zone["SubnetId"],
        "AssociatePublicIpAddress": False,
        "DeleteOnTermination": False,
        "Description": "kept",
    }
    shown = ec2.instance(instance_id := ec2.running(NetworkInterfaces=[interface]))
    assert shown["SubnetId"] == by_zone["SubnetId"]
    assert "PublicIpAddress" not in shown
    ec2.call("TerminateInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.state(instance_id) == "terminated"
    kept = ec2.call("DescribeNetworkInterfaces", Filters=[{"Name": "description", "Values": ["kept"]}])
    assert [eni["Status"] for eni in kept["NetworkInterfaces"]] == ["available"]


def test_an_instance_is_launched_onto_an_interface_that_outlives_it(ec2: Compute) -> None:
    """As people keep an address, and what has it, apart from the machine."""
    subnet = ec2.call("DescribeSubnets")["Subnets"][2]
    eni = ec2.call("CreateNetworkInterface", SubnetId=subnet["SubnetId"])["NetworkInterface"]
    allocation = ec2.call("AllocateAddress")["AllocationId"]
    ec2.call("AssociateAddress", AllocationId=allocation, NetworkInterfaceId=eni["NetworkInterfaceId"])
    interfaces = [{"DeviceIndex": 0, "NetworkInterfaceId": eni["NetworkInterfaceId"]}]

    first = ec2.running(NetworkInterfaces=interfaces)
    shown = ec2.instance(first)
    assert (shown["SubnetId"], shown["PrivateIpAddress"]) == (subnet["SubnetId"], eni["PrivateIpAddress"])
    assert shown["Placement"]["AvailabilityZone"] == subnet["AvailabilityZone"]
    assert shown["PublicIpAddress"] == ec2.call("DescribeAddresses")["Addresses"][0]["PublicIp"]
    assert shown["NetworkInterfaces"][0]["Attachment"]["DeleteOnTermination"] is False
    in_use = ("InvalidNetworkInterface.InUse", f"Interface: [{eni['NetworkInterfaceId']}] in use.")
    assert ec2.refusal("RunInstances", **default(ec2), NetworkInterfaces=interfaces) == in_use

    ec2.call("TerminateInstances", InstanceIds=[first])
    ec2.settle()
    assert ec2.call("DescribeNetworkInterfaces")["NetworkInterfaces"][0]["Status"] == "available"
    second = ec2.instance(ec2.running(NetworkInterfaces=interfaces))
    assert second["PublicIpAddress"] == shown["PublicIpAddress"]


BOTH = "A network interface may not specify both a network interface ID and {}"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"SubnetId": "subnet-01"}, BOTH.format("a subnet")),
        ({"PrivateIpAddress": "172.31.0.9"}, BOTH.format("a private IP address")),
        ({"Groups": ["sg-01"]}, BOTH.format("security groups")),
        ({"DeleteOnTermination": True}, BOTH.format("delete on termination as true")),
        (
            {"AssociatePublicIpAddress": True},
            "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.",
        ),
    ],
)
def test_what_only_a_new_interface_has_is_refused_of_one_that_is_there(
    ec2: Compute, more: dict[str, Any], message: str
) -> None:
    interface = {"DeviceIndex": 0, "NetworkInterfaceId": "eni-01", **more}
    assert ec2.refusal("RunInstances", **default(ec2), NetworkInterfaces=[interface]) == (
        "InvalidParameterCombination",
        message,
    )


def test_one_interface_is_for_one_instance_and_has_to_be_the_accounts(ec2: Compute) -> None:
    interfaces = [{"DeviceIndex": 0, "NetworkInterfaceId": "eni-0123456789abcdef0"}]
    code, _ = ec2.refusal("RunInstances", **{**default(ec2), "NetworkInterfaces": interfaces, "MaxCount": 2})
    assert code == "InvalidParameterCombination"
    code, _ = ec2.refusal("RunInstances", **default(ec2), NetworkInterfaces=interfaces)
    assert code == "InvalidNetworkInterfaceID.NotFound"


def test_a_launch_template_gives_what_the_request_leaves_out(ec2: Compute) -> None:
    data = {
        "ImageId": ec2.image,
        "InstanceType": "t2.nano",
        "UserData": b64("#!/bin/sh\n"),
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "1"}]}
        ],
    }
    made = ec2.call("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=data)["LaunchTemplate"]
    version = ec2.call(
        "CreateLaunchTemplateVersion",
        LaunchTemplateId=made["LaunchTemplateId"],
        SourceVersion="1",
        LaunchTemplateData={"InstanceType": "t2.small"},
    )["LaunchTemplateVersion"]
    assert (version["VersionNumber"], version["DefaultVersion"]) == (2, False)
    assert version["LaunchTemplateData"]["ImageId"] == ec2.image

    def type_of(**template: str) -> str:
        found = ec2.call("RunInstances", MinCount=1, MaxCount=1, LaunchTemplate=template)["Instances"][0]
        return str(found["InstanceType"])

    assert type_of(LaunchTemplateName="web") == "t2.nano"
    assert type_of(LaunchTemplateName="web", Version="$Latest") == "t2.small"
    ec2.call("ModifyLaunchTemplate", LaunchTemplateName="web", DefaultVersion="2")
    assert type_of(LaunchTemplateId=made["LaunchTemplateId"]) == "t2.small"
    assert type_of(LaunchTemplateName="web", Version="1") == "t2.nano"
    mixed = ec2.call(
        "RunInstances",
        MinCount=1,
        MaxCount=1,
        InstanceType="t2.micro",
        LaunchTemplate={"LaunchTemplateName": "web"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "b", "Value": "2"}]}],
    )["Instances"][0]
    assert mixed["InstanceType"] == "t2.micro"
    assert {tag["Key"]: tag["Value"] for tag in mixed["Tags"]} == {"a": "1", "b": "2"}

    missing = ec2.refusal(
        "RunInstances", MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "web", "Version": "9"}
    )
    assert missing == (
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version 9 for the launch template with ID {made['LaunchTemplateId']}.",
    )
    deleted = ec2.call("DeleteLaunchTemplateVersions", LaunchTemplateName="web", Versions=["1", "2", "9"])
    assert [one["VersionNumber"] for one in deleted["SuccessfullyDeletedLaunchTemplateVersions"]] == [1]
    assert [one["ResponseError"]["Code"] for one in deleted["UnsuccessfullyDeletedLaunchTemplateVersions"]] == [
        "unexpectedError",
        "launchTemplateVersionDoesNotExist",
    ]
    ec2.call("DeleteLaunchTemplate", LaunchTemplateName="web")
    assert ec2.call("DescribeLaunchTemplates")["LaunchTemplates"] == []


@pytest.mark.parametrize(
    "params, code",
    [
        ({"LaunchTemplateName": "x", "LaunchTemplateData": {}}, "InvalidLaunchTemplateName.MalformedException"),
        ({"LaunchTemplateName": "web", "LaunchTemplateData": {"UserData": "%"}}, "InvalidUserData.Malformed"),
        (
            {"LaunchTemplateName": "web", "LaunchTemplateData": {"InstanceMarketOptions": {"MarketType": "spot"}}},
            "UnsupportedOperation",
        ),
        (
            {"LaunchTemplateName": "web", "LaunchTemplateData": {"RamDiskId": "ari-0"}},
            "UnsupportedOperation",
        ),
    ],
)
def test_launch_templates_that_are_refused(ec2: Compute, params: dict[str, Any], code: str) -> None:
    assert ec2.refusal("CreateLaunchTemplate", **params)[0] == code


@pytest.mark.parametrize(
    "name, value, hits",
    [
        ("instance-state-name", "running", 1),
        ("instance-state-name", "stopp*", 1),
        ("instance-state-code", "16", 1),
        ("tag:Name", "web", 1),
        ("tag-key", "Name", 1),
        ("availability-zone", "us-east-1b", 1),
        ("instance-type", "t2.*", 2),
        ("ip-address", "198.18.*", 1),
        ("private-dns-name", "ip-172-31-*.ec2.internal", 2),
        ("instance.group-name", "default", 2),
        ("network-interface.status", "in-use", 2),
        ("network-interface.addresses.association.public-ip", "198.18.*", 1),
        ("root-device-name", "/dev/xvda", 2),
        ("launch-time", "2026-11-22T12:*", 2),
        ("state-reason-code", "Client.UserInitiatedShutdown", 1),
        ("tenancy", "dedicated", 0),
    ],
)
def test_filters(ec2: Compute, name: str, value: str, hits: int) -> None:
    tagged = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    ec2.running(TagSpecifications=tagged)
    stopped = ec2.running(Placement={"AvailabilityZone": "us-east-1b"})
    ec2.call("StopInstances", InstanceIds=[stopped])
    ec2.settle()
    found = ec2.call("DescribeInstances", Filters=[{"Name": name, "Values": [value]}])
    assert sum(len(one["Instances"]) for one in found["Reservations"]) == hits


def test_pages_show_every_instance_once(ec2: Compute) -> None:
    ec2.call("RunInstances", **{**default(ec2), "MinCount": 7, "MaxCount": 7})
    ec2.run()
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        found = ec2.call("DescribeInstances", MaxResults=5, **token)
        seen += [one["InstanceId"] for each in found["Reservations"] for one in each["Instances"]]
        if "NextToken" not in found:
            break
        token = {"NextToken": found["NextToken"]}
    assert len(seen) == len(set(seen)) == 8
    assert ec2.refusal("DescribeInstances", InstanceIds=seen[:1], MaxResults=5)[0] == "InvalidParameterCombination"


def test_state_changes_are_checked_all_before_any(ec2: Compute) -> None:
    protected, other = ec2.running(DisableApiTermination=True), ec2.running()
    code, message = ec2.refusal("TerminateInstances", InstanceIds=[other, protected])
    assert code == "OperationNotPermitted"
    assert message == (
        f"The instance '{protected}' may not be terminated. Modify its 'disableApiTermination' instance attribute "
        "and try again."
    )
    assert ec2.state(other) == "running"
    assert ec2.refusal("StopInstances", InstanceIds=[other, "i-01234567", "i-04567890"]) == (
        "InvalidInstanceID.NotFound",
        "The instance IDs 'i-01234567, i-04567890' do not exist",
    )
    fresh = ec2.run()
    assert ec2.refusal("StopInstances", InstanceIds=[fresh]) == (
        "IncorrectInstanceState",
        f"Instance '{fresh}' cannot be stopped as it has never reached the 'running' state.",
    )
    ec2.call("TerminateInstances", InstanceIds=[other])
    assert ec2.refusal("StartInstances", InstanceIds=[other]) == (
        "IncorrectInstanceState",
        f"The instance '{other}' is not in a state from which it can be started.",
    )
    again = ec2.call("TerminateInstances", InstanceIds=[other])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == again["PreviousState"]["Name"] == "shutting-down"


def test_attributes_that_need_a_stopped_instance(ec2: Compute) -> None:
    instance_id = ec2.running()
    change = {"InstanceId": instance_id, "InstanceType": {"Value": "m5.large"}}
    assert ec2.refusal("ModifyInstanceAttribute", **change) == (
        "IncorrectInstanceState",
        f"The instance '{instance_id}' is not in the 'stopped' state.",
    )
    data = {"InstanceId": instance_id, "UserData": {"Value": b"#!/bin/sh\n"}}
    assert ec2.refusal("ModifyInstanceAttribute", **data)[0] == "IncorrectInstanceState"
    ec2.call("StopInstances", InstanceIds=[instance_id])
    ec2.settle()
    ec2.call("ModifyInstanceAttribute", **change)
    ec2.call("ModifyInstanceAttribute", **data)
    arm = {"InstanceId": instance_id, "InstanceType": {"Value": "t4g.micro"}}
    assert ec2.refusal("ModifyInstanceAttribute", **arm)[0] == "InvalidParameterValue"
    ec2.call("StartInstances", InstanceIds=[instance_id])
    ec2.settle()
    assert ec2.ground.specs[instance_id].memory_mib == 8192


@pytest.mark.parametrize(
    "change, attribute, member, value",
    [
        ({"DisableApiTermination": {"Value": True}}, "disableApiTermination", "DisableApiTermination", True),
        (
            {"Attribute": "disableApiTermination", "Value": "true"},
            "disableApiTermination",
            "DisableApiTermination",
            True,
        ),
        ({"DisableApiStop": {"Value": True}}, "disableApiStop", "DisableApiStop", True),
        (
            {"InstanceInitiatedShutdownBehavior": {"Value": "terminate"}},
            "instanceInitiatedShutdownBehavior",
            "InstanceInitiatedShutdownBehavior",
            "terminate",
        ),
        ({"SourceDestCheck": {"Value": True}}, "sourceDestCheck", "SourceDestCheck", True),
    ],
)
def test_attributes_of_a_running_instance(
    ec2: Compute, change: dict[str, Any], attribute: str, member: str, value: Any
) -> None:
    instance_id = ec2.running()
    ec2.call("ModifyInstanceAttribute", InstanceId=instance_id, **change)
    found = ec2.call("DescribeInstanceAttribute", InstanceId=instance_id, Attribute=attribute)
    assert found[member] == {"Value": value}


@pytest.mark.parametrize(
    "change, code",
    [
        ({}, "MissingParameter"),
        ({"Groups": ["sg-01234567"]}, "InvalidGroup.NotFound"),
        ({"InstanceInitiatedShutdownBehavior": {"Value": "sleep"}}, "InvalidParameterValue"),
        ({"Attribute": "kernel", "Value": "aki-0"}, "UnsupportedOperation"),
        ({"EbsOptimized": {"Value": True}, "DisableApiStop": {"Value": True}}, "InvalidParameterCombination"),
    ],
)
def test_attributes_that_are_refused(ec2: Compute, change: dict[str, Any], code: str) -> None:
    assert ec2.refusal("ModifyInstanceAttribute", InstanceId=ec2.running(), **change)[0] == code


def test_metadata_options_change_at_once(ec2: Compute) -> None:
    instance_id = ec2.running()
    ec2.call("ModifyInstanceMetadataOptions", InstanceId=instance_id, HttpTokens="required", HttpEndpoint="enabled")
    assert ec2.instance(instance_id)["MetadataOptions"]["HttpTokens"] == "required"


def test_an_instance_profile_comes_goes_and_changes(ec2: Compute) -> None:
    instance_id = ec2.running()
    made = ec2.call("AssociateIamInstanceProfile", InstanceId=instance_id, IamInstanceProfile={"Name": "web"})[
        "IamInstanceProfileAssociation"
    ]
    assert made["State"] == "associating"
    again = {"InstanceId": instance_id, "IamInstanceProfile": {"Name": "web"}}
    assert ec2.refusal("AssociateIamInstanceProfile", **again)[0] == "IncorrectState"
    (shown,) = ec2.call("DescribeIamInstanceProfileAssociations")["IamInstanceProfileAssociations"]
    assert (shown["AssociationId"], shown["State"]) == (made["AssociationId"], "associated")
    ec2.call("DisassociateIamInstanceProfile", AssociationId=made["AssociationId"])
    assert ec2.call("DescribeIamInstanceProfileAssociations")["IamInstanceProfileAssociations"] == []


def test_the_console_is_answered_in_base64(ec2: Compute) -> None:
    instance_id = ec2.running()
    output = ec2.call("GetConsoleOutput", InstanceId=instance_id)["Output"]
    assert base64.b64decode(output) == f"console of {instance_id}".encode()


def test_instance_types_are_those_of_the_facts(ec2: Compute) -> None:
    (micro,) = ec2.call("DescribeInstanceTypes", InstanceTypes=["t2.micro"])["InstanceTypes"]
    assert (micro["VCpuInfo"]["DefaultVCpus"], micro["MemoryInfo"]["SizeInMiB"]) == (1, 1024)
    assert ec2.refusal("DescribeInstanceTypes", InstanceTypes=["a1.metal"])[0] == "InvalidInstanceType"
    found = ec2.call("DescribeInstanceTypes")
    assert len(found["InstanceTypes"]) == 100 and found["NextToken"]
    arm = [{"Name": "processor-info.supported-architecture", "Values": ["arm64"]}]
    assert all(
        "g" in one["InstanceType"] or one["InstanceType"][0] == "a"
        for one in ec2.call("DescribeInstanceTypes", Filters=arm)["InstanceTypes"]
    )
    offered = ec2.call(
        "DescribeInstanceTypeOfferings",
        LocationType="availability-zone",
        Filters=[{"Name": "instance-type", "Values": ["t2.micro", "t4g.micro"]}],
    )["InstanceTypeOfferings"]
    assert [one["Location"] for one in offered] == ["us-east-1a", "us-east-1b", "us-east-1c"]


def test_a_hundred_instances_are_described_from_a_few_reads(ec2: Compute) -> None:
    """One statement for each table, whatever the number of instances."""
    ec2.call("RunInstances", **{**default(ec2), "MinCount": 40, "MaxCount": 40})
    statements: list[str] = []
    with ec2.store.snapshot() as tx:
        real = tx.execute
        tx.execute = lambda *args: (statements.append(args[0]), real(*args))[1]  # type: ignore[method-assign]
        ec2._operations["DescribeInstances"](ec2.context(tx), {})
    assert len(statements) <= 6, statements


def test_a_parameter_names_the_image_of_a_launch(ec2: Compute) -> None:
    ec2.parameters["/golden:2"] = Parameter(ec2.image)
    assert ec2.instance(ec2.run(ImageId="resolve:ssm:/golden:2"))["ImageId"] == ec2.image


@pytest.mark.parametrize(
    "image_id, code, message",
    [
        ("resolve:ssm:/none", "SsmInvalidParameter", "The following aliases are invalid: /none"),
        (
            "resolve:ssm:/text",
            "SsmInvalidParameter",
            "Unsupported data type. The following parameter data types are supported: aws:ec2:image",
        ),
        ("resolve:ssm:/gone", "InvalidAMIID.NotFound", "The image id '[ami-00000000000000000]' does not exist"),
        ("resolve:ssm:/odd", "InvalidAMIID.Malformed", 'Invalid id: "debian" (expecting "ami-...")'),
        ("resolve:s3:/x", "InvalidAMIID.Malformed", 'Invalid id: "resolve:s3:/x" (expecting "ami-...")'),
    ],
)
def test_parameters_that_name_no_image(ec2: Compute, image_id: str, code: str, message: str) -> None:
    ec2.parameters |= {
        "/text": Parameter(ec2.image, "text"),
        "/gone": Parameter("ami-00000000000000000"),
        "/odd": Parameter("debian"),
    }
    assert ec2.refusal("RunInstances", **{**default(ec2), "ImageId": image_id}) == (code, message)


def test_a_launch_template_names_an_image_by_a_parameter_as_it_is_at_the_launch(ec2: Compute) -> None:
    ec2.parameters["/golden"] = Parameter("ami-00000000000000000")
    data = {"ImageId": "resolve:ssm:/golden", "InstanceType": "t2.nano"}
    ec2.call("CreateLaunchTemplate", LaunchTemplateName="web", LaunchTemplateData=data)
    ec2.parameters["/golden"] = Parameter(ec2.image)

    def shown(**params: Any) -> str:
        found = ec2.call("DescribeLaunchTemplateVersions", LaunchTemplateName="web", **params)
        return str(found["LaunchTemplateVersions"][0]["LaunchTemplateData"]["ImageId"])

    assert (shown(), shown(ResolveAlias=True)) == ("resolve:ssm:/golden", ec2.image)
    made = ec2.call("RunInstances", MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "web"})
    assert made["Instances"][0]["ImageId"] == ec2.image
    data = {"ImageId": "resolve:ssm:/none"}
    for operation, params in (
        ("CreateLaunchTemplate", {"LaunchTemplateName": "other", "LaunchTemplateData": data}),
        ("CreateLaunchTemplateVersion", {"LaunchTemplateName": "web", "LaunchTemplateData": data}),
    ):
        assert ec2.refusal(operation, **params)[0] == "SsmInvalidParameter"


def test_a_machine_is_given_the_authority_that_it_is_to_trust(ec2: Compute) -> None:
    instance_id = ec2.running()
    laid = ec2.ground.specs[instance_id].files
    assert laid == {"/usr/local/share/ca-certificates/aftershock-region.crt": AUTHORITY}
