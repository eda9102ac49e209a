"""The internet segment: the namespace that the routers' uplinks end in, and that we run in ourselves.

Public addresses are routes to the router of their port.  What no port has leads into a device that swallows it, so
that a connection to it times out as it does on the internet.  What is not of the public range goes to the outside,
where there is one, behind the outside device's address.
"""

from dataclasses import dataclass

from .spec import RESOLVER

NOWHERE, _BEYOND = "nowhere0", "nowhere1"

SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    # A packet from one machine to another's public address leaves by the device it came from, if both are behind one
    # router; nobody shall be told to send it elsewhere.
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
}

# RFC 6890: what has no meaning on the internet does not leave for it, least of all to the user's own network.
_NOT_ON_THE_INTERNET = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)


@dataclass(frozen=True, slots=True)
class Outside:
    """The internet segment's own settings."""

    public: str = "198.18.0.0/15"  # RFC 2544: for tests of networks, and nowhere routed
    host: str = "198.19.255.254"  # what programs in the segment are seen as; no port may have it
    web: str = "198.18.0.2"  # of the segment's own web server, for whatever has a public address; no port's either
    device: str = "tap0"  # towards the world, if there is one


def batch(spec: Outside, *, present: bool) -> list[str]:
    return [
        # Not a dummy, which not every kernel has: a pair whose far end gets packets addressed to nobody.
        *([] if present else [f"link add name {NOWHERE} arp off type veth peer name {_BEYOND} arp off"]),
        f"link set {NOWHERE} arp off up",
        f"link set {_BEYOND} arp off up",
        f"address replace {spec.host}/32 dev lo",
        f"address replace {spec.web}/32 dev lo",
        f"route replace {spec.public} dev {NOWHERE} src {spec.host}",
    ]


def rules(spec: Outside) -> str:
    """Whole, as one transaction; the routers' devices are those whose names begin with r."""
    from_router = 'iifname "r*"'
    to_web = f"ip daddr {spec.web} tcp dport {{ 80, 443 }}"
    return f"""
        add table ip outside
        flush table ip outside
        add chain ip outside to-us {{ type filter hook input priority filter; policy drop; }}
        add rule ip outside to-us iifname "lo" accept
        add rule ip outside to-us ct state established,related accept
        add rule ip outside to-us {from_router} ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53 accept
        add rule ip outside to-us {from_router} ip saddr {spec.public} fib saddr . iif oif exists {to_web} accept
        add chain ip outside through {{ type filter hook forward priority filter; policy drop; }}
        add rule ip outside through {from_router} ip saddr != {spec.public} drop
        add rule ip outside through {from_router} fib saddr . iif oif missing drop
        add rule ip outside through ct state invalid drop
        add rule ip outside through ct state established,related accept
        add rule ip outside through {from_router} oifname "r*" ip daddr {spec.public} accept
        add rule ip outside through oifname "{spec.device}" ip daddr {{ {", ".join(_NOT_ON_THE_INTERNET)} }} drop
        add rule ip outside through {from_router} oifname "{spec.device}" accept
        add chain ip outside translate {{ type nat hook postrouting priority srcnat; policy accept; }}
        add rule ip outside translate oifname "{spec.device}" ip saddr {spec.public} masquerade
        """
