"""Instances live: they boot, run what their user gave them, stop, start, and end; seen from outside and inside."""

import base64
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import eventually
from tests.region import WEB, pid_of


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


def console(region, instance_id):
    return region.ec2.get_console_output(InstanceId=instance_id).get("Output", "")


def init_pid(region, instance_id):
    """The host's pid of the machine's first process."""
    conmon = pid_of(region.state, instance_id)
    children = Path(f"/proc/{conmon}/task/{conmon}/children").read_text().split()
    assert children, "the machine has just ended, or not begun yet"
    return int(children[0])


def test_user_data_serves_a_page_and_the_page_is_the_users_own(region):
    group = region.open_port(80)
    instance = region.run(UserData=WEB, SecurityGroupIds=[group])
    assert instance["State"]["Name"] == "pending"
    region.ec2.get_waiter("instance_running").wait(InstanceIds=[instance["InstanceId"]])
    instance = region.instance(instance["InstanceId"])
    assert region.eventual_page(instance["PublicIpAddress"]).strip() == instance["PrivateDnsName"].partition(".")[0]
    assert region.page(instance["PublicDnsName"])


def test_an_instance_is_reachable_ok_when_it_was_seen_to_answer(region):
    instance_id = region.run()["InstanceId"]
    region.ec2.get_waiter("instance_status_ok").config.delay = 1
    waiter = region.ec2.get_waiter("instance_status_ok")
    waiter.config.delay = 1
    waiter.wait(InstanceIds=[instance_id])
    status = region.ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
    assert status["SystemStatus"]["Status"] == status["InstanceStatus"]["Status"] == "ok"


def test_stop_keeps_the_disk_and_start_brings_another_public_address(region):
    group = region.open_port(80)
    instance_id = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    before = region.in_state(instance_id, "running")
    region.eventual_page(before["PublicIpAddress"])
    region.inside(instance_id, "echo kept > /srv/www/kept.html")
    region.ec2.stop_instances(InstanceIds=[instance_id])
    region.ec2.get_waiter("instance_stopped").wait(InstanceIds=[instance_id])
    stopped = region.instance(instance_id)
    assert "PublicIpAddress" not in stopped
    assert stopped["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    region.ec2.modify_instance_attribute(InstanceId=instance_id, InstanceType={"Value": "m5.large"})
    region.ec2.start_instances(InstanceIds=[instance_id])
    after = region.in_state(instance_id, "running")
    assert after["InstanceType"] == "m5.large"
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    region.eventual_page(after["PublicIpAddress"])
    assert region.page(after["PublicIpAddress"], path="/kept.html") == "kept\n"


def test_an_elastic_ip_survives_stop_and_start(region):
    group = region.open_port(80)
    instance_id = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    region.in_state(instance_id, "running")
    address = region.ec2.allocate_address()
    region.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance_id)
    region.eventual_page(address["PublicIp"])
    region.ec2.stop_instances(InstanceIds=[instance_id])
    region.in_state(instance_id, "stopped")
    region.ec2.start_instances(InstanceIds=[instance_id])
    region.in_state(instance_id, "running")
    region.eventual_page(address["PublicIp"])


def test_an_elastic_ip_moves_and_takes_the_traffic_along(region):
    group = region.open_port(80)
    first, second = (region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"] for _ in range(2))
    names = {one: region.in_state(one, "running")["PrivateDnsName"].partition(".")[0] for one in (first, second)}
    address = region.ec2.allocate_address()
    for one in (first, second):
        region.ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=one, AllowReassociation=True)
        eventually(lambda one=one: _same(region.eventual_page(address["PublicIp"]).strip(), names[one]))


def _same(one, other):
    assert one == other


def test_the_sixth_elastic_ip_is_refused(region):
    for _ in range(5):
        region.ec2.allocate_address()
    assert refused(region.ec2.allocate_address) == "AddressLimitExceeded"


def test_terminated_means_nothing_of_it_is_left(region):
    instance_id = region.run()["InstanceId"]
    region.in_state(instance_id, "running")
    volume = region.ec2.describe_volumes()["Volumes"][0]["VolumeId"]
    region.ec2.terminate_instances(InstanceIds=[instance_id])
    region.ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance_id])
    # Its console can still be asked for, as long as the instance is shown; its root is gone.
    assert list((region.state / "machines" / instance_id / "rootfs").glob("*")) == []
    assert not (region.state / "volumes" / volume).exists()
    assert region.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    with pytest.raises(AssertionError):
        pid_of(region.state, instance_id)


def test_termination_protection_holds(region):
    instance_id = region.run(DisableApiTermination=True)["InstanceId"]
    region.in_state(instance_id, "running")
    assert refused(region.ec2.terminate_instances, InstanceIds=[instance_id]) == "OperationNotPermitted"
    region.ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    region.ec2.terminate_instances(InstanceIds=[instance_id])
    region.in_state(instance_id, "terminated")


