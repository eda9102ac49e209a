"""Documented or red: what the code offers stands in the docs, and what the docs name is there."""

import re
from pathlib import Path

import pytest

from .pages import DOCS, PAGES, ROOT

PROSE = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *(ROOT / "src").rglob("README.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SETTING = re.compile(r"\bAFTERSHOCK_[A-Z_]+\b")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# What the region sets for itself; nobody is meant to set it.
OUR_OWN = {"AFTERSHOCK_INSIDE"}


@pytest.mark.parametrize("name", PAGES)
def test_the_pages_made_from_the_code_are_of_this_code(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run: python -m tests.docs.pages"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PROSE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if anchor:
            assert anchor in anchors(target.read_text()), f"{link}: no such heading"


def test_every_setting_is_documented_and_every_documented_one_is_there() -> None:
    files = [ROOT / "aftershock", *(ROOT / "src").rglob("*.py"), *(ROOT / "src").rglob("*.sh")]
    read = {name for file in files for name in SETTING.findall(file.read_text())} - OUR_OWN
    assert set(SETTING.findall((DOCS / "settings.md").read_text())) == read


def test_every_part_of_the_package_is_in_the_architecture() -> None:
    rooms = {path.name for path in (ROOT / "src" / "aftershock").iterdir() if (path / "__init__.py").exists()}
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert {room for room in rooms if f"`{room}/`" not in text} == set()


def test_every_service_and_dependency_says_what_it_is_for() -> None:
    for service in (ROOT / "src/aftershock/services").iterdir():
        if (service / "__init__.py").exists():
            assert (service / "README.md").exists(), f"{service.name} has no README.md"
    text = (ROOT / "ARCHITECTURE.md").read_text().lower()
    declared = re.search(r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert declared is not None
    assert [name for name in re.findall(r'"([\w-]+)"', declared[1]) if name not in text] == []


def test_the_readmes_two_commands_are_what_is_checked() -> None:
    readme = (ROOT / "README.md").read_text()
    bare = (ROOT / "tests" / "system" / "test_bare_debian.py").read_text()
    for command in ("./aftershock site whatisthetime", "./aftershock test"):
        assert f"\n{command}\n" in readme.replace("    # ", "\n# ") or f"\n{command} " in readme
        assert ", ".join(f'"{word}"' for word in command.split()) in bare


def test_every_promise_has_a_test_or_says_that_it_has_none() -> None:
    rows = [line for line in (ROOT / "SPECIFICATION.md").read_text().splitlines() if re.match(r"\| [A-Z]\d", line)]
    assert rows
    for row in rows:
        shown_by = row.rstrip(" |").rsplit("|", 1)[1]
        paths = re.findall(r"`((?:tests|bench)/[^`:]+)(?:::([^`]+))?`", shown_by)
        assert paths or "[not tested]" in shown_by, row
        for path, test in paths:
            assert (ROOT / path).exists(), f"{path} is not there: {row}"
            assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path} has no {test}"
