"""Names in a whole region: as machines in it resolve them, and programs on the host through the SOCKS door."""

import itertools
import os
import signal
import subprocess
import sys

import dns.message
import dns.query
import pytest

from tests.conftest import eventually
from tests.region import WEB, a_region, pid_of

_numbers = itertools.count(1)
RESOLVER = "aftershock.engines.resolver"


def zone(region, name, **more):
    made = region.client("route53").create_hosted_zone(Name=name, CallerReference=f"{name} {next(_numbers)}", **more)
    return synced(region, made)["HostedZone"]["Id"]


def record(region, zone_id, name, *values, action="UPSERT", ttl=60, **more):
    given = {"Name": name, "Type": "A", **more}
    given |= {"TTL": ttl, "ResourceRecords": [{"Value": value} for value in values]}
    batch = {"Changes": [{"Action": action, "ResourceRecordSet": given}]}
    answer = region.client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
    return synced(region, answer)


def synced(region, answer):
    def insync():
        change = region.client("route53").get_change(Id=answer["ChangeInfo"]["Id"])["ChangeInfo"]
        assert change["Status"] == "INSYNC"

    eventually(insync)
    return answer


def dig(region, name, kind="A"):
    """The values that `aftershock dig` shows."""
    argv = [sys.executable, "-m", "aftershock", "dig", "--state", str(region.state), name, kind]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return [line.split()[-1] for line in done.stdout.splitlines()]


def resolved(region, instance_id, name):
    """What a program in the machine gets for a name; empty if there is no such name."""
    return region.inside(instance_id, f"getent ahostsv4 {name} | awk '{{print $1; exit}}' || true").strip()


@pytest.fixture
def site(region):
    """A web server that is running and has a public address."""
    instance = region.run(UserData=WEB, SecurityGroupIds=[region.open_port(80)])
    instance = region.in_state(instance["InstanceId"], "running")
    region.eventual_page(instance["PublicIpAddress"])
    return instance


def test_a_site_is_found_by_its_name_from_the_host_and_from_machines(region, site):
    zone_id = zone(region, "whatisthetime.test")
    record(region, zone_id, "www.whatisthetime.test", site["PublicIpAddress"])
    assert dig(region, "www.whatisthetime.test") == [site["PublicIpAddress"]]
    assert region.page("www.whatisthetime.test") == region.page(site["PublicIpAddress"])
    assert resolved(region, site["InstanceId"], "www.whatisthetime.test") == site["PublicIpAddress"]
    record(region, zone_id, "www.whatisthetime.test", "198.18.77.77")
    assert dig(region, "www.whatisthetime.test") == ["198.18.77.77"]


def test_an_endpoint_that_the_region_does_not_have_is_nowhere_and_not_at_the_real_aws(region):
    assert dig(region, "sts.us-east-1.amazonaws.com") == ["198.18.0.2"]
    assert dig(region, "no-such-service.us-east-1.amazonaws.com") == []


def test_the_host_asks_the_resolver_on_a_loopback_port(region):
    record(region, zone(region, "door.test"), "www.door.test", "198.18.6.6")
    port = region.running.ports["dns"]
    query = dns.message.make_query("www.door.test", "A")
    for ask in (dns.query.udp, dns.query.tcp):
        assert ask(query, "127.0.0.1", port=port, timeout=5).answer[0][0].to_text() == "198.18.6.6"


def test_an_instances_own_names_mean_what_they_mean_on_aws(region, site):
    inside = site["InstanceId"]
    assert resolved(region, inside, site["PrivateDnsName"]) == site["PrivateIpAddress"]
    assert resolved(region, inside, site["PublicDnsName"]) == site["PrivateIpAddress"]
    assert dig(region, site["PublicDnsName"]) == [site["PublicIpAddress"]]
    assert dig(region, site["PrivateDnsName"]) == []
    neighbour = f"{site['PrivateIpAddress'].rpartition('.')[0]}.77"  # its own is in its /etc/hosts
    looked_up = f"import socket; print(socket.gethostbyaddr('{neighbour}')[0])"
    assert (
        region.inside(inside, f'python3 -c "{looked_up}"').strip() == f"ip-{neighbour.replace('.', '-')}.ec2.internal"
    )
    backwards = ".".join(reversed(neighbour.split("."))) + ".in-addr.arpa"
    assert dig(region, backwards, "PTR") == []


def test_a_private_zone_is_seen_in_its_vpc_only(region, site):
    vpc = {"VPCRegion": "us-east-1", "VPCId": site["VpcId"]}
    record(region, zone(region, "both.test"), "db.both.test", "198.18.9.9")
    record(region, zone(region, "both.test", VPC=vpc), "db.both.test", "172.31.9.9")
    assert dig(region, "db.both.test") == ["198.18.9.9"]
    assert resolved(region, site["InstanceId"], "db.both.test") == "172.31.9.9"


def test_names_are_answered_whoever_was_killed(region):
    record(region, zone(region, "stays.test"), "www.stays.test", "198.18.8.8")
    region.kill_control()
    assert dig(region, "www.stays.test") == ["198.18.8.8"]
    os.kill(pid_of(region.state, RESOLVER), signal.SIGKILL)

    def answers():
        assert dig(region, "www.stays.test") == ["198.18.8.8"]

    eventually(answers)
    region.wait_ready()
    answers()


def test_failover_leads_to_the_other_site_when_one_goes_dark():
    with a_region(pace=20.0) as region:
        group = region.open_port(80)
        ids = [region.run(UserData=WEB, SecurityGroupIds=[group])["InstanceId"] for _ in range(2)]
        first, second = (region.in_state(one, "running") for one in ids)
        for one in (first, second):
            region.eventual_page(one["PublicIpAddress"])
        config = {"Type": "HTTP", "IPAddress": first["PublicIpAddress"], "Port": 80, "RequestInterval": 10}
        check = region.client("route53").create_health_check(CallerReference="one", HealthCheckConfig=config)
        check_id = check["HealthCheck"]["Id"]
        zone_id = zone(region, "failover.test")
        name = "www.failover.test"
        primary = {"SetIdentifier": "a", "Failover": "PRIMARY", "HealthCheckId": check_id}
        record(region, zone_id, name, first["PublicIpAddress"], **primary)
        record(region, zone_id, name, second["PublicIpAddress"], SetIdentifier="b", Failover="SECONDARY")
        assert region.page(name) == region.page(first["PublicIpAddress"])
        region.ec2.terminate_instances(InstanceIds=[first["InstanceId"]])

        def other_answers():
            assert dig(region, name) == [second["PublicIpAddress"]]

        eventually(other_answers, within_s=60)
        assert region.page(name) == region.page(second["PublicIpAddress"])
