"""The nftables rules of one router, as text: what is the same for all, and what each group and each port adds.

A packet's way through a router:

    source    does it come from the port's own address?  is the port's zone cut?  which ways does it go?
              (before connection tracking)
    arriving  the resolver's second address; a public address becomes the private one
    apart     does a barrier stand between the two?
    edges     what the lists at the edges of segments say of it (see `acls`); nothing at all where there are none
    may-leave what passes to and from the internet segment; then the rules out of the sender's port
    may-enter the rules into the receiver's port
    translate a private address becomes the public one
    leaving   nothing with a wrong address leaves for the internet segment; is the receiver's zone cut?

Each group has two chains and the set of its members' addresses, each port two chains that jump to its groups'.  Which
port's chain a packet meets is looked up by its device in a map, so the time does not grow with the number of ports.
The stages are base chains of their own, because the kernel walks every path from a base chain at each change: an
egress rule that went on to the ingress rules by itself would make that the square of the number of ports.

Everything here is text to be run as one transaction.  A port's text says only what must be added or deleted; what the
kernel has is read by `table`.
"""

from collections.abc import Iterable, Iterator

from . import forwarding
from .spec import (
    EVERYWHERE,
    METADATA,
    RESOLVER,
    Barrier,
    Cidr,
    GroupSpec,
    Members,
    PortSpec,
    RouterSpec,
    Rule,
    port_device,
    segment_mark,
    zone_mark,
)

UPLINK = "up0"

# Concatenations are `device . address` and `private . public`.
_SETS = {
    "addresses": "set { type ipv4_addr; }",  # each port's, with what else is to be known of the port as comment
    "own": "set { type ifname . ipv4_addr; }",
    "zone_of": "map { type ifname : mark; }",
    "segment_of": "map { type ifname : mark; }",
    "edge_out": "map { type mark : verdict; }",
    "edge_in": "map { type mark : verdict; }",
    "cut": "set { type mark; }",
    "out_of": "map { type ifname : verdict; }",
    "in_of": "map { type ifname : verdict; }",
    "internet": "set { type ifname . ipv4_addr; flags interval; }",
    "public_of": "map { type ipv4_addr : ipv4_addr; }",
    "private_of": "map { type ipv4_addr : ipv4_addr; }",
    "pairs": "set { type ipv4_addr . ipv4_addr; }",
    "forwarding": "set { type ifname; }",  # ports from which packets of other senders may come
    "ways": "map { type ifname : mark; }",  # what `forwarding` looks for: through which ports a port's packets go
    "via": "set { type ifname . ipv4_addr; flags interval; }",  # for reading back: the same, spelt out
    "taken": "set { type ipv4_addr; }",  # public addresses that a port has, or had and may have flows of
}
_BASE_CHAINS = {
    "source": "type filter hook prerouting priority raw; policy accept;",
    "arriving": "type nat hook prerouting priority dstnat; policy accept;",
    "to-router": "type filter hook input priority filter; policy drop;",
    "apart": "type filter hook forward priority filter - 10; policy accept;",
    "apart-from-router": "type filter hook input priority filter - 10; policy accept;",
    "edges": "type filter hook forward priority filter - 5; policy accept;",
    "may-leave": "type filter hook forward priority filter; policy drop;",
    "may-enter": "type filter hook forward priority filter + 10; policy drop;",
    "translate": "type nat hook postrouting priority srcnat; policy accept;",
    "leaving": "type filter hook postrouting priority srcnat + 100; policy accept;",
}
_DNS = f"ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53"
_CHAINS = {
    "source": f"""
        iifname {{ "lo", "{UPLINK}" }} accept
        iifname . ip saddr != @own jump others
        meta mark set iifname map @zone_of
        meta mark @cut drop
        meta mark set 0
        meta mark set iifname map @ways""",
    # Whoever sends on what others sent still does not speak for them to the metadata service.
    "others": """
        iifname != @forwarding drop
        ip daddr 169.254.0.0/16 drop""",
    "to-router": f"""
        iifname "lo" accept
        ct state established,related accept
        iifname "{UPLINK}" drop
        icmp type echo-request accept
        ip daddr {METADATA} tcp dport 80 accept""",
    "may-leave": f"""
        oifname "{UPLINK}" {_DNS} accept
        iifname "{UPLINK}" ip saddr {RESOLVER} ct state established,related accept
        ct state invalid drop
        oifname "{UPLINK}" jump gateway
        iifname "{UPLINK}" jump gateway
        ct state established,related accept
        iifname "{UPLINK}" ct status dnat accept
        iifname vmap @out_of""",
    "may-enter": f"""
        ct state established,related accept
        oifname "{UPLINK}" accept
        oifname vmap @in_of""",
    "translate": f"""
        oifname "{UPLINK}" ip daddr {RESOLVER} masquerade
        oifname "{UPLINK}" snat to ip saddr map @public_of""",
    # The larger packets of the inside do not fit outside, and what answers there may not hear of it (slirp).
    "leaving": f"""
        meta mark set oifname map @zone_of
        meta mark @cut drop
        oifname != "{UPLINK}" accept
        {_DNS} accept
        tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu
        ct direction original ct original ip saddr . ip saddr @pairs accept
        ct direction reply ct reply ip saddr . ip saddr @pairs accept
        drop""",
}
# Of every packet, established or not: a flow ends with the route, the gateway or the public address it goes over.
_GATEWAY = f"""
        ip daddr 169.254.0.0/16 drop
        ip daddr DNS drop
        oifname "{UPLINK}" iifname . ip daddr @internet return
        iifname "{UPLINK}" oifname . ip saddr != @internet drop
        ct direction original ip daddr . ct original ip daddr @pairs return
        ct direction reply ip daddr . ct reply ip daddr @pairs return
        drop"""


