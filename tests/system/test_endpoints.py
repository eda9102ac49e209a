"""AWS's endpoints inside the region, as code on an instance finds them, and what it launches and calls through them."""

import json
import os
import signal
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.conftest import eventually
from tests.region import IMAGE_PARAMETER

ENDPOINTS = "198.18.0.2"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
HOSTS = (
    "ec2.us-east-1.amazonaws.com",
    "iam.amazonaws.com",
    "route53.amazonaws.com",
    "ssm.us-east-1.amazonaws.com",
    "sts.amazonaws.com",
    "sts.us-east-1.amazonaws.com",
)
# What Python's own client makes of an endpoint, with nothing set: the answer of the server that it trusts, or why not.
ASK = """
import sys, urllib.error, urllib.request
for host in sys.argv[1:]:
    try:
        print(host, urllib.request.urlopen(f"https://{host}/", timeout=5).status)
    except urllib.error.HTTPError as error:
        print(host, error.code, error.headers["Content-Type"])
    except OSError as error:
        print(host, error)
"""
# What the SDK makes of its defaults.
WHO = """
import boto3
for tls in (True, False):
    print(boto3.client("sts", region_name="us-east-1", use_ssl=tls).get_caller_identity()["Arn"])
instances = boto3.client("ec2", region_name="us-east-1").describe_instances()["Reservations"][0]["Instances"]
print(instances[0]["InstanceId"])
"""
WITH_SDK = f"""#!/bin/bash
apt-get update && apt-get install -y python3-boto3 > /dev/null
python3 - > /root/who.new <<'END'
{WHO}
END
mv /root/who.new /root/who
"""


def profile(region, name):
    iam = region.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return {"Name": name}


def running(region, **params):
    instance_id = region.run(**params)["InstanceId"]
    region.in_state(instance_id, "running")
    eventually(lambda: region.inside(instance_id, "test -e /var/lib/cloud/data/region.crt"))
    return instance_id


def asked(region, instance_id, *hosts):
    """What each endpoint answers to somebody who has not signed."""
    return region.inside(instance_id, f"python3 -c '{ASK}' {' '.join(hosts)}").splitlines()


def test_the_sdks_defaults_lead_from_an_instance_to_the_region_as_its_role(region):
    instance_id = running(region, UserData=WITH_SDK, IamInstanceProfile=profile(region, "app"))
    arn = f"arn:aws:sts::123456789012:assumed-role/app/{instance_id}"
    said = eventually(lambda: region.inside(instance_id, "cat /root/who"), within_s=240)
    assert said.splitlines() == [arn, arn, instance_id]


def test_every_endpoint_is_trusted_by_what_trusts_the_systems_certificates(region):
    instance_id = running(region)
    answered = [f"{host} 403 text/xml" for host in HOSTS if not host.startswith("ssm.")]
    said = asked(region, instance_id, *HOSTS)
    assert [line for line in said if " 40" not in line] == []
    assert len(said) == len(HOSTS)
    assert set(answered) & set(said)
    curl = (
        "curl -s -o /dev/null -w '%{http_code} %{ssl_verify_result} %{remote_ip}' https://sts.us-east-1.amazonaws.com/"
    )
    assert region.inside(instance_id, curl) == f"403 0 {ENDPOINTS}"
    # Another name of the same domain has no address, and the certificate is for no other host.
    wrong = f"curl -s -o /dev/null --resolve example.com:443:{ENDPOINTS} https://example.com/ || echo $?"
    assert region.inside(instance_id, wrong).strip() == "60"


def test_the_region_stays_trusted_when_the_user_changes_what_is_and_on_a_golden_image(region):
    host = "sts.us-east-1.amazonaws.com"
    first = running(region)
    before = region.inside(first, "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt")
    region.inside(first, "update-ca-certificates")
    assert region.inside(first, "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt") == before
    assert "403" in asked(region, first, host)[0]
    image_id = region.ec2.create_image(InstanceId=first, Name="trusting", NoReboot=True)["ImageId"]
    region.ec2.get_waiter("image_available").wait(ImageIds=[image_id])
    second = running(region, ImageId=image_id)
    assert "403" in asked(region, second, host)[0]
    assert region.inside(second, "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt") == before


