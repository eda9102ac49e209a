"""Balancer nodes: machines with HAProxy, which forward requests to the servers of their backends.

A node checks its servers' health, drains and warms them up by itself, and needs nobody of ours for that: its wishes
are a file, and its own small program (`node/`) brings HAProxy to them.
"""

from aftershock.engines.balancer.balancers import Balancers
from aftershock.engines.balancer.spec import (
    Backend,
    Check,
    Fixed,
    Forward,
    Header,
    Host,
    Http,
    Listener,
    Method,
    NodeSpec,
    Observed,
    Path,
    Place,
    Query,
    Redirect,
    Rule,
    Server,
    Share,
    Source,
    Sticky,
    Target,
    Tls,
)

__all__ = [
    "Backend",
    "Balancers",
    "Check",
    "Fixed",
    "Forward",
    "Header",
    "Host",
    "Http",
    "Listener",
    "Method",
    "NodeSpec",
    "Observed",
    "Path",
    "Place",
    "Query",
    "Redirect",
    "Rule",
    "Server",
    "Share",
    "Source",
    "Sticky",
    "Target",
    "Tls",
]
