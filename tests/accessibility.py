"""What axe, the established checker, finds wrong with the page that a browser shows."""

from importlib.resources import files
from typing import Any

from bench.browser import Browser

from tests.conftest import eventually

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
CHECK = """
    window.found = null;
    axe.run(document, {runOnly: arguments[0]}).then(
        (done) => { window.found = done.violations.map((one) => [one.id, one.nodes.map((node) => node.html)]) },
        (error) => { window.found = [String(error)] });"""


def violations(browser: Browser) -> list[Any]:
    """Each is its rule and the elements that break it."""

    def settled() -> None:  # colours change slowly, and are judged as they are at the moment
        assert browser.run(
            "return document.getAnimations().every((one) => one.effect.getComputedTiming().iterations > 9)"
        )

    eventually(settled)
    browser.run(files("axe_core_python").joinpath("axe.min.js").read_text() + "; window.axe = axe;")
    browser.run(CHECK, RULES)
    browser.wait("return window.found !== null", within_s=120)  # a large page on a busy machine
    found = browser.run("return window.found")
    assert isinstance(found, list)
    return found