def router(spec: RouterSpec) -> str:
    """The router's own part, whole; groups, ports and cut zones that are there already stay as they are."""
    chains = {
        **_CHAINS,
        "arriving": f"""
        iifname != "{UPLINK}" ip daddr {spec.dns} meta l4proto {{ tcp, udp }} th dport 53 dnat to {RESOLVER}
        iifname "{UPLINK}" dnat to ip daddr map @private_of""",
        "gateway": _GATEWAY.replace("DNS", spec.dns) if spec.gateway_attached else "\n        drop",
    }
    return _lines(
        [
            "add table ip router",
            *(f"add {kind} ip router {name} {{{body}" for name, kind, body in map(_set, _SETS)),
            *(f"add chain ip router {name}" for name in ("gateway", "others")),
            *(f"add chain ip router {name} {{ {hook} }}" for name, hook in _BASE_CHAINS.items()),
            *(f"flush chain ip router {name}" for name in chains),
            *(f"add rule ip router {name} {rule}" for name, text in chains.items() for rule in _rules(text)),
        ]
    )


def group(spec: GroupSpec) -> str:
    """A group's rules, whole; who carries it stays as it is.  New flows meet them at once, tracked ones go on."""
    mentioned = {rule.peer.group for rule in (*spec.ingress, *spec.egress) if isinstance(rule.peer, Members)}
    return _lines(
        [
            *_declare_groups([spec.name]),
            *map(_declare_members, sorted(mentioned)),
            f"flush chain ip router {group_chain(spec.name, 'in')}",
            f"flush chain ip router {group_chain(spec.name, 'out')}",
            *(f"add rule ip router {group_chain(spec.name, 'in')} {_rule(rule, 'saddr')}" for rule in spec.ingress),
            *(f"add rule ip router {group_chain(spec.name, 'out')} {_rule(rule, 'daddr')}" for rule in spec.egress),
        ]
    )


