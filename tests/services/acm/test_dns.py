"""A requested certificate, with Route 53's own resolver answering for the record that proves its name."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aftershock.clock import Clock
from aftershock.control import Again, Done
from aftershock.services.acm.controllers import CertificateController
from tests.services.acm.makings import Certificates
from tests.services.route53.world import World, change, synced


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_a_record_in_a_public_zone_has_the_certificate_issued(world: World, account: Certificates) -> None:
    asked = {"DomainName": "www.example.com", "ValidationMethod": "DNS"}
    arn = account.call("RequestCertificate", **asked)["CertificateArn"]
    outside = replace(account.outside, ask=world.resolver.ask)
    controller = CertificateController(account.store, Clock(), outside)
    client = world.client()
    zone = client.create_hosted_zone(Name="example.com", CallerReference="one")
    synced(client, zone)
    assert isinstance(asyncio.run(controller.reconcile(arn)), Again), "the zone is there, and not the record"
    record = account.described(arn)["DomainValidationOptions"][0]["ResourceRecord"]
    batch = {"Changes": [change("CREATE", record["Name"], record["Type"], record["Value"])]}
    synced(client, client.change_resource_record_sets(HostedZoneId=zone["HostedZone"]["Id"], ChangeBatch=batch))
    assert isinstance(asyncio.run(controller.reconcile(arn)), Done)
    assert account.described(arn)["Status"] == "ISSUED"
