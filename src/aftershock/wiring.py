"""What each service is given of the others and of the engines: the one place where services meet.

Services do not know one another.  What a ground service needs of another, it is given here; a composite service asks
as a user does, by the role that AWS has for it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from aftershock.aws.ask import Ask
from aftershock.aws.call import Call, Operation, Params, Result, Tx
from aftershock.clock import Clock
from aftershock.control import Controller
from aftershock.engines.balancer import Balancers
from aftershock.engines.certificates import CertificateAuthority
from aftershock.engines.images import Images
from aftershock.engines.machines import Machines, bootable
from aftershock.engines.network import Network, router_device
from aftershock.engines.objects import Objects
from aftershock.engines.resolver import Resolver
from aftershock.engines.volumes import Volumes
from aftershock.gateway import Badge, Data, Link, Site
from aftershock.services import (
    acm,
    autoscaling,
    ce,
    cloudformation,
    cloudwatch,
    ec2,
    ecr,
    elbv2,
    fis,
    iam,
    route53,
    s3,
    ssm,
    sts,
)
from aftershock.store import Store, Table
from aftershock.wire.uris import bucket_path

REGION = "us-east-1"
ACCOUNT = "123456789012"
ENDPOINTS = "198.18.0.2"  # where the API answers inside the region; of the addresses that no instance gets

# Every bucket has a name of its own below S3's.
BUCKET_HOSTS = (f"*.s3.{REGION}.amazonaws.com", "*.s3.amazonaws.com")
# What the endpoints answer to beside the names that botocore knows.
MORE_HOSTS = (*BUCKET_HOSTS, ecr.host(ACCOUNT, REGION))

TABLES: tuple[Table[Any], ...] = (
    *acm.TABLES,
    *autoscaling.TABLES,
    *ce.TABLES,
    *cloudformation.TABLES,
    *cloudwatch.TABLES,
    *ec2.TABLES,
    *ecr.TABLES,
    *elbv2.TABLES,
    *fis.TABLES,
    *iam.TABLES,
    *route53.TABLES,
    *s3.TABLES,
    *ssm.TABLES,
    *sts.TABLES,
)
# As CloudTrail names them on AWS.
ROLES: Mapping[str, str] = {
    "autoscaling": "AWSServiceRoleForAutoScaling",
    "cloudformation": "AWSServiceRoleForCloudFormation",
    "cloudwatch": "AWSServiceRoleForCloudWatchEvents",
    "fis": "AWSServiceRoleForFIS",
}
# The services that keep tags beginning with "aws:" when another service gives them.
MARKED = frozenset({"ec2", "s3"})

# What an instance shows that has no key: its identity document, signed by the metadata service.
BADGES = {"CFN_V1": Badge("cloudformation", cloudformation.OF_INSTANCES, ec2.instance_shown)}
# What answers at URLs that are no operations.
LINKS: Mapping[str, Link] = {cloudformation.HANDLES: cloudformation.answer_handle}


@dataclass(frozen=True, slots=True)
class Engines:
    """The region's drivers, on one state directory."""

    images: Images
    volumes: Volumes
    machines: Machines
    network: Network
    balancers: Balancers
    resolver: Resolver
    objects: Objects
    layers: Objects
    authority: CertificateAuthority
    sealer: ssm.Sealer

    @classmethod
    def at(cls, state: Path, cache: Path, sealer: ssm.Sealer) -> Self:
        """Nothing is written, and nothing needs to be there yet."""
        images = Images(state, cache)
        volumes = Volumes(state, images)
        return cls(
            images=images,
            volumes=volumes,
            machines=Machines(state, images, volumes),
            network=Network(),
            balancers=Balancers(state, cache),
            resolver=Resolver(state / "resolver" / "snapshot.json"),
            objects=Objects(state / "objects"),
            layers=Objects(state / "layers"),
            authority=CertificateAuthority(state / "authority"),
            sealer=sealer,
        )