def remove_group(name: str) -> str:
    """Refused by the kernel while a port carries the group.  Its set is another matter: see `remove_members`."""
    chains = [group_chain(name, direction) for direction in ("in", "out")]
    return _lines(
        [*(f"flush chain ip router {chain}" for chain in chains), *(f"delete chain ip router {c}" for c in chains)]
    )


def remove_members(groups: Iterable[str]) -> str:
    return _lines(f"delete set ip router {group_members(name)}" for name in groups)


def port(old: PortSpec | None, new: PortSpec, new_groups: Iterable[str] = ()) -> str:
    """What makes the kernel's `old` port the `new` one.

    With no old one, the kernel refuses the text if there is a port of that name, or one with that address or public
    address, after all; and always if the public address is still to be forgotten, or if the port carries a group that
    the kernel has not and that is not among `new_groups`.

    For a usual new port nothing is deleted and nothing declared that is there, not even as it is: after either the
    kernel waits for all its readers, which takes three times as long as all the rest.
    """
    before = set(_elements(old)) if old else set()
    after = list(_elements(new))
    chains = {direction: port_chain(new.name, direction) for direction in ("in", "out")}
    return _lines(
        [
            *_declare_groups(new_groups),
            *(f"{'add' if old else 'create'} chain ip router {chain}" for chain in chains.values()),
            *(f"flush chain ip router {chain}" for chain in chains.values() if old),
            *(
                f"add rule ip router {chain} jump {group_chain(name, direction)}"
                for direction, chain in chains.items()
                for name in new.groups
            ),
            *(
                f"delete element ip router {name} {{ {_key(element)} }}"
                for name, element in sorted(before - {*after})
                if name != "taken"  # until it is forgotten
            ),
            *(
                f"{'create' if name in ('addresses', 'taken') else 'add'} element ip router {name} {{ {element} }}"
                for name, element in after
                if (name, element) not in before
            ),
        ]
    )


def forgotten(public: str) -> str:
    return _lines(f"{act} element ip router taken {{ {public} }}" for act in ("add", "delete"))


def remove_port(old: PortSpec) -> str:
    chains = [port_chain(old.name, direction) for direction in ("in", "out")]
    return _lines(
        [
            *(f"delete element ip router {name} {{ {_key(element)} }}" for name, element in _elements(old)),
            *(f"flush chain ip router {chain}" for chain in chains),
            *(f"delete chain ip router {chain}" for chain in chains),
        ]
    )


def cut(before: Iterable[str], zones: Iterable[str]) -> str:
    """Both ways, established flows too, the metadata service and the router's own pings too."""
    old, new = set(before), set(zones)
    return _lines(
        [
            *(f"delete element ip router cut {{ {zone_mark(zone):#x} }}" for zone in sorted(old - new)),
            *(f'add element ip router cut {{ {zone_mark(zone):#x} comment "{zone}" }}' for zone in sorted(new - old)),
        ]
    )


def barriers(wanted: Iterable[Barrier]) -> str:
    """All barriers of the router, in the place of those that it has."""
    return _lines(
        [
            *(f"flush chain ip router {chain}" for chain in ("apart", "apart-from-router")),
            *(
                f'add rule ip router {rule} drop comment "{barrier.digest}"'
                for barrier in sorted(set(wanted), key=lambda one: one.digest)
                for rule in _barrier(barrier)
            ),
        ]
    )


def _barrier(barrier: Barrier) -> Iterator[str]:
    if not barrier.inside:
        return
    inside, resolver = f"{{ {', '.join(barrier.inside)} }}", [] if barrier.whole else [RESOLVER]
    match barrier.against:
        case "everything":
            near = f"{{ {', '.join([*barrier.inside, *resolver])} }}"
            yield f"apart ip saddr {inside} ip daddr != {near}"
            yield f"apart ip daddr {inside} ip saddr != {near}"
        case "internet":
            # What goes through another port is on its way out as well; and the uplink is no port.
            yield f"apart ip saddr {inside} oifname . ip daddr != @own ip daddr != {RESOLVER}"
            yield f"apart ip daddr {inside} iifname . ip saddr != @own ip saddr != {RESOLVER}"
        case others if others:
            yield f"apart ip saddr {inside} ip daddr {{ {', '.join(others)} }}"
            yield f"apart ip daddr {inside} ip saddr {{ {', '.join(others)} }}"
    if barrier.whole:
        yield f"apart-from-router ip saddr {inside} ip daddr != {METADATA}"


