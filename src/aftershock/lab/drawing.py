"""A scene as a picture: who asks, what the name leads to, the balancer's nodes, the machines in their zones.  Pure."""

from collections.abc import Iterator

from .markup import Markup, element
from .scene import Machine, Scene

WIDTH = 960.0
BOX_WIDTH, BOX_HEIGHT, GAP = 138.0, 54.0, 10.0
ZONES_TOP_PLAIN, ZONES_TOP_BALANCED = 128.0, 190.0
ZONE_HEAD, NODE_HEIGHT = 26.0, 30.0
SHORT_ID = 11  # characters of an instance's id that are shown


def drawing(scene: Scene, title: str) -> Markup:
    used = {machine.zone for machine in scene.machines} | {node.zone for node in scene.nodes}
    used |= set(scene.group.zones) if scene.group else set()
    zones = [zone for zone in scene.zones if zone.name in used] or list(scene.zones[:1])
    width = (WIDTH - GAP * (len(zones) + 1)) / len(zones)
    columns = max(1, int((width - GAP) // (BOX_WIDTH + GAP)))
    rows = max([1, *(-(-_count(scene, zone.name) // columns) for zone in zones)])
    top = ZONES_TOP_BALANCED if scene.nodes else ZONES_TOP_PLAIN
    head = ZONE_HEAD + (NODE_HEIGHT + GAP if scene.nodes else 0.0)
    height = head + rows * (BOX_HEIGHT + GAP) + GAP
    parts: list[Markup] = [*_front(scene)]
    for number, zone in enumerate(zones):
        left = GAP + number * (width + GAP)
        parts += _zone(scene, zone.name, zone.available, (left, top, width, height), columns)
    return element(
        "svg",
        {"viewBox": f"0 0 {WIDTH:.0f} {top + height + GAP:.0f}", "role": "img", "class": "scene"},
        element("title", None, title),
        element("desc", None, described(scene)),
        *parts,
    )


def described(scene: Scene) -> str:
    """The same in words."""
    said = []
    for name in scene.names:
        kind = "is an alias of" if name.alias else f"leads, for {name.ttl_s} s, to"
        said.append(f"{name.name} {kind} {', '.join(name.values)}")
    if scene.nodes:
        said.append(f"a load balancer has nodes in {', '.join(node.zone for node in scene.nodes)}")
    if scene.group:
        said.append(f"a group of {scene.group.least} to {scene.group.most} machines wants {scene.group.wanted}")
    if scene.reserved:
        said.append(f"{scene.reserved} machines are reserved")
    if dark := [zone.name for zone in scene.zones if not zone.available]:
        said.append(f"{', '.join(dark)} is out")
    said += [
        f"{one.id} in {one.zone} is a {one.type}, {one.state}{', ' + one.health if one.health else ''}"
        for one in scene.machines
    ]
    return "; ".join(said) + "."


def _count(scene: Scene, zone: str) -> int:
    return sum(machine.zone == zone for machine in scene.machines)


def _box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return element("rect", {"x": x, "y": y, "width": width, "height": height, "rx": 6, "class": kind})


def _text(x: float, y: float, said: str, kind: str, anchor: str = "middle") -> Markup:
    return element("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, said)


def _arrow(x: float, begin: float, end: float) -> Iterator[Markup]:
    yield element("line", {"x1": x, "y1": begin, "x2": x, "y2": end - 5, "class": "arrow"})
    yield element(
        "path",
        {"d": f"M{x - 4:.0f} {end - 7:.0f} L{x + 4:.0f} {end - 7:.0f} L{x:.0f} {end:.0f} Z", "class": "arrow-head"},
    )


def _front(scene: Scene) -> Iterator[Markup]:
    """Visitors, the name, and the load balancer, one above the other."""
    middle = WIDTH / 2
    yield _box(middle - 70, 6, 140, 26, "visitors")
    yield _text(middle, 24, "visitors", "label")
    yield from _arrow(middle, 32, 56)
    if scene.names:
        name = scene.names[0]
        what = "alias record" if name.alias else f"A record, {len(name.values)} addresses, TTL {name.ttl_s} s"
        said = f"{name.name}: {what}"
    else:
        addresses = [machine.public_address for machine in scene.machines if machine.public_address]
        said = f"by address: {', '.join(addresses) or 'none'}"
    yield _box(middle - 210, 56, 420, 28, "name")
    yield _text(middle, 75, said, "label")
    yield from _arrow(middle, 84, 118)
    if scene.nodes:
        yield _box(middle - 210, 118, 420, 32, "balancer")
        yield _text(middle, 139, "load balancer, with a node in each zone", "label")
        yield from _arrow(middle, 150, 184)
    if scene.group:
        said = f"group of {scene.group.least} to {scene.group.most} machines, wants {scene.group.wanted}"
        yield _text(WIDTH - GAP, 180, said, "small", "end")
    if scene.reserved:
        yield _text(GAP, 180, f"{scene.reserved} machines are reserved", "small", "start")


def _zone(
    scene: Scene, zone: str, available: bool, place: tuple[float, float, float, float], columns: int
) -> Iterator[Markup]:
    left, top, width, height = place
    yield _box(left, top, width, height, "zone" if available else "zone dark")
    yield _text(left + 10, top + 18, zone if available else f"{zone}: out", "zone-name", "start")
    inner = top + ZONE_HEAD
    nodes = [node for node in scene.nodes if node.zone == zone]
    if scene.nodes:
        if nodes:
            yield _box(left + GAP, inner, width - 2 * GAP, NODE_HEIGHT, "balancer")
            addresses = ", ".join(node.address for node in nodes)
            yield _text(left + width / 2, inner + 19, f"node {addresses}", "small")
        inner += NODE_HEIGHT + GAP
    machines = [machine for machine in scene.machines if machine.zone == zone]
    for number, machine in enumerate(machines):
        x = left + GAP + number % columns * (BOX_WIDTH + GAP)
        y = inner + number // columns * (BOX_HEIGHT + GAP)
        yield from _machine(machine, x, y)


def _machine(machine: Machine, x: float, y: float) -> Iterator[Markup]:
    kind = "machine" if machine.serves else "machine unwell"
    address = machine.public_address or "no public address"
    state = machine.health if machine.health and machine.state == "running" else machine.state
    yield _box(x, y, BOX_WIDTH, BOX_HEIGHT, kind)
    yield _text(x + BOX_WIDTH / 2, y + 16, f"{machine.id[:SHORT_ID]}…", "label")
    yield _text(x + BOX_WIDTH / 2, y + 31, f"{machine.type}, {state}", "small")
    yield _text(x + BOX_WIDTH / 2, y + 45, f"{'Elastic IP ' if machine.elastic else ''}{address}", "small")