class Wiring:
    """Every service of one region, connected."""

    def __init__(self, engines: Engines, clock: Clock, ask_of: Callable[[str], Ask], hosts: Iterable[str]) -> None:
        """`ask_of` gives a composite service its way to the others; `hosts` are the names of the API's endpoints."""
        self._engines, self._clock, self._ask_of = engines, clock, ask_of
        self._compute = ec2.Outside(
            profile_of=_profile_of,
            parameter=ssm.reader(base_image=ec2.base_image_id, sealer=engines.sealer),
            host=_host,
            console_of=engines.machines.console,
            lacks_capacity=fis.lacks_capacity,
        )
        self._balancing = balancing(clock)
        self._issuing = acm.Outside(
            users=elbv2.users_of_certificate,
            ask=engines.resolver.ask,
            certify=engines.authority.certify,
            chain=engines.authority.certificate.read_bytes,
            tables=frozenset({route53.CHANGE_TABLE}),
        )
        self._storage = s3.Data(engines.objects, ACCOUNT)
        self._registry = ecr.Data(engines.layers, ACCOUNT, REGION)
        self.data: Mapping[str, Data] = {"ecr": self._registry, "s3": self._storage}
        forms = s3.Forms(self._storage, region=REGION, key_of=iam.find_key, path_of=bucket_path)
        self.sites: tuple[Site, ...] = (ecr.Registry(self._registry), forms)
        self._names = _names(engines.resolver, hosts)
        self._scaling = autoscaling.Outside(ask=ask_of("autoscaling"), pace=clock.pace)
        self._experiments = _experiments(ask_of("fis"))
        self._stacks = cloudformation.Outside(
            ask=ask_of("cloudformation"), fetch=partial(s3.fetch, ask_of("cloudformation")), marked=MARKED
        )

    def operations(self) -> dict[str, Mapping[str, Operation]]:
        """Every operation of every service, by botocore's names."""
        return {
            "acm": acm.operations(self._issuing),
            "autoscaling": autoscaling.operations(self._scaling),
            "ce": ce.operations(ec2.reservations),
            "cloudformation": cloudformation.operations(self._stacks),
            "cloudwatch": cloudwatch.operations(pace=self._clock.pace),
            "ec2": fis.under_faults("ec2", ec2.operations(self._compute)),
            "ecr": ecr.operations(self._registry),
            "elbv2": elbv2.operations(self._balancing),
            "fis": fis.operations(self._experiments),
            "iam": iam.operations(users_of_role),
            "route53": route53.operations(self._names),
            "s3": s3.operations(self._storage),
            "ssm": ssm.operations(base_image=ec2.base_image_id, sealer=self._engines.sealer),
            "sts": sts.operations(
                assumable_role=iam.assumable_role,
                issue_role_session=iam.issue_role_session,
                issue_own_session=iam.issue_own_session,
                account_of_key=iam.account_of_key,
            ),
        }

    def controllers(
        self,
        store: Store,
        wake: Callable[[str, str], None],
        *,
        credentials_of: ec2.CredentialsOf,
        authority: bytes,
        ground: str,
    ) -> tuple[Controller, ...]:
        """Every controller of every service.

        `wake` looks at a key of a controller's; `authority` is the certificate that machines trust, PEM; `ground`
        says which start of the region this is.
        """
        clock, engines = self._clock, self._engines
        sights = elbv2.Sights()
        on_alarm = autoscaling.Alarmed(store, clock, self._scaling)
        metered = ce.Metered(
            sources=(ec2.usage(store, engines.network.carried), elbv2.usage(store, sights)),
            ground=ground,
            began=clock.now(),
        )
        watching = cloudwatch.Outside(
            sources=(
                ec2.InstanceMetrics(store, clock, engines.machines.usage, ec2.wires),
                elbv2.Metrics(store, clock, self._balancing, sights),
                autoscaling.metrics(store),
            ),
            ask=self._ask_of("cloudwatch"),
            scaling=lambda fired: on_alarm(
                fired.action,
                fired.alarm_name,
                fired.state,
                metric_value=fired.metric_value,
                threshold=fired.threshold,
            ),
        )
        return (
            *acm.controllers(store, clock, self._issuing),
            *autoscaling.controllers(store, clock, self._scaling),
            *ce.controllers(store, clock, metered, ec2.reservations),
            *cloudformation.controllers(store, clock, REGION, self._stacks),
            *cloudwatch.controllers(store, clock, REGION, wake, account=ACCOUNT, outside=watching),
            *ec2.controllers(
                store,
                clock,
                REGION,
                wake,
                images=engines.images,
                volumes=engines.volumes,
                machines=engines.machines,
                network=engines.network,
                credentials_of=credentials_of,
                authority=authority,
                others=(ec2.Others(engines.balancers.machines, elbv2.nodes_in),),
            ),
            *ecr.controllers(store, clock, engines.layers),
            *elbv2.controllers(store, clock, wake, outside=self._balancing, balancers=engines.balancers, sights=sights),
            *fis.controllers(store, clock, self._experiments, machines=engines.machines, network=engines.network),
            *route53.controllers(store, clock, REGION, self._names, engines.resolver),
            *s3.controllers(store, engines.objects),
        )


