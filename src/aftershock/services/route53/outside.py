"""What Route 53 asks of the rest of the region; whoever puts the region together provides it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aftershock.aws.call import Tx


@dataclass(frozen=True, slots=True)
class KnownName:
    """A name that another service has given to something: a load balancer, a database, an endpoint of the API."""

    name: str  # "web-1234.us-east-1.elb.amazonaws.com"
    values: tuple[str, ...]  # what it stands for now; none while there is nothing behind it
    type: str = "A"
    ttl_s: int = 60
    alias_zone: str | None = None  # the hosted zone id under which alias records may lead to it
    healthy: bool = True  # for alias records that evaluate their target's health


@dataclass(frozen=True, slots=True)
class Network:
    """A VPC, whose machines see private hosted zones and its own private names."""

    id: str
    cidrs: tuple[str, ...]
    interface: str  # of the internet segment, behind which its machines are: `engines.network.router_device(id)`
    private_of: Mapping[str, str] = field(default_factory=dict)  # public address -> the private one it stands for
    answers: bool = True  # its attribute enableDnsSupport


class Answered(Protocol):
    @property
    def status(self) -> str: ...

    @property
    def values(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Outside:
    names: Callable[[Tx], Iterable[KnownName]]
    networks: Callable[[Tx], Iterable[Network]]
    tables: frozenset[str]  # whose changes may change `names` or `networks`
    ask: Callable[[str, str], Answered]  # the resolver's answer for a name and a type; raises `EngineError`
    domains: tuple[str, ...] = ()  # further domains that are the region's alone: what is not in `names` is nowhere
    alias_domains: Mapping[str, str] = field(default_factory=dict)  # hosted zone id -> the domain of its names
