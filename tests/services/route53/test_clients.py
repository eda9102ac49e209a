"""Route 53 driven by boto3, and the resolver asked for what it made."""

import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aftershock.services.route53 import KnownName
from tests.conftest import eventually
from tests.services.route53.world import ELB_DOMAIN, ELB_ZONE, KEY, SECRET, World, change, refused, synced

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("route53"))
    yield world
    world.close()


@pytest.fixture
def client(world: World) -> Any:
    return world.client()


@pytest.fixture
def zone(client: Any) -> tuple[str, str]:
    """The id and the name of a public zone that is served."""
    name = f"site{next(_numbers)}.com"
    made = client.create_hosted_zone(Name=name, CallerReference=name)
    return synced(client, made)["HostedZone"]["Id"].removeprefix("/hostedzone/"), name


def submit(client: Any, zone_id: str, *changes: Any) -> Any:
    batch = {"Changes": list(changes)}
    return synced(client, client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch))


def test_a_zone_is_served_as_soon_as_its_change_is_in_sync(world: World, client: Any) -> None:
    made = client.create_hosted_zone(
        Name="Example.COM", CallerReference="one", HostedZoneConfig={"Comment": "a comment"}
    )
    assert made["ChangeInfo"]["Status"] == "PENDING"
    zone = made["HostedZone"]
    assert zone["Id"].startswith("/hostedzone/Z")
    assert (zone["Name"], zone["ResourceRecordSetCount"]) == ("example.com.", 2)
    assert zone["Config"] == {"Comment": "a comment", "PrivateZone": False}
    assert made["Location"].endswith(zone["Id"])
    servers = made["DelegationSet"]["NameServers"]
    synced(client, made)
    status, found = world.dig("example.com", "NS")
    assert (status, sorted(found)) == ("NOERROR", sorted(f"{server}." for server in servers))
    assert world.dig(servers[0]) == ("NOERROR", ["169.254.169.253"])
    assert world.dig("nothing.example.com") == ("NXDOMAIN", [])
    got = client.get_hosted_zone(Id=zone["Id"])
    assert got["DelegationSet"]["NameServers"] == servers
    assert refused(client.create_hosted_zone, Name="other.com", CallerReference="one") == (
        "HostedZoneAlreadyExists",
        "A hosted zone has already been created with the specified caller reference.",
        409,
    )
    synced(client, client.delete_hosted_zone(Id=zone["Id"]))
    assert world.dig("example.com", "NS")[1] == []
    assert refused(client.get_hosted_zone, Id=zone["Id"])[::2] == ("NoSuchHostedZone", 404)


