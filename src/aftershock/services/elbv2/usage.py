"""What of Elastic Load Balancing costs money: load balancers while they serve, and what they carry."""

from collections.abc import Iterable, Mapping

from aftershock.aws.call import Tx
from aftershock.aws.usage import Billed, Load, Source
from aftershock.store import Store

from .controllers import Sights
from .records.load_balancer import LOAD_BALANCERS, NODES

SERVICE = "Amazon Elastic Load Balancing"
OPERATIONS = {"application": "LoadBalancing:Application", "network": "LoadBalancing:Network"}
HOUR_S = 3600  # AWS: "for each hour or partial hour that a load balancer is running"


def usage(store: Store, sights: Sights) -> Source:
    """Rule evaluations are not counted: a request on a load balancer of at most ten rules makes none that cost."""

    async def loads() -> Iterable[Load]:
        with store.snapshot() as tx:
            nodes = NODES.every(tx)
            balancers = {one.arn: one for one in LOAD_BALANCERS.every(tx)}
        found = []
        for node in nodes:
            seen, balancer = sights.last(node.name), balancers.get(node.load_balancer)
            if seen is not None and balancer is not None:
                listeners = [counts for key, counts in seen.counters.items() if key.startswith("listener/")]
                found.append(
                    Load(
                        resource=balancer.arn,
                        part=f"{node.name} {seen.since}",
                        account=balancer.account,
                        region=balancer.region,
                        service=SERVICE,
                        usage_type="LCUUsage",
                        operation=OPERATIONS[balancer.kind],
                        new_connections=_sum(listeners, "connections"),
                        open_connections=sum(n for key, n in seen.open.items() if key.startswith("listener/")),
                        processed_bytes=_sum(listeners, "bytes_in") + _sum(listeners, "bytes_out"),
                        tags=balancer.tags,
                    )
                )
        return found

    return Source(
        name="elbv2",
        tables=frozenset({LOAD_BALANCERS.name}),
        concerned=lambda tx, table, key: (key,),
        resources=lambda tx: sorted(LOAD_BALANCERS.keys(tx)),
        billed=_billed,
        loads=loads,
    )


def _sum(listeners: Iterable[Mapping[str, int]], name: str) -> int:
    return sum(counts.get(name, 0) for counts in listeners)


def _billed(tx: Tx, arn: str) -> Iterable[Billed]:
    balancer = LOAD_BALANCERS.get(tx, arn)
    if balancer is not None and balancer.wanted and balancer.state in ("active", "active_impaired"):
        yield Billed(
            resource=arn,
            account=balancer.account,
            region=balancer.region,
            service=SERVICE,
            usage_type="LoadBalancerUsage",
            operation=OPERATIONS[balancer.kind],
            step_s=HOUR_S,
            tags=balancer.tags,
        )
