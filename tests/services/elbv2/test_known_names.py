"""The addresses that stand in a load balancer's name."""

from pathlib import Path
from typing import Any

import pytest

from aftershock.services.elbv2 import alias_domains, ground_is_new, known_names
from aftershock.services.elbv2.records.load_balancer import LOAD_BALANCERS, NODES
from aftershock.services.elbv2.records.tables import TABLES
from aftershock.store import Store
from tests.services.elbv2.records import A, B, C, balancer, node

SERVES = {"serving": True, "healthy": True}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    made = Store(tmp_path / "region.db", TABLES)
    yield made
    made.close()


def names(store: Store, **changes: Any) -> list[tuple[str, tuple[str, ...], bool]]:
    with store.transaction() as tx:
        LOAD_BALANCERS.put(tx, balancer(A, B, C, **changes))
        for zone, last, states in ((A, 1, SERVES), (B, 2, SERVES), (C, 3, {"serving": True})):
            NODES.put(tx, node(zone, private_ip=f"10.0.0.{last}", public_ip=f"198.18.1.{last}", **states))
    return told(store)


def told(store: Store) -> list[tuple[str, tuple[str, ...], bool]]:
    with store.snapshot() as tx:
        return [(name.host, name.addresses, name.healthy) for name in known_names(tx)]


def test_the_name_has_the_nodes_of_zones_with_healthy_targets(store: Store) -> None:
    host = balancer().dns_name
    assert names(store) == [(host, ("198.18.1.1", "198.18.1.2"), True)]
    assert names(store, scheme="internal") == [(host, ("10.0.0.1", "10.0.0.2"), True)]


def test_a_deleted_load_balancer_has_no_name(store: Store) -> None:
    assert names(store, wanted=False) == []


def test_in_a_region_that_has_just_come_up_no_node_is_in_a_name_before_it_serves(store: Store) -> None:
    names(store)
    with store.transaction() as tx:
        ground_is_new(tx)
    assert told(store) == [(balancer().dns_name, (), False)]


def test_alias_records_lead_to_names_of_their_zones_domain(store: Store) -> None:
    (domain,) = {domain for zone, domain in alias_domains("us-east-1").items() if zone == "Z35SXDOTRQ7X7K"}
    assert names(store)[0][0].endswith(f".{domain}")
