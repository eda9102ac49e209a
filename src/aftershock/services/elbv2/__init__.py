"""Elastic Load Balancing, version 2: application and network load balancers."""

from .bootstrap import ground_is_new
from .controllers import Sights, controllers
from .known_names import NAME_TABLES, TTL_S, alias_domains, known_names
from .metrics import Metrics
from .operations import operations
from .outside import Outside
from .records.load_balancer import nodes_in
from .records.tables import TABLES
from .records.use import users_of_certificate, users_of_role
from .usage import usage

__all__ = [
    "NAME_TABLES",
    "TABLES",
    "TTL_S",
    "Metrics",
    "Outside",
    "Sights",
    "alias_domains",
    "controllers",
    "ground_is_new",
    "known_names",
    "nodes_in",
    "operations",
    "usage",
    "users_of_certificate",
    "users_of_role",
]