@pytest.mark.parametrize("behavior, state", [("stop", "stopped"), ("terminate", "terminated")])
def test_an_instances_own_shutdown_is_observed(region, behavior, state):
    instance_id = region.run(InstanceInitiatedShutdownBehavior=behavior)["InstanceId"]
    region.in_state(instance_id, "running")
    eventually(lambda: region.inside(instance_id, "systemctl poweroff"))
    ended = region.in_state(instance_id, state)
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_an_instances_own_reboot_is_no_stop(region):
    group = region.open_port(80)
    instance_id = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    before = region.in_state(instance_id, "running")
    region.eventual_page(before["PublicIpAddress"])
    pid = init_pid(region, instance_id)
    region.inside(instance_id, "systemctl reboot")
    eventually(lambda: _differ(pid, init_pid(region, instance_id)))
    region.eventual_page(before["PublicIpAddress"])
    assert region.in_state(instance_id, "running")["PublicIpAddress"] == before["PublicIpAddress"]


def _differ(one, other):
    assert one != other


def test_a_reboot_by_the_api_starts_the_system_anew_and_user_data_not(region):
    instance_id = region.run(UserData="#!/bin/sh\ndate +%s%N >> /root/ran\n")["InstanceId"]
    region.in_state(instance_id, "running")
    eventually(lambda: region.inside(instance_id, "cat /root/ran"))
    pid = init_pid(region, instance_id)
    region.ec2.reboot_instances(InstanceIds=[instance_id])
    eventually(lambda: _differ(pid, init_pid(region, instance_id)))
    eventually(lambda: region.inside(instance_id, "systemctl is-active multi-user.target"))
    assert len(region.inside(instance_id, "cat /root/ran").split()) == 1


def test_an_instance_killed_from_outside_is_not_running_any_more(region):
    instance_id = region.run()["InstanceId"]
    region.in_state(instance_id, "running")
    os.kill(init_pid(region, instance_id), signal.SIGKILL)
    stopped = region.in_state(instance_id, "stopped")
    assert stopped["StateReason"]["Code"].startswith("Server.")


def test_packages_and_services_are_installed_as_on_any_server(region):
    group = region.open_port(80)
    user_data = "#!/bin/bash\napt-get update && apt-get install -y nginx && systemctl enable --now nginx\n"
    instance_id = region.run(UserData=user_data, SecurityGroupIds=[group])["InstanceId"]
    instance = region.in_state(instance_id, "running")
    assert "nginx" in region.eventual_page(instance["PublicIpAddress"], within_s=180)
    assert region.inside(instance_id, "systemctl is-enabled nginx").strip() == "enabled"
    log = region.inside(instance_id, "cat /var/log/cloud-init-output.log")
    assert "Setting up nginx" in log


def test_cloud_config_is_honoured(region):
    user_data = """#cloud-config
write_files:
  - path: /root/written
    content: by cloud-config
    permissions: '0600'
runcmd:
  - [sh, -c, "id -un > /root/who"]
users:
  - default
  - name: ada
"""
    instance_id = region.run(UserData=user_data)["InstanceId"]
    region.in_state(instance_id, "running")
    assert eventually(lambda: region.inside(instance_id, "cat /root/who"), within_s=90) == "root\n"
    assert region.inside(instance_id, "cat /root/written") == "by cloud-config"
    assert region.inside(instance_id, "stat -c %a /root/written; id -un ada").split() == ["600", "ada"]


def test_the_console_shows_boot_and_user_data(region):
    instance_id = region.run(UserData="#!/bin/sh\necho said by user data\n")["InstanceId"]
    eventually(lambda: _contains(console(region, instance_id), "said by user data"))


def _contains(text, word):
    assert word in text


def test_types_are_limits(region):
    instance_id = region.run(InstanceType="t2.nano")["InstanceId"]
    region.in_state(instance_id, "running")
    hog = "python3 -c \"x = bytearray(1500 * 2**20); print('had it')\" || echo refused"
    assert "had it" not in eventually(lambda: region.inside(instance_id, hog))


def test_what_an_operator_does_in_a_shell_counts_as_the_machines(region):
    """Else its limits would not hold for it, nor its CPU be seen by CloudWatch."""
    instance_id = region.run(InstanceType="t2.nano")["InstanceId"]
    inits = eventually(lambda: region.inside(instance_id, "cat /proc/1/cgroup"))
    assert region.inside(instance_id, "cat /proc/self/cgroup") == inits


