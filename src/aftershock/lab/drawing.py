"""A scene as a picture: who asks, what the name leads to, the balancer's nodes, the machines in their zones.  Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from .markup import Markup, element, fitting
from .scene import Group, Machine, Node, Scene, Zone

WIDEST = 984.0  # the page's column
NARROWEST = 420.0  # the boxes above the zones fit into this
GAP = 10.0
BOX_WIDTH, ADDRESSED_WIDTH = 132.0, 166.0  # the second has room for "Elastic IP" and an address
BOX_HEIGHT, ADDRESSED_HEIGHT = 42.0, 57.0
DOT, DOT_GAP = 16.0, 5.0  # a machine among many
COUNTED_WIDTH = 190.0  # of a zone of many, at least: its name and their number stand side by side
ROWS = 5  # of boxes; where there were more, machines are dots
NODE_HEIGHT, ZONE_FOOT, GROUP_HEAD, GROUP_PAD = 30.0, 26.0, 36.0, 8.0
FRONT_WIDTH, FRONT_HEIGHT, FRONT_STEP = 400.0, 30.0, 54.0
FAN = 34.0  # the height in which arrows part
FOOTNOTE = 22.0
SHORT_ID = 10  # characters of an instance's id that are shown
LABEL_PX, SMALL_PX = 12.0, 10.5  # as in the style
NAMED_ONE_BY_ONE = 24  # machines, in words; more are counted


@dataclass(frozen=True, slots=True)
class _Layout:
    zones: tuple[Zone, ...]
    width: float
    zone_width: float
    top: float  # of the zones
    zone_height: float
    machines_top: float
    columns: int
    box: tuple[float, float]
    gap: float

    def left(self, number: int) -> float:
        return GAP + number * (self.zone_width + GAP)

    def centre(self, number: int) -> float:
        return self.left(number) + self.zone_width / 2

    def place(self, zone: int, number: int, of: int) -> tuple[float, float]:
        """The upper left corner of one of so many machines of a zone; rows are centred."""
        step = self.box[0] + self.gap
        row = min(self.columns, of) * step - self.gap
        x = self.left(zone) + (self.zone_width - row) / 2 + number % self.columns * step
        return x, self.machines_top + number // self.columns * (self.box[1] + self.gap)


def drawing(scene: Scene, title: str, since: Scene | None = None) -> Markup:
    """Machines that `since` had not are marked as new."""
    layout = _layout(scene)
    known = {one.id for one in (since or scene).machines}
    parts = [*_bands(scene, layout), *_edges(scene, layout), *_front(scene, layout)]
    for number, zone in enumerate(layout.zones):
        parts += _inhabitants(scene, zone, number, layout, known)
    height = layout.top + layout.zone_height + GAP
    if scene.reserved:
        said = "1 machine is reserved" if scene.reserved == 1 else f"{scene.reserved} machines are reserved"
        parts.append(_text(GAP, height + 8, f"{said} for a year", "small", "start"))
        height += FOOTNOTE
    return element(
        "svg",
        {
            "viewBox": f"0 0 {layout.width:.0f} {height:.0f}",
            "width": f"{layout.width:.0f}",
            "height": f"{height:.0f}",
            "role": "img",
            "class": "scene narrow" if layout.width == NARROWEST else "scene",
        },
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
    if len(scene.machines) <= NAMED_ONE_BY_ONE:
        said += [f"{one.id} in {one.zone} is a {one.type}, {_states(one)}" for one in scene.machines]
    else:
        alike = Counter((one.zone, f"{one.type}, {_states(one)}") for one in scene.machines)
        said += [f"{count} machines in {zone} are {what}" for (zone, what), count in sorted(alike.items())]
    return "; ".join(said) + "."


def _states(one: Machine) -> str:
    return f"{one.state}, {one.health}" if one.health else one.state


def _layout(scene: Scene) -> _Layout:
    used = {machine.zone for machine in scene.machines} | {node.zone for node in scene.nodes}
    used |= set(scene.group.zones) if scene.group else set()
    zones = tuple(zone for zone in scene.zones if zone.name in used) or scene.zones[:1]
    most = max([1, *(len(_in(scene, zone)) for zone in zones)])
    addressed = any(machine.public_address for machine in scene.machines)
    box = (ADDRESSED_WIDTH, ADDRESSED_HEIGHT) if addressed else (BOX_WIDTH, BOX_HEIGHT)
    gap, pad = GAP, 2 * (GAP + (GROUP_PAD if scene.group else 0.0))
    room = (WIDEST - GAP) / max(1, len(zones)) - GAP - pad
    columns = _columns(most, room, box[0], gap)
    if most > ROWS * columns:
        box, gap = (DOT, DOT), DOT_GAP
        columns = _columns(most, room, DOT, gap)
    zone_width = columns * (box[0] + gap) - gap + pad
    if box[0] == DOT:
        zone_width = max(zone_width, COUNTED_WIDTH)
    width = max(NARROWEST, len(zones) * (zone_width + GAP) + GAP)
    zone_width = (width - GAP) / max(1, len(zones)) - GAP
    top = GAP + (3 if scene.nodes else 2) * FRONT_STEP - (FRONT_STEP - FRONT_HEIGHT) + FAN
    machines_top = top + GAP + (NODE_HEIGHT + GAP if scene.nodes else 0.0) + (GROUP_HEAD if scene.group else 0.0)
    rows = -(-most // columns)
    bottom = machines_top + rows * (box[1] + gap) - gap + (GROUP_PAD if scene.group else 0.0) + ZONE_FOOT
    return _Layout(zones, width, zone_width, top, bottom - top, machines_top, columns, box, gap)


def _columns(most: int, room: float, width: float, gap: float) -> int:
    return max(1, min(most, int((room + gap) // (width + gap))))


def _in(scene: Scene, zone: Zone) -> list[Machine]:
    return [machine for machine in scene.machines if machine.zone == zone.name]


def _box(x: float, y: float, width: float, height: float, kind: str, *inside: Markup) -> Markup:
    size = {"x": x, "y": y, "width": width, "height": height, "rx": min(6.0, height / 5)}
    return element("rect", {**size, "class": kind}, *inside)


def _text(x: float, y: float, said: str, kind: str, anchor: str = "middle") -> Markup:
    return element("text", {"x": x, "y": y, "class": kind, "text-anchor": anchor}, said)


def _arrow(begin: tuple[float, float], end: tuple[float, float]) -> Iterator[Markup]:
    """Down, to the side half way between the front and the zones, and down."""
    (x, top), (to, bottom) = begin, end
    path = f"M{x:.1f} {top:.1f} V{top + FAN / 2:.1f} H{to:.1f} V{bottom - 5:.1f}"
    yield element("path", {"d": path, "class": "arrow"})
    head = f"M{to - 4:.1f} {bottom - 7:.1f} L{to + 4:.1f} {bottom - 7:.1f} L{to:.1f} {bottom:.1f} Z"
    yield element("path", {"d": head, "class": "arrow-head"})


def _front(scene: Scene, layout: _Layout) -> Iterator[Markup]:
    """Visitors, the name, and the load balancer, one above the other."""
    boxes = [("visitors", "visitors", 140.0), ("name", _led_by(scene), FRONT_WIDTH)]
    if scene.nodes:
        boxes.append(("balancer", "load balancer", FRONT_WIDTH))
    middle = layout.width / 2
    for number, (kind, said, width) in enumerate(boxes):
        top = GAP + number * FRONT_STEP
        if number:
            yield from _arrow((middle, top - FRONT_STEP + FRONT_HEIGHT), (middle, top))
        yield _box(middle - width / 2, top, width, FRONT_HEIGHT, kind)
        yield _text(middle, top + 19, fitting(said, width - 2 * GAP, LABEL_PX), "label")


def _led_by(scene: Scene) -> str:
    if scene.names:
        name = scene.names[0]
        addresses = "1 address" if len(name.values) == 1 else f"{len(name.values)} addresses"
        return f"{name.name}: " + ("alias record" if name.alias else f"A record, {addresses}, TTL {name.ttl_s} s")
    addresses = ", ".join(machine.public_address for machine in scene.machines if machine.public_address)
    return f"by address: {addresses or 'none'}"


def _edges(scene: Scene, layout: _Layout) -> Iterator[Markup]:
    """From the load balancer to the nodes that can serve; without one, to the machines that visitors are led to."""
    begin = (layout.width / 2, layout.top - FAN)
    led_to = set(scene.names[0].values) if scene.names else {one.public_address for one in scene.machines} - {None}
    for number, zone in enumerate(layout.zones):
        if not zone.available:
            continue
        machines = _in(scene, zone)
        if scene.nodes:
            if any(node.zone == zone.name for node in scene.nodes):
                yield from _arrow(begin, (layout.centre(number), layout.top + GAP))
        elif len(machines) <= layout.columns and layout.box[0] > DOT:
            for place, machine in enumerate(machines):
                if machine.public_address in led_to:
                    x, y = layout.place(number, place, len(machines))
                    yield from _arrow(begin, (x + layout.box[0] / 2, y))
        elif any(machine.public_address in led_to for machine in machines):
            yield from _arrow(begin, (layout.centre(number), layout.top))


def _bands(scene: Scene, layout: _Layout) -> Iterator[Markup]:
    """What lies below: the zones, and across them the group."""
    foot = layout.top + layout.zone_height - 9
    for number, zone in enumerate(layout.zones):
        left = layout.left(number)
        kind = "zone" if zone.available else "zone dark"
        yield _box(left, layout.top, layout.zone_width, layout.zone_height, kind)
        said = zone.name if zone.available else f"{zone.name}: out"
        yield _text(left + GAP, foot, fitting(said, layout.zone_width - 2 * GAP, LABEL_PX), "zone-name", "start")
        count = len(_in(scene, zone))
        if layout.box[0] == DOT:
            serve = sum(machine.serves for machine in _in(scene, zone))
            right = left + layout.zone_width - GAP
            yield _text(right, foot, f"{serve} of {count} serve", "small", "end")
    if scene.group:
        yield from _group(scene.group, layout)


def _group(group: Group, layout: _Layout) -> Iterator[Markup]:
    """Zones of the group that lie side by side are one band."""
    top = layout.machines_top - GROUP_HEAD + 2
    height = layout.top + layout.zone_height - ZONE_FOOT - top + 2
    said = ("Auto Scaling group", f"{group.least} to {group.most} machines, wants {group.wanted}")
    for within, run in groupby(enumerate(layout.zones), lambda one: one[1].name in group.zones):
        numbers = [number for number, _ in run]
        if within:
            left = layout.left(numbers[0]) + GAP / 2
            width = layout.left(numbers[-1]) + layout.zone_width - GAP / 2 - left
            yield _box(left, top, width, height, "group")
            for line, (text, kind) in enumerate(zip(said, ("group-name", "small"), strict=True)):
                fitted = fitting(text, width - 2 * GROUP_PAD, SMALL_PX)
                yield _text(left + GROUP_PAD, top + 14 + line * 13, fitted, kind, "start")


def _inhabitants(scene: Scene, zone: Zone, number: int, layout: _Layout, known: set[str]) -> Iterator[Markup]:
    if nodes := [node for node in scene.nodes if node.zone == zone.name]:
        yield from _nodes(nodes, zone, number, layout)
    machines = _in(scene, zone)
    for place, machine in enumerate(machines):
        yield from _machine(machine, layout.place(number, place, len(machines)), layout.box, machine.id not in known)


def _nodes(nodes: list[Node], zone: Zone, number: int, layout: _Layout) -> Iterator[Markup]:
    width = layout.zone_width - 2 * GAP
    top = layout.top + GAP
    yield _box(layout.left(number) + GAP, top, width, NODE_HEIGHT, "balancer" if zone.available else "balancer unwell")
    said = f"node {', '.join(node.address for node in nodes)}"
    yield _text(layout.centre(number), top + 19, fitting(said, width - 2 * GAP, SMALL_PX), "small")


def _machine(machine: Machine, place: tuple[float, float], box: tuple[float, float], new: bool) -> Iterator[Markup]:
    (x, y), (width, height) = place, box
    kind = ("machine" if machine.serves else "machine unwell") + (" new" if new else "")
    state = machine.health if machine.health and machine.state == "running" else machine.state
    if width == DOT:
        yield _box(x, y, width, height, kind, element("title", None, f"{machine.id}: {machine.type}, {state}"))
        return
    yield _box(x, y, width, height, kind)
    said = [(machine.id[:SHORT_ID] + (", new" if new else ""), "label"), (f"{machine.type}, {state}", "small")]
    if machine.public_address:
        said.append((f"{'Elastic IP ' if machine.elastic else ''}{machine.public_address}", "small"))
    first = y + (height - 15 * len(said)) / 2 + 11.5
    for line, (text, size) in enumerate(said):
        fitted = fitting(text, width - 8, LABEL_PX if size == "label" else SMALL_PX)
        yield _text(x + width / 2, first + 15 * line, fitted, size)
