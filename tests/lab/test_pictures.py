"""Pictures and markup: well-formed whatever they show, with every strange word as text."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftershock.lab.drawing import drawing
from aftershock.lab.figures import Mark, Point
from aftershock.lab.markup import element, fitting
from aftershock.lab.scene import Group, Machine, Name, Node, Scene, Zone
from aftershock.lab.timeline import LEFT, MARK_STEP, RIGHT, WIDTH, apart, nice, timeline

HOSTILE = '</text><script>alert("1")</script>&'
# What XML can say at all.
TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=20)
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
MACHINES = st.builds(
    Machine,
    id=TEXT,
    type=TEXT,
    state=st.sampled_from(["running", "stopped", "pending"]),
    zone=st.sampled_from(ZONES),
    public_address=st.none() | TEXT,
    elastic=st.booleans(),
    health=st.none() | st.sampled_from(["healthy", "unhealthy", "initial"]),
)
SCENES = st.builds(
    Scene,
    zones=st.lists(st.booleans(), min_size=3, max_size=3).map(
        lambda there: tuple(Zone(name, up) for name, up in zip(ZONES, there, strict=True))
    ),
    machines=st.lists(MACHINES, max_size=12).map(tuple),
    nodes=st.lists(st.builds(Node, zone=st.sampled_from(ZONES), address=TEXT), max_size=3).map(tuple),
    names=st.lists(
        st.builds(
            Name,
            name=TEXT,
            values=st.lists(TEXT, max_size=3).map(tuple),
            ttl_s=st.none() | st.integers(0, 9),
            alias=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    group=st.none() | st.builds(Group, TEXT, *[st.integers(0, 9)] * 4, zones=st.just(ZONES[:2])),
)
POINTS = st.lists(
    st.builds(Point, st.floats(0, 30), st.floats(0.0001, 2), st.booleans(), st.integers(0, 5)), max_size=50
)
MARKS = st.lists(st.builds(Mark, at_s=st.floats(0, 30), label=TEXT), max_size=6)
COUNTS = st.lists(st.tuples(st.floats(0, 30), st.integers(0, 9)), max_size=20).map(sorted)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def words(tree: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in tree.iter()]


def inside(tree: ElementTree.Element) -> None:
    """Nothing is drawn where nobody sees it."""
    _, _, width, height = (float(number) for number in tree.attrib["viewBox"].split())
    for one in tree.iter("rect"):
        x, y, w, h = (float(one.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width + 1 and y + h <= height + 1, one.attrib
    for one in tree.iter("circle"):
        assert 0 <= float(one.attrib["cy"]) <= height


@given(TEXT)
def test_text_is_text_again_when_it_is_read(text: str) -> None:
    tree = ElementTree.fromstring(element("p", {"title": text}, text))
    assert (tree.text or "") == text
    assert tree.attrib["title"].split() == text.split()


def test_markup_in_markup_stays_markup() -> None:
    assert element("p", None, "a<b", [element("b", None, "c"), 3]) == "<p>a&lt;b<b>c</b>3</p>"


@given(POINTS, MARKS, COUNTS, st.floats(0.5, 40))
def test_a_timeline_is_well_formed_and_within_its_frame(
    points: list[Point], marks: list[Mark], machines: list[tuple[float, int]], until_s: float
) -> None:
    tree = parsed(timeline(points, marks, machines, until_s, HOSTILE))
    inside(tree)
    assert HOSTILE in words(tree)


@given(SCENES)
def test_a_drawing_is_well_formed_and_within_its_frame(scene: Scene) -> None:
    tree = parsed(drawing(scene, HOSTILE))
    inside(tree)
    assert len([one for one in tree.iter("rect") if one.attrib["class"].startswith("machine")]) == len(scene.machines)


def test_a_drawing_says_in_words_what_it_shows() -> None:
    machine = Machine("i-0123456789", "t2.micro", "running", ZONES[0], "198.18.1.2", True, "healthy")
    lost = Machine("i-9876543210", "t2.micro", "running", ZONES[1], None, False, "unhealthy")
    scene = Scene(
        zones=(Zone(ZONES[0], True), Zone(ZONES[1], False), Zone(ZONES[2], True)),
        machines=(machine, lost),
        nodes=(Node(ZONES[0], "198.18.1.3"),),
        names=(Name("example.org", ("lb.example",), None, True),),
        group=Group("web", 2, 6, 2, 1, ZONES[:2]),
    )
    tree = parsed(drawing(scene, "title"))
    said = words(tree)
    assert "us-east-1b: out" in said
    assert "example.org: alias record" in said
    assert "Elastic IP 198.18.1.2" in said
    assert not any(word == "us-east-1c" for word in said), "an unused zone is not drawn"
    described = tree.findtext("desc") or ""
    assert "us-east-1b is out" in described
    assert "i-9876543210 in us-east-1b is a t2.micro, running, unhealthy" in described
    assert scene.serving == 1
    assert scene.unsettled() == "i-9876543210 is unhealthy"


@pytest.mark.parametrize("value, step", [(0.13, 0.2), (1, 1), (1.1, 2), (3, 5), (7, 10), (0, 1.0)])
def test_steps_are_round(value: float, step: float) -> None:
    assert nice(value) == pytest.approx(step)


@given(st.text(max_size=60), st.integers(20, 400))
def test_what_does_not_fit_is_cut_and_says_so(text: str, width: int) -> None:
    fitted = fitting(text, width, 10)
    assert fitted == text or (fitted.endswith("…") and text.startswith(fitted[:-1]))
    assert len(fitted) * 10 * 0.4 <= width or width < 20


def test_what_fits_stays_whole() -> None:
    assert fitting("t2.micro, unhealthy", 124, 10.5) == "t2.micro, unhealthy"
    assert fitting("Elastic IP 198.19.255.255", 158, 10.5) == "Elastic IP 198.19.255.255"
    assert fitting("W" * 20, 124, 10.5) == "W" * 10 + "…"


@given(st.lists(st.floats(LEFT, WIDTH - RIGHT), max_size=60).map(sorted))
def test_numbers_of_marks_stay_in_order_within_the_plot_and_apart(places: list[float]) -> None:
    found = apart(places)
    assert all(LEFT - 1e-6 <= one <= WIDTH - RIGHT + 1e-6 for one in found)
    step = min(MARK_STEP, (WIDTH - RIGHT - LEFT) / max(1, len(places) - 1))
    assert all(two - one >= step - 1e-6 for one, two in pairwise(found))


def test_what_was_not_there_before_is_marked_as_new() -> None:
    def scene(*ids: str) -> Scene:
        machines = [Machine(one, "t2.micro", "running", ZONES[0], None, False, "healthy") for one in ids]
        return Scene((Zone(ZONES[0], True),), tuple(machines), (), (), None)

    kinds = [
        one.attrib["class"]
        for one in parsed(drawing(scene("i-old", "i-late"), "title", scene("i-old", "i-gone"))).iter("rect")
        if one.attrib["class"].startswith("machine")
    ]
    assert kinds == ["machine", "machine new"]
    assert "new" not in drawing(scene("i-old"), "title")


def test_many_machines_are_counted_in_words_and_drawn_without_any() -> None:
    machines = [
        Machine(f"i-{n}", "t2.micro", "running", ZONES[n % 2], None, False, "healthy" if n % 3 else "unhealthy")
        for n in range(300)
    ]
    tree = parsed(drawing(Scene(tuple(Zone(one, True) for one in ZONES), tuple(machines), (), (), None), "title"))
    assert "50 machines in us-east-1a are t2.micro, running, unhealthy" in (tree.findtext("desc") or "")
    assert "100 of 150 serve" in words(tree)
    assert float(tree.attrib["height"]) < 600