def catalogue() -> dict[str, tuple[str, ...]]:
    """The names of all operations that the region has, by service; for documentation and tests."""
    engines = Engines.at(Path(), Path(), ssm.Sealer(bytes(32)))
    tables = Wiring(engines, Clock(), lambda _: _nobody, ()).operations()
    return {service: tuple(sorted(table)) for service, table in sorted(tables.items())}


def _nobody(service: str, operation: str, params: Params, *, within: Call | None = None) -> Result:
    """Who only wants to know which operations there are has nobody to ask."""
    raise NotImplementedError


def _profile_of(tx: Tx, account: str, name_or_arn: str) -> ec2.Profile | None:
    found = iam.instance_profile(tx, account, name_or_arn)
    return ec2.Profile(arn=found.arn, id=found.id) if found else None


def _host(machines: int) -> ec2.Host:
    """proc(5): MemAvailable is "an estimate of how much memory is available for starting new applications"."""
    lines = (line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    kib = {name: int(value.split()[0]) for name, value in lines}
    return ec2.Host(
        memory_mib=kib["MemTotal"] // 1024, available_mib=kib["MemAvailable"] // 1024, bootable=bootable(machines)
    )


def balancing(clock: Clock) -> elbv2.Outside:
    """What Elastic Load Balancing is given of the others."""
    return elbv2.Outside(
        subnet=ec2.subnet_seen,
        vpc=ec2.vpc_seen,
        instance=ec2.instance_seen,
        security_group_vpc=ec2.vpc_of_group,
        zones=lambda: ec2.zone_names(REGION),
        certificate=acm.usable,
        interfaces=ec2.ServiceInterfaces("amazon-elb", REGION, clock),
        dark_zones=ec2.struck_zones,
        cut_zones=lambda tx: frozenset(zone for zone, kind in ec2.dark_zones(tx).items() if kind == "network"),
        tables=frozenset({ec2.INSTANCE_TABLE, ec2.INTERFACE_TABLE, acm.CERTIFICATE_TABLE}) | ec2.OUTAGE_TABLES,
    )


def _names(resolver: Resolver, hosts: Iterable[str]) -> route53.Outside:
    """What the resolver serves besides hosted zones: the API's endpoints, load balancers, and each VPC's instances."""
    endpoints = tuple(route53.KnownName(host, (ENDPOINTS,)) for host in (*hosts, *MORE_HOSTS))
    return route53.Outside(
        names=lambda tx: (*endpoints, *_balancer_names(tx)),
        networks=lambda tx: (
            route53.Network(
                id=network.vpc_id,
                cidrs=network.cidrs,
                interface=router_device(network.vpc_id),
                private_of=network.private_of,
            )
            for network in ec2.networks(tx)
        ),
        tables=ec2.NETWORK_TABLES | elbv2.NAME_TABLES,
        ask=route53.asker(resolver),
        # A service that the region does not have is nowhere: nothing meant for it shall go to the real AWS.
        domains=(f"{REGION}.amazonaws.com", f"{REGION}.elb.amazonaws.com", "s3.amazonaws.com"),
        alias_domains=elbv2.alias_domains(REGION),
    )


def _balancer_names(tx: Tx) -> Iterator[route53.KnownName]:
    for name in elbv2.known_names(tx):
        yield route53.KnownName(
            name.host, name.addresses, ttl_s=elbv2.TTL_S, alias_zone=name.alias_zone, healthy=name.healthy
        )


def users_of_role(tx: Tx, role: str) -> tuple[str, ...]:
    """What the region's services have under a service-linked role."""
    return (*autoscaling.users_of_role(tx, role), *elbv2.users_of_role(tx, role))


def _experiments(ask: Ask) -> fis.Outside:
    return fis.Outside(
        ask=ask,
        may_assume=lambda tx, account, role_arn: iam.service_may_assume(tx, account, role_arn, "fis.amazonaws.com"),
        outages=fis.Outages(
            begin=ec2.begin_outage,
            disrupt=ec2.begin_disruption,
            end=ec2.end_outages,
            seen=ec2.outage,
            tables=ec2.OUTAGE_TABLES,
        ),
        instance_table=ec2.INSTANCE_TABLE,
        alarm_table=cloudwatch.ALARM_STATE_TABLE,
    )
