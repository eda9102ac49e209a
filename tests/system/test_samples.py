"""Templates in the shapes in which people publish them, put into a region by AWS's own command line, and asked for by
HTTP.  Nothing in them is of this region; the image is the default of a parameter.
"""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import eventually
from tests.region import Region, a_region

HERE = Path(__file__).parent / "samples"
PACE = 10
WITHIN_S = 180.0


@pytest.fixture(scope="module")
def samples() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


@pytest.fixture
def region(samples: Region) -> Region:
    samples.reset()
    return samples


def aws(region: Region, *words: str, status: int = 0) -> str:
    """What AWS's command line printed, and where it is to fail also what it said of that."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(region.state), **region.access.environment()}
    done = subprocess.run(
        [sys.executable, "-m", "awscli", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    assert done.returncode == status, f"{words}: {done.returncode}: {done.stdout}{done.stderr}{told(region)}"
    return done.stdout + (done.stderr if status else "")


def told(region: Region) -> list[str]:
    """Why resources of any stack failed."""
    cloudformation = region.client("cloudformation")
    found = []
    for stack in cloudformation.list_stacks()["StackSummaries"]:
        for event in cloudformation.describe_stack_events(StackName=stack["StackId"])["StackEvents"]:
            if event["ResourceStatus"].endswith("FAILED"):
                found.append(f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}")
    return found


def deploy(region: Region, template: Path, name: str, *overrides: str, status: int = 0) -> str:
    given = ["--parameter-overrides", *overrides] if overrides else []
    return aws(
        region,
        *("cloudformation", "deploy", "--template-file", str(template), "--stack-name", name),
        *("--capabilities", "CAPABILITY_IAM"),
        *given,
        status=status,
    )


def put(region: Region, verb: str, template: Path, name: str, **values: str) -> None:
    """A stack created or updated, as far as complete; `deploy` looks only every half minute."""
    given = [f"ParameterKey={key},ParameterValue={value}" for key, value in values.items()]
    aws(
        region,
        *("cloudformation", f"{verb}-stack", "--template-body", f"file://{template}", "--stack-name", name),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"),
        *(["--parameters", *given] if given else []),
    )
    ended(region, name, f"{verb.upper()}_COMPLETE")


def ended(region: Region, name: str, status: str) -> None:
    cloudformation = region.client("cloudformation")
    stack_id = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]

    def check() -> str:
        found = str(cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])
        assert not found.endswith("_IN_PROGRESS"), found
        return found

    assert eventually(check, within_s=WITHIN_S) == status, told(region)


def outputs(region: Region, name: str) -> dict[str, str]:
    (stack,) = region.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def removed(region: Region, name: str) -> None:
    stack_id = region.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    aws(region, "cloudformation", "delete-stack", "--stack-name", name)
    ended(region, stack_id, "DELETE_COMPLETE")


def host(url: str) -> str:
    return url.removeprefix("http://").rstrip("/")


def test_one_server_sets_itself_up_and_serves(region: Region) -> None:
    aws(region, "ec2", "create-key-pair", "--key-name", "mine")
    put(region, "create", HERE / "machine.yaml", "machine", KeyName="mine")
    shown = outputs(region, "machine")
    # The stack is complete when cfn-init has succeeded, so the page is there at once.
    assert region.eventual_page(host(shown["URL"])) == "<h1>Good morning from Virginia</h1>"
    (server,) = region.ec2.describe_instances()["Reservations"][0]["Instances"]
    assert region.inside(server["InstanceId"], "systemctl is-active cfn-hup") == "active\n"
    said = deploy(region, HERE / "machine.yaml", "machine", "KeyName=mine", status=255)
    assert "No changes to deploy. Stack machine is up to date" in said
    removed(region, "machine")
    assert [one["State"]["Name"] for one in region.ec2.describe_instances()["Reservations"][0]["Instances"]] == [
        "terminated"
    ]


def test_a_server_that_tells_its_wait_condition(region: Region) -> None:
    put(region, "create", HERE / "waiting.json", "waiting", Port="9000")
    (name,) = json.loads(outputs(region, "waiting")["Said"]).values()
    reservations = region.ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["waiting"]}])["Reservations"]
    (server,) = [one for each in reservations for one in each["Instances"]]
    assert region.eventual_page(server["PublicIpAddress"], 9000) == f"{name}\n"
    assert server["MetadataOptions"]["HttpTokens"] == "required"


def test_a_server_fetches_from_a_bucket_what_only_its_role_may_read(region: Region, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("from the bucket")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("deep/other.html", "from the archive")
    aws(region, "s3", "mb", "s3://my-pages")
    aws(region, "s3", "cp", "--recursive", str(tmp_path), "s3://my-pages")
    put(region, "create", HERE / "private.yaml", "private", Bucket="my-pages")
    address = host(outputs(region, "private")["URL"])
    assert region.eventual_page(address) == "from the bucket"
    assert region.page(address, path="/more/deep/other.html") == "from the archive"


def test_a_site_of_nested_stacks_is_packaged_deployed_and_updated_instance_by_instance(
    region: Region, tmp_path: Path
) -> None:
    aws(region, "s3", "mb", "s3://my-templates")
    packaged = tmp_path / "packaged.yaml"
    aws(
        region,
        *("cloudformation", "package", "--template-file", str(HERE / "site.yaml"), "--s3-bucket", "my-templates"),
        *("--output-template-file", str(packaged)),
    )
    deploy(region, packaged, "site")
    shown = outputs(region, "site")
    assert region.eventual_page(host(shown["URL"])) == "version 1"
    before = members(region, shown["Group"])

    put(region, "update", packaged, "site", Version="2")
    after = members(region, shown["Group"])
    assert len(after) == 2
    assert not before & after

    def renewed() -> None:
        assert {region.eventual_page(host(shown["URL"])) for _ in range(6)} == {"version 2"}

    eventually(renewed, within_s=WITHIN_S)
    removed(region, "site")
    assert region.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []


def members(region: Region, group: str) -> set[str]:
    (found,) = region.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
        "AutoScalingGroups"
    ]
    return {one["InstanceId"] for one in found["Instances"] if one["LifecycleState"] == "InService"}


def test_a_site_in_guarded_private_subnets_is_served_and_goes_out_as_its_nat_gateways(region: Region) -> None:
    put(region, "create", HERE / "guarded.yaml", "guarded")
    shown = outputs(region, "guarded")
    region.eventual_page(host(shown["URL"]), within_s=WITHIN_S)
    gateways = region.ec2.describe_nat_gateways()["NatGateways"]
    addresses = {one["SubnetId"]: one["NatGatewayAddresses"][0]["PublicIp"] for one in gateways}
    assert len(addresses) == len(gateways) == 2
    for instance in members(region, shown["Group"]):
        assert "PublicIpAddress" not in region.instance(instance)
        # Out it comes, though nothing that was not asked for comes in: the endpoints are of the internet here.
        asked = "curl -s -o /dev/null -w '%{http_code}' --max-time 5 https://sts.us-east-1.amazonaws.com/ || true"
        assert region.inside(instance, asked) != "000"
    (vpc,) = region.ec2.describe_vpcs(VpcIds=[shown["VPC"]])["Vpcs"]
    assert vpc["DhcpOptionsId"] in {one["DhcpOptionsId"] for one in region.ec2.describe_dhcp_options()["DhcpOptions"]}
    assert region.in_state(shown["Bastion"], "running")["PublicIpAddress"] == shown["BastionAddress"]
    removed(region, "guarded")
    assert [vpc["IsDefault"] for vpc in region.ec2.describe_vpcs()["Vpcs"]] == [True]
    assert region.ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert len(region.ec2.describe_dhcp_options()["DhcpOptions"]) == 1


def test_what_the_region_does_not_have_is_refused_by_type_and_line_and_nothing_is_made(
    region: Region, tmp_path: Path
) -> None:
    text = (HERE / "machine.yaml").read_text().replace("    Condition: Elsewhere\n", "")
    line = text.splitlines().index("  Warning:") + 1
    lacking = tmp_path / "lacking.yaml"
    lacking.write_text(text)
    aws(region, "ec2", "create-key-pair", "--key-name", "mine")
    said = deploy(region, lacking, "lacking", "KeyName=mine", status=255)
    assert f"Unrecognized resource types: [AWS::SNS::Topic]; resource Warning (line {line})" in said
    assert region.ec2.describe_instances()["Reservations"] == []
