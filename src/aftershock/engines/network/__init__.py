"""Routers, ports and firewall groups on one Linux machine, and the internet segment that joins the routers.

Every router is a network namespace, every port a veth pair between a router and a machine's namespace, every rule an
nftables rule that real packets meet.  Which of these stand for what, and who wants them, is not known here.
"""

from .acls import AclSpec, Entry
from .driver import Network, ObservedPort
from .inside import open_in
from .outside import Outside
from .spec import Barrier, Blackhole, Cidr, GroupSpec, Members, PortSpec, RouterSpec, Rule, router_device, router_netns

__all__ = [
    "AclSpec",
    "Barrier",
    "Blackhole",
    "Cidr",
    "Entry",
    "GroupSpec",
    "Members",
    "Network",
    "ObservedPort",
    "Outside",
    "PortSpec",
    "RouterSpec",
    "Rule",
    "open_in",
    "router_device",
    "router_netns",
]
