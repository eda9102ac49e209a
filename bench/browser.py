"""A real browser for tests and figures: Chromium without a window, driven as W3C's WebDriver says, by chromedriver."""

import base64
import json
import os
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

PRESSED = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Right": "\ue014", "Space": " "}
# Nothing of the browser's own goes out; it has no profile of anybody's.
OPTIONS = [
    "--headless=new",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
]
START_WITHIN_S = 60.0
ANSWER_WITHIN_S = 120.0

T = TypeVar("T")


class Refused(Exception):
    """The driver's error."""


class Browser:
    def __init__(self, driver: str) -> None:
        self._driver = driver
        self._session = ""

    def begin(self, options: list[str]) -> None:
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": options},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        began = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{began['sessionId']}"

    def end(self) -> None:
        if self._session:
            self._call("DELETE", self._session)

    def open(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *args: Any) -> Any:
        """What a function body of JavaScript returns in the page."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": script, "args": [*args]})

    def wait(self, script: str, *args: Any, within_s: float = 30.0) -> Any:
        """The same, as soon as it is something that counts as true."""

        def check() -> Any:
            found = self.run(script, *args)
            assert found, f"{script} {args}: {found!r}; the page says: {self.text()[:2000]}"
            return found

        return _within(within_s, check)

    def text(self, selector: str = "body") -> str:
        found = self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector)
        return str(found)

    def click(self, selector: str, *, saying: str = "") -> None:
        """Click, as a person does, on the first visible element that has this text (or accessible name)."""
        script = """
            return [...document.querySelectorAll(arguments[0])].find((one) => one.checkVisibility()
                && ((one.innerText ?? '') + (one.ariaLabel ?? '')).includes(arguments[1])) ?? null"""
        found = self.wait(script, selector, saying)
        self._call("POST", f"{self._session}/element/{next(iter(found.values()))}/click", {})

    def choose(self, selector: str, file: Path) -> None:
        """Give a file to an input, as the browser's own dialog does."""
        found = self.run("return document.querySelector(arguments[0])", selector)
        self._call("POST", f"{self._session}/element/{next(iter(found.values()))}/value", {"text": str(file)})

    @contextmanager
    def window(self) -> Iterator[None]:
        """The block is about the window that the last click has opened, which is closed afterwards."""
        handles = f"{self._session}/window/handles"

        def opened() -> list[str]:
            found: list[str] = self._call("GET", handles)
            assert len(found) > 1, "no window was opened"
            return found

        before = self._call("GET", f"{self._session}/window")
        (new,) = (one for one in _within(30.0, opened) if one != before)
        self._call("POST", f"{self._session}/window", {"handle": new})
        try:
            yield
        finally:
            self._call("DELETE", f"{self._session}/window")
            self._call("POST", f"{self._session}/window", {"handle": before})

    def press(self, *keys: str) -> None:
        actions = [{"type": kind, "value": PRESSED[key]} for key in keys for kind in ("keyDown", "keyUp")]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self._call("POST", f"{self._session}/actions", {"actions": [keyboard]})

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._call("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def complaints(self) -> list[str]:
        """What the browser's console has said since it was last asked."""
        said = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [f"{one['level']} {one['message']}" for one in said]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self._driver + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        # The proxy of whoever runs the tests is not asked for this machine's own ports.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=ANSWER_WITHIN_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Refused(f"{method} {path}: {error.read().decode(errors='replace')[:1000]}") from error


@contextmanager
def a_browser(*, size: tuple[int, int] = (1366, 768), options: list[str] | None = None) -> Iterator[Browser]:
    with tempfile.TemporaryDirectory() as home:
        said = Path(home, "driver.log").open("w+")  # noqa: SIM115 - closed below
        driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=said, stderr=subprocess.STDOUT)
        browser = None
        try:
            port = _within(START_WITHIN_S, _port_in(Path(said.name)))
            browser = Browser(f"http://127.0.0.1:{port}")
            own = [f"--user-data-dir={home}/profile", f"--window-size={size[0]},{size[1]}"]
            root = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox is not for root
            browser.begin([*OPTIONS, *own, *root, *(options or [])])
            yield browser
        finally:
            try:
                if browser is not None:
                    browser.end()
            finally:
                driver.terminate()
                driver.wait(20)
                said.close()


def _within(limit_s: float, check: Callable[[], T]) -> T:
    """What it returns as soon as it no longer fails; after the limit, its last failure."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            return check()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _port_in(log: Path) -> Callable[[], int]:
    def check() -> int:
        text = log.read_text()
        _, found, rest = text.partition("started successfully on port ")
        assert found and "." in rest, text
        return int(rest.partition(".")[0])

    return check
