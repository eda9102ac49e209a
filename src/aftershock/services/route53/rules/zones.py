"""What a new hosted zone has: its name servers, its NS and its SOA record."""

import hashlib

from aftershock.services.route53.records import HostedZone, RecordSet

NS_TTL_S, SOA_TTL_S = 172800, 900
HOSTMASTER = "awsdns-hostmaster.amazon.com."
MAX_ZONES, MAX_VPCS, MAX_RECORD_SETS = 500, 300, 10_000
ZONE_ID_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

# AWS: every private hosted zone has these four.
PRIVATE_SERVERS = (
    "ns-1536.awsdns-00.co.uk.",
    "ns-0.awsdns-00.com.",
    "ns-1024.awsdns-00.org.",
    "ns-512.awsdns-00.net.",
)


def opaque_id(prefix: str, seed: str) -> str:
    """An id of AWS's looks, such as "Z08374651ABCDEFGHIJKL", from something that is unique."""
    digest = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big")
    letters = []
    for _ in range(20):
        digest, index = divmod(digest, len(ZONE_ID_LETTERS))
        letters.append(ZONE_ID_LETTERS[index])
    return prefix + "0" + "".join(letters)


def name_servers(zone_id: str) -> tuple[str, ...]:
    """Four servers, each in a domain of its own, as AWS numbers them: ns-738.awsdns-28.net is 226 of .net."""
    digest = hashlib.sha256(zone_id.encode()).digest()
    numbers = [int.from_bytes(digest[2 * i : 2 * i + 2], "big") % 512 for i in range(4)]
    domains = ("com", "net", "org", "co.uk")
    return tuple(
        f"ns-{512 * index + number}.awsdns-{number // 8:02d}.{domain}."
        for index, (number, domain) in enumerate(zip(numbers, domains, strict=True))
    )


def own_records(zone: HostedZone) -> tuple[RecordSet, RecordSet]:
    soa = f"{zone.name_servers[0]} {HOSTMASTER} 1 7200 900 1209600 86400"
    return (
        RecordSet(zone_id=zone.id, name=zone.name, type="NS", ttl_s=NS_TTL_S, values=zone.name_servers),
        RecordSet(zone_id=zone.id, name=zone.name, type="SOA", ttl_s=SOA_TTL_S, values=(soa,)),
    )
