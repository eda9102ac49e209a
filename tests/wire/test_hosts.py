"""Where AWS's clients look for a service: what botocore builds for a region is what we name."""

import botocore.session
import pytest

from aftershock.wire import Models

SERVICES = ("autoscaling", "ec2", "elbv2", "fis", "iam", "rds", "route53", "sqs", "ssm", "sts")


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("sts_mode", ["legacy", "regional"])
def test_a_client_with_defaults_asks_one_of_the_hosts(
    service: str, sts_mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_STS_REGIONAL_ENDPOINTS", sts_mode)
    client = botocore.session.Session().create_client(
        service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert client.meta.endpoint_url.removeprefix("https://") in Models().hosts([service], "us-east-1")


def test_a_global_service_is_at_home_in_one_region() -> None:
    assert Models().hosts(["iam", "sts"], "eu-west-1") == ("sts.eu-west-1.amazonaws.com",)
    assert Models().hosts(["iam"], "us-east-1") == ("iam.amazonaws.com",)
    assert Models().hosts(["ec2", "ssm"], "us-east-1") == ("ec2.us-east-1.amazonaws.com", "ssm.us-east-1.amazonaws.com")


def test_the_beginning_of_a_model_tells_its_prefix() -> None:
    models = Models()
    for name in SERVICES:
        assert models._prefix(name) == models.service(name).endpoint_prefix
    models = Models()
    models.hosts(SERVICES, "us-east-1")
    assert models.service.cache_info().currsize == 0, "a whole model was read"