def test_records_are_answered_changed_and_deleted(world: World, client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    submit(
        client,
        zone_id,
        change("CREATE", f"www.{name}", "A", "198.18.0.1", "198.18.0.2", ttl=300),
        change("CREATE", f"*.{name}", "TXT", '"any \\"name\\"" "\\101"'),
        change("CREATE", name, "MX", f"10 mail.{name}"),
        change("CREATE", f"alias.{name}", "CNAME", f"www.{name}"),
        change("CREATE", f"_sip._tcp.{name}", "SRV", f"1 2 5060 sip.{name}"),
        change("CREATE", name, "CAA", '0 issue "ca.example.com"'),
        change("CREATE", f"six.{name}", "AAAA", "2001:db8::1"),
    )
    answer = world.ask(f"www.{name}")
    assert sorted(one.to_text() for one in answer.answer[0]) == ["198.18.0.1", "198.18.0.2"]
    assert answer.answer[0].ttl == 300
    assert world.dig(f"what.ever.{name}", "TXT") == ("NOERROR", ['"any \\"name\\"" "A"'])
    assert world.dig(name, "MX") == ("NOERROR", [f"10 mail.{name}."])
    assert world.dig(f"alias.{name}")[1][0] == f"www.{name}."
    assert world.dig(f"_sip._tcp.{name}", "SRV")[1] == [f"1 2 5060 sip.{name}."]
    assert world.dig(name, "CAA")[1] == ['0 issue "ca.example.com"']
    submit(client, zone_id, change("UPSERT", f"www.{name}", "A", "198.18.0.9"))
    assert world.dig(f"www.{name}") == ("NOERROR", ["198.18.0.9"])
    tested = client.test_dns_answer(HostedZoneId=zone_id, RecordName=f"www.{name}", RecordType="A")
    assert (tested["ResponseCode"], tested["RecordData"], tested["Protocol"]) == ("NOERROR", ["198.18.0.9"], "UDP")
    submit(client, zone_id, change("DELETE", f"www.{name}", "A", "198.18.0.9"))
    assert world.dig(f"www.{name}") == ("NOERROR", [])  # of the wildcard, which has no address


def test_a_refused_batch_changes_nothing(world: World, client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    batch = {
        "Changes": [
            change("CREATE", f"good.{name}", "A", "198.18.0.1"),
            change("CREATE", name, "CNAME", "elsewhere.com"),
        ]
    }
    code, message, status = refused(client.change_resource_record_sets, HostedZoneId=zone_id, ChangeBatch=batch)
    assert (code, status) == ("InvalidChangeBatch", 400)
    assert message == f"[RRSet of type CNAME with DNS name {name}. is not permitted at apex in zone {name}.]"
    assert client.get_hosted_zone(Id=zone_id)["HostedZone"]["ResourceRecordSetCount"] == 2
    assert world.dig(f"good.{name}") == ("NXDOMAIN", [])


def test_records_come_in_order_and_in_pages(client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    wanted = [f"{label}.{name}." for label in ("a", "www", "a.www", "b.www", "z")]
    submit(client, zone_id, *(change("CREATE", one, "A", "198.18.0.1") for one in reversed(wanted)))
    pages = list(client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id, MaxItems="3"))
    found = [record["Name"] for one in pages for record in one["ResourceRecordSets"]]
    assert found == [f"{name}.", f"{name}.", *wanted]
    one = client.list_resource_record_sets(HostedZoneId=zone_id, StartRecordName=f"b.www.{name}", MaxItems="1")
    assert one["ResourceRecordSets"][0]["Name"] == f"b.www.{name}."
    assert (one["IsTruncated"], one["NextRecordName"], one["NextRecordType"]) == (True, f"z.{name}.", "A")


def test_an_alias_at_the_apex_follows_its_load_balancer(world: World, client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    target = f"web-{name.split('.')[0]}.{ELB_DOMAIN}"

    def balancer(*addresses: str) -> None:
        world.names = [KnownName(target, addresses, alias_zone=ELB_ZONE)]
        world.changed()

    alias = {"HostedZoneId": ELB_ZONE, "DNSName": f"dualstack.{target}", "EvaluateTargetHealth": True}
    assert refused(
        client.change_resource_record_sets,
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [change("CREATE", name, "A", AliasTarget=alias)]},
    )[1] == (
        f"[Tried to create an alias that targets dualstack.{target}., type A in zone {ELB_ZONE}, "
        "but that target was not found]"
    )
    balancer("198.18.0.1", "198.18.0.2")
    submit(client, zone_id, change("CREATE", name, "A", AliasTarget=alias))
    answer = world.ask(name)
    assert sorted(one.to_text() for one in answer.answer[0]) == ["198.18.0.1", "198.18.0.2"]
    assert (answer.answer[0].ttl, str(answer.answer[0].name)) == (60, f"{name}.")
    balancer("198.18.0.3")
    eventually(lambda: _equal(world.dig(name), ("NOERROR", ["198.18.0.3"])))
    assert world.dig(target) == ("NOERROR", ["198.18.0.3"])
    assert world.dig(f"other.{ELB_DOMAIN}") == ("NXDOMAIN", [])
    record = client.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"][0]
    assert record["AliasTarget"] == alias | {"DNSName": f"dualstack.{target}."}
    assert "TTL" not in record


def test_weights_are_kept(world: World, client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    submit(
        client,
        zone_id,
        *(
            change("CREATE", f"w.{name}", "A", address, SetIdentifier=address, Weight=weight)
            for address, weight in (("198.18.0.1", 30), ("198.18.0.2", 10), ("198.18.0.3", 0))
        ),
    )
    seen = Counter(world.dig(f"w.{name}")[1][0] for _ in range(400))
    assert seen["198.18.0.3"] == 0
    assert 240 < seen["198.18.0.1"] < 360  # 300 expected; beyond seven standard deviations


def test_a_private_zone_is_not_seen_from_the_internet(world: World, client: Any) -> None:
    vpc = {"VPCRegion": "us-east-1", "VPCId": "vpc-1"}
    made = client.create_hosted_zone(Name="corp.internal", CallerReference="private", VPC=vpc)
    zone_id = synced(client, made)["HostedZone"]["Id"]
    assert made["HostedZone"]["Config"]["PrivateZone"]
    assert made["VPC"] == vpc
    submit(client, zone_id, change("CREATE", "db.corp.internal", "A", "10.0.0.9"))
    assert world.dig("db.corp.internal") == ("NXDOMAIN", [])
    code, message, _ = refused(client.create_hosted_zone, Name="corp.internal", CallerReference="again", VPC=vpc)
    assert code == "ConflictingDomainExists"
    assert "vpc-1 in region us-east-1" in message
    other = {"VPCRegion": "us-east-1", "VPCId": "vpc-2"}
    client.associate_vpc_with_hosted_zone(HostedZoneId=zone_id, VPC=other)
    assert client.get_hosted_zone(Id=zone_id)["VPCs"] == [vpc, other]
    summaries = client.list_hosted_zones_by_vpc(VPCId="vpc-2", VPCRegion="us-east-1")["HostedZoneSummaries"]
    assert [one["Name"] for one in summaries] == ["corp.internal."]
    client.disassociate_vpc_from_hosted_zone(HostedZoneId=zone_id, VPC=vpc)
    assert refused(client.disassociate_vpc_from_hosted_zone, HostedZoneId=zone_id, VPC=other)[0] == "LastVPCAssociation"
    assert refused(
        client.test_dns_answer, HostedZoneId=zone_id, RecordName="db.corp.internal", RecordType="A"
    )[0] == "InvalidInput"  # fmt: skip


def test_tags_counts_and_limits(client: Any, zone: tuple[str, str]) -> None:
    zone_id, _ = zone
    client.change_tags_for_resource(
        ResourceType="hostedzone", ResourceId=zone_id, AddTags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    )
    client.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id, RemoveTagKeys=["a"])
    tags = client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)["ResourceTagSet"]
    assert tags == {"ResourceType": "hostedzone", "ResourceId": zone_id, "Tags": [{"Key": "b", "Value": "2"}]}
    several = client.list_tags_for_resources(ResourceType="hostedzone", ResourceIds=[zone_id])
    assert several["ResourceTagSets"] == [tags]
    assert client.get_hosted_zone_count()["HostedZoneCount"] == len(client.list_hosted_zones()["HostedZones"])
    assert client.get_account_limit(Type="MAX_HOSTED_ZONES_BY_OWNER")["Limit"]["Value"] == 500
    assert client.get_hosted_zone_limit(HostedZoneId=zone_id, Type="MAX_RRSETS_BY_ZONE")["Count"] == 2


def test_a_change_stays_pending_while_no_resolver_serves_it(world: World, client: Any, zone: tuple[str, str]) -> None:
    zone_id, name = zone
    world.stop_resolver()
    batch = {"Changes": [change("CREATE", f"late.{name}", "A", "198.18.0.1")]}
    made = client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    for _ in range(20):
        assert client.get_change(Id=made["ChangeInfo"]["Id"])["ChangeInfo"]["Status"] == "PENDING"
    world.restart_resolver()
    synced(client, made)
    assert world.dig(f"late.{name}") == ("NOERROR", ["198.18.0.1"])


def test_names_are_answered_while_the_control_plane_is_down_and_when_both_were_killed(
    world: World, client: Any, zone: tuple[str, str]
) -> None:
    zone_id, name = zone
    submit(client, zone_id, change("CREATE", f"stays.{name}", "A", "198.18.0.1"))
    world.stop_control()
    try:
        assert world.dig(f"stays.{name}") == ("NOERROR", ["198.18.0.1"])
        world.restart_resolver()
        assert world.dig(f"stays.{name}") == ("NOERROR", ["198.18.0.1"])
    finally:
        world.start_control()
    submit(world.client(), zone_id, change("UPSERT", f"stays.{name}", "A", "198.18.0.2"))
    assert world.dig(f"stays.{name}") == ("NOERROR", ["198.18.0.2"])


def test_the_aws_cli_makes_a_zone_and_a_record(world: World, tmp_path: Path) -> None:
    def aws(*arguments: str) -> Any:
        done = subprocess.run(
            [Path(sys.executable).with_name("aws"), "route53", *arguments, "--output", "json"],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AWS_ENDPOINT_URL": world.url,
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    zone_id = aws("create-hosted-zone", "--name", "cli.com", "--caller-reference", "cli")["HostedZone"]["Id"]
    batch = json.dumps({"Changes": [change("CREATE", "www.cli.com", "A", "198.18.0.1")]})
    answer = aws("change-resource-record-sets", "--hosted-zone-id", zone_id, "--change-batch", batch)
    synced(world.client(), answer)
    assert world.dig("www.cli.com") == ("NOERROR", ["198.18.0.1"])
    listed = aws("list-resource-record-sets", "--hosted-zone-id", zone_id, "--query", "ResourceRecordSets[].Name")
    assert listed == ["cli.com.", "cli.com.", "www.cli.com."]


def _equal(found: object, wanted: object) -> None:
    assert found == wanted