def test_metadata_answers_the_instance_about_itself_and_by_token_only_if_so_wished(region):
    instance_id = region.run(MetadataOptions={"HttpTokens": "required"})["InstanceId"]
    region.in_state(instance_id, "running")
    root = "http://169.254.169.254/latest"
    token = f"$(curl -sfX PUT {root}/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60')"
    ask = f'curl -sf -H "X-aws-ec2-metadata-token: {token}" {root}/meta-data/'
    assert eventually(lambda: region.inside(instance_id, ask + "instance-id")) == instance_id
    assert region.inside(instance_id, ask + "placement/availability-zone").startswith("us-east-1")
    code = region.inside(instance_id, f"curl -s -o /dev/null -w '%{{http_code}}' {root}/meta-data/instance-id")
    assert code == "401"


def test_role_credentials_from_metadata_are_good_at_the_door(region):
    iam = region.client("iam")
    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
        '"Action":"sts:AssumeRole"}]}'
    )
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)
    iam.create_instance_profile(InstanceProfileName="web")
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="web")
    instance_id = region.run(IamInstanceProfile={"Name": "web"})["InstanceId"]
    region.in_state(instance_id, "running")
    ask = "curl -sf http://169.254.169.254/latest/meta-data/iam/security-credentials/web"
    got = json.loads(eventually(lambda: region.inside(instance_id, ask)))
    sts = boto3.client(
        "sts",
        endpoint_url=region.access.endpoint,
        region_name="us-east-1",
        aws_access_key_id=got["AccessKeyId"],
        aws_secret_access_key=got["SecretAccessKey"],
        aws_session_token=got["Token"],
    )
    assert sts.get_caller_identity()["Arn"].endswith(f":assumed-role/web/{instance_id}")


def test_a_golden_image_carries_what_was_installed_and_runs_no_user_data_again(region):
    group = region.open_port(80)
    first = region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"]
    region.eventual_page(region.in_state(first, "running")["PublicIpAddress"])
    image_id = region.ec2.create_image(InstanceId=first, Name="golden")["ImageId"]
    region.ec2.get_waiter("image_available").wait(ImageIds=[image_id])
    region.in_state(first, "running")
    second = region.run(ImageId=image_id, SecurityGroupIds=[group])["InstanceId"]
    instance = region.in_state(second, "running")
    original = region.instance(first)["PrivateDnsName"].partition(".")[0]
    assert region.eventual_page(instance["PublicIpAddress"]).strip() == original
    assert region.inside(second, "hostname").strip() == instance["PrivateDnsName"].partition(".")[0]
    ids = [region.inside(one, "cat /etc/machine-id") for one in (first, second)]
    assert ids[0] != ids[1]


def test_one_token_runs_one_instance(region):
    one = region.run(ClientToken="token-1")["InstanceId"]
    assert region.run(ClientToken="token-1")["InstanceId"] == one
    assert refused(region.ec2.run_instances, ImageId=region.image_id, MinCount=2, MaxCount=2, ClientToken="token-1")
    assert len(region.ec2.describe_instances()["Reservations"]) == 1


def test_user_data_comes_back_as_it_was_given(region):
    instance_id = region.run(UserData=WEB)["InstanceId"]
    attribute = region.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
    assert base64.b64decode(attribute["UserData"]["Value"]).decode() == WEB


def test_launch_templates_launch(region):
    group = region.open_port(80)
    region.ec2.create_launch_template(
        LaunchTemplateName="web",
        LaunchTemplateData={
            "ImageId": region.image_id,
            "InstanceType": "t2.micro",
            "SecurityGroupIds": [group],
            "UserData": base64.b64encode(WEB.encode()).decode(),
        },
    )
    run = region.ec2.run_instances(MinCount=2, MaxCount=2, LaunchTemplate={"LaunchTemplateName": "web"})
    for one in run["Instances"]:
        region.eventual_page(region.in_state(one["InstanceId"], "running")["PublicIpAddress"])


def test_a_key_pair_lets_its_owner_in_and_no_one_else(region, tmp_path):
    group = region.open_port(22)
    keys = {}
    for name in ("ours", "theirs"):
        keys[name] = tmp_path / name
        keys[name].write_text(region.ec2.create_key_pair(KeyName=name, KeyType="ed25519")["KeyMaterial"] + "\n")
        keys[name].chmod(0o600)
    instance_id = region.run(KeyName="ours", SecurityGroupIds=[group])["InstanceId"]
    region.in_state(instance_id, "running")

    def ssh(name):
        command = [sys.executable, "-m", "aftershock", "ssh", "--state", str(region.state)]
        return subprocess.run(
            [*command, "-i", str(keys[name]), instance_id, "sudo", "hostname"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def gets_in():
        done = ssh("ours")
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert eventually(gets_in).strip() == region.instance(instance_id)["PrivateDnsName"].partition(".")[0]
    stranger = ssh("theirs")
    assert stranger.returncode != 0
    assert "Permission denied" in stranger.stderr