def test_services_and_logins_know_where_the_certificates_are(region):
    instance_id = running(region, UserData="#!/bin/sh\necho $AWS_CA_BUNDLE > /root/bundle\n")
    path = "/etc/ssl/certs/ca-certificates.crt\n"
    assert eventually(lambda: region.inside(instance_id, "cat /root/bundle")) == path
    assert region.inside(instance_id, "su - admin -c 'echo $AWS_CA_BUNDLE'") == path
    assert region.inside(instance_id, "su - admin -c 'sudo printenv AWS_CA_BUNDLE'") == path
    assert region.inside(instance_id, "echo $AWS_CA_BUNDLE") == path


def test_without_a_public_address_the_endpoints_are_out_of_reach(region):
    interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": False}
    instance_id = running(region, NetworkInterfaces=[interface])
    assert "PublicIpAddress" not in region.instance(instance_id)
    assert region.inside(instance_id, f"getent ahostsv4 {HOSTS[0]} | head -1").split()[0] == ENDPOINTS
    assert asked(region, instance_id, HOSTS[0]) == [f"{HOSTS[0]} <urlopen error timed out>"]


def test_a_security_group_that_lets_nothing_out_keeps_an_instance_from_the_endpoints(region):
    group = region.open_port(80)
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    instance_id = running(region, SecurityGroupIds=[group])
    assert "403" in asked(region, instance_id, "sts.amazonaws.com")[0]
    region.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])

    def shut():
        assert "timed out" in asked(region, instance_id, "sts.amazonaws.com")[0]

    eventually(shut)


def test_an_instance_has_aws_and_nothing_else_of_the_region(region):
    instance_id = running(region)
    code = "curl -s -m 3 -o /dev/null -w '%{http_code}'"
    assert region.inside(instance_id, f"{code} -X POST https://sts.amazonaws.com/_aftershock/reset") == "404"
    for port in (22, 53, 4566, 1080):
        assert region.inside(instance_id, f"{code} telnet://{ENDPOINTS}:{port} < /dev/null || echo $?") == "00028\n"


def test_the_endpoints_are_back_after_the_control_plane_was_killed(region):
    instance_id = running(region)
    region.kill_control()

    def back():
        assert "403" in asked(region, instance_id, "sts.amazonaws.com")[0]

    eventually(back)
    region.wait_ready()


IDLE = """
import http.client, time
connection = http.client.HTTPSConnection("sts.amazonaws.com")
connection.request("GET", "/")
connection.getresponse().read()
open("/root/connected", "w").close()
time.sleep(1000)
"""


def test_a_client_with_an_idle_connection_does_not_keep_the_control_plane_from_ending(region):
    instance_id = running(region)
    region.inside(instance_id, f"systemd-run -q python3 -c '{IDLE}'")
    eventually(lambda: region.inside(instance_id, "test -e /root/connected"))
    pid = region.control_pid()
    os.kill(pid, signal.SIGTERM)

    def ended():
        assert not Path(f"/proc/{pid}").exists()

    eventually(ended, within_s=20)
    region.wait_ready()


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]


def test_an_image_is_named_by_a_parameter(region):
    ssm, ec2 = region.client("ssm"), region.ec2
    ssm.put_parameter(Name="/golden", Value=region.image_id, Type="String", DataType="aws:ec2:image")
    ssm.label_parameter_version(Name="/golden", Labels=["live"])
    for name in ("/golden", "/golden:1", "/golden:live", IMAGE_PARAMETER):
        instance = region.run(ImageId=f"resolve:ssm:{name}")
        assert instance["ImageId"] == region.image_id
    data = {"ImageId": "resolve:ssm:/golden", "InstanceType": "t2.micro"}
    ec2.create_launch_template(LaunchTemplateName="golden", LaunchTemplateData=data)
    launched = ec2.run_instances(MinCount=1, MaxCount=1, LaunchTemplate={"LaunchTemplateName": "golden"})
    region.in_state(launched["Instances"][0]["InstanceId"], "running")
    error = refused(ec2.run_instances, ImageId="resolve:ssm:/none", MinCount=1, MaxCount=1)
    assert (error["Code"], error["Message"]) == ("SsmInvalidParameter", "The following aliases are invalid: /none")


def test_programs_on_the_host_trust_the_endpoints_by_the_authority_that_env_names(region):
    authority = region.aftershock("env", "--ca").strip()
    code = region.aftershock(
        "curl", "-s", "--cacert", authority, "-w", "%{http_code}", "-o", "-", "https://iam.amazonaws.com/"
    )
    assert code.endswith("403") and "MissingAuthenticationToken" in code