def group_chain(group: str, direction: str) -> str:
    return f"group-{group}-{direction}"


def group_members(group: str) -> str:
    return f"group-{group}-members"


def port_chain(port: str, direction: str) -> str:
    return f"port-{port}-{direction}"


def port_comment(spec: PortSpec) -> str:
    """What nothing in the router needs, but whoever reads the port back."""
    return f"{spec.name} {spec.netns} {spec.mac} {spec.prefix_len} {spec.gateway}"


def _elements(spec: PortSpec) -> Iterator[tuple[str, str]]:
    """All the port's elements, as (set, element)."""
    device = port_device(spec.name)
    yield "addresses", f'{spec.address} comment "{port_comment(spec)}"'
    yield "own", f'"{device}" . {spec.address}'
    yield "zone_of", f'"{device}" comment "{spec.zone}" : {zone_mark(spec.zone):#x}'
    yield segment_element(spec)
    yield "out_of", f'"{device}" : goto {port_chain(spec.name, "out")}'
    yield "in_of", f'"{device}" : goto {port_chain(spec.name, "in")}'
    for cidr in spec.internet:
        yield "internet", f'"{device}" . {cidr}'
    if spec.forwards:
        idle = f' comment "{spec.translates_idle_s}"' if spec.translates_idle_s else ""
        yield "forwarding", f'"{device}"{idle}'
    if spec.via:
        yield "ways", f'"{device}" : {forwarding.number(spec.via):#x}'
    for cidr, address in spec.via:
        yield "via", f'"{device}" . {cidr} comment "{address}"'
    if spec.public:
        yield "taken", spec.public
        yield "public_of", f"{spec.address} : {spec.public}"
        yield "private_of", f"{spec.public} : {spec.address}"
        yield "pairs", f"{spec.address} . {spec.public}"
    for name in spec.groups:
        yield group_members(name), spec.address


def segment_element(spec: PortSpec) -> tuple[str, str]:
    return "segment_of", f'"{port_device(spec.name)}" : {segment_mark(spec.segment):#x}'


def _key(element: str) -> str:
    return element.partition(" comment ")[0].partition(" : ")[0]


def _declare_groups(names: Iterable[str]) -> Iterator[str]:
    # One that has no rules yet passes nothing.
    for name in names:
        yield _declare_members(name)
        yield f"add chain ip router {group_chain(name, 'in')}"
        yield f"add chain ip router {group_chain(name, 'out')}"


def _declare_members(name: str) -> str:
    return f"add set ip router {group_members(name)} {{ type ipv4_addr; }}"


def _rule(rule: Rule, field: str) -> str:
    return " ".join([*matching(rule, field), "accept"])


def matching(rule: Rule, field: str) -> list[str]:
    """What a packet is compared with, `field` being the address that the peer has."""
    match rule.peer:
        case Members(name):
            words = [f"ip {field} @{group_members(name)}"]
        case Cidr(network):
            words = [] if network == EVERYWHERE else [f"ip {field} {network}"]
    if rule.ports:
        words.append(f"meta l4proto {rule.protocol} th dport {rule.ports[0]}-{rule.ports[1]}")
    elif rule.icmp:
        words.append(f"icmp type {rule.icmp[0]}" + ("" if rule.icmp[1] is None else f" icmp code {rule.icmp[1]}"))
    elif rule.protocol is not None:
        words.append(f"meta l4proto {rule.protocol}")
    return words


def _set(name: str) -> tuple[str, str, str]:
    kind, _, body = _SETS[name].partition(" {")
    return name, kind, body


def _rules(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
